"""The repository as the process that takes an upload sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import IntegrityError
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Sum

from bulkclaims.errors import JobNotFound, UploadRepeated
from bulkclaims.jobs import Job, JobId, JobStatus
from bulkclaims.repositories.rules import ALL_REFUSED
from bulkclaims.repositories.texts import in_use, request_text, search_form, upload_text
from bulkclaims_django import models
from bulkclaims_django.clock import Now
from bulkclaims_django.failures import Conflict
from bulkclaims_django.repository.endings import Ending, Endings
from bulkclaims_django.repository.reading import published, result_row

if TYPE_CHECKING:
    from bulkclaims.jobs import NewChunk, NewJob, UploadSummary


class Uploads(Endings):
    """`UploadStore` in a database."""

    def begin(self, job: NewJob, in_flight_seconds: float = 60.0) -> JobId:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        job_id = JobId(str(uuid4()))
        self._database.write(_begin, job_id, job, in_flight_seconds)
        return job_id

    def add(self, job_id: JobId, chunk: NewChunk) -> None:  # noqa: D102
        self._database.write(_add, in_use(job_id), chunk)

    def publish(self, job_id: JobId, summary: UploadSummary) -> Job:  # noqa: D102
        return self._end(_publish, in_use(job_id), summary)

    def discard(self, job_id: JobId) -> None:  # noqa: D102
        self._database.write(_discard, in_use(job_id))


def _begin(using: str, job_id: JobId, job: NewJob, in_flight_seconds: float) -> None:
    if job.key:
        _claim_key(using, job, in_flight_seconds)
    row = models.Job(
        id=job_id,
        organisation=job.owner.organisation,
        upload_key=job.key or None,
        search_name=search_form(job.filename),
        request=request_text(job),
        salt=job.salt,
        total_rows=0,
        succeeded=0,
        failed=0,
        refused=0,
        cancel_requested=False,
        problem="",
        run=1,
        answered_before=0,
        deadline_seconds=job.deadline_seconds,
        begun_at=Now(),
    )
    try:
        models.Job.objects.using(using).bulk_create([row])
    except IntegrityError as error:
        # Somebody else began with the same key since we looked.
        raise Conflict from error


def _claim_key(using: str, job: NewJob, in_flight_seconds: float) -> None:
    same_key = models.Job.objects.using(using).filter(organisation=job.owner.organisation, upload_key=job.key)
    is_in_flight = ExpressionWrapper(Q(begun_at__gt=Now() - in_flight_seconds), BooleanField())
    for job_id, status, in_flight in same_key.values_list("id", "status", is_in_flight):
        if status is not None:
            raise UploadRepeated(job_id)
        if in_flight:
            raise UploadRepeated
        erase(using, job_id, Q(status=None))


def _add(using: str, job_id: JobId, chunk: NewChunk) -> None:
    if not _begun(using, job_id).update(begun_at=Now()):
        raise JobNotFound
    row = models.Chunk(
        job_id=job_id,
        number=chunk.number,
        rows=chunk.rows,
        answered=len(chunk.refused),
        fence=0,
        attempts=0,
        worker="",
    )
    payload = models.Payload(job_id=job_id, chunk=chunk.number, payload=chunk.payload)
    models.Chunk.objects.using(using).bulk_create([row])
    models.Payload.objects.using(using).bulk_create([payload])
    models.Result.objects.using(using).bulk_create(
        [result_row(job_id, chunk.number, result) for result in chunk.refused]
    )


def _begun(using: str, job_id: JobId) -> QuerySet[models.Job, str]:
    return models.Job.objects.using(using).filter(id=job_id, status=None).values_list("id", flat=True)


def _publish(using: str, job_id: JobId, summary: UploadSummary) -> Ending:
    chunks = models.Chunk.objects.using(using).filter(job_id=job_id)
    counts = chunks.aggregate(total=Sum("rows", default=0), refused=Sum("answered", default=0))
    total, refused = counts["total"], counts["refused"]
    all_refused = total == refused
    changed = _begun(using, job_id).update(
        status=JobStatus.FAILED if all_refused else JobStatus.PENDING,
        problem=ALL_REFUSED if all_refused else "",
        total_rows=total,
        failed=refused,
        refused=refused,
        answered_before=refused,
        upload=upload_text(summary),
        created_at=Now(),
        queued_at=Now(),
        ended_at=Now() if all_refused else None,
    )
    # Published already: the commit was done and its confirmation lost, so that this is the repeat.
    return Ending(published(using, job_id), by_us=bool(changed) and all_refused)


def _discard(using: str, job_id: JobId) -> None:
    if _begun(using, job_id):
        erase(using, job_id, Q(status=None))


def erase(using: str, job_id: JobId, *unmoved: Q) -> None:
    """Delete all that is kept of a job, unless it has moved on since *unmoved* was read off it."""
    # Chunks are locked first, as everywhere.
    list(models.Chunk.objects.using(using).filter(job_id=job_id).select_for_update().values_list("number"))
    job = models.Job.objects.using(using).filter(*unmoved, id=job_id)
    if not job.select_for_update().values_list("id"):
        raise Conflict
    models.Kept.objects.using(using).filter(scope=job_id).delete()
    job.delete()
