"""Jobs and results as rows of tables, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from bulkclaims.errors import JobNotFound
from bulkclaims.jobs import Job, JobId, JobStatus, Owner
from bulkclaims.records import SealedResult
from bulkclaims.repositories.texts import in_use, to_time, upload_summary
from bulkclaims_sqlalchemy.tables import jobs, results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row


_OURS = {"serial", "search_name", "upload_key", "begun_at"}
_TIMES = ("created_at", "queued_at", "started_at", "worker_seen_at", "ended_at", "deadline_at", "waiting_until")

job_columns = [column for column in jobs.c if column.name not in _OURS]
result_columns = [
    results.c[name] for name in ("row", "success", "status", "payload", "asked", "refused", "fingerprint")
]
"""In the order of `SealedResult`."""

_published = select(*job_columns).where(jobs.c.status.is_not(None), jobs.c.id == bindparam("job"))
_locked = _published.with_for_update()


def published(connection: Connection, job_id: JobId, *, lock: bool = False) -> Job:
    """
    Read a job that is published.

    Args:
        connection: In a transaction.
        job_id: Which job.
        lock: Whether nobody else may change the job until the transaction ends. Chunks are locked before jobs, never
            after, so that no two transactions can wait for each other.

    Raises:
        JobNotFound: There is none.
    """
    row = connection.execute(_locked if lock else _published, {"job": in_use(job_id)}).one_or_none()
    if row is None:
        raise JobNotFound
    return to_job(row)


def owned(connection: Connection, organisation: str, job_id: JobId) -> Job:
    """
    Read a published job of *organisation*.

    Raises:
        JobNotFound: There is none.
    """
    job = published(connection, job_id)
    if job.owner.organisation != organisation:
        raise JobNotFound
    return job


def to_job(row: Row[Any]) -> Job:
    """Make a job of its *job_columns*."""
    kept = row._asdict()
    request = json.loads(kept.pop("request"))
    return Job(
        owner=Owner(kept.pop("organisation"), request["user"]),
        filename=request["filename"],
        defaults=request["defaults"],
        status=JobStatus(kept.pop("status")),
        upload=upload_summary(kept.pop("upload")),
        **{name: to_time(kept.pop(name)) for name in _TIMES},
        **kept,
    )


def to_result(row: Sequence[Any]) -> SealedResult:
    """Make a result of its *result_columns*."""
    return SealedResult(*row)


def result_values(job_id: JobId, chunk: int, result: SealedResult) -> dict[str, Any]:
    """The columns of a new result."""
    return {
        "job_id": job_id,
        "chunk": chunk,
        "row": result.row,
        "success": result.success,
        "status": result.status,
        "asked": result.asked,
        "refused": result.refused,
        "reopened": False,
        "fingerprint": result.fingerprint,
        "payload": result.payload,
    }
