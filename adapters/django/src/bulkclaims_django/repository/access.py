"""Access tokens of payers, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.db.models import F

from bulkclaims.records import SealedAccess
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from bulkclaims_django.transactions import Database


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


def _newest(using: str, account: str, after: int) -> QuerySet[models.Access]:
    return models.Access.objects.using(using).filter(account=account, serial=after)


def _find(using: str, account: str) -> SealedAccess | None:
    kept = models.Access.objects.using(using).filter(account=account, serial__gt=0)
    for serial, payload, left in kept.values_list("serial", "payload", F("good_until") - Now()):
        return SealedAccess(serial, bytes(payload), left)
    return None


def _begin(using: str, account: str, after: int, seconds: float) -> bool:
    until = Now() + seconds
    if _newest(using, account, after).filter(fetched_until__lte=Now()).update(fetched_until=until):
        return True
    if after or models.Access.objects.using(using).filter(account=account).exists():
        return False
    first = models.Access(account=account, serial=0, payload=b"", good_until=0.0, fetched_until=until)
    try:
        models.Access.objects.using(using).bulk_create([first])
    except IntegrityError as error:
        raise Conflict from error
    return True


def _keep(using: str, account: str, after: int, payload: bytes, seconds: float) -> None:
    kept = {"serial": after + 1, "payload": payload, "good_until": Now() + seconds, "fetched_until": 0.0}
    _newest(using, account, after).update(**kept)


def _leave(using: str, account: str, after: int) -> None:
    _newest(using, account, after).update(fetched_until=0.0)
