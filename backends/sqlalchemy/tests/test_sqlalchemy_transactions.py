"""Tests of `bulkclaims_sqlalchemy.transactions` and `failures`: what becomes of a transaction that cannot be."""

from __future__ import annotations

import gc
import sqlite3
import threading
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, event, insert, select, text, update
from sqlalchemy.exc import OperationalError

from bulkclaims.dispatch import Doorbell
from bulkclaims.errors import JobNotFound, NotNow, RepositoryUnavailable
from bulkclaims.jobs import Chunk, JobStatus, NewChunk, Settings
from bulkclaims.payloads import seal_rows
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import REQUIRED_COLUMNS, Rate, Row
from bulkclaims.runner import ChunkRunner
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    SUMMARY,
    crowd,
    finish,
    new_job,
    recorded,
    result,
    take,
    upload,
)
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.testing.servers import mariadb, postgresql
from bulkclaims_sqlalchemy import SqlRepository, open_repository, transactions, upgrade
from bulkclaims_sqlalchemy.engine import engine_for
from bulkclaims_sqlalchemy.failures import Conflict, is_passing, unavailable
from bulkclaims_sqlalchemy.tables import chunks, jobs, limits
from bulkclaims_sqlalchemy.transactions import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    from bulkclaims.jobs import Job


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A SQLite database of the test's own."""
    engine = engine_for(sqlite_url)
    yield engine
    engine.dispose()


def test_what_raises_leaves_nothing(engine: Engine, repository: SqlRepository) -> None:
    """A transaction that raises is rolled back, and its exception comes through as it is."""
    database = Database(engine)

    def body(connection: Connection) -> None:
        connection.execute(insert(limits).values(account="a", free_at=0.0, day=0, spent=0))
        raise KeyError

    with pytest.raises(KeyError):
        database.write(body)
    assert database.read(lambda connection: connection.execute(select(limits)).all()) == []


def test_a_conflict_is_tried_again(engine: Engine) -> None:
    """A transaction that found another one to be first is repeated as a whole."""
    attempts = []

    def body(_: Connection) -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise Conflict
        return len(attempts)

    assert Database(engine).write(body) == 3


def test_a_conflict_that_does_not_end_is_given_up(engine: Engine) -> None:
    """After some repeats the caller is told to try later."""

    def body(_: Connection) -> None:
        raise Conflict

    with pytest.raises(RepositoryUnavailable, match="try again soon") as failure:
        Database(engine).write(body)
    assert failure.value.retry_helps


