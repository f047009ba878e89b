"""OAuth 2 client credentials: one token for all look-ups, fetched once for all, in all workers where these share it."""

from __future__ import annotations

import asyncio
import json
import logging
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, PayerUnavailable, RepositoryUnavailable
from bulkclaims.lookup.wire.http_status import class_of, error_of
from bulkclaims.lookup.wire.transport import exchange
from bulkclaims.privacy import Masked, describe

if TYPE_CHECKING:
    import httpx

    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import Reply
    from bulkclaims.privacy import Secret

_log = logging.getLogger(__name__)

_LIFE_USED = 0.8
"""A token is renewed when this much of its life is over, so that none expires on the way."""
_LIFE_SECONDS = 300.0
"""The life of a token whose answer names none: the shortest that is known of a clearinghouse."""

_FETCH_SECONDS = 20.0
"""How long a fetch for all workers may take ..."""
_CLAIM_SECONDS = 25.0
"""... and after how long another worker fetches in place of one that was killed meanwhile."""
_PATIENCE_SECONDS = 30.0
"""How long a look-up waits for another worker's fetch before it fails and is tried again, as if the payer were away."""
_LOOK_AGAIN_SECONDS = 0.2


@frozen
class ClientCredentials:
    """What a token is bought with."""

    url: httpx.URL
    client_id: str
    client_secret: Secret
    scope: str = ""
    body: Literal["form", "json"] = "form"
    """How the token's own request is written; RFC 6749 says form, Optum takes JSON."""

    @property
    def account(self) -> str:
        """Names, without telling, who is let in where: what workers that share a token have in common."""
        told = json.dumps([str(self.url), self.client_id, self.scope])
        return blake2b(told.encode(), digest_size=16).hexdigest()


class TokenKeeper:
    """
    Holds the token of one event loop.

    Args:
        credentials: What it is bought with.
        client: What it is fetched through.
        shared: Where all workers keep it; None for a token of this event loop's own.
    """

    def __init__(
        self, credentials: ClientCredentials, client: httpx.AsyncClient, shared: SharedAccess | None = None
    ) -> None:
        self._credentials = credentials
        self._client = client
        self._shared = shared
        self._renewal: asyncio.Task[None] | None = None
        self._waiting = 0
        self._token = ""
        self._good_until = 0.0
        self._serial = 0
        """Which of the shared tokens it is; 0 for one of our own."""
        self._refused = 0

    async def token(self) -> str:
        """
        The token, fetched anew when it is old or was refused: once for all who wait, who fail together if that fails.

        Raises:
            AccessRefused: The credentials are wrong.
            PayerUnavailable: No token can be had just now.
            AnswerNotUnderstood: What came back is no token.
        """
        if not self._token or asyncio.get_running_loop().time() > self._good_until:
            await self._renewed()
        return self._token

    def refused(self, token: str) -> None:
        """Forget *token*, which the payer did not take; a newer one is kept."""
        if token == self._token:
            self._token, self._refused = "", self._serial

    async def _renewed(self) -> None:
        """Begin to renew it, or wait with those who do. Whoever is cancelled leaves the others waiting."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        renewal = self._renewal
        self._waiting += 1
        try:
            await asyncio.shield(renewal)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._renewal = None
                renewal.cancel()
                await asyncio.wait([renewal])

    async def _renew(self) -> None:
        if self._shared is not None:
            try:
                await self._share(self._shared)
            except RepositoryUnavailable as failure:
                _log.warning("This worker fetches a token of its own: others' cannot be had. %s", describe(failure))
            else:
                return
        self._hold(*await self._fetch(), serial=0)

    def _hold(self, token: str, seconds: float, serial: int) -> None:
        self._token, self._serial = token, serial
        self._good_until = asyncio.get_running_loop().time() + seconds

    async def _share(self, shared: SharedAccess) -> None:
        """Take the token that is kept for all, or be the one who fetches it, or wait for who does."""
        loop, account = asyncio.get_running_loop(), self._credentials.account
        give_up = loop.time() + _PATIENCE_SECONDS
        while True:
            kept = await asyncio.to_thread(shared.find, account)
            if kept.token is not None and kept.seconds_left > 0 and kept.serial != self._refused:
                self._hold(kept.token.reveal(), kept.seconds_left, kept.serial)
                return
            if await asyncio.to_thread(shared.store.begin_access, account, kept.serial, _CLAIM_SECONDS):
                await self._fetch_for_all(shared, kept.serial)
                return
            if loop.time() > give_up:
                raise PayerUnavailable("No access token could be had from the payer; try again later.")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _fetch_for_all(self, shared: SharedAccess, after: int) -> None:
        account = self._credentials.account
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                token, seconds = await self._fetch()
        except BaseException as error:
            await _leave(shared, account, after)
            if isinstance(error, TimeoutError):
                raise PayerUnavailable("The payer's token service did not respond; try again later.") from None
            raise
        self._hold(token, seconds, after + 1)
        try:
            await asyncio.to_thread(shared.keep, account, after, token, seconds)
        except RepositoryUnavailable as failure:
            _log.warning("A token could not be kept for other workers. %s", describe(failure))
            await _leave(shared, account, after)

    async def _fetch(self) -> tuple[str, float]:
        """Buy a token, which is to be used for so many seconds."""
        ours = self._credentials
        asked = Masked(grant_type="client_credentials", client_id=ours.client_id)
        asked |= {"client_secret": ours.client_secret.reveal()} | ({"scope": ours.scope} if ours.scope else {})
        reply = await exchange(self._client, "POST", ours.url, {}, {"json" if ours.body == "json" else "data": asked})
        token, life = _read_token(reply)
        return token, _LIFE_USED * life


async def _leave(shared: SharedAccess, account: str, after: int) -> None:
    try:
        await asyncio.to_thread(shared.store.leave_access, account, after)
    except RepositoryUnavailable as failure:
        _log.warning("Other workers wait a while until they fetch a token. %s", describe(failure))


def _read_token(reply: Reply) -> tuple[str, float]:
    kind = class_of(reply.status)
    if kind in {"inquiry_refused", "access_expired", "access_refused"}:
        raise AccessRefused(f"The payer gives no token for our client id and secret. [HTTP {reply.status}]")
    if kind:
        raise error_of(kind, reply)
    if told := _told(reply.body):
        return told
    raise AnswerNotUnderstood("The payer's token service did not answer with a token.")


def _told(body: bytes) -> tuple[str, float] | None:
    """The token and its life; None where there is no token, or what is said of its life is no number."""
    try:
        answer = json.loads(body)
        token, life = answer["access_token"], float(answer.get("expires_in") or _LIFE_SECONDS)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (token, life) if isinstance(token, str) and token.isprintable() and token.strip() else None
