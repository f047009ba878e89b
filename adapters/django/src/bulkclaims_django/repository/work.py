"""The repository as workers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Case, F, Q, When

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import Chunk, Job, JobId, JobStatus, Lease, Workers
from bulkclaims.repositories.beats import beats_kept
from bulkclaims.repositories.rules import MOST_PATIENCE, NO_REASON, NOT_WAITING, TOO_LATE
from bulkclaims.repositories.texts import in_use
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.repository import beats, kept, leases
from bulkclaims_django.repository.endings import Ending, Endings
from bulkclaims_django.repository.leases import NotFree, is_active, is_free, is_live, is_unfinished, is_wanted
from bulkclaims_django.repository.reading import RESULT_COLUMNS, published, to_result
from bulkclaims_django.repository.uploads import erase

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bulkclaims.records import SealedResult


class Work(Endings):
    """`WorkStore` in a database."""

    def ring(self, job_id: JobId, window: int, again_after: float) -> Sequence[Chunk]:  # noqa: D102 -- in `interfaces`
        return self._database.write(_ring, in_use(job_id), window, again_after)

    def lease(self, chunk: Chunk, worker: str, seconds: float) -> Lease | None:  # noqa: D102
        try:
            return self._database.write(leases.take, chunk, worker, seconds)
        except NotFree:
            return None

    def renew(self, lease: Lease, seconds: float) -> bool:  # noqa: D102
        return self._database.write(leases.renew, lease, seconds)

    def record(self, lease: Lease, results: Sequence[SealedResult]) -> bool:  # noqa: D102
        return self._database.write(leases.record, lease, results)

    def release(self, lease: Lease) -> None:  # noqa: D102
        try:
            self._database.write(leases.give_back, lease)
        except LeaseLost:
            return

    def park(self, lease: Lease, seconds: float, reason: str) -> None:  # noqa: D102
        try:
            self._database.write(leases.put_aside, lease, seconds, reason)
        except LeaseLost:
            return

    def answers(self, job_id: JobId, fingerprints: Collection[bytes]) -> Mapping[bytes, SealedResult]:  # noqa: D102
        return self._database.read(_answers, job_id, fingerprints)

    def settle(self, job_id: JobId) -> Job:  # noqa: D102
        return self._end(_settle, job_id)

    def fail(self, job_id: JobId, problem: str) -> Job:  # noqa: D102
        return self._end(_fail, in_use(job_id), problem)

    def active(self) -> Sequence[JobId]:  # noqa: D102
        return self._database.read(_active)

    def unbegun(self, at_least: float, less_than: float) -> Chunk | None:  # noqa: D102
        return self._database.read(_unbegun, at_least, less_than)

    def beat(self, worker: str) -> None:  # noqa: D102
        self._database.write(beats.note, worker)

    def workers(self, within: float) -> Workers:  # noqa: D102
        return self._database.read(beats.count, within)

    def purge(self, ended_before: float, abandoned_before: float) -> int:  # noqa: D102
        if self._database.read(beats.stale, beats_kept(ended_before)):
            self._database.write(beats.forget, beats_kept(ended_before))
        kept.purge(self._database)
        # A transaction for each, or others would wait for all of them.
        doomed = self._database.read(_doomed, ended_before, abandoned_before)
        return sum(self._database.write(_purge, job_id, ended_before, abandoned_before) for job_id in doomed)


_patience = Case(
    When(rung_at=None, then=1),
    When(patience__lt=MOST_PATIENCE, then=2 * F("patience")),
    default=MOST_PATIENCE,
)


def _ring(using: str, job_id: JobId, window: int, again_after: float) -> list[Chunk]:
    if not models.Job.objects.using(using).filter(is_active, is_wanted, id=job_id).exists():
        return []
    chunks = models.Chunk.objects.using(using).filter(job_id=job_id)
    # Every job has a chunk 0: whoever holds its lock is the only one who rings for the job.
    list(chunks.filter(number=0).select_for_update().values_list("number"))
    since = Now() - again_after * F("patience")
    out = chunks.filter(is_unfinished, is_live | Q(rung_at__gt=since)).count()
    if out >= window:
        return []
    # A worker may take one of them meanwhile: then it is out without our ringing.
    waiting = chunks.filter(is_unfinished, is_free, Q(rung_at=None) | Q(rung_at__lte=since))
    numbers = list(waiting.order_by("number").values_list("number", flat=True)[: window - out])
    return [
        Chunk(job_id, number)
        for number in numbers
        if waiting.filter(number=number).update(patience=_patience, rung_at=Now())
    ]


def _answers(using: str, job_id: JobId, fingerprints: Collection[bytes]) -> dict[bytes, SealedResult]:
    # The job is looked at here: asked for it too, SQLite would read all its results rather than those by fingerprint.
    query = models.Result.objects.using(using).filter(fingerprint__in=fingerprints)
    return {
        bytes(row[-1]): to_result(*row)
        for owner, reopened, *row in query.values_list("job_id", "reopened", *RESULT_COLUMNS)
        if owner == job_id and not reopened
    }


def _settle(using: str, job_id: JobId) -> Ending:
    # Locked before the leases are looked at: one that is being granted holds this lock until it can be seen.
    job = published(using, job_id, lock=True)
    if job.status.ended:
        return Ending(job)
    if job.processed == job.total_rows:
        return _end(using, job_id, JobStatus.COMPLETED)
    is_to_go_on = models.Job.objects.using(using).filter(is_wanted, id=job_id).exists()
    if is_to_go_on or models.Chunk.objects.using(using).filter(is_live, job_id=job_id).exists():
        return Ending(job)
    if job.cancel_requested:
        return _end(using, job_id, JobStatus.CANCELLED)
    return _end(using, job_id, JobStatus.FAILED, job.problem or TOO_LATE)


def _fail(using: str, job_id: JobId, problem: str) -> Ending:
    # A job that is to fail already keeps its reason.
    job = models.Job.objects.using(using).filter(is_active, id=job_id, problem="")
    job.update(problem=problem or NO_REASON)
    return _settle(using, job_id)


def _end(using: str, job_id: JobId, status: JobStatus, problem: str = "") -> Ending:
    """End the job unless it has ended, and return it as it then stands."""
    job = models.Job.objects.using(using).filter(is_active, id=job_id)
    changed = job.update(status=status, problem=problem, ended_at=Now(), **NOT_WAITING)
    return Ending(published(using, job_id), by_us=bool(changed))


def _active(using: str) -> list[JobId]:
    longest_waiting_first = models.Job.objects.using(using).filter(is_active).order_by("created_at", "begun_at", "id")
    return [JobId(job_id) for job_id in longest_waiting_first.values_list("id", flat=True)]


def _unbegun(using: str, at_least: float, less_than: float) -> Chunk | None:
    waiting = models.Job.objects.using(using).filter(status=JobStatus.PENDING, queued_at__lte=Now() - at_least)
    ids = waiting.filter(queued_at__gt=Now() - less_than).order_by("-queued_at").values_list("id", flat=True)
    if (newest := ids.first()) is None:
        return None
    unfinished = models.Chunk.objects.using(using).filter(is_unfinished, job_id=newest).order_by("number")
    first = unfinished.values_list("number", flat=True).first()
    return None if first is None else Chunk(JobId(newest), first)


def _is_doomed(ended_before: float, abandoned_before: float) -> Q:
    is_abandoned = Q(status=None, begun_at__lte=Now() - abandoned_before)
    return Q(ended_at__lte=Now() - ended_before) | is_abandoned


def _doomed(using: str, ended_before: float, abandoned_before: float) -> list[JobId]:
    doomed = models.Job.objects.using(using).filter(_is_doomed(ended_before, abandoned_before))
    return [JobId(job_id) for job_id in doomed.values_list("id", flat=True)]


def _purge(using: str, job_id: JobId, ended_before: float, abandoned_before: float) -> bool:
    """Delete the job, unless it was reopened, published or deleted since it was found."""
    is_doomed = _is_doomed(ended_before, abandoned_before)
    if not models.Job.objects.using(using).filter(is_doomed, id=job_id).exists():
        return False
    erase(using, job_id, is_doomed)
    return True
