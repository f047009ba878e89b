"""How payer accounts may be asked: one row for each account, locked while anything of the account is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import asdict
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims.repositories.limiter import Allowance, Occupancy, Share
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.prepared import Prepared
from bulkclaims_sqlalchemy.tables import limits, now, shares

if TYPE_CHECKING:
    from bulkclaims.records import Rate
    from bulkclaims_sqlalchemy.transactions import Database


class Limits:
    """`Limiter` in a database."""

    _database: Database

    def reserve(self, account: str, count: int, rate: Rate) -> float:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        return self._database.write(_reserve, account, count, rate)

    def postpone(self, account: str, seconds: float) -> None:  # noqa: D102
        self._database.write(_postpone, account, seconds)

    def postponed(self, account: str) -> float:  # noqa: D102
        return self._database.read(_postponed, account)

    def occupy(self, account: str, holder: str, under_way: int, most: int, seconds: float) -> int:  # noqa: D102
        return self._database.write(_occupy, account, holder, under_way, most, seconds)

    def vacate(self, account: str, holder: str) -> None:  # noqa: D102
        self._database.write(_vacate, account, holder)


def _reserve(connection: Connection, account: str, count: int, rate: Rate) -> float:
    kept, moment = _locked(connection, account)
    _keep(connection, kept.reserved(count, rate, moment))
    return max(kept.free_at, moment) - moment


def _postpone(connection: Connection, account: str, seconds: float) -> None:
    kept, moment = _locked(connection, account)
    _keep(connection, kept.postponed(seconds, moment))


_held_back = Prepared(select(limits.c.postponed_until - now()).where(limits.c.account == bindparam("payer")))


def _postponed(connection: Connection, account: str) -> float:
    return max(_held_back.run(connection, {"payer": account}).scalar() or 0.0, 0.0)


def _locked(connection: Connection, account: str) -> tuple[Allowance, float]:
    """The account's row, locked, and the time."""
    query = select(*limits.c, now()).where(limits.c.account == account).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        _open(connection, account)
        row = connection.execute(query).one()
    *kept, moment = row
    return Allowance(*kept), moment


def _open(connection: Connection, account: str) -> None:
    try:
        connection.execute(insert(limits).values(asdict(Allowance(account))))
    except IntegrityError as error:
        raise Conflict from error


def _keep(connection: Connection, kept: Allowance) -> None:
    connection.execute(update(limits).where(limits.c.account == kept.account).values(asdict(kept)))


def _occupy(  # noqa: PLR0913, PLR0917 -- those of the seam
    connection: Connection, account: str, holder: str, under_way: int, most: int, seconds: float
) -> int:
    _, moment = _locked(connection, account)
    of_account = shares.c.account == account
    kept = connection.execute(select(shares.c.holder, shares.c.slots, shares.c.lapses_at).where(of_account))
    before = Occupancy(tuple(Share(*share) for share in kept))
    after, granted = before.occupied(holder, under_way, most, seconds, moment)
    for each in before.holders - after.holders | {holder}:
        _vacate(connection, account, each)
    connection.execute(insert(shares).values(account=account, **asdict(after.share_of(holder))))
    return granted


def _vacate(connection: Connection, account: str, holder: str) -> None:
    connection.execute(delete(shares).where(shares.c.account == account, shares.c.holder == holder))
