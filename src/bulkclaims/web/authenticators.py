"""Members of `Authenticator` that ask others: the host application, or several members in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from bulkclaims.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkclaims.access import Principal
    from bulkclaims.interfaces import Authenticator


class HostUsers:
    """
    Users whom the host application has signed in.

    Args:
        find: Gives the principal of the host framework's own request; None when nobody is signed in. May raise
            `NotAuthenticated` with a sentence of its own.
        by_cookie: Whether a browser proves by itself who sends the request: with a session's cookie, a password that it
            remembers, or a certificate. Then another site's page could have it write in the user's name, and writes
            from other sites are refused. False is for what a program puts into each request on purpose, such as a
            bearer token of the host's own.
        refused: Exceptions by which *find* says that what a request brings is no good. Who sent it hears so; what they
            say is not passed on.
    """

    def __init__(
        self,
        find: Callable[[Any], Principal | None],
        *,
        by_cookie: bool = True,
        refused: tuple[type[Exception], ...] = (),
    ) -> None:
        self._find = find
        self._by_cookie = by_cookie
        self._refused = refused

    def authenticate(  # noqa: D102 -- the contract stands in `interfaces.Authenticator`
        self,
        headers: Mapping[str, str],  # noqa: ARG002 -- the host's request has them
        native: Any,  # noqa: ANN401 -- a framework's own
    ) -> Principal | None:
        try:
            principal = self._find(native)
        except self._refused:
            sentence = "What the request brings to say who sends it is not known here, or no longer; sign in again."
            raise NotAuthenticated(sentence, code="credentials_refused") from None
        if principal is None or not self._by_cookie:
            return principal
        return evolve(principal, by_cookie=True)


class AnyOf:
    """
    Several members, asked in order: the first answer counts, a refusal is an answer too.

    Args:
        authenticators: Whom to ask.
    """

    def __init__(self, *authenticators: Authenticator) -> None:
        self._authenticators = authenticators

    def authenticate(  # noqa: D102 -- the contract stands in `interfaces.Authenticator`
        self,
        headers: Mapping[str, str],
        native: Any,  # noqa: ANN401 -- a framework's own
    ) -> Principal | None:
        for authenticator in self._authenticators:
            principal = authenticator.authenticate(headers, native)
            if principal is not None:
                return principal
        return None
