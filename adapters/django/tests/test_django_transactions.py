"""Tests of `bulkclaims_django.transactions` and `failures`: what becomes of a transaction that cannot be."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import traceback
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections, transaction
from django.db.models import F

from bulkclaims.errors import JobNotFound, NotNow, RepositoryUnavailable
from bulkclaims.jobs import JobStatus, NewChunk
from bulkclaims.records import Rate
from bulkclaims.testing.contracts.scenes import LONG, OURS, crowd, finish, new_job, recorded, result, take, upload
from bulkclaims_django import models, transactions
from bulkclaims_django.failures import Conflict
from bulkclaims_django.repository import DjangoRepository
from bulkclaims_django.transactions import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkclaims.jobs import Job


def spent(using: str) -> list[int]:
    """What is noted of all accounts."""
    return list(models.Limit.objects.using(using).values_list("spent", flat=True))


def note(using: str, account: str = "a") -> None:
    """Write something."""
    models.Limit.objects.using(using).bulk_create([models.Limit(account=account, free_at=0.0, day=0, spent=0)])


def test_what_raises_leaves_nothing(using: str, repository: DjangoRepository) -> None:
    """A transaction that raises is rolled back, and its exception comes through as it is."""

    def body(alias: str) -> None:
        note(alias)
        raise KeyError

    with pytest.raises(KeyError):
        Database(using).write(body)

    assert spent(using) == []


def test_a_conflict_is_tried_again(using: str, repository: DjangoRepository) -> None:
    """A transaction that found another one to be first is repeated as a whole."""
    attempts = []

    def body(alias: str) -> int:
        note(alias)
        attempts.append(1)
        if len(attempts) < 3:
            raise Conflict
        return len(attempts)

    assert Database(using).write(body) == 3
    assert spent(using) == [0]


def test_a_conflict_that_does_not_end_is_given_up(using: str) -> None:
    """After some repeats the caller is told to try later."""

    def body(_: str) -> None:
        raise Conflict

    with pytest.raises(RepositoryUnavailable, match="try again soon") as failure:
        Database(using).write(body)

    assert failure.value.retry_helps


def test_deadlocks_are_tried_again(using: str, repository: DjangoRepository) -> None:
    """Of two transactions that wait for each other one is undone by the database, and then repeated by us."""
    if using == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    for account in ("a", "b"):
        repository.postpone(account, 1)
    database, both = Database(using), threading.Barrier(2)

    def spend(first: str, second: str) -> None:
        met: list[int] = []

        def body(alias: str) -> None:
            limits = models.Limit.objects.using(alias)
            limits.filter(account=first).update(spent=F("spent") + 1)
            if not met:
                met.append(both.wait(timeout=10))
            limits.filter(account=second).update(spent=F("spent") + 1)

        database.write(body)

    threads = [threading.Thread(target=spend, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert spent(using) == [2, 2]


@pytest.mark.parametrize("max_age", [0, None])
def test_a_lost_connection_is_replaced(
    using: str, repository: DjangoRepository, add_database: Callable[..., str], max_age: int | None
) -> None:
    """When the server has ended our connection, the next call makes a new one."""
    ask, end = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
        "mariadb": ("SELECT connection_id()", "KILL %s"),
    }.get(using, ("", ""))
    if not ask:
        pytest.skip("SQLite has no connections to lose")
    job = upload(repository)
    other = add_database(CONN_MAX_AGE=max_age)
    reader = DjangoRepository(other)
    for call in (lambda: reader.get(OURS, job.id) == job, lambda: reader.reserve("stedi", 1, Rate(1)) == 0):
        with connections[other].cursor() as cursor:
            cursor.execute(ask)
            number = cursor.fetchone()
        with connections[using].cursor() as cursor:
            cursor.execute(end, number)

        assert call()


def test_a_server_that_is_away_says_so(using: str, add_database: Callable[..., str], tmp_path: Path) -> None:
    """A server that nobody answers for is out of reach, for now; a file that cannot be opened sends to its folder."""
    away, sentence = {
        "sqlite": ({"NAME": tmp_path / "nowhere" / "jobs.db"}, "see to its folder"),
        "postgresql": ({"HOST": str(tmp_path)}, "out of reach"),
        "mariadb": ({"HOST": "127.0.0.1", "PORT": "1"}, "out of reach"),
    }[using]

    with pytest.raises(RepositoryUnavailable, match=sentence):
        DjangoRepository(add_database(**away)).active()


def test_a_full_disk_says_so(add_file: Callable[..., str]) -> None:
    """A SQLite database that cannot grow refuses a chunk with a plain sentence and keeps what it had."""
    repository = DjangoRepository(add_file(OPTIONS={"init_command": "PRAGMA max_page_count = 100"}))
    job = upload(repository)
    job_id = repository.begin(new_job())

    with pytest.raises(RepositoryUnavailable, match=r"full.*make room"):
        repository.add(job_id, NewChunk(0, 250, bytes(1_000_000)))

    assert repository.get(OURS, job.id) == job
    repository.discard(job_id)
    repository.record(take(repository, job), [result(1)])
    assert recorded(repository, job) == {1: result(1)}


def test_a_database_that_stays_locked_says_so(add_file: Callable[..., str], tmp_path: Path) -> None:
    """While another program keeps SQLite locked, writers are told to try again, and readers read on."""
    options = {"timeout": 0.01, "init_command": "PRAGMA journal_mode=WAL"}
    repository = DjangoRepository(add_file(tmp_path / "jobs.db", OPTIONS=options))
    job = upload(repository)

    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryUnavailable, match="too busy"):
            repository.fail(job.id, "No.")
        assert repository.get(OURS, job.id) == job

    assert repository.fail(job.id, "No.").problem == "No."


@pytest.mark.parametrize("mode", [None, "IMMEDIATE"])
def test_a_writer_has_sqlites_lock_from_the_start(add_file: Callable[..., str], tmp_path: Path, mode: str) -> None:
    """Whatever the project's transaction mode, nobody writes between a transaction's first reading and its writing."""
    using = add_file(tmp_path / "jobs.db", OPTIONS={"transaction_mode": mode})

    def body(_: str) -> str:
        with closing(sqlite3.connect(tmp_path / "jobs.db", timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return str(error)
        return "not locked"

    assert Database(using).write(body) == "database is locked"


@pytest.mark.parametrize("mode", [None, "IMMEDIATE"])
def test_who_waits_for_sqlites_lock_looks_all_the_time(
    add_file: Callable[..., str], tmp_path: Path, mode: str | None
) -> None:
    """A lock that another process frees for moments only is found, as it is looked for many times in a second."""
    using = add_file(tmp_path / "jobs.db", OPTIONS={"transaction_mode": mode, "timeout": 2})
    looks = 0

    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def count(execute: Callable[..., Any], statement: str, *arguments: Any) -> Any:
            nonlocal looks
            looks += statement == ("BEGIN IMMEDIATE" if mode else "BEGIN")
            if looks == 20 and other.in_transaction:
                other.execute("COMMIT")
            return execute(statement, *arguments)

        with connections[using].execute_wrapper(count):
            Database(using).write(note)

    assert spent(using) == [0]


def test_a_project_keeps_its_own_patience(add_file: Callable[..., str], tmp_path: Path) -> None:
    """However a transaction ends, and within it, SQLite waits for locks as long as the project's settings say."""
    using = add_file(tmp_path / "jobs.db", OPTIONS={"timeout": 0.123})

    def patience(_: str = "") -> int:
        with connections[using].cursor() as cursor:
            return cursor.execute("PRAGMA busy_timeout").fetchone()[0]

    assert Database(using).write(patience) == 123
    assert patience() == 123
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryUnavailable, match="too busy"):
            Database(using).write(note)
    assert patience() == 123


