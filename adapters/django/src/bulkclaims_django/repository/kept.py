"""What workers keep for a while, sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.db.models import Max

from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

    from bulkclaims_django.transactions import Database

_MOST = 1000
"""Entries that one transaction of `purge` deletes, or a few more: others wait for it."""


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


def _those(using: str, scope: str, marks: Collection[bytes]) -> QuerySet[models.Kept]:
    return models.Kept.objects.using(using).filter(scope=scope, mark__in=marks)


def _find(using: str, scope: str, marks: Collection[bytes]) -> dict[bytes, bytes]:
    found = _those(using, scope, marks).filter(lapses_at__gt=Now()).values_list("mark", "payload")
    return {bytes(mark): bytes(payload) for mark, payload in found}


def _keep(using: str, scope: str, payloads: Mapping[bytes, bytes], seconds: float) -> None:
    there = {bytes(mark) for mark in _those(using, scope, payloads).values_list("mark", flat=True)}
    lapses_at = Now() + seconds
    # In one order, so that no two callers wait for each other.
    ordered = sorted(payloads.items())
    for mark, payload in ordered:
        if mark in there and not _those(using, scope, [mark]).update(payload=payload, lapses_at=lapses_at):
            # Dropped since we looked.
            raise Conflict
    new = [(mark, payload) for mark, payload in ordered if mark not in there]
    rows = [models.Kept(scope=scope, mark=mark, payload=payload, lapses_at=lapses_at) for mark, payload in new]
    try:
        models.Kept.objects.using(using).bulk_create(rows)
    except IntegrityError as error:
        # Kept by another since we looked.
        raise Conflict from error


def _drop(using: str, scope: str, marks: Collection[bytes]) -> None:
    _those(using, scope, marks).delete()


def purge(database: Database) -> None:
    """Forget what has lapsed, in short transactions; to look costs no lock."""
    while (moment := database.read(_lapsed)) is not None and database.write(_forget, moment):
        pass


def _lapsed(using: str) -> float | None:
    """The moment until which some lapsed, few enough for one transaction; None when nothing has."""
    oldest = models.Kept.objects.using(using).filter(lapses_at__lte=Now()).order_by("lapses_at")[:_MOST]
    latest: float | None = oldest.aggregate(latest=Max("lapses_at"))["latest"]
    return latest


def _forget(using: str, moment: float) -> bool:
    deleted, _ = models.Kept.objects.using(using).filter(lapses_at__lte=moment).delete()
    return bool(deleted)
