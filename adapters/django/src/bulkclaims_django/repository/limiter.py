"""How payer accounts may be asked: one row for each account, locked while anything of the account is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import asdict
from django.db import IntegrityError
from django.db.models import F

from bulkclaims.repositories.limiter import Allowance, Occupancy, Share
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict

if TYPE_CHECKING:
    from bulkclaims.records import Rate
    from bulkclaims_django.transactions import Database


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


def _reserve(using: str, account: str, count: int, rate: Rate) -> float:
    kept, moment = _locked(using, account)
    _keep(using, kept.reserved(count, rate, moment))
    return max(kept.free_at, moment) - moment


def _postpone(using: str, account: str, seconds: float) -> None:
    kept, moment = _locked(using, account)
    _keep(using, kept.postponed(seconds, moment))


def _postponed(using: str, account: str) -> float:
    rows = models.Limit.objects.using(using).filter(account=account)
    for left in rows.values_list(F("postponed_until") - Now(), flat=True):
        return max(float(left), 0.0)
    return 0.0


def _locked(using: str, account: str) -> tuple[Allowance, float]:
    """The account's row, locked, and the time."""
    query = models.Limit.objects.using(using).filter(account=account).select_for_update()
    rows = query.values_list("account", "free_at", "day", "spent", "postponed_until", Now())
    found = list(rows)
    if not found:
        _open(using, account)
        found = list(rows.all())
    *kept, moment = found[0]
    return Allowance(*kept), moment


def _open(using: str, account: str) -> None:
    try:
        models.Limit.objects.using(using).bulk_create([models.Limit(**asdict(Allowance(account)))])
    except IntegrityError as error:
        raise Conflict from error


def _keep(using: str, kept: Allowance) -> None:
    values = asdict(kept)
    models.Limit.objects.using(using).filter(account=values.pop("account")).update(**values)


def _occupy(  # noqa: PLR0913, PLR0917 -- those of the seam
    using: str, account: str, holder: str, under_way: int, most: int, seconds: float
) -> int:
    _, moment = _locked(using, account)
    kept = models.Share.objects.using(using).filter(account=account).values_list("holder", "slots", "lapses_at")
    before = Occupancy(tuple(Share(*share) for share in kept))
    after, granted = before.occupied(holder, under_way, most, seconds, moment)
    for each in before.holders - after.holders | {holder}:
        _vacate(using, account, each)
    row = models.Share(account=account, **asdict(after.share_of(holder)))
    models.Share.objects.using(using).bulk_create([row])
    return granted


def _vacate(using: str, account: str, holder: str) -> None:
    models.Share.objects.using(using).filter(account=account, holder=holder).delete()
