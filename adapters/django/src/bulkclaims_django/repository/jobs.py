"""The repository as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from bulkclaims.jobs import Job, JobId, JobPage, JobStatus, StoredChunk
from bulkclaims.repositories import rules
from bulkclaims.repositories.texts import search_form
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict
from bulkclaims_django.repository.endings import Ending, Endings
from bulkclaims_django.repository.reading import RESULT_COLUMNS, owned, published, to_job, to_result
from bulkclaims_django.repository.uploads import erase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class Jobs(Endings):
    """`JobStore` in a database."""

    def get(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        return self._database.read(owned, organisation, job_id)

    def find(  # noqa: D102, PLR0913 -- the contract's criteria
        self,
        organisation: str,
        *,
        status: JobStatus | None = None,
        search: str = "",
        created_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> JobPage:
        criteria = _criteria(organisation, status, search, created_after)
        return self._database.read(_find, criteria, limit, offset)

    def chunks(self, organisation: str, job_id: JobId, first: int = 0) -> Iterator[StoredChunk]:  # noqa: D102
        self._database.read(owned, organisation, job_id)
        return self._chunks(job_id, first)

    def _chunks(self, job_id: JobId, number: int) -> Iterator[StoredChunk]:
        while (chunk := self._database.read(_chunk, job_id, number)) is not None:
            yield chunk
            number += 1

    def cancel(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        return self._end(_cancel, organisation, job_id)

    def reopen(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        return self._database.write(_reopen, organisation, job_id)

    def delete(self, organisation: str, job_id: JobId) -> None:  # noqa: D102
        self._database.write(_delete, organisation, job_id)


def _criteria(organisation: str, status: JobStatus | None, search: str, created_after: datetime | None) -> Q:
    criteria = Q(organisation=organisation, status__isnull=False)
    if status is not None:
        criteria &= Q(status=status)
    if search:
        criteria &= Q(search_name__contains=search_form(search))
    if created_after is not None:
        criteria &= Q(created_at__gt=created_after.timestamp())
    return criteria


def _find(using: str, criteria: Q, limit: int, offset: int) -> JobPage:
    found = models.Job.objects.using(using).filter(criteria)
    newest_first = found.order_by("-created_at", "-begun_at", "-id")
    return JobPage(found.count(), tuple(map(to_job, newest_first[offset : offset + limit])))


def _chunk(using: str, job_id: JobId, number: int) -> StoredChunk | None:
    in_chunk = models.Result.objects.using(using).filter(job_id=job_id, chunk=number, reopened=False)
    results = tuple(to_result(*row) for row in in_chunk.order_by("row").values_list(*RESULT_COLUMNS))
    # Read last: what goes together goes at once, so that a payload still there vouches for the results.
    payloads = models.Payload.objects.using(using).filter(job_id=job_id, chunk=number)
    for payload in payloads.values_list("payload", flat=True):
        return StoredChunk(number, bytes(payload), results)
    return None


def _cancel(using: str, organisation: str, job_id: JobId) -> Ending:
    job = owned(using, organisation, job_id)
    rules.check_cancellable(job)
    if job.status is not JobStatus.PENDING:
        return Ending(_change(using, job, cancel_requested=True))
    ended = _change(using, job, cancel_requested=True, status=JobStatus.CANCELLED, ended_at=Now())
    return Ending(ended, by_us=True)


def _reopen(using: str, organisation: str, job_id: JobId) -> Job:
    job = owned(using, organisation, job_id)
    rules.check_reopenable(job)
    _reopen_chunks(using, job_id)
    return _change(using, job, **rules.reopened(job, Now()))


def _reopen_chunks(using: str, job_id: JobId) -> None:
    chunks = models.Chunk.objects.using(using).filter(job_id=job_id)
    chunks.update(attempts=0, lease_until=None, rung_at=None, parked_until=None)
    results = models.Result.objects.using(using)
    results.filter(job_id=job_id, success=False, refused=False).update(reopened=True)
    answered = results.filter(job_id=OuterRef("job_id"), chunk=OuterRef("number"), reopened=False)
    count = answered.order_by().values("chunk").annotate(count=Count("row")).values("count")
    chunks.update(answered=Coalesce(Subquery(count), 0))


def _change(using: str, job: Job, **changes: object) -> Job:
    """Change the job, unless it has moved on since it was read."""
    if not models.Job.objects.using(using).filter(_unmoved(job), id=job.id).update(**changes):
        raise Conflict
    return published(using, job.id)


def _delete(using: str, organisation: str, job_id: JobId) -> None:
    job = owned(using, organisation, job_id)
    rules.check_deletable(job)
    erase(using, job_id, _unmoved(job))


def _unmoved(job: Job) -> Q:
    return Q(status=job.status, run=job.run)
