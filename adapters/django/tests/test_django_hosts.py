"""What a Django project around the repository may rely on: its own transactions, connections, routers and tables."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import connections, transaction
from django.test.utils import override_settings

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.jobs import NewChunk
from bulkclaims.records import Rate
from bulkclaims.testing.contracts.scenes import OURS, finish, new_job, recorded, result, take, upload
from bulkclaims_django import models, transactions
from bulkclaims_django.failures import Conflict
from bulkclaims_django.repository import DjangoRepository
from bulkclaims_django.transactions import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkclaims.jobs import Job


class ClaimsElsewhere:
    """A router that keeps jobs in a database of their own."""

    def db_for_write(self, model: type, **_: object) -> str | None:
        """Name it for jobs."""
        return "elsewhere" if model is models.Job else None


def in_thread(act: Callable[[], Any]) -> Any:
    """Let another thread act, and return what it returned."""
    returned: list[Any] = []
    thread = threading.Thread(target=lambda: returned.append(act()), daemon=True)
    thread.start()
    thread.join(30)
    return returned[0]


def test_the_projects_routers_say_where_jobs_live() -> None:
    """Without an alias it is the one for what is written of jobs; with one it is that."""
    with override_settings(DATABASE_ROUTERS=[ClaimsElsewhere()]):
        routed = DjangoRepository()

    assert routed._database.using == "elsewhere"
    assert DjangoRepository()._database.using == "default"
    assert DjangoRepository("own")._database.using == "own"


def test_a_hosts_transaction_has_the_last_word(using: str, repository: DjangoRepository) -> None:
    """Within an atomic block everything is seen by the block itself, and is gone when it is rolled back."""
    job = upload(repository)

    with transaction.atomic(using=using):
        lease = take(repository, job)
        repository.record(lease, [result(1)])
        assert recorded(repository, job) == {1: result(1)}
        transaction.set_rollback(True, using=using)

    assert repository.get(OURS, job.id) == job
    assert recorded(repository, job) == {}


def test_what_is_refused_spoils_no_transaction_of_the_hosts(using: str, repository: DjangoRepository) -> None:
    """A chunk that is not to be had, a conflict and a failed statement leave the host's transaction as it was."""
    job = upload(repository)
    held = take(repository, job)
    attempts: list[int] = []

    def conflict(alias: str) -> int:
        models.Limit.objects.using(alias).bulk_create([models.Limit(account="a", free_at=0.0, day=0, spent=0)])
        attempts.append(1)
        if len(attempts) < 3:
            raise Conflict
        return len(attempts)

    def fail(alias: str) -> None:
        models.Job.objects.using(alias).bulk_create([models.Job(id=job.id)])

    with transaction.atomic(using=using):
        repository.postpone("b", 1)
        assert repository.lease(held.chunk, "w2", 1) is None
        assert Database(using).write(conflict) == 3
        with pytest.raises(RepositoryUnavailable):
            Database(using).write(fail)
        repository.fail(job.id, "No.")

    assert repository.get(OURS, job.id).problem == "No."
    assert sorted(models.Limit.objects.using(using).values_list("account", flat=True)) == ["a", "b"]


def test_a_thread_leaves_no_connection_behind(using: str, repository: DjangoRepository) -> None:
    """An operation on a thread that had no connection closes the one it made."""
    job = upload(repository)

    def work() -> list[bool]:
        repository.get(OURS, job.id)
        closed = [connections[using].connection is None]
        lease = take(repository, job)
        list(repository.chunks(OURS, job.id))
        repository.release(lease)
        return [*closed, connections[using].connection is None]

    assert in_thread(work) == [True, True]


def test_a_persistent_connection_is_closed_at_its_age(
    using: str, repository: DjangoRepository, add_database: Callable[..., str]
) -> None:
    """On a thread of ours, too, a connection is replaced once it is as old as the project lets it become."""
    reader = DjangoRepository(add_database(CONN_MAX_AGE=60))

    def work() -> list[bool]:
        reader.active()
        connection = connections[reader._database.using]
        kept = [connection.connection is not None]
        connection.close_at = 0.0
        reader.active()
        closed = connection.connection is None
        connection.close()
        return [*kept, closed]

    assert in_thread(work) == [True, True]