def test_deadlocks_are_tried_again(engine: Engine, repository: SqlRepository) -> None:
    """Of two transactions that wait for each other one is undone by the database, and then repeated by us."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    for account in ("a", "b"):
        repository.postpone(account, 1)
    database, both = Database(engine), threading.Barrier(2)

    def spend(first: str, second: str) -> None:
        met: list[int] = []

        def body(connection: Connection) -> None:
            connection.execute(update(limits).where(limits.c.account == first).values(spent=limits.c.spent + 1))
            if not met:
                met.append(both.wait(timeout=10))
            connection.execute(update(limits).where(limits.c.account == second).values(spent=limits.c.spent + 1))

        database.write(body)

    threads = [threading.Thread(target=spend, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(lambda connection: connection.scalars(select(limits.c.spent)).all()) == [2, 2]


def test_a_worker_frozen_in_a_transaction_keeps_nothing_locked(
    engine: Engine, repository: SqlRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the transaction of whoever says nothing more, and another worker leases the chunk."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite's lock is the process's own")
    monkeypatch.setattr("bulkclaims_sqlalchemy.engine._IDLE_SECONDS", 1)
    job = upload(repository)
    own = engine_for(engine.url.render_as_string(hide_password=False))
    with own.connect() as frozen:
        frozen.execute(update(chunks).values(worker="frozen"))
        lease = repository.lease(Chunk(job.id, 0), "other", 15)
        frozen.invalidate()
    own.dispose()
    assert lease is not None


def test_a_lost_connection_is_replaced(engine: Engine, repository: SqlRepository) -> None:
    """When the server has ended our connections, the next call makes new ones."""
    ask, end = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mariadb": ("SELECT connection_id()", "KILL {}"),
    }.get(engine.dialect.name, ("", ""))
    if not ask:
        pytest.skip("SQLite has no connections to lose")
    job = upload(repository)
    own = engine_for(engine.url.render_as_string(hide_password=False))
    reader = SqlRepository(own)
    with own.connect() as connection:
        number = connection.scalar(text(ask))
    with engine.connect() as connection:
        connection.execute(text(end.format(number)))
    assert reader.get(OURS, job.id) == job
    own.dispose()


@pytest.fixture
def many(engine: Engine, repository: SqlRepository) -> Iterator[SqlRepository]:
    """A repository that takes no more values in a statement than SQLite does as its makers build it."""

    def limit(connection: Any, _: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)

    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", limit)
        engine.dispose()
    yield repository
    if engine.dialect.name == "sqlite":
        event.remove(engine, "connect", limit)
        engine.dispose()


def big_chunk(repository: SqlRepository, rows: int) -> Chunk:
    """Publish a job of one chunk."""
    job_id = repository.begin(new_job())
    packed = [
        Row(number, REQUIRED_COLUMNS, (f"PCN{number}", "ALMA", "TESTER", "03/04/1972", "ZX1")) for number in range(rows)
    ]
    repository.add(job_id, NewChunk(0, rows, seal_rows(packed, PlainCipher())))
    repository.publish(job_id, SUMMARY)
    return Chunk(job_id, 0)


def test_ten_thousand_results_are_recorded_at_once(many: SqlRepository) -> None:
    """However large a chunk is, all its results can come in one batch, new ones and those of a retry."""
    chunk = big_chunk(many, 10_000)
    for success in (False, True):
        lease = many.lease(chunk, "w1", LONG)
        assert lease is not None
        assert many.record(lease, [result(row, success=success) for row in range(10_000)])
        many.release(lease)
        job = many.settle(chunk.job_id)
        assert (job.status, job.succeeded, job.failed) == (
            JobStatus.COMPLETED,
            10_000 * success,
            10_000 * (not success),
        )
        if not success:
            many.reopen(OURS, chunk.job_id)


def test_a_chunk_of_any_size_is_given_up_whole(many: SqlRepository) -> None:
    """A chunk that ends its workers fails row by row, also when it holds ten thousand."""
    chunk = big_chunk(many, 10_000)
    settings = Settings(max_attempts=1)
    assert many.lease(chunk, "doomed", 0)
    doorbell = Doorbell(many, RememberingDispatcher(), settings)

    ChunkRunner(many, InstantProcessor(), PlainCipher(), doorbell, settings).run(chunk)
    job = many.get(OURS, chunk.job_id)

    assert (job.status, job.failed) == (JobStatus.COMPLETED, 10_000)


def test_a_full_disk_says_so(sqlite_url: str, sqlite_engine: Engine) -> None:
    """A SQLite database that cannot grow refuses a chunk with a plain sentence and keeps what it had."""
    event.listen(sqlite_engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 60").close())
    repository = SqlRepository(sqlite_engine)
    job = upload(repository)
    job_id = repository.begin(new_job())
    with pytest.raises(RepositoryUnavailable, match=r"full.*make room"):
        repository.add(job_id, NewChunk(0, 250, bytes(1_000_000)))
    assert repository.get(OURS, job.id) == job
    repository.discard(job_id)
    repository.record(take(repository, job), [result(1)])
    assert recorded(repository, job) == {1: result(1)}


def test_a_database_that_stays_locked_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program keeps SQLite locked, writers are told to try again, and readers read on."""
    monkeypatch.setattr(transactions, "BUSY_SECONDS", 0.05)
    engine = create_engine(sqlite_url, connect_args={"timeout": 0.01})
    repository = SqlRepository(engine)
    job = upload(repository)
    other = engine_for(sqlite_url)
    with other.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryUnavailable, match="too busy"):
            repository.fail(job.id, "No.")
        assert repository.get(OURS, job.id) == job
    assert repository.fail(job.id, "No.").problem == "No."
    other.dispose()
    engine.dispose()