def test_writers_of_many_processes_take_turns(add_file: Callable[..., str], tmp_path: Path) -> None:
    """Writers that share no lock but the file's, as processes do, each write once, in a project with no options set."""
    repositories = [DjangoRepository(add_file(tmp_path / "jobs.db")) for _ in range(2)]
    slow = Rate(per_second=0.001)

    waits = crowd(lambda number: [repositories[number % 2].reserve("stedi", 1, slow) for _ in range(3)], 4)

    assert sorted(round(wait / 1000) for some in waits for wait in some) == list(range(12))


def test_a_fork_leaves_no_writer_waiting(add_file: Callable[..., str]) -> None:
    """A child process writes at once although another thread of its parent had the turn when it was forked."""
    using = add_file()
    connections[using].close()
    turn = transactions._turns.setdefault(using, threading.Lock())
    with turn:
        child = os.fork()
        if not child:
            status = 1
            signal.alarm(30)
            try:
                assert DjangoRepository(using).reserve("stedi", 1, Rate(1)) == 0
                status = 0
            finally:
                os._exit(status)

        assert os.waitpid(child, 0)[1] == 0


def test_a_file_that_is_no_database_is_told_from_a_full_one(add_file: Callable[..., str], tmp_path: Path) -> None:
    """A failure that nobody foresaw names its kind, and blames neither disk nor haste."""
    file = tmp_path / "notes.txt"
    file.write_text("This is no database. " * 50)

    with pytest.raises(RepositoryUnavailable, match=r"did not do what was asked of it \(DatabaseError\)"):
        DjangoRepository(add_file(file, tables=False)).active()


