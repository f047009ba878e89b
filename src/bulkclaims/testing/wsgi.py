"""The HTTP API under bare WSGI: the reference member among the adapters, for tests of a host and for reading."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import application_uri

from attrs import define

from bulkclaims.web import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from bulkclaims.web import WebApi


def wsgi_app(api: WebApi, prefix: str) -> WSGIApplication:
    """
    Serve *api* beneath *prefix*, and nothing else.

    Args:
        api: What answers.
        prefix: Such as `/api/v1/claims/`.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = api.answer(_request(environ, prefix))
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", list(response.headers.items()))
        return [response.body] if isinstance(response.body, bytes) else response.body

    return app


def _request(environ: WSGIEnvironment, prefix: str) -> Request:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {
        "content-type": environ.get("CONTENT_TYPE") or "",
        "content-length": environ.get("CONTENT_LENGTH") or "",
    }
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=path.removeprefix(prefix),
        root=application_uri(environ).rstrip("/") + prefix,
        query=parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True),
        headers=headers,
        body=_Body(environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)),
    )


@define
class _Body:
    """A server's stream goes on behind the request's body, so what is left of the body is counted."""

    stream: IO[bytes]
    left: int

    def read(self, size: int) -> bytes:
        piece = self.stream.read(min(size, self.left))
        self.left -= len(piece)
        return piece


def _uncounted(app: WSGIApplication) -> WSGIApplication:
    """Keep wsgiref from telling HEAD that 0 is the length of what a host left out."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = app(environ, start_response)
        return _nothing_of(body) if environ["REQUEST_METHOD"] == "HEAD" else body

    return answer


def _nothing_of(body: Iterable[bytes]) -> Iterator[bytes]:
    """Begin and end *body*, and yield a piece of nothing: wsgiref does not tell the length of a generator's."""
    try:
        next(iter(body), b"")
        yield b""
    finally:
        getattr(body, "close", lambda: None)()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- whatever it is, it may quote an address
        """Say nothing."""


@contextmanager
def served(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """
    Serve any WSGI application to this machine, a thread for each connection.

    Args:
        app: What is served.
        port: Where; 0 for any free port.

    Yields:
        Its address.

    Raises:
        OSError: The port is taken.
    """
    server = make_server("127.0.0.1", port, _uncounted(app), _Server, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="bulkclaims-wsgi", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
