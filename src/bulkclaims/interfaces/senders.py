"""Who sends a request, and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bulkclaims.access import Action, ApiToken, Principal
    from bulkclaims.jobs import Job


class TokenStore(Protocol):
    """API tokens without their secrets, of all organisations. Called in web processes and by those who issue them."""

    def add_token(self, token: ApiToken, /) -> None:
        """Keep a new token; its id is new by construction."""

    def find_token(self, token_id: str, /) -> ApiToken | None:
        """Find a token by the id that it carries in clear, also when it has expired or was revoked."""

    def list_tokens(self, organisation: str, /) -> Sequence[ApiToken]:
        """List the organisation's tokens, oldest first."""

    def revoke_token(self, organisation: str, token_id: str, at: datetime, /) -> bool:
        """
        Note that the token is no good from *at* on; one revoked already stays as it is.

        Returns:
            Whether the organisation has such a token.
        """


class Authenticator(Protocol):
    """Finds out who sends a request. Called in web processes, for every request, from any thread."""

    def authenticate(self, headers: Mapping[str, str], native: Any, /) -> Principal | None:  # noqa: ANN401 -- a framework's own
        """
        Say who sends the request.

        Args:
            headers: The request's headers, names in lower case.
            native: The host framework's own request object, for users that the host has signed in.

        Returns:
            None when the request brings nothing that this member knows, so that another may look.

        Raises:
            NotAuthenticated: It brings something that this member knows, and it is no good.
            IdentityProviderUnavailable: Whoever could tell cannot be asked just now.
        """


class Authorize(Protocol):
    """Decides what a known sender may do. Called in web processes, before anything is done or shown."""

    def __call__(self, principal: Principal, action: Action, job: Job | None, /) -> bool:
        """
        Say whether *principal* may do *action*; whatever is not known to be allowed is denied.

        Args:
            principal: Who asks.
            action: What for.
            job: To what; always one of the principal's own organisation. None where no job is concerned.
        """
