"""The repository as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from bulkclaims.jobs import Job, JobId, JobPage, JobStatus, StoredChunk
from bulkclaims.repositories import rules
from bulkclaims.repositories.texts import search_form
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.reading import job_columns, owned, published, result_columns, to_job, to_result
from bulkclaims_sqlalchemy.tables import chunks, jobs, now, payloads, results
from bulkclaims_sqlalchemy.uploads import erase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bulkclaims_sqlalchemy.transactions import Database


class Jobs:
    """`JobStore` in a database."""

    _database: Database

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
        # A transaction of its own for each chunk: whoever reads slowly keeps nothing waiting.
        while (chunk := self._database.read(_chunk, job_id, number)) is not None:
            yield chunk
            number += 1

    def cancel(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        return self._database.write(_cancel, organisation, job_id)

    def reopen(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        return self._database.write(_reopen, organisation, job_id)

    def delete(self, organisation: str, job_id: JobId) -> None:  # noqa: D102
        self._database.write(_delete, organisation, job_id)


def _criteria(
    organisation: str, status: JobStatus | None, search: str, created_after: datetime | None
) -> ColumnElement[bool]:
    criteria = [jobs.c.organisation == organisation, jobs.c.status.is_not(None)]
    if status is not None:
        criteria.append(jobs.c.status == status)
    if search:
        criteria.append(jobs.c.search_name.contains(search_form(search), autoescape=True))
    if created_after is not None:
        criteria.append(jobs.c.created_at > created_after.timestamp())
    return and_(*criteria)


def _find(connection: Connection, criteria: ColumnElement[bool], limit: int, offset: int) -> JobPage:
    count = connection.execute(select(func.count()).select_from(jobs).where(criteria)).scalar_one()
    newest_first = select(*job_columns).where(criteria).order_by(jobs.c.created_at.desc(), jobs.c.serial.desc())
    return JobPage(count, tuple(map(to_job, connection.execute(newest_first.limit(limit).offset(offset)))))


def _chunk(connection: Connection, job_id: JobId, number: int) -> StoredChunk | None:
    payload = connection.scalar(
        select(payloads.c.payload).where(payloads.c.job_id == job_id, payloads.c.chunk == number)
    )
    if payload is None:
        return None
    in_chunk = (results.c.job_id == job_id, results.c.chunk == number, results.c.reopened.is_(False))
    rows = connection.execute(select(*result_columns).where(*in_chunk).order_by(results.c.row))
    return StoredChunk(number, payload, tuple(map(to_result, rows)))


def _cancel(connection: Connection, organisation: str, job_id: JobId) -> Job:
    job = owned(connection, organisation, job_id)
    rules.check_cancellable(job)
    changes: dict[str, object] = {"cancel_requested": True}
    if job.status is JobStatus.PENDING:
        changes |= {"status": JobStatus.CANCELLED, "ended_at": now()}
    return _change(connection, job, changes)


def _reopen(connection: Connection, organisation: str, job_id: JobId) -> Job:
    job = owned(connection, organisation, job_id)
    rules.check_reopenable(job)
    _reopen_chunks(connection, job_id)
    return _change(connection, job, rules.reopened(job, now()))


def _reopen_chunks(connection: Connection, job_id: JobId) -> None:
    of_job = chunks.c.job_id == job_id
    connection.execute(
        update(chunks).where(of_job).values(attempts=0, lease_until=None, rung_at=None, parked_until=None)
    )
    failed = (results.c.success.is_(False), results.c.refused.is_(False))
    connection.execute(update(results).where(results.c.job_id == job_id, *failed).values(reopened=True))
    still_answered = (
        select(func.count())
        .select_from(results)
        .where(results.c.job_id == job_id, results.c.chunk == chunks.c.number, results.c.reopened.is_(False))
    )
    connection.execute(update(chunks).where(of_job).values(answered=still_answered.scalar_subquery()))


def _change(connection: Connection, job: Job, changes: dict[str, object]) -> Job:
    """Change the job, unless it has moved on since it was read."""
    if not connection.execute(update(jobs).where(jobs.c.id == job.id, *_unmoved(job)).values(changes)).rowcount:
        raise Conflict
    return published(connection, job.id)


def _delete(connection: Connection, organisation: str, job_id: JobId) -> None:
    job = owned(connection, organisation, job_id)
    rules.check_deletable(job)
    erase(connection, job_id, *_unmoved(job))


def _unmoved(job: Job) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.status == job.status, jobs.c.run == job.run