def test_missing_tables_say_what_to_do(using: str, add_database: Callable[..., str], tmp_path: Path) -> None:
    """A database that nobody has migrated tells how to."""
    elsewhere = {
        "sqlite": {"NAME": tmp_path / "empty.db"},
        "postgresql": {"OPTIONS": {"options": "-c search_path=elsewhere"}},
        "mariadb": {"NAME": "mysql"},
    }
    repository = DjangoRepository(add_database(**elsewhere[using]))

    for call in (repository.active, lambda: repository.begin(new_job())):
        with pytest.raises(RepositoryUnavailable, match=r"lacks its tables. Run `python manage.py migrate`") as failure:
            call()
        assert failure.value.code == "needs_upgrade"


def test_tables_of_an_older_version_say_what_to_do(add_database: Callable[..., str], using: str) -> None:
    """Tables that lack a column that this version knows are to be migrated."""
    other = add_database()
    with transaction.atomic(using=other), connections[other].cursor() as cursor:
        if using != "mariadb":
            cursor.execute("ALTER TABLE bulkclaims_token RENAME COLUMN revoked_at TO gone")
        else:
            cursor.execute("ALTER TABLE bulkclaims_token CHANGE revoked_at gone double")
    try:
        with pytest.raises(RepositoryUnavailable, match=r"older version. Run `python manage.py migrate`"):
            DjangoRepository(other).list_tokens(OURS)
    finally:
        with connections[other].cursor() as cursor:
            cursor.execute(
                "ALTER TABLE bulkclaims_token "
                + ("CHANGE gone revoked_at double NULL" if using == "mariadb" else "RENAME COLUMN gone TO revoked_at")
            )


def test_no_traceback_quotes_a_value(repository: DjangoRepository) -> None:
    """When a statement fails, nothing that can be shown of our exception leads to what was to be stored."""
    job_id, secret = repository.begin(new_job()), b"47" + b"11"
    repository.add(job_id, NewChunk(0, 3, secret))

    with pytest.raises(RepositoryUnavailable) as failure:
        repository.add(job_id, NewChunk(0, 3, secret))

    assert "IntegrityError" in str(failure.value)
    assert failure.value.__context__ is failure.value.__cause__ is None
    assert secret.decode() not in "".join(traceback.format_exception(failure.value))


def test_a_repeated_publish_returns_the_job(using: str, repository: DjangoRepository) -> None:
    """When the confirmation of a commit is lost and the call repeated, the job stands as first published."""
    job = upload(repository)

    assert repository.publish(job.id, job.upload) == job
    assert models.Job.objects.using(using).count() == 1


def test_rates_use_the_databases_day(using: str, repository: DjangoRepository) -> None:
    """What was spent on another day does not count today."""
    rate = Rate(per_second=1000, per_day=3)
    repository.reserve("stedi", 3, rate)
    models.Limit.objects.using(using).update(day=F("day") - 1)

    assert repository.reserve("stedi", 3, rate) >= 0
    assert repository.purge(LONG, LONG) == 0


def test_a_reopened_row_recorded_by_many_counts_once(repository: DjangoRepository) -> None:
    """Calls of one holder at the same moment answer each reopened row once, and add what was asked once."""
    job = finish(repository, upload(repository, chunks=1), failing={1, 2})
    lease = take(repository, repository.reopen(OURS, job.id))

    crowd(lambda _: repository.record(lease, [result(1), result(2)]))

    assert recorded(repository, job) == {1: result(1, asked=2), 2: result(2, asked=2), 3: result(3)}
    assert repository.get(OURS, job.id).succeeded == 3


def test_a_job_is_deleted_once(repository: DjangoRepository) -> None:
    """Of callers at the same moment one deletes the job, and the others are told that there is none."""
    job = finish(repository, upload(repository))

    def delete(_: int) -> bool:
        with suppress(JobNotFound):
            repository.delete(OURS, job.id)
            return True
        return False

    assert sum(crowd(delete)) == 1


def test_a_job_is_purged_once(using: str, repository: DjangoRepository) -> None:
    """Callers at the same moment together count each deleted job once, and nothing is left of it."""
    for _ in range(3):
        finish(repository, upload(repository))

    assert sum(crowd(lambda _: repository.purge(0, 0))) == 3
    left = [model.objects.using(using).count() for model in (models.Job, models.Chunk, models.Payload, models.Result)]
    assert left == [0, 0, 0, 0]


def test_a_job_is_reopened_or_deleted(repository: DjangoRepository) -> None:
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
