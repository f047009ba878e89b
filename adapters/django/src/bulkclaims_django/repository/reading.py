"""Jobs and results as rows of tables, and back."""

from __future__ import annotations

import json

from bulkclaims.errors import JobNotFound
from bulkclaims.jobs import Job, JobId, JobStatus, Owner
from bulkclaims.records import SealedResult
from bulkclaims.repositories.texts import in_use, to_time, upload_summary
from bulkclaims_django import models

_SAME = (
    "total_rows",
    "succeeded",
    "failed",
    "refused",
    "cancel_requested",
    "problem",
    "run",
    "answered_before",
    "deadline_seconds",
    "waiting_for",
)
_TIMES = ("created_at", "queued_at", "started_at", "worker_seen_at", "ended_at", "deadline_at", "waiting_until")

RESULT_COLUMNS = ("row", "success", "status", "payload", "asked", "refused", "fingerprint")
"""In the order of `SealedResult`."""


def published(using: str, job_id: JobId, *, lock: bool = False) -> Job:
    """
    Read a job that is published.

    Args:
        using: The database's alias.
        job_id: Which job.
        lock: Whether nobody else may change the job until the transaction ends. Chunks are locked before jobs, never
            after, so that no two transactions can wait for each other.

    Raises:
        JobNotFound: There is none.
    """
    jobs = models.Job.objects.using(using).filter(id=in_use(job_id), status__isnull=False)
    found = list(jobs.select_for_update() if lock else jobs)
    if not found:
        raise JobNotFound
    return to_job(found[0])


def owned(using: str, organisation: str, job_id: JobId) -> Job:
    """
    Read a published job of *organisation*.

    Raises:
        JobNotFound: There is none.
    """
    job = published(using, job_id)
    if job.owner.organisation != organisation:
        raise JobNotFound
    return job


def to_job(row: models.Job) -> Job:
    """Make a job of its row."""
    request = json.loads(row.request)
    return Job(
        id=JobId(row.id),
        owner=Owner(row.organisation, request["user"]),
        filename=request["filename"],
        defaults=request["defaults"],
        salt=bytes(row.salt),
        status=JobStatus(row.status),
        upload=upload_summary(row.upload),
        **{name: to_time(getattr(row, name)) for name in _TIMES},
        **{name: getattr(row, name) for name in _SAME},
    )


def to_result(  # noqa: PLR0913, PLR0917 -- one for each of RESULT_COLUMNS
    row: int,
    success: bool,  # noqa: FBT001
    status: str,
    payload: bytes,
    asked: int,
    refused: bool,  # noqa: FBT001
    fingerprint: bytes | None,
) -> SealedResult:
    """Make a result of its RESULT_COLUMNS; some drivers give bytes another type."""
    known = None if fingerprint is None else bytes(fingerprint)
    return SealedResult(row, success, status, bytes(payload), asked, refused, known)


def result_row(job_id: JobId, chunk: int, result: SealedResult) -> models.Result:
    """The row of a new result."""
    return models.Result(
        job_id=job_id,
        chunk=chunk,
        row=result.row,
        success=result.success,
        status=result.status,
        asked=result.asked,
        refused=result.refused,
        reopened=False,
        fingerprint=result.fingerprint,
        payload=result.payload,
    )
