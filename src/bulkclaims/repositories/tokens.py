"""API tokens kept in this process: the reference member of `TokenStore`."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bulkclaims.access import ApiToken


class MemoryTokens:
    """A `TokenStore` in a plain dictionary."""

    def __init__(self) -> None:
        self._tokens: dict[str, ApiToken] = {}
        self._tokens_lock = RLock()

    def add_token(self, token: ApiToken) -> None:  # noqa: D102 -- the contract stands in `interfaces.TokenStore`
        with self._tokens_lock:
            self._tokens[token.id] = token

    def find_token(self, token_id: str) -> ApiToken | None:  # noqa: D102
        with self._tokens_lock:
            return self._tokens.get(token_id)

    def list_tokens(self, organisation: str) -> Sequence[ApiToken]:  # noqa: D102
        with self._tokens_lock:
            tokens = [token for token in self._tokens.values() if token.organisation == organisation]
        return sorted(tokens, key=lambda token: token.created_at)

    def revoke_token(self, organisation: str, token_id: str, at: datetime) -> bool:  # noqa: D102
        with self._tokens_lock:
            token = self._tokens.get(token_id)
            if token is None or token.organisation != organisation:
                return False
            if token.revoked_at is None:
                self._tokens[token_id] = evolve(token, revoked_at=at)
            return True