def test_a_hosts_connection_stays_open(using: str, repository: DjangoRepository) -> None:
    """What the host has open, mid-query or not, is still open after any operation, even one that fails."""
    for _ in range(3):
        upload(repository)
    job_id = repository.begin(new_job())
    connection = connections[using]
    connection.ensure_connection()
    before = connection.connection
    seen: list[str] = []

    for row in models.Job.objects.using(using).filter(status="PENDING").iterator(chunk_size=1):
        seen.append(repository.get(OURS, row.pk).id)
        with suppress(RepositoryUnavailable):
            repository.add(job_id, NewChunk(0, 3, b"rows"))

    assert len(seen) == 3
    assert connection.connection is before


def test_a_hosts_atomic_block_keeps_its_connection(
    using: str, repository: DjangoRepository, add_database: Callable[..., str]
) -> None:
    """However old a connection is, it is not closed before the host's transaction has ended."""
    own = DjangoRepository(add_database(CONN_MAX_AGE=60))
    alias = own._database.using

    def work() -> Job:
        own.active()
        connections[alias].close_at = 0.0
        with transaction.atomic(using=alias):
            job = own.fail(upload(own).id, "No.")
        connections[alias].close()
        return job

    job = in_thread(work)

    assert repository.get(OURS, job.id) == job


def test_a_hosts_transaction_waits_for_no_turn(add_file: Callable[..., str]) -> None:
    """A thread that may hold SQLite's own lock does not wait for the one whose turn it is, who waits for it."""
    repository = DjangoRepository(add_file())
    using = repository._database.using

    def work() -> float:
        with transaction.atomic(using=using):
            wait = repository.reserve("stedi", 1, Rate(1))
        connections[using].close()
        return wait

    with transactions._turns.setdefault(using, threading.Lock()):
        assert in_thread(work) == 0


def test_a_hosts_transaction_is_the_hosts_to_repeat(add_file: Callable[..., str], tmp_path: Path) -> None:
    """Within an atomic block a failure that may pass is told at once."""
    repository = DjangoRepository(add_file(tmp_path / "jobs.db", OPTIONS={"timeout": 0}))
    connection = connections[repository._database.using]
    statements: list[str] = []

    def count(execute: Callable[..., object], sql: str, *rest: object) -> object:
        statements.append(sql)
        return execute(sql, *rest)

    with (
        closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other,
        transaction.atomic(using=connection.alias),
        connection.execute_wrapper(count),
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RepositoryUnavailable, match="too busy"):
            repository.postpone("stedi", 1)

    assert sum(sql.startswith("UPDATE") for sql in statements) == 1


def test_a_host_may_delete_a_job(using: str, repository: DjangoRepository) -> None:
    """Deleted through its model, a job takes its chunks, rows and results with it."""
    job, other = (finish(repository, upload(repository)) for _ in range(2))

    models.Job.objects.using(using).get(pk=job.id).delete()

    assert [found.id for found in repository.find(OURS).jobs] == [other.id]
    for model in (models.Chunk, models.Payload, models.Result):
        assert set(model.objects.using(using).values_list("job_id", flat=True)) == {other.id}


def test_jobs_of_one_moment_stand_in_the_order_they_were_begun(using: str, repository: DjangoRepository) -> None:
    """A clock that ticks too slowly to tell two jobs apart does not shuffle them."""
    ids = [upload(repository, chunks=1).id for _ in range(4)]
    for place, job_id in enumerate(ids):
        models.Job.objects.using(using).filter(pk=job_id).update(created_at=1e9, begun_at=1e9 + place)

    assert [job.id for job in repository.find(OURS).jobs] == ids[::-1]
    assert list(repository.active()) == ids


def test_text_is_compared_byte_by_byte_whatever_the_databases_own_rule(
    using: str, repository: DjangoRepository
) -> None:
    """In MariaDB each text column says so itself, keys of other tables included."""
    if using != "mariadb":
        pytest.skip("Text is compared so anyway")
    tables = [model._meta.db_table for model in apps.get_app_config("bulkclaims").get_models()]
    columns = "SELECT DISTINCT collation_name FROM information_schema.columns WHERE collation_name IS NOT NULL"
    with connections[using].cursor() as cursor:
        cursor.execute(f"{columns} AND table_schema = 'bulkclaims' AND table_name IN %s", [tables])

        assert cursor.fetchall() == (("utf8mb4_nopad_bin",),)
