"""
What a worker does under a lease: take a chunk, go on, record, give back. `record` runs all the time; it is kept cheap.

A conditional UPDATE and its row count decide who won. Locks are taken in one order everywhere: a job's chunks first,
the job's own row last. So whoever waits for a job's row holds nothing that the holder of that row could want, and no
two transactions wait for each other.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import JobStatus, Lease
from bulkclaims_sqlalchemy.failures import Conflict
from bulkclaims_sqlalchemy.prepared import Prepared
from bulkclaims_sqlalchemy.reading import published, result_values
from bulkclaims_sqlalchemy.tables import chunks, jobs, now, payloads, results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.jobs import Chunk
    from bulkclaims.records import SealedResult

is_active = or_(jobs.c.status == JobStatus.PENDING, jobs.c.status == JobStatus.PROCESSING)
is_wanted = and_(
    jobs.c.cancel_requested.is_(False),
    jobs.c.problem == "",
    or_(jobs.c.deadline_at.is_(None), jobs.c.deadline_at > now()),
)
"""Whether an active job's next row may be asked."""
is_unfinished = chunks.c.answered < chunks.c.rows
is_live = chunks.c.lease_until > now()
is_free = and_(
    or_(chunks.c.lease_until.is_(None), chunks.c.lease_until <= now()),
    or_(chunks.c.parked_until.is_(None), chunks.c.parked_until <= now()),
)

the_job = jobs.c.id == bindparam("job")
of_the_job = chunks.c.job_id == bindparam("job")
_the_chunk = and_(chunks.c.job_id == bindparam("job"), chunks.c.number == bindparam("chunk"))
_the_held_chunk = and_(_the_chunk, chunks.c.fence == bindparam("held"), chunks.c.lease_until.is_not(None))

_take = Prepared(
    update(chunks)
    .where(_the_chunk, is_unfinished, is_free)
    .values(
        fence=chunks.c.fence + 1,
        attempts=chunks.c.attempts + 1,
        worker=bindparam("holder"),
        lease_until=now() + bindparam("seconds"),
        rung_at=None,
        parked_until=None,
    )
)
_start = Prepared(
    update(jobs)
    .where(the_job, is_active, is_wanted)
    .values(
        status=JobStatus.PROCESSING,
        started_at=func.coalesce(jobs.c.started_at, now()),
        worker_seen_at=now(),
        deadline_at=func.coalesce(jobs.c.deadline_at, now() + jobs.c.deadline_seconds),
    )
)
_taken = Prepared(
    select(chunks.c.fence, chunks.c.attempts, payloads.c.payload)
    .join_from(chunks, payloads, and_(payloads.c.job_id == chunks.c.job_id, payloads.c.chunk == chunks.c.number))
    .where(_the_chunk)
)
_in_the_chunk = and_(results.c.job_id == bindparam("job"), results.c.chunk == bindparam("chunk"))
_answered = Prepared(select(results.c.row).where(_in_the_chunk, results.c.reopened.is_(False)))

_renew = Prepared(update(chunks).where(_the_held_chunk).values(lease_until=now() + bindparam("seconds")))
_processing = select(jobs.c.serial).where(the_job, jobs.c.status == JobStatus.PROCESSING)
_is_processing = Prepared(_processing)
_goes_on = Prepared(_processing.where(is_wanted))

