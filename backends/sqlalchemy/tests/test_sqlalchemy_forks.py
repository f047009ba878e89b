"""Many processes on one database, come into being in whatever way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from bulkclaims.jobs import Chunk, JobId
from bulkclaims.testing.contracts.scenes import LONG, OURS, ROWS, recorded, result, rows_in, take, upload
from bulkclaims_sqlalchemy import SqlRepository, open_repository
from bulkclaims_sqlalchemy import forks as forks_module

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sqlalchemy import Engine

    from bulkclaims.jobs import Job

CHUNKS = 40


def in_child(act: Callable[[], object]) -> None:
    """Fork, let the child act, and see that it came to its end."""
    child = os.fork()
    if not child:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def answer(repository: SqlRepository, job: Job, number: int) -> None:
    """Record and release a chunk."""
    lease = take(repository, job, number)
    repository.record(lease, [result(row) for row in rows_in(number)])
    repository.release(lease)


def work(url: str, job_id: JobId, name: str) -> None:
    """Run every chunk that can be had, in a process of its own."""
    repository = open_repository(url)
    for number in range(CHUNKS):
        lease = repository.lease(Chunk(job_id, number), name, LONG)
        if lease is not None:
            for row in rows_in(number):
                repository.record(lease, [result(row)])
            repository.release(lease)
    repository.close()


def test_two_processes_record_into_one_file(sqlite_url: str) -> None:
    """Two programs that work on one SQLite file at a time record each row once, and none waits in vain."""
    repository = open_repository(sqlite_url)
    job = upload(repository, CHUNKS)
    workers = [subprocess.Popen([sys.executable, __file__, sqlite_url, job.id, name]) for name in ("w1", "w2")]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert len(recorded(repository, job)) == CHUNKS * ROWS
    assert repository.settle(job.id).succeeded == CHUNKS * ROWS
    repository.close()


def test_parent_and_child_share_a_database(repository: SqlRepository) -> None:
    """After a fork both go on, each over connections of its own."""
    job = upload(repository, chunks=4)
    answer(repository, job, 0)

    def in_turn() -> None:
        answer(repository, job, 1)
        in_child(lambda: answer(repository, job, 2))
        answer(repository, job, 3)

    in_child(in_turn)
    assert repository.settle(job.id).succeeded == 4 * ROWS
    repository.close()
    assert len(recorded(repository, job)) == 4 * ROWS


def test_a_child_outlives_its_parents_connections(sqlite_url: str) -> None:
    """What a child records stays when the parent closes the file while the child has it open."""
    repository = open_repository(sqlite_url)
    job = upload(repository, chunks=2)
    ours, theirs = os.pipe(), os.pipe()

    def child() -> None:
        answer(repository, job, 0)
        os.write(ours[1], b".")
        os.read(theirs[0], 1)
        answer(repository, job, 1)

    def parent() -> None:
        os.read(ours[0], 1)
        repository.get(OURS, job.id)
        repository.close()  # were the child's locks not its own, this would take the log from under it
        os.write(theirs[1], b".")

    meanwhile = threading.Thread(target=parent)
    meanwhile.start()
    in_child(child)
    meanwhile.join()
    assert len(recorded(repository, job)) == 2 * ROWS
    repository.close()


def test_a_fork_waits_for_transactions_under_way(engine: Engine, repository: SqlRepository) -> None:
    """A fork amid other threads' writing, through whatever repository, leaves the child no lock and no connection."""
    job = upload(repository, CHUNKS)
    stop = threading.Event()

    def write() -> None:
        own = SqlRepository(engine)
        while not stop.is_set():
            own.postpone("stedi", 1)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for number in range(5):
            in_child(partial(answer, repository, job, number))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert repository.get(OURS, job.id).succeeded == 5 * ROWS


def test_a_fork_does_not_wait_for_ever(repository: SqlRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that does not end holds a fork up for some seconds only, and the child can work."""
    monkeypatch.setattr(forks_module, "_PATIENCE", 0.05)
    job = upload(repository)
    begun, end = threading.Event(), threading.Event()

    def hang() -> None:
        with repository._database._gate.passing():
            begun.set()
            end.wait()

    hanging = threading.Thread(target=hang)
    hanging.start()
    begun.wait()
    try:
        in_child(lambda: repository.get(OURS, job.id))
    finally:
        end.set()
        hanging.join()
    in_child(lambda: repository.get(OURS, job.id))


if __name__ == "__main__":  # in a program that the first test starts
    work(sys.argv[1], JobId(sys.argv[2]), sys.argv[3])
