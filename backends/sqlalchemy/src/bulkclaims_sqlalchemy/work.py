"""The repository as workers see it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select, update

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import Chunk, Job, JobId, JobStatus, Lease, Workers
from bulkclaims.repositories.beats import beats_kept
from bulkclaims.repositories.rules import MOST_PATIENCE, NO_REASON, NOT_WAITING, TOO_LATE
from bulkclaims.repositories.texts import in_use
from bulkclaims_sqlalchemy import beats, kept, leases
from bulkclaims_sqlalchemy.leases import (
    NotFree,
    NotNew,
    is_active,
    is_free,
    is_live,
    is_unfinished,
    is_wanted,
    of_the_job,
    the_job,
)
from bulkclaims_sqlalchemy.prepared import Prepared
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
        if lease.job.run == 1:  # no row was reopened by a retry, so this hardly ever has to be done again
            with suppress(NotNew):
                return self._database.write(leases.record_new, lease, results)
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


_since = now() - bindparam("again_after", type_=chunks.c.rung_at.type) * chunks.c.patience
_is_out = or_(is_live, chunks.c.rung_at > _since)
_is_waiting = and_(is_unfinished, is_free, or_(chunks.c.rung_at.is_(None), chunks.c.rung_at <= _since))

_to_ring_for = Prepared(select(jobs.c.serial).where(the_job, is_active, is_wanted))
_first_locked = Prepared(select(chunks.c.number).where(of_the_job, chunks.c.number == 0).with_for_update())
_count_out = Prepared(select(func.count()).select_from(chunks).where(of_the_job, is_unfinished, _is_out))
_waiting = Prepared(
    select(chunks.c.number).where(of_the_job, _is_waiting).order_by(chunks.c.number).limit(bindparam("most"))
)
_ring_one = Prepared(
    update(chunks)
    .where(of_the_job, chunks.c.number == bindparam("chunk"), _is_waiting)
    .values(patience=_patience, rung_at=now())
)


def _ring(connection: Connection, job_id: JobId, window: int, again_after: float) -> list[Chunk]:
    job, overdue = {"job": job_id}, {"job": job_id, "again_after": again_after}
    if _to_ring_for.run(connection, job).scalar() is None:
        return []
    # Every job has a chunk 0: whoever holds its lock is the only one who rings for the job.
    _first_locked.run(connection, job)
    out: int = _count_out.run(connection, overdue).scalar_one()
    if out >= window:
        return []
    # A worker may take one of them meanwhile: then it is out without our ringing.
    return [
        Chunk(job_id, number)
        for number in _waiting.run(connection, {**overdue, "most": window - out}).scalars().all()
        if _ring_one.run(connection, {**overdue, "chunk": number}).rowcount
    ]


# The job is looked at afterwards: asked for it too, SQLite would read all its results, not those by fingerprint.
_fingerprinted = select(*result_columns, results.c.job_id, results.c.reopened).where(
    results.c.fingerprint.in_(bindparam("fingerprints", expanding=True))
)


def _answers(connection: Connection, job_id: JobId, fingerprints: Collection[bytes]) -> dict[bytes, SealedResult]:
    found = connection.execute(_fingerprinted, {"fingerprints": list(fingerprints)})
    return {
        row.fingerprint: to_result(row[: len(result_columns)])
        for row in found
        if row.job_id == job_id and not row.reopened
    }


_to_go_on = Prepared(select(jobs.c.serial).where(the_job, is_wanted))
_held = Prepared(select(chunks.c.number).where(of_the_job, is_live).limit(1))


def _settle(connection: Connection, job_id: JobId) -> Job:
    # Locked before the leases are looked at: one that is being granted holds this lock until it can be seen.
    job = published(connection, job_id, lock=True)
    if job.status.ended:
        return job
    if job.processed == job.total_rows:
        return _end(connection, job_id, JobStatus.COMPLETED)
    if any(query.run(connection, {"job": job_id}).scalar() is not None for query in (_to_go_on, _held)):
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


_newest_unbegun = Prepared(
    select(jobs.c.id)
    .where(
        jobs.c.status == JobStatus.PENDING,
        jobs.c.queued_at <= now() - bindparam("at_least"),
        jobs.c.queued_at > now() - bindparam("less_than"),
    )
    .order_by(jobs.c.queued_at.desc(), jobs.c.serial.desc())
    .limit(1)
)
_first_unfinished = Prepared(select(func.min(chunks.c.number)).where(of_the_job, is_unfinished))


def _unbegun(connection: Connection, at_least: float, less_than: float) -> Chunk | None:
    newest = _newest_unbegun.run(connection, {"at_least": at_least, "less_than": less_than}).scalar()
    if newest is None:
        return None
    first = _first_unfinished.run(connection, {"job": newest}).scalar()
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
