"""Translates requests and responses between Django and the HTTP API, under WSGI and under ASGI alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from attrs import frozen
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from bulkclaims.errors import BulkClaimsError, NotSetUp, SettingsWrong
from bulkclaims.web import Request
from bulkclaims.web.problems import problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from bulkclaims.interfaces import Readable
    from bulkclaims.web import Response, WebApi

    View = Callable[..., HttpResponseBase]


def make_view(api: Callable[[], WebApi], path: str) -> View:
    """
    Make the view of one address.

    Writes from other sites' pages are refused by the API itself, where a browser's cookie says who sends them; and each
    of its steps is a transaction of its own, however long an upload takes.

    Args:
        api: Gives what answers.
        path: What the address is below the prefix, with the URL's own parameters in braces.
    """

    def view(request: HttpRequest, **named: str) -> HttpResponseBase:
        return send(request, _answer(api, request, path.format(**named)))

    for using in connections:
        view = transaction.non_atomic_requests(using=using)(view)
    return csrf_exempt(view)


def _answer(api: Callable[[], WebApi], request: HttpRequest, path: str) -> Response:
    try:
        return api().answer(_translated(request, path))
    except SettingsWrong as error:
        return problem(NotSetUp(str(error)))
    except SuspiciousOperation:
        # A host name that is not ours, for one: Django has its own log and answer for these.
        raise
    except Exception as error:  # noqa: BLE001 -- whatever happens, a client gets a sentence and no traceback
        return problem(error)


def _translated(request: HttpRequest, path: str) -> Request:
    prefix = request.path[: len(request.path) - len(path)]
    return Request(
        method=request.method or "",
        path=path,
        root=request.build_absolute_uri(prefix),
        # Not `request.GET`: a host's limit on the number of its fields is answered with a page.
        query=parse_qs(request.META.get("QUERY_STRING", ""), keep_blank_values=True),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_Body(_stream(request), was_read=_was_read(request)),
        native=request,
    )


def _stream(request: HttpRequest) -> Readable:
    """Give what brings the body: a WSGI server that knows its end can do without the length that Django goes by."""
    environ: Mapping[str, Any] = getattr(request, "environ", {})
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        stream: Readable = environ["wsgi.input"]
        return stream
    return request


def _was_read(request: HttpRequest) -> bool:
    """Whether the body is gone: read by a middleware as a form or a stream. As `request.body`, Django has kept it."""
    # Django has no public word for it.
    return getattr(request, "_read_started", False) and not hasattr(request, "_body")


@frozen
class _Body:
    stream: Readable
    was_read: bool

    def read(self, size: int) -> bytes:
        if self.was_read:
            raise BulkClaimsError(
                "The upload was read before it came to bulkclaims: a middleware of this site uses request.POST or "
                "request.FILES, and is to leave these addresses alone.",
                code="body_was_read",
            )
        return self.stream.read(size)


def send(request: HttpRequest, response: Response) -> HttpResponseBase:
    """Make of *response* what Django sends as an answer to *request*."""
    body, facts = response.body, {"status": response.status, "headers": response.headers}
    if isinstance(body, bytes):
        made: HttpResponseBase = HttpResponse(body, **facts)
    else:
        made = StreamingHttpResponse(_pieces(body) if isinstance(request, ASGIRequest) else body, **facts)
    if "Content-Type" not in response.headers:
        # Django's default says HTML, where there is nothing.
        del made["Content-Type"]
    return made


async def _pieces(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Take each piece in the request's own thread, where its database connection is."""
    following = sync_to_async(_following, thread_sensitive=True)
    while (piece := await following(body)) is not None:
        yield piece


def _following(body: Iterator[bytes]) -> bytes | None:
    return next(body, None)
