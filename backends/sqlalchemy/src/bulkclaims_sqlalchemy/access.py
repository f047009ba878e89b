"""Access tokens of payers, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims.records import SealedAccess
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.tables import accesses, now

if TYPE_CHECKING:
    from bulkclaims_sqlalchemy.transactions import Database


class Access:
    """`AccessStore` in a database."""

    _database: Database

    def find_access(self, account: str) -> SealedAccess | None:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        return self._database.read(_find, account)

    def begin_access(self, account: str, after: int, seconds: float) -> bool:  # noqa: D102
        return self._database.write(_begin, account, after, seconds)

    def keep_access(self, account: str, after: int, payload: bytes, seconds: float) -> None:  # noqa: D102
        self._database.write(_keep, account, after, payload, seconds)

    def leave_access(self, account: str, after: int) -> None:  # noqa: D102
        self._database.write(_leave, account, after)


def _is_newest(account: str, after: int) -> ColumnElement[bool]:
    return and_(accesses.c.account == account, accesses.c.serial == after)


def _find(connection: Connection, account: str) -> SealedAccess | None:
    query = select(accesses.c.serial, accesses.c.payload, accesses.c.good_until - now())
    found = connection.execute(query.where(accesses.c.account == account, accesses.c.serial > 0)).one_or_none()
    return None if found is None else SealedAccess(*found)


def _begin(connection: Connection, account: str, after: int, seconds: float) -> bool:
    until = now() + seconds
    begin = update(accesses).where(_is_newest(account, after), accesses.c.fetched_until <= now())
    if connection.execute(begin.values(fetched_until=until)).rowcount:
        return True
    if after or connection.scalar(select(accesses.c.serial).where(accesses.c.account == account)) is not None:
        return False
    first = {"account": account, "serial": 0, "payload": b"", "good_until": 0.0, "fetched_until": until}
    try:
        connection.execute(insert(accesses).values(first))
    except IntegrityError as error:
        raise Conflict from error
    return True


def _keep(connection: Connection, account: str, after: int, payload: bytes, seconds: float) -> None:
    kept = {"serial": after + 1, "payload": payload, "good_until": now() + seconds, "fetched_until": 0.0}
    connection.execute(update(accesses).where(_is_newest(account, after)).values(kept))


def _leave(connection: Connection, account: str, after: int) -> None:
    connection.execute(update(accesses).where(_is_newest(account, after)).values(fetched_until=0.0))
