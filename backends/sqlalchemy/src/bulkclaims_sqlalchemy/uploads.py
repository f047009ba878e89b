"""The repository as the process that takes an upload sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims.errors import JobNotFound, UploadRepeated
from bulkclaims.jobs import Job, JobId, JobStatus
from bulkclaims.repositories.rules import ALL_REFUSED
from bulkclaims.repositories.texts import in_use, request_text, search_form, upload_text
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.reading import published, result_values
from bulkclaims_sqlalchemy.tables import chunks, jobs, kept, now, payloads, results

if TYPE_CHECKING:
    from bulkclaims.jobs import NewChunk, NewJob, UploadSummary
    from bulkclaims_sqlalchemy.transactions import Database


class Uploads:
    """`UploadStore` in a database."""

    _database: Database

    def begin(self, job: NewJob, in_flight_seconds: float = 60.0) -> JobId:  # noqa: D102 -- stated in `bulkclaims.interfaces`
        job_id = JobId(str(uuid4()))
        self._database.write(_begin, job_id, job, in_flight_seconds)
        return job_id

    def add(self, job_id: JobId, chunk: NewChunk) -> None:  # noqa: D102
        self._database.write(_add, job_id, chunk)

    def publish(self, job_id: JobId, summary: UploadSummary) -> Job:  # noqa: D102
        return self._database.write(_publish, in_use(job_id), summary)

    def discard(self, job_id: JobId) -> None:  # noqa: D102
        self._database.write(_discard, in_use(job_id))


def _begin(connection: Connection, job_id: JobId, job: NewJob, in_flight_seconds: float) -> None:
    if job.key:
        _claim_key(connection, job, in_flight_seconds)
    values = {
        "id": job_id,
        "organisation": job.owner.organisation,
        "upload_key": job.key or None,
        "search_name": search_form(job.filename),
        "request": request_text(job),
        "salt": job.salt,
        "total_rows": 0,
        "succeeded": 0,
        "failed": 0,
        "refused": 0,
        "cancel_requested": False,
        "problem": "",
        "run": 1,
        "deadline_seconds": job.deadline_seconds,
        "begun_at": now(),
    }
    try:
        connection.execute(insert(jobs).values(values))
    except IntegrityError as error:
        # Somebody else began with the same key since we looked.
        raise Conflict from error


def _claim_key(connection: Connection, job: NewJob, in_flight_seconds: float) -> None:
    is_in_flight = jobs.c.begun_at > now() - in_flight_seconds
    same_key = (jobs.c.organisation == job.owner.organisation, jobs.c.upload_key == job.key)
    query = select(jobs.c.id, jobs.c.status, case((is_in_flight, 1), else_=0)).where(*same_key)
    found = connection.execute(query).one_or_none()
    if found is None:
        return
    job_id, status, in_flight = found
    if status is not None:
        raise UploadRepeated(job_id)
    if in_flight:
        raise UploadRepeated
    erase(connection, job_id, jobs.c.status.is_(None))


def _add(connection: Connection, job_id: JobId, chunk: NewChunk) -> None:
    alive = update(jobs).where(jobs.c.id == in_use(job_id), jobs.c.status.is_(None)).values(begun_at=now())
    if not connection.execute(alive).rowcount:
        raise JobNotFound
    connection.execute(
        insert(chunks).values(
            job_id=job_id,
            number=chunk.number,
            rows=chunk.rows,
            answered=len(chunk.refused),
            fence=0,
            attempts=0,
            worker="",
        )
    )
    connection.execute(insert(payloads).values(job_id=job_id, chunk=chunk.number, payload=chunk.payload))
    if chunk.refused:
        connection.execute(insert(results), [result_values(job_id, chunk.number, result) for result in chunk.refused])


def _is_begun(connection: Connection, job_id: JobId) -> bool:
    query = select(jobs.c.serial).where(jobs.c.id == in_use(job_id), jobs.c.status.is_(None))
    return connection.scalar(query) is not None


def _publish(connection: Connection, job_id: JobId, summary: UploadSummary) -> Job:
    counts = select(func.coalesce(func.sum(chunks.c.rows), 0), func.coalesce(func.sum(chunks.c.answered), 0))
    total, refused = map(int, connection.execute(counts.where(chunks.c.job_id == job_id)).one())
    all_refused = total == refused
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.status.is_(None))
        .values(
            status=JobStatus.FAILED if all_refused else JobStatus.PENDING,
            problem=ALL_REFUSED if all_refused else "",
            total_rows=total,
            failed=refused,
            refused=refused,
            answered_before=refused,
            upload=upload_text(summary),
            created_at=now(),
            queued_at=now(),
            ended_at=now() if all_refused else None,
        )
    )
    # Published already: the commit was done and its confirmation lost, so that this is the repeat.
    return published(connection, job_id)


def _discard(connection: Connection, job_id: JobId) -> None:
    if _is_begun(connection, job_id):
        erase(connection, job_id, jobs.c.status.is_(None))


def erase(connection: Connection, job_id: JobId, *unmoved: ColumnElement[bool]) -> None:
    """Delete all that is kept of a job, unless it has moved on since *unmoved* was read off it."""
    # Chunks are locked first, as everywhere.
    connection.execute(select(chunks.c.number).where(chunks.c.job_id == job_id).with_for_update())
    for table in (results, payloads, chunks):
        connection.execute(delete(table).where(table.c.job_id == job_id))
    connection.execute(delete(kept).where(kept.c.scope == job_id))
    if not connection.execute(delete(jobs).where(jobs.c.id == job_id, *unmoved)).rowcount:
        raise Conflict
