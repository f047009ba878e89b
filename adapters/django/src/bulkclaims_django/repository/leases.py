"""
What a worker does under a lease: take a chunk, go on, record, give back. `record` runs all the time; it is kept cheap.

A conditional UPDATE and its row count decide who won. Locks are taken in one order everywhere: a job's chunks first,
the job's own row last. So whoever waits for a job's row holds nothing that the holder of that row could want, and no
two transactions wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import JobStatus, Lease
from bulkclaims.repositories.texts import in_use
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict
from bulkclaims_django.repository.reading import published, result_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from bulkclaims.jobs import Chunk, JobId
    from bulkclaims.records import SealedResult

is_active = Q(status__in=[JobStatus.PENDING, JobStatus.PROCESSING])
is_wanted = Q(cancel_requested=False, problem="") & (Q(deadline_at=None) | Q(deadline_at__gt=Now()))
"""Whether an active job's next row may be asked."""
is_unfinished = Q(answered__lt=F("rows"))
is_live = Q(lease_until__gt=Now())
is_free = (Q(lease_until=None) | Q(lease_until__lte=Now())) & (Q(parked_until=None) | Q(parked_until__lte=Now()))

_attempts_without_this = Greatest(F("attempts") - 1, 0)


class NotFree(Exception):
    """The chunk cannot be leased; what was noted of the attempt is to be rolled back."""


def take(using: str, chunk: Chunk, worker: str, seconds: float) -> Lease:
    """Lease the chunk, or raise `NotFree`."""
    job_id = in_use(chunk.job_id)
    row = models.Chunk.objects.using(using).filter(job_id=job_id, number=chunk.number)
    taken = row.filter(is_unfinished, is_free).update(
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        worker=worker,
        lease_until=Now() + seconds,
        rung_at=None,
        parked_until=None,
    )
    if not taken or not _start(using, job_id):
        raise NotFree
    fence, attempts = row.values_list("fence", "attempts").get()
    payload = models.Payload.objects.using(using).get(job_id=job_id, chunk=chunk.number).payload
    answered = _results(using, chunk).filter(reopened=False).values_list("row", flat=True)
    return Lease(chunk, published(using, job_id), worker, fence, attempts, bytes(payload), frozenset(answered))


def _start(using: str, job_id: JobId) -> int:
    job = models.Job.objects.using(using).filter(is_active, is_wanted, id=job_id)
    return job.update(
        status=JobStatus.PROCESSING,
        started_at=Coalesce("started_at", Now()),
        worker_seen_at=Now(),
        deadline_at=Coalesce("deadline_at", Now() + F("deadline_seconds")),
    )


def renew(using: str, lease: Lease, seconds: float) -> bool:
    """Extend the lease and say whether to go on, or raise `LeaseLost`."""
    if not _held(using, lease).update(lease_until=Now() + seconds):
        raise LeaseLost
    job = _running(using, lease)
    if job.filter(is_wanted).exists():
        return True
    if job.exists():
        return False
    raise LeaseLost


def record(using: str, lease: Lease, given: Sequence[SealedResult]) -> bool:
    """Store the results of rows that have none yet and say whether to go on, or raise `LeaseLost`."""
    new, again = _unrecorded(using, lease.chunk, given)
    count = len(new) + len(again)
    alive = {"attempts": 0} if count else {}
    if not _held(using, lease).update(answered=F("answered") + count, **alive):
        raise LeaseLost
    _store(using, lease.chunk, new)
    _store_again(using, lease.chunk, again)
    won = sum(result.success for result in (*new, *again))
    counted = {"succeeded": F("succeeded") + won, "failed": F("failed") + count - won, "worker_seen_at": Now()}
    job = _running(using, lease)
    if job.filter(is_wanted).update(**counted):
        return True
    if job.update(**counted):
        return False
    raise LeaseLost


def give_back(using: str, lease: Lease) -> None:
    """Let go of the chunk, if it is still held, or raise `LeaseLost`."""
    given_back = _held(using, lease).update(lease_until=None, attempts=_attempts_without_this)
    if given_back and not _running(using, lease).exists():
        raise LeaseLost


def put_aside(using: str, lease: Lease, seconds: float, reason: str) -> None:
    """Let go of the chunk, if it is still held, until something is over, or raise `LeaseLost`."""
    until = Now() + seconds
    # Nor rung: it was, if the lease had expired, and is not to count as out.
    aside = {"lease_until": None, "attempts": _attempts_without_this, "rung_at": None, "parked_until": until}
    if not _held(using, lease).filter(is_unfinished).update(**aside):
        give_back(using, lease)
        return
    job = _running(using, lease)
    waits_less = Q(waiting_until=None) | Q(waiting_until__lte=until)
    if not job.filter(waits_less).update(waiting_until=until, waiting_for=reason) and not job.exists():
        raise LeaseLost


def _held(using: str, lease: Lease) -> QuerySet[models.Chunk]:
    chunk = lease.chunk
    held = {"fence": lease.fence, "lease_until__isnull": False}
    return models.Chunk.objects.using(using).filter(job_id=chunk.job_id, number=chunk.number, **held)


def _running(using: str, lease: Lease) -> QuerySet[models.Job]:
    return models.Job.objects.using(using).filter(id=lease.chunk.job_id, status=JobStatus.PROCESSING)


def _results(using: str, chunk: Chunk) -> QuerySet[models.Result]:
    return models.Result.objects.using(using).filter(job_id=chunk.job_id, chunk=chunk.number)


def _unrecorded(
    using: str, chunk: Chunk, given: Sequence[SealedResult]
) -> tuple[list[SealedResult], list[SealedResult]]:
    """Those of the results whose rows were never answered, and those whose rows were reopened."""
    if not given:
        return [], []
    # Reversed, so that of two results for one row the first one stays.
    by_row = {result.row: result for result in reversed(given)}
    kept = _results(using, chunk).filter(row__range=(min(by_row), max(by_row))).values_list("row", "reopened")
    known = dict(kept)
    again = [by_row[row] for row, reopened in known.items() if reopened and row in by_row]
    return [result for row, result in by_row.items() if row not in known], again


def _store(using: str, chunk: Chunk, new: Sequence[SealedResult]) -> None:
    rows = [result_row(chunk.job_id, chunk.number, result) for result in new]
    try:
        models.Result.objects.using(using).bulk_create(rows)
    except IntegrityError as error:
        # Another thread recorded the row under the same lease since we looked.
        raise Conflict from error


def _store_again(using: str, chunk: Chunk, again: Sequence[SealedResult]) -> None:
    reopened = _results(using, chunk).filter(reopened=True)
    for result in again:
        changed = reopened.filter(row=result.row).update(
            success=result.success,
            status=result.status,
            asked=F("asked") + result.asked,
            fingerprint=result.fingerprint,
            payload=result.payload,
            reopened=False,
        )
        if not changed:
            raise Conflict
