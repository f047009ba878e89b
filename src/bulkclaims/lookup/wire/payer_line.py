"""The way to one payer: a client, a token where one is needed, and what each HTTP status means there."""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from bulkclaims.lookup.pace.per_loop import PerLoop
from bulkclaims.lookup.wire.http_status import ERROR_CLASSES, NOTHING_SAID, class_of, error_of
from bulkclaims.lookup.wire.scrub import without_secrets
from bulkclaims.lookup.wire.tokens import TokenKeeper
from bulkclaims.lookup.wire.transport import exchange
from bulkclaims.privacy import Masked, Secret, hush_http_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from bulkclaims.lookup.wire.http_status import ErrorClass, Said
    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.tokens import ClientCredentials
    from bulkclaims.lookup.wire.transport import ClientFactory, Reply


@frozen
class _Ends:
    """What belongs to one event loop."""

    client: httpx.AsyncClient
    tokens: TokenKeeper | None


class PayerLine:
    """
    Sends requests to one payer.

    Args:
        url: Where look-ups go.
        make_client: Makes the HTTP client, on the event loop that will use it.
        credentials: For payers that want a token.
        classes: What HTTP statuses mean at this payer.
        access: Where all workers keep the token; None for a token of each event loop's own.
    """

    def __init__(
        self,
        url: httpx.URL,
        make_client: ClientFactory,
        credentials: ClientCredentials | None,
        classes: Mapping[int, ErrorClass | None] = ERROR_CLASSES,
        access: SharedAccess | None = None,
    ) -> None:
        self._url = url
        self._make_client = make_client
        self._credentials = credentials
        self._classes = classes
        self._access = access
        self._ends = PerLoop(self._open)

    async def prepare(self) -> None:
        """
        Have a token at hand, where one is needed.

        Raises:
            ConnectorError: As `TokenKeeper.token` does.
        """
        if self._credentials and (tokens := self._ends.get().tokens):
            await tokens.token()

    async def ask(
        self,
        method: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any],
        told: Callable[[Reply], Said] = lambda _: NOTHING_SAID,
        path: str = "",
    ) -> Reply:
        """
        Send one request, with a token if need be, and bring back an answer whose status is no error.

        Of any status but a success, the body comes without what lets us in and what the headers held: some payers
        repeat these in the text of an error.

        Args:
            method: Such as `POST`.
            headers: Beside the token's.
            body: As httpx takes it: `json`, `data` or `params`.
            told: What of an error's body may be shown; nothing when omitted.
            path: In place of the address's own, percent-encoded; the address's own when omitted.

        Raises:
            ConnectorError: The class that fits the status, or what `exchange` raises.
        """
        headers = Masked(headers)  # some services keep the variables of whatever an exception passed through
        ends = self._ends.get()
        token = Secret(await ends.tokens.token()) if ends.tokens else None
        if token:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        url = self._url.copy_with(path=path) if path else self._url
        reply = await exchange(ends.client, method, url, headers, body)
        if class_of(reply.status):
            reply = _discreet(reply, headers, self._credentials)
        kind = class_of(reply.status, self._classes)
        if kind is None:
            return reply
        if kind == "access_expired":
            kind = _renew(ends.tokens, token)
        raise error_of(kind, reply, told(reply))

    async def aclose(self) -> None:
        """Let go of the running loop's connections."""
        if ends := self._ends.drop():
            await ends.client.aclose()

    def _open(self) -> _Ends:
        hush_http_logs()  # httpx logs each URL, and in a path or query there may be a claim number
        client = self._make_client()
        return _Ends(client, TokenKeeper(self._credentials, client, self._access) if self._credentials else None)


def _discreet(reply: Reply, headers: Mapping[str, str], credentials: ClientCredentials | None) -> Reply:
    """An answer without our secrets."""
    known = {secret for value in headers.values() for secret in _secrets_in(value)}
    if credentials:
        known.add(credentials.client_secret.reveal())
    return evolve(reply, body=without_secrets(reply.body, known))


def _secrets_in(value: str) -> Iterator[str]:
    """A header's whole value, what follows a scheme such as `Bearer`, and the password of `Basic`."""
    yield value
    scheme, _, rest = value.partition(" ")
    yield rest
    if scheme.lower() == "basic":
        with suppress(ValueError):
            yield b64decode(rest).decode().partition(":")[2]


def _renew(tokens: TokenKeeper | None, token: Secret | None) -> ErrorClass:
    """With a token, 401 means that it has expired; a key or password can only be wrong."""
    if tokens is None or token is None:
        return "access_refused"
    tokens.refused(token.reveal())
    return "access_expired"
