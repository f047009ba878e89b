"""The repository as workers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, update

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import Chunk, Job, JobId, JobStatus, Lease, Workers
from bulkclaims.repositories.beats import beats_kept
from bulkclaims.repositories.rules import MOST_PATIENCE, NO_REASON, NOT_WAITING, TOO_LATE
from bulkclaims.repositories.texts import in_use
from bulkclaims_sqlalchemy import beats, kept, leases
from bulkclaims_sqlalchemy.leases import NotFree, is_active, is_free, is_live, is_unfinished, is_wanted
from bulkclaims_sqlalchemy.reading import published, result_columns, to_result
from bulkclaims_sqlalchemy.tables import chunks, jobs, now, results
from bulkclaims_sqlalchemy.uploads import erase

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bulkclaims.records import SealedResult
    from bulkclaims_sqlalchemy.transactions import Database


class Work:
    """`WorkStore` in a database."""

    _database: Database

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
        return self._database.read(_answers, in_use(job_id), fingerprints)

    def settle(self, job_id: JobId) -> Job:  # noqa: D102
        return self._database.write(_settle, job_id)

    def fail(self, job_id: JobId, problem: str) -> Job:  # noqa: D102
        return self._database.write(_fail, in_use(job_id), problem)

    def active(self) -> Sequence[JobId]:  # noqa: D102
        return self._database.read(_active)

    def beat(self, worker: str) -> None:  # noqa: D102
        self._database.write(beats.note, worker)

    def workers(self, within: float) -> Workers:  # noqa: D102
        return self._database.read(beats.count, within)

    def unbegun(self, at_least: float, less_than: float) -> Chunk | None:  # noqa: D102
        return self._database.read(_unbegun, at_least, less_than)

    def purge(self, ended_before: float, abandoned_before: float) -> int:  # noqa: D102
        if self._database.read(beats.stale, beats_kept(ended_before)):
            self._database.write(beats.forget, beats_kept(ended_before))
        kept.purge(self._database)
        # A transaction for each, or others would wait for all of them.
        doomed = self._database.read(_doomed, ended_before, abandoned_before)
        return sum(self._database.write(_purge, job_id, ended_before, abandoned_before) for job_id in doomed)


_patience = case(
    (chunks.c.rung_at.is_(None), 1),
    (chunks.c.patience < MOST_PATIENCE, 2 * chunks.c.patience),
    else_=MOST_PATIENCE,
)


def _ring(connection: Connection, job_id: JobId, window: int, again_after: float) -> list[Chunk]:
    if connection.scalar(select(jobs.c.serial).where(jobs.c.id == job_id, is_active, is_wanted)) is None:
        return []
    of_job = chunks.c.job_id == job_id
    # Every job has a chunk 0: whoever holds its lock is the only one who rings for the job.
    connection.execute(select(chunks.c.number).where(of_job, chunks.c.number == 0).with_for_update())
    since = now() - again_after * chunks.c.patience
    is_out = or_(is_live, chunks.c.rung_at > since)
    is_waiting = and_(is_unfinished, is_free, or_(chunks.c.rung_at.is_(None), chunks.c.rung_at <= since))
    out = connection.execute(select(func.count()).select_from(chunks).where(of_job, is_unfinished, is_out)).scalar_one()
    if out >= window:
        return []
    waiting = select(chunks.c.number).where(of_job, is_waiting).order_by(chunks.c.number).limit(window - out)
    # A worker may take one of them meanwhile: then it is out without our ringing.
    ring = update(chunks).where(of_job, is_waiting).values(patience=_patience, rung_at=now())
    return [
        Chunk(job_id, number)
        for number in connection.scalars(waiting).all()
        if connection.execute(ring.where(chunks.c.number == number)).rowcount
    ]


def _answers(connection: Connection, job_id: JobId, fingerprints: Collection[bytes]) -> dict[bytes, SealedResult]:
    # The job is looked at here: asked for it too, SQLite would read all its results rather than those by fingerprint.
    query = select(*result_columns, results.c.job_id, results.c.reopened)
    found = connection.execute(query.where(results.c.fingerprint.in_(fingerprints)))
    return {
        row.fingerprint: to_result(row[: len(result_columns)])
        for row in found
        if row.job_id == job_id and not row.reopened
    }


def _settle(connection: Connection, job_id: JobId) -> Job:
    # Locked before the leases are looked at: one that is being granted holds this lock until it can be seen.
    job = published(connection, job_id, lock=True)
    if job.status.ended:
        return job
    if job.processed == job.total_rows:
        return _end(connection, job_id, JobStatus.COMPLETED)
    is_to_go_on = select(jobs.c.serial).where(jobs.c.id == job_id, is_wanted)
    is_held = select(chunks.c.number).where(chunks.c.job_id == job_id, is_live).limit(1)
    if connection.scalar(is_to_go_on) is not None or connection.scalar(is_held) is not None:
        return job
    if job.cancel_requested:
        return _end(connection, job_id, JobStatus.CANCELLED)
    return _end(connection, job_id, JobStatus.FAILED, job.problem or TOO_LATE)


def _fail(connection: Connection, job_id: JobId, problem: str) -> Job:
    # A job that is to fail already keeps its reason.
    job = update(jobs).where(jobs.c.id == job_id, is_active, jobs.c.problem == "")
    connection.execute(job.values(problem=problem or NO_REASON))
    return _settle(connection, job_id)


def _end(connection: Connection, job_id: JobId, status: JobStatus, problem: str = "") -> Job:
    """End the job unless it has ended, and return it as it then stands."""
    ended = {"status": status, "problem": problem, "ended_at": now(), **NOT_WAITING}
    connection.execute(update(jobs).where(jobs.c.id == job_id, is_active).values(ended))
    return published(connection, job_id)


def _active(connection: Connection) -> list[JobId]:
    return list(connection.scalars(select(jobs.c.id).where(is_active).order_by(jobs.c.created_at, jobs.c.serial)))


def _unbegun(connection: Connection, at_least: float, less_than: float) -> Chunk | None:
    is_waiting = and_(
        jobs.c.status == JobStatus.PENDING,
        jobs.c.queued_at <= now() - at_least,
        jobs.c.queued_at > now() - less_than,
    )
    newest_first = (jobs.c.queued_at.desc(), jobs.c.serial.desc())
    newest = connection.scalar(select(jobs.c.id).where(is_waiting).order_by(*newest_first).limit(1))
    if newest is None:
        return None
    first = connection.scalar(select(func.min(chunks.c.number)).where(chunks.c.job_id == newest, is_unfinished))
    return None if first is None else Chunk(newest, first)


def _is_doomed(ended_before: float, abandoned_before: float) -> ColumnElement[bool]:
    is_abandoned = and_(jobs.c.status.is_(None), jobs.c.begun_at <= now() - abandoned_before)
    return or_(jobs.c.ended_at <= now() - ended_before, is_abandoned)


def _doomed(connection: Connection, ended_before: float, abandoned_before: float) -> list[JobId]:
    return list(connection.scalars(select(jobs.c.id).where(_is_doomed(ended_before, abandoned_before))))


def _purge(connection: Connection, job_id: JobId, ended_before: float, abandoned_before: float) -> bool:
    """Delete the job, unless it was reopened, published or deleted since it was found."""
    is_doomed = _is_doomed(ended_before, abandoned_before)
    if connection.scalar(select(jobs.c.serial).where(jobs.c.id == job_id, is_doomed)) is None:
        return False
    erase(connection, job_id, is_doomed)
    return True
