"""Signs of life of worker processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.db.models import Count, Max, Q

from bulkclaims.jobs import Workers
from bulkclaims.repositories.texts import to_time
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict

if TYPE_CHECKING:
    from django.db.models import QuerySet


def note(using: str, worker: str) -> None:
    """Note that the worker lives."""
    if models.Worker.objects.using(using).filter(worker=worker).update(seen_at=Now()):
        return
    try:
        models.Worker.objects.using(using).bulk_create([models.Worker(worker=worker, seen_at=Now())])
    except IntegrityError as error:
        raise Conflict from error


def count(using: str, within: float) -> Workers:
    """Count those that live, and say when one was seen last."""
    alive = Count("worker", filter=Q(seen_at__gt=Now() - within))
    found = models.Worker.objects.using(using).aggregate(alive=alive, seen_at=Max("seen_at"))
    return Workers(found["alive"], to_time(found["seen_at"]))


def stale(using: str, kept: float) -> bool:
    """Say whether there is anything to forget; to look costs no lock."""
    return _stale(using, kept).exists()


def forget(using: str, kept: float) -> None:
    """Forget beats older than that, but for the latest."""
    _stale(using, kept).delete()


def _stale(using: str, kept: float) -> QuerySet[models.Worker]:
    rows = models.Worker.objects.using(using)
    # Read first: not every MariaDB looks into a table that it deletes from.
    latest = rows.aggregate(latest=Max("seen_at"))["latest"]
    return rows.filter(seen_at__lte=Now() - kept, seen_at__lt=latest or 0.0)
