"""What workers keep for a while, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.tables import kept, now

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bulkclaims_sqlalchemy.transactions import Database

_MOST = 1000
"""Entries that one transaction of `purge` deletes, or a few more: others wait for it."""

_lapses_at = now() + bindparam("seconds")
_add = insert(kept).values(lapses_at=_lapses_at)
_replace = (
    update(kept)
    .where(kept.c.scope == bindparam("where"), kept.c.mark == bindparam("which"))
    .values(payload=bindparam("what"), lapses_at=_lapses_at)
)


class Keeping:
    """`KeptStore` in a database."""

    _database: Database

    def find_kept(self, scope: str, marks: Collection[bytes]) -> Mapping[bytes, bytes]:  # noqa: D102 -- in `bulkclaims.interfaces`
        return self._database.read(_find, scope, marks)

    def keep(self, scope: str, payloads: Mapping[bytes, bytes], seconds: float) -> None:  # noqa: D102
        if payloads:
            self._database.write(_keep, scope, payloads, seconds)

    def drop_kept(self, scope: str, marks: Collection[bytes]) -> None:  # noqa: D102
        if marks:
            self._database.write(_drop, scope, marks)


def _are(scope: str, marks: Collection[bytes]) -> ColumnElement[bool]:
    return and_(kept.c.scope == scope, kept.c.mark.in_(marks))


def _find(connection: Connection, scope: str, marks: Collection[bytes]) -> dict[bytes, bytes]:
    found = select(kept.c.mark, kept.c.payload).where(_are(scope, marks), kept.c.lapses_at > now())
    return {row.mark: row.payload for row in connection.execute(found)}


def _keep(connection: Connection, scope: str, payloads: Mapping[bytes, bytes], seconds: float) -> None:
    there = frozenset(connection.scalars(select(kept.c.mark).where(_are(scope, payloads.keys()))))
    # In one order, so that no two callers wait for each other.
    ordered = sorted(payloads.items())
    span = {"seconds": seconds}
    old = [{"where": scope, "which": mark, "what": payload, **span} for mark, payload in ordered if mark in there]
    new = [{"scope": scope, "mark": mark, "payload": payload, **span} for mark, payload in ordered if mark not in there]
    if old and connection.execute(_replace, old).rowcount != len(old):
        # Dropped since we looked.
        raise Conflict
    if new:
        _insert(connection, new)


def _insert(connection: Connection, new: list[dict[str, object]]) -> None:
    try:
        connection.execute(_add, new)
    except IntegrityError as error:
        # Kept by another since we looked.
        raise Conflict from error


def _drop(connection: Connection, scope: str, marks: Collection[bytes]) -> None:
    connection.execute(delete(kept).where(_are(scope, marks)))


def purge(database: Database) -> None:
    """Forget what has lapsed, in short transactions; to look costs no lock."""
    while (moment := database.read(_lapsed)) is not None and database.write(_forget, moment):
        pass


def _lapsed(connection: Connection) -> float | None:
    """The moment until which some lapsed, few enough for one transaction; None when nothing has."""
    oldest = select(kept.c.lapses_at).where(kept.c.lapses_at <= now()).order_by(kept.c.lapses_at).limit(_MOST)
    latest: float | None = connection.scalar(select(func.max(oldest.subquery().c.lapses_at)))
    return latest


def _forget(connection: Connection, moment: float) -> bool:
    return bool(connection.execute(delete(kept).where(kept.c.lapses_at <= moment)).rowcount)
