"""Signs of life of worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims.jobs import Workers
from bulkclaims.repositories.texts import to_time
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.tables import now, workers

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def note(connection: Connection, worker: str) -> None:
    """Note that the worker lives."""
    if connection.execute(update(workers).where(workers.c.worker == worker).values(seen_at=now())).rowcount:
        return
    try:
        connection.execute(insert(workers).values(worker=worker, seen_at=now()))
    except IntegrityError as error:
        raise Conflict from error


def count(connection: Connection, within: float) -> Workers:
    """Count those that live, and say when one was seen last."""
    alive = select(func.count()).select_from(workers).where(workers.c.seen_at > now() - within).scalar_subquery()
    latest = select(func.max(workers.c.seen_at)).scalar_subquery()
    found, seen_at = connection.execute(select(alive, latest)).one()
    return Workers(found, to_time(seen_at))


def stale(connection: Connection, kept: float) -> bool:
    """Say whether there is anything to forget; to look costs no lock."""
    return connection.scalar(select(workers.c.worker).where(*_is_stale(connection, kept)).limit(1)) is not None


def forget(connection: Connection, kept: float) -> None:
    """Forget beats older than that, but for the latest."""
    connection.execute(delete(workers).where(*_is_stale(connection, kept)))


def _is_stale(connection: Connection, kept: float) -> tuple[ColumnElement[bool], ...]:
    # Read first: not every MariaDB looks into a table that it deletes from.
    latest = connection.scalar(select(func.max(workers.c.seen_at)))
    return workers.c.seen_at <= now() - kept, workers.c.seen_at < (latest or 0.0)