def test_a_file_that_is_no_database_is_told_from_a_full_one(tmp_path: Path) -> None:
    """A failure that nobody foresaw names its kind, and blames neither disk nor haste."""
    file = tmp_path / "notes.txt"
    file.write_text("This is no database. " * 50)
    with pytest.raises(RepositoryUnavailable, match=r"did not do what was asked of it \(DatabaseError\)"):
        open_repository(f"sqlite:///{file}")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A file that cannot be opened sends the reader to folder and permissions."""
    with pytest.raises(RepositoryUnavailable, match="cannot be read or written"):
        open_repository(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "url", ["postgresql://u@127.0.0.1:1/db", "mariadb://u@127.0.0.1:1/db", "postgresql://u@/db?host=/nowhere"]
)
def test_a_server_that_is_away_says_so(url: str) -> None:
    """A port or socket that nobody answers at is out of reach for now, and is asked again before that is said."""
    engine, attempts = engine_for(url), []
    event.listen(engine, "do_connect", lambda *_: attempts.append(1))
    with pytest.raises(
        RepositoryUnavailable, match=r"out of reach just now; try again soon\. If it stays so"
    ) as failure:
        SqlRepository(engine)

    assert failure.value.retry_helps
    assert len(attempts) == 6


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(postgresql, marks=pytest.mark.service("postgresql")),
        pytest.param(mariadb, marks=pytest.mark.service("mariadb")),
    ],
)
def test_a_server_that_was_stopped_says_so(server: Callable[[], AbstractContextManager[str]]) -> None:
    """When the server goes while it is used, its jobs are out of reach, also with connections that were in use."""
    with server() as url:
        upgrade(url)
        repository = open_repository(url)
        job = upload(repository)
    with warnings.catch_warnings():
        # MariaDB's driver leaves a socket that it could not connect to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(2):
            with pytest.raises(RepositoryUnavailable, match=r"out of reach just now; try again soon\. If it stays so"):
                repository.get(OURS, job.id)
        gc.collect()
    repository.close()


@pytest.mark.parametrize(
    ("sqlstate", "away"), [("08006", True), ("08001", True), ("28P01", False), ("42601", False), (None, True)]
)
def test_what_postgresql_says_of_a_connection(sqlstate: str | None, away: bool) -> None:  # noqa: FBT001 -- a column of the table
    """States of class 08, and errors that no server gave a state, are those of a connection."""
    cause = psycopg.OperationalError()
    cause.sqlstate = sqlstate
    error = OperationalError("SELECT 1", {}, cause)

    assert is_passing(error) is away
    assert ("out of reach" in str(unavailable(error))) is away


def test_no_traceback_quotes_a_value(engine: Engine, repository: SqlRepository) -> None:
    """When a statement fails, neither our sentence nor anything before it holds what was to be stored."""
    job_id, secret = repository.begin(new_job()), b"47" + b"11"
    repository.add(job_id, NewChunk(0, 3, secret))
    with pytest.raises(RepositoryUnavailable) as failure:
        repository.add(job_id, NewChunk(0, 3, secret))
    told = "".join(traceback.format_exception(failure.value))
    assert failure.value.__context__ is None
    assert secret.decode() not in told


def test_a_repository_can_be_closed_and_used_again(repository: SqlRepository) -> None:
    """`close` lets connections go, and the next call makes new ones."""
    job = upload(repository)
    repository.close()
    assert repository.get(OURS, job.id) == job


def test_a_repeated_publish_returns_the_job(engine: Engine, repository: SqlRepository) -> None:
    """When the confirmation of a commit is lost and the call repeated, the job stands as first published."""
    job = upload(repository)
    assert repository.publish(job.id, job.upload) == job
    with engine.connect() as connection:
        assert len(connection.execute(select(jobs.c.id)).all()) == 1


def test_rates_use_the_databases_day(engine: Engine, repository: SqlRepository) -> None:
    """What was spent on another day does not count today."""
    rate = Rate(per_second=1000, per_day=3)
    repository.reserve("stedi", 3, rate)
    with engine.begin() as connection:
        connection.execute(update(limits).values(day=limits.c.day - 1))
    assert repository.reserve("stedi", 3, rate) >= 0
    assert repository.purge(LONG, LONG) == 0


def test_a_reopened_row_recorded_by_many_counts_once(repository: SqlRepository) -> None:
    """Calls of one holder at the same moment answer each reopened row once, and add what was asked once."""
    job = finish(repository, upload(repository, chunks=1), failing={1, 2})
    lease = take(repository, repository.reopen(OURS, job.id))
    crowd(lambda _: repository.record(lease, [result(1), result(2)]))
    assert recorded(repository, job) == {1: result(1, asked=2), 2: result(2, asked=2), 3: result(3)}
    assert repository.get(OURS, job.id).succeeded == 3


def test_a_job_is_deleted_once(repository: SqlRepository) -> None:
    """Of callers at the same moment one deletes the job, and the others are told that there is none."""
    job = finish(repository, upload(repository))

    def delete(_: int) -> bool:
        with suppress(JobNotFound):
            repository.delete(OURS, job.id)
            return True
        return False

    assert sum(crowd(delete)) == 1


def test_a_job_is_purged_once(repository: SqlRepository) -> None:
    """Callers at the same moment together count each deleted job once."""
    for _ in range(3):
        finish(repository, upload(repository))
    assert sum(crowd(lambda _: repository.purge(0, 0))) == 3
    assert repository.find(OURS).count == 0


def test_a_job_is_reopened_or_deleted(repository: SqlRepository) -> None:
    """When one caller deletes a job and another reopens it, the job is whole or gone, whoever was first."""
    for _ in range(5):
        job = finish(repository, upload(repository), failing={1, 5})

        def end(caller: int, job: Job = job) -> None:
            with suppress(JobNotFound, NotNow):
                (repository.reopen if caller % 2 else repository.delete)(OURS, job.id)

        crowd(end, 4)
        left = repository.find(OURS, status=JobStatus.PENDING).jobs
        assert [len(recorded(repository, one)) for one in left] == [4] * len(left)
        with suppress(JobNotFound):
            repository.delete(OURS, repository.cancel(OURS, job.id).id)