_kept = Prepared(
    select(results.c.row, results.c.reopened).where(
        _in_the_chunk, results.c.row.between(bindparam("first"), bindparam("last"))
    )
)
_count_in_chunk = Prepared(
    update(chunks)
    .where(_the_held_chunk)
    .values(
        answered=chunks.c.answered + bindparam("new"),
        attempts=case((bindparam("new") > 0, 0), else_=chunks.c.attempts),
    )
)
_insert = insert(results)
_result_names = tuple(column.name for column in results.c)
_in_order = itemgetter(*_result_names)
_MOST_ROWS = 500
"""In one statement: SQLite takes 32,766 values unless it was built to take more, and was once content with fewer."""
_answer_again = (
    update(results)
    .where(
        results.c.job_id == bindparam("job"),
        results.c.chunk == bindparam("number"),
        results.c.row == bindparam("line"),
        results.c.reopened.is_(True),
    )
    .values(
        success=bindparam("success_now"),
        status=bindparam("status_now"),
        asked=results.c.asked + bindparam("asked_now"),
        fingerprint=bindparam("fingerprint_now"),
        payload=bindparam("payload_now"),
        reopened=False,
    )
)
_count = (
    update(jobs)
    .where(the_job, jobs.c.status == JobStatus.PROCESSING)
    .values(
        succeeded=jobs.c.succeeded + bindparam("won"),
        failed=jobs.c.failed + bindparam("lost"),
        worker_seen_at=now(),
    )
)
_count_anyway = Prepared(_count)
_count_and_go_on = Prepared(_count.where(is_wanted))

_attempts_without_this = case((chunks.c.attempts > 0, chunks.c.attempts - 1), else_=0)
_give_back = Prepared(update(chunks).where(_the_held_chunk).values(lease_until=None, attempts=_attempts_without_this))
_until = now() + bindparam("seconds")
_put_aside = (
    update(chunks)
    .where(_the_held_chunk, is_unfinished)
    # Nor rung: it was, if the lease had expired, and is not to count as out.
    .values(lease_until=None, attempts=_attempts_without_this, rung_at=None, parked_until=_until)
)
_wait = (
    update(jobs)
    .where(the_job, or_(jobs.c.waiting_until.is_(None), jobs.c.waiting_until <= _until))
    .values(waiting_until=_until, waiting_for=bindparam("reason"))
)


class NotFree(Exception):
    """The chunk cannot be leased; what was noted of the attempt is to be rolled back."""


class NotNew(Exception):
    """A row of the batch has a result already; what was recorded of it is to be rolled back."""


def take(connection: Connection, chunk: Chunk, worker: str, seconds: float) -> Lease:
    """Lease the chunk, or raise `NotFree`."""
    key = {"job": chunk.job_id, "chunk": chunk.number}
    if not _take.run(connection, {**key, "holder": worker, "seconds": seconds}).rowcount:
        raise NotFree
    if not _start.run(connection, {"job": chunk.job_id}).rowcount:
        raise NotFree
    taken: tuple[Any, ...] = _taken.run(connection, key).one()
    fence, attempts, payload = taken
    answered = frozenset(_answered.run(connection, key).scalars())
    return Lease(chunk, published(connection, chunk.job_id), worker, fence, attempts, payload, answered)


def renew(connection: Connection, lease: Lease, seconds: float) -> bool:
    """Extend the lease and say whether to go on, or raise `LeaseLost`."""
    if not _renew.run(connection, {**_held(lease), "seconds": seconds}).rowcount:
        raise LeaseLost
    job = {"job": lease.chunk.job_id}
    if _goes_on.run(connection, job).scalar() is not None:
        return True
    if _is_processing.run(connection, job).scalar() is None:
        raise LeaseLost
    return False


def record_new(connection: Connection, lease: Lease, given: Sequence[SealedResult]) -> bool:
    """`record` without a look at what is there, which saves a statement; or raise `NotNew`."""
    try:
        return _record(connection, lease, list(_first_of_each_row(given).values()), [])
    except Conflict:
        raise NotNew from None


def record(connection: Connection, lease: Lease, given: Sequence[SealedResult]) -> bool:
    """Store the results of rows that have none yet and say whether to go on, or raise `LeaseLost`."""
    return _record(connection, lease, *_unrecorded(connection, lease.chunk, given))


