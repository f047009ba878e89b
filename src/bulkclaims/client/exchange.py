"""One request to the service and its answer; whatever goes wrong becomes a sentence without token, cell or address."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import httpx
from attrs import frozen

from bulkclaims import __version__
from bulkclaims.errors import ApiProblem, Party, ServerUnreachable, SettingsWrong
from bulkclaims.outgoing import check_url, is_untrusted, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkclaims.client.values import Body
    from bulkclaims.privacy import Secret

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_LONGEST_DETAIL = 1000
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_PASSES = frozenset({429, 502, 503, 504})
"""Statuses that pass by themselves, whoever between us and the service says so."""


def connect(url: str, token: Secret, transport: httpx.BaseTransport | None, timeout: float) -> Server:
    """
    Make ready to ask the service; nothing is sent yet.

    Raises:
        SettingsWrong: *url* would send patient data in the clear, or *token* cannot be one.
    """
    base = check_url(url, "url").copy_with(query=None, fragment=None)
    text = token.reveal()
    check_header(text, "token")
    http = httpx.Client(
        base_url=base,
        headers={"Authorization": f"Bearer {text}", "User-Agent": f"bulkclaims/{__version__}"},
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        transport=transport,
        # Proxies of the environment are asked to pass https through; plain http they would read.
        trust_env=base.scheme == "https",
        follow_redirects=False,
    )
    return Server(http)


def check_header(text: str, name: str) -> None:
    """
    See that a text can stand in a header.

    Raises:
        SettingsWrong: It cannot; the sentence does not quote it.
    """
    if not (text and text.isascii() and text.isprintable() and " " not in text):
        raise SettingsWrong(f"The {name} is to be visible ASCII characters without spaces; copy it once more.")


@frozen
class Server:
    """The service, as a client reaches it."""

    http: httpx.Client

    @contextmanager
    def answer(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:  # noqa: ANN401 -- httpx's own
        """
        Send one request, and hold its answer open to be read.

        Args:
            method: Such as `GET`.
            path: Below the API's address.
            request: The rest, as httpx takes it.

        Raises:
            ApiProblem: The answer is no success.
            ServerUnreachable: There is no answer, or it breaks off while it is read.
        """
        try:
            with self.http.stream(method, path, **request) as response:
                if not (response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED):
                    response.read()
                    raise problem_of(response)
                if "html" in response.headers.get("content-type", ""):
                    raise _not_ours(response)
                yield response
        except httpx.RequestError as error:
            raise self._unreachable(error, method) from None

    def ask(self, method: str, path: str, make: Callable[[Body], T], **request: Any) -> T:  # noqa: ANN401 -- httpx's own
        """
        Send one request and *make* a value of the JSON that comes back.

        Raises:
            ApiProblem: The answer is no success, or not what the API promises.
            ServerUnreachable: There is no whole answer.
        """
        with self.answer(method, path, **request) as response:
            return json_of(response, make)

    def read(self, method: str, path: str, **request: Any) -> bytes:  # noqa: ANN401 -- httpx's own
        """
        Send one request and read the file that comes back, which is small.

        Raises:
            ApiProblem: The answer is no success.
            ServerUnreachable: There is no whole answer.
        """
        with self.answer(method, path, **request) as response:
            return response.read()

    def _unreachable(self, error: httpx.RequestError, method: str) -> ServerUnreachable:
        host = self.http.base_url.host
        if is_untrusted(error):
            sentence = f"The certificate of {host} could not be verified, so nothing was sent."
            return ServerUnreachable(sentence, retry_helps=False)
        if isinstance(error, _NEVER_SENT):
            return ServerUnreachable(f"{host} cannot be reached; check the address, and that the service is running.")
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "broke the connection off"
        unknown = "" if method == "GET" else " Whether the request was carried out is not known."
        return ServerUnreachable(f"{host} {what}; try again later.{unknown}")


def json_of(response: httpx.Response, make: Callable[[Body], T]) -> T:
    """
    Read an answer to its end and *make* a value of its JSON.

    Raises:
        ApiProblem: It is not what the API promises.
    """
    response.read()
    try:
        return make(response.json())
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        raise _not_ours(response) from None


def problem_of(response: httpx.Response) -> ApiProblem:
    """Say what an answer that is no success means: in the service's words, or by status if something else gave it."""
    status, said = response.status_code, _said(response)
    return ApiProblem(
        status,
        _plain(said.get("detail")) or _sentence(status),
        code=_plain(said.get("code")) or f"http_{status}",
        at_fault=_party(said.get("at_fault"), status),
        retry_helps=said.get("retry_helps", status in _PASSES) is True,
        retry_after=retry_after(response.headers),
        guesses=_guesses(said.get("guesses")),
    )


def _said(response: httpx.Response) -> Body:
    """What the service says of a problem; nothing where a proxy answers in its place, whose page may hold anything."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        said = json.loads(response.content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _party(named: Any, status: int) -> Party:  # noqa: ANN401 -- it may be anything
    if named in get_args(Party):
        return named  # type: ignore[no-any-return]  # it is one of them
    return "request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "service"


def _guesses(said: object) -> dict[str, str]:
    pairs = said.items() if isinstance(said, dict) else ()
    return {_plain(heading): _plain(column) for heading, column in pairs}


def _plain(text: object) -> str:
    """A text of the service that may be shown on a terminal; "" if it is none."""
    if not isinstance(text, str):
        return ""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_DETAIL]


def _sentence(status: int) -> str:
    match status:
        case 401 | 403:
            what = "The token was refused by something that stands before the service; check token and address."
        case 404 | 405:
            what = "There is no such thing at this address; check the address of the service."
        case 413:
            what = "The file is larger than what stands before the service lets through."
        case _ if status < HTTPStatus.BAD_REQUEST:
            what = "The address leads elsewhere, and that is not followed; set the address that it leads to."
        case _ if status in _PASSES:
            what = "The service is overloaded or out of order for now; try again later."
        case _:
            what = "The service did not do what was asked, and did not say why; ask those who run it."
    return f"{what} [HTTP {status}]"


def _not_ours(response: httpx.Response) -> ApiProblem:
    return ApiProblem(
        response.status_code,
        "The answer is not that of bulkclaims, or of a version that this client does not know; check the address.",
        code="answer_not_understood",
    )
