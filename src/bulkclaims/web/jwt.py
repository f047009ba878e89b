"""Tokens of an identity provider: signed JWTs, as OpenID Connect and OAuth 2 have them. Needs the extra `jwt`."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

import httpx
import jwt
from attrs import frozen

from bulkclaims.access import Principal, Role, misnamed
from bulkclaims.errors import NotAuthenticated, SettingsWrong
from bulkclaims.web.bearer import bearer_of
from bulkclaims.web.signing_keys import SigningKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

_PUBLIC_KEY_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST = 16 * 1024
"""Web servers rarely take a longer header."""
_SEGMENTS = 3
_CURE = "Whoever runs the identity provider can"


@frozen(kw_only=True)
class JwtSettings:
    """
    Whose tokens are taken, and what their claims mean.

    Raises:
        SettingsWrong: Something is missing or unsafe; the sentence names it.
    """

    issuer: str
    """What the tokens' `iss` is, to the letter."""
    audience: str
    """What their `aud` is or holds: the provider's name for this service."""
    jwks_url: str
    """Where the provider publishes its keys: the `jwks_uri` of its `/.well-known/openid-configuration`."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    """What tokens may be signed with, whatever they themselves say."""
    organisation_claim: str = "org"
    user_claim: str = "sub"
    role_claim: str = "role"
    """Holds a role, or a list of roles of which the furthest-reaching counts."""
    default_role: Role = Role.READ
    """For tokens without the claim."""
    clock_skew_seconds: float = 60
    """So much the provider's clock may be off."""
    keys_lifetime_seconds: float = 3600
    """Keys are fetched again after so long."""
    cool_down_seconds: float = 30
    """Keys are not fetched more often, whatever key ids tokens name."""
    timeout_seconds: float = 5

    def __attrs_post_init__(self) -> None:
        """Check what would open the door to anybody."""
        for name in ("issuer", "audience"):
            if not getattr(self, name):
                raise SettingsWrong(f"The setting {name} is missing: without it any token of the provider would do.")
        if not self.algorithms or not set(self.algorithms) <= set(_PUBLIC_KEY_ALGORITHMS):
            known = ", ".join(_PUBLIC_KEY_ALGORITHMS)
            raise SettingsWrong(f"The setting algorithms may hold {known}: with HS256 a public key could sign, too.")
        _check_url(self.jwks_url)


def _check_url(text: str) -> None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    safe = url.scheme == "https" or (url.scheme == "http" and url.host in _LOOPBACK)
    if not url.host or not safe or url.userinfo:
        raise SettingsWrong(
            "The setting jwks_url is to be an https:// address without a password: who can change the keys on their "
            "way can sign tokens."
        )


class JwtAuthenticator:
    """
    Knows who brings a JWT of one identity provider, as `Authorization: Bearer eyJ…`. Other tokens are left to others.

    Hold one for all requests: it keeps the provider's keys.

    Args:
        settings: Whose tokens are taken, and what their claims mean.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._keys = SigningKeys(
            settings.jwks_url,
            settings.algorithms,
            lifetime=settings.keys_lifetime_seconds,
            cool_down=settings.cool_down_seconds,
            timeout=settings.timeout_seconds,
        )

    def authenticate(  # noqa: D102 -- the contract stands in `interfaces.Authenticator`
        self,
        headers: Mapping[str, str],
        native: Any,  # noqa: ANN401, ARG002 -- a framework's own, which is not needed here
    ) -> Principal | None:
        token = bearer_of(headers)
        header = None if token is None else _header_of(token)
        if token is None or header is None:
            return None
        return self._principal(self._claims(token, header))

    def _claims(self, token: str, header: dict[str, Any]) -> dict[str, Any]:
        key_id, algorithm = header.get("kid"), header["alg"]
        if not isinstance(key_id, str) or algorithm not in self._settings.algorithms:
            raise _unknown()
        key = self._keys.find(key_id, algorithm)
        if key is None:
            raise _unknown()
        try:
            return self._verified(token, key, algorithm)
        except jwt.ExpiredSignatureError:
            raise NotAuthenticated("The token has expired; sign in again.", code="token_expired") from None
        except jwt.ImmatureSignatureError:
            sentence = "The token is not good yet: the clocks of the identity provider and of this service differ."
            raise NotAuthenticated(f"{sentence} Try again in a minute.", code="token_unknown") from None
        except jwt.MissingRequiredClaimError as error:
            raise _incomplete(error.claim) from None
        except jwt.PyJWTError as error:
            _log.info("A token was refused: %s", type(error).__name__)
            raise _unknown() from None

    def _verified(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=self._settings.clock_skew_seconds,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        settings = self._settings
        organisation, user = (_text(claims, name) for name in (settings.organisation_claim, settings.user_claim))
        if wrong := misnamed(organisation):
            sentence = f"The token's claim {settings.organisation_claim} is wrong. {wrong}"
            raise NotAuthenticated(f"{sentence} {_CURE} correct it.", code="token_incomplete")
        return Principal(organisation, user, self._role(claims.get(settings.role_claim)))

    def _role(self, named: object) -> Role:
        if named is None:
            return self._settings.default_role
        names, known = named if isinstance(named, list) else [named], list(Role)
        if not names or not all(name in known for name in names):
            sentence = f"The token's claim {self._settings.role_claim} holds something other than {', '.join(Role)}."
            raise NotAuthenticated(f"{sentence} {_CURE} correct it.", code="token_incomplete")
        return max(map(Role, names), key=known.index)


def _header_of(token: str) -> dict[str, Any] | None:
    """Give the header of a JWT, which nothing vouches for yet; None when the token is something else."""
    segments = token.split(".") if len(token) <= _LONGEST and token.isascii() else []
    if len(segments) != _SEGMENTS:
        return None
    try:
        header = json.loads(urlsafe_b64decode(f"{segments[0]}=="))
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) and "alg" in header else None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _incomplete(name)
    return value


def _unknown() -> NotAuthenticated:
    sentence = "The token is not one that this service takes: damaged, meant for another, or signed with an old key."
    return NotAuthenticated(f"{sentence} Sign in again.", code="token_unknown")


def _incomplete(claim: str) -> NotAuthenticated:
    return NotAuthenticated(f"The token lacks the claim {claim}. {_CURE} add it.", code="token_incomplete")