def _record(connection: Connection, lease: Lease, new: Sequence[SealedResult], again: Sequence[SealedResult]) -> bool:
    count = len(new) + len(again)
    if not _count_in_chunk.run(connection, {**_held(lease), "new": count}).rowcount:
        raise LeaseLost
    if new:
        _store(connection, lease.chunk, new)
    if again:
        _store_again(connection, lease.chunk, again)
    won = sum(result.success for result in new) + sum(result.success for result in again)
    counts = {"job": lease.chunk.job_id, "won": won, "lost": count - won}
    if _count_and_go_on.run(connection, counts).rowcount:
        return True
    if _count_anyway.run(connection, counts).rowcount:
        return False
    raise LeaseLost


def give_back(connection: Connection, lease: Lease) -> None:
    """Let go of the chunk, if it is still held, or raise `LeaseLost`."""
    if _give_back.run(connection, _held(lease)).rowcount:
        _see_that_it_runs(connection, lease)


def put_aside(connection: Connection, lease: Lease, seconds: float, reason: str) -> None:
    """Let go of the chunk, if it is still held, until something is over, or raise `LeaseLost`."""
    span = {"seconds": seconds}
    if not connection.execute(_put_aside, {**_held(lease), **span}).rowcount:
        give_back(connection, lease)
        return
    connection.execute(_wait, {"job": lease.chunk.job_id, "reason": reason, **span})
    _see_that_it_runs(connection, lease)


def _see_that_it_runs(connection: Connection, lease: Lease) -> None:
    if _is_processing.run(connection, {"job": lease.chunk.job_id}).scalar() is None:
        raise LeaseLost


def _held(lease: Lease) -> dict[str, object]:
    return {"job": lease.chunk.job_id, "chunk": lease.chunk.number, "held": lease.fence}


def _unrecorded(
    connection: Connection, chunk: Chunk, given: Sequence[SealedResult]
) -> tuple[list[SealedResult], list[SealedResult]]:
    """Those of the results whose rows were never answered, and those whose rows were reopened."""
    if not given:
        return [], []
    by_row = _first_of_each_row(given)
    span = {"first": min(by_row), "last": max(by_row)}
    kept: Sequence[Any] = _kept.run(connection, {"job": chunk.job_id, "chunk": chunk.number, **span}).all()
    again = [by_row[row] for row, reopened in kept if reopened and row in by_row]
    for row, _ in kept:
        by_row.pop(row, None)
    return list(by_row.values()), again


def _first_of_each_row(given: Sequence[SealedResult]) -> dict[int, SealedResult]:
    # Reversed, so that of two results for one row the first one stays.
    return {result.row: result for result in reversed(given)}


def _store(connection: Connection, chunk: Chunk, new: Sequence[SealedResult]) -> None:
    values = [result_values(chunk.job_id, chunk.number, result) for result in new]
    try:
        if connection.dialect.name == "sqlite":
            for first in range(0, len(values), _MOST_ROWS):
                some = values[first : first + _MOST_ROWS]
                connection.exec_driver_sql(_insert_rows(len(some)), tuple(chain.from_iterable(map(_in_order, some))))
        else:
            connection.execute(_insert, values)
    except IntegrityError as error:
        # Recorded by another thread under the same lease since we looked, or not looked for.
        raise Conflict from error


@lru_cache(maxsize=256)
def _insert_rows(count: int) -> str:
    """
    One statement for many rows, in SQLite's own words.

    Its driver gives up the interpreter lock for each row of an `executemany`, and a busy event loop takes it each time.
    """
    marks = f"({', '.join('?' * len(_result_names))})"
    return f"INSERT INTO {results.name} ({', '.join(_result_names)}) VALUES {', '.join([marks] * count)}"  # noqa: S608 -- names of ours


def _store_again(connection: Connection, chunk: Chunk, again: Sequence[SealedResult]) -> None:
    answers = [
        {
            "job": chunk.job_id,
            "number": chunk.number,
            "line": result.row,
            "success_now": result.success,
            "status_now": result.status,
            "asked_now": result.asked,
            "fingerprint_now": result.fingerprint,
            "payload_now": result.payload,
        }
        for result in again
    ]
    if connection.execute(_answer_again, answers).rowcount != len(again):
        raise Conflict
