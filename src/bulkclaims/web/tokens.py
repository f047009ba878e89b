"""
API tokens: shown once when they are made, kept as a digest, and known again when a request brings one.

A token reads `bc_<id>_<secret>`, so that scanners of code and logs can find one that has gone astray:
`bc_[A-Za-z0-9]{12}_[A-Za-z0-9_-]{43}`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from bulkclaims.access import ApiToken, Principal, misnamed
from bulkclaims.errors import NotAuthenticated, SettingsWrong
from bulkclaims.web.bearer import bearer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from bulkclaims.access import Role
    from bulkclaims.interfaces import TokenStore

_PREFIX = "bc_"
_SHAPE = re.compile(r"bc_([A-Za-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ID_ALPHABET = string.ascii_letters + string.digits
_ID_CHARACTERS = 12
_SECRET_BYTES = 32
_NOBODYS = bytes(hashlib.sha256().digest_size)
"""A digest that no secret has, to compare with where there is no token."""


@frozen
class IssuedToken:
    """A token just made."""

    kept: ApiToken
    text: str = field(repr=False)
    """What its user is given; nobody can find it out later."""


def issue_token(  # noqa: PLR0913 -- one argument for each fact about a token
    store: TokenStore, *, organisation: str, user: str, role: Role, lifetime: timedelta | None, now: datetime
) -> IssuedToken:
    """
    Make a token and keep what it can be known by.

    Args:
        store: Where it is kept.
        organisation: Whose jobs it opens.
        user: Whom or what it is for; jobs made with it bear this name.
        role: How far it reaches.
        lifetime: How long it is good for; None for good.
        now: The time, with its zone.

    Raises:
        SettingsWrong: No principal can be of this organisation, so that the token would open nothing.
    """
    if wrong := misnamed(organisation):
        raise SettingsWrong(wrong)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    kept = ApiToken(
        id="".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARACTERS)),
        organisation=organisation,
        user=user,
        role=role,
        digest=_digest(secret),
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    store.add_token(kept)
    return IssuedToken(kept, f"{_PREFIX}{kept.id}_{secret}")


def _digest(secret: str) -> bytes:
    """
    Give what is kept of a secret.

    Plain SHA-256 is right here: the slow, salted digests that passwords need make guessing costly, and nobody guesses
    32 random bytes, whereas every request would pay for it.
    """
    return hashlib.sha256(secret.encode("ascii")).digest()


def _now() -> datetime:
    return datetime.now(UTC)


class TokenAuthenticator:
    """
    Knows who brings an API token, as `Authorization: Bearer bc_…`. Other bearer tokens are left to others.

    Args:
        store: Where tokens are kept.
        now: Tells the time, with its zone.
    """

    def __init__(self, store: TokenStore, now: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._now = now

    def authenticate(  # noqa: D102 -- the contract stands in `interfaces.Authenticator`
        self,
        headers: Mapping[str, str],
        native: Any,  # noqa: ANN401, ARG002 -- a framework's own, which is not needed here
    ) -> Principal | None:
        text = bearer_of(headers)
        if text is None or not text.startswith(_PREFIX):
            return None
        token = self._known(text)
        state = token.state_at(self._now())
        if state == "revoked":
            raise NotAuthenticated("The token was revoked; ask for a new one.", code="token_revoked")
        if state == "expired":
            raise NotAuthenticated("The token has expired; ask for a new one.", code="token_expired")
        return Principal(token.organisation, token.user, token.role)

    def _known(self, text: str) -> ApiToken:
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise _unknown()
        token_id, secret = shape.groups()
        token = self._store.find_token(token_id)
        # An unknown id and a wrong secret take the same way, and as long: nobody learns which ids exist.
        same = hmac.compare_digest(_digest(secret), token.digest if token else _NOBODYS)
        if token is None or not same:
            raise _unknown()
        return token


def _unknown() -> NotAuthenticated:
    sentence = "The token is not known here; see that all of it was copied, or ask for a new one."
    return NotAuthenticated(sentence, code="token_unknown")
