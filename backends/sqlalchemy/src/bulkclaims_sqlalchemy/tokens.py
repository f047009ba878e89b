"""API tokens, without their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, func, insert, select, update

from bulkclaims.access import ApiToken, Role
from bulkclaims.repositories.texts import to_time
from bulkclaims_sqlalchemy.tables import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row

    from bulkclaims_sqlalchemy.transactions import Database


class Tokens:
    """`TokenStore` in a database."""

    _database: Database

    def add_token(self, token: ApiToken) -> None:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        self._database.write(_add, token)

    def find_token(self, token_id: str) -> ApiToken | None:  # noqa: D102
        found = self._database.read(_find, select(*tokens.c).where(tokens.c.id == token_id))
        return found[0] if found else None

    def list_tokens(self, organisation: str) -> Sequence[ApiToken]:  # noqa: D102
        query = select(*tokens.c).where(tokens.c.organisation == organisation)
        return self._database.read(_find, query.order_by(tokens.c.created_at, tokens.c.id))

    def revoke_token(self, organisation: str, token_id: str, at: datetime) -> bool:  # noqa: D102
        return self._database.write(_revoke, organisation, token_id, at.timestamp())


def _add(connection: Connection, token: ApiToken) -> None:
    connection.execute(
        insert(tokens).values(
            id=token.id,
            organisation=token.organisation,
            user=token.user,
            role=token.role,
            digest=token.digest,
            created_at=token.created_at.timestamp(),
            expires_at=token.expires_at and token.expires_at.timestamp(),
            revoked_at=token.revoked_at and token.revoked_at.timestamp(),
        )
    )


def _find(connection: Connection, query: Select[Any]) -> list[ApiToken]:
    return list(map(_to_token, connection.execute(query)))


def _to_token(row: Row[Any]) -> ApiToken:
    kept = row._asdict()
    times = {name: to_time(kept.pop(name)) for name in ("created_at", "expires_at", "revoked_at")}
    return ApiToken(role=Role(kept.pop("role")), **times, **kept)


def _revoke(connection: Connection, organisation: str, token_id: str, at: float) -> bool:
    revoked_at = func.coalesce(tokens.c.revoked_at, at)
    ours = (tokens.c.organisation == organisation, tokens.c.id == token_id)
    return bool(connection.execute(update(tokens).where(*ours).values(revoked_at=revoked_at)).rowcount)
