"""API tokens, without their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Coalesce

from bulkclaims.access import ApiToken, Role
from bulkclaims.repositories.texts import to_time
from bulkclaims_django import models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bulkclaims_django.transactions import Database


class Tokens:
    """`TokenStore` in a database."""

    _database: Database

    def add_token(self, token: ApiToken) -> None:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        self._database.write(_add, token)

    def find_token(self, token_id: str) -> ApiToken | None:  # noqa: D102
        found = self._database.read(_find, id=token_id)
        return found[0] if found else None

    def list_tokens(self, organisation: str) -> Sequence[ApiToken]:  # noqa: D102
        return self._database.read(_find, organisation=organisation)

    def revoke_token(self, organisation: str, token_id: str, at: datetime) -> bool:  # noqa: D102
        return self._database.write(_revoke, organisation, token_id, at.timestamp())


def _add(using: str, token: ApiToken) -> None:
    row = models.Token(
        id=token.id,
        organisation=token.organisation,
        user=token.user,
        role=token.role,
        digest=token.digest,
        created_at=token.created_at.timestamp(),
        expires_at=token.expires_at and token.expires_at.timestamp(),
        revoked_at=token.revoked_at and token.revoked_at.timestamp(),
    )
    models.Token.objects.using(using).bulk_create([row])


def _find(using: str, /, **criteria: str) -> list[ApiToken]:
    return list(map(to_token, models.Token.objects.using(using).filter(**criteria).order_by("created_at", "id")))


def to_token(row: models.Token) -> ApiToken:
    """Read a row as the token it keeps."""
    times = {name: to_time(getattr(row, name)) for name in ("created_at", "expires_at", "revoked_at")}
    return ApiToken(row.id, row.organisation, row.user, Role(row.role), bytes(row.digest), **times)


def _revoke(using: str, organisation: str, token_id: str, at: float) -> bool:
    ours = models.Token.objects.using(using).filter(organisation=organisation, id=token_id)
    return bool(ours.update(revoked_at=Coalesce("revoked_at", at)))
