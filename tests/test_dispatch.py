"""Chunks reach threads of this process, and the doorbell rings for the right ones."""

from __future__ import annotations

import logging
import os
import queue
import threading

import pytest

from bulkclaims.dispatch import Doorbell, LocalDispatcher
from bulkclaims.errors import DispatchFailed
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Chunk, JobId, JobStatus, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.testing.fakes import RememberingDispatcher

JOB = JobId("6d0a4c7e-0000-4000-8000-000000000000")
CHUNKS = [Chunk(JOB, number) for number in range(20)]


def test_every_chunk_is_run_on_a_thread_of_the_pool():
    """Chunks run, each once, and none on the caller's thread."""
    ran = []
    done = threading.Semaphore(0)

    def run(chunk):
        ran.append((chunk, threading.current_thread().name))
        done.release()

    dispatcher = LocalDispatcher(run, threads=3)
    dispatcher.dispatch(CHUNKS)
    for _ in CHUNKS:
        assert done.acquire(timeout=10)
    dispatcher.close()

    assert sorted(chunk.number for chunk, _ in ran) == list(range(20))
    assert {name.rpartition("_")[0] for _, name in ran} == {"bulkclaims-chunk"}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_runs_chunks_on_threads_of_its_own():
    """A dispatcher that was used before a fork runs chunks in the child, too: its parent's threads are not there."""
    ran = queue.Queue()
    dispatcher = LocalDispatcher(ran.put, threads=1)
    dispatcher.dispatch(CHUNKS[:1])
    ran.get(timeout=10)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            dispatcher.dispatch(CHUNKS[1:2])
            status = 0 if ran.get(timeout=10) == CHUNKS[1] else 1
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    dispatcher.close()


def test_closing_waits_for_what_has_begun_and_forgets_the_rest():
    """A chunk under way is finished; one that waits is left to the sweep of a later process."""
    begun, go, ran = threading.Event(), threading.Event(), []

    def run(chunk):
        begun.set()
        go.wait(10)
        ran.append(chunk.number)

    dispatcher = LocalDispatcher(run, threads=1)
    dispatcher.dispatch(CHUNKS)
    begun.wait(10)
    threading.Timer(0.05, go.set).start()
    dispatcher.close()

    assert ran == [0]
    with pytest.raises(DispatchFailed, match="ending"):
        dispatcher.dispatch(CHUNKS)


def test_a_chunk_that_fails_is_reported_without_its_text(caplog):
    """The log names the exception's type and place, and not its text, which may quote a row."""

    def run(chunk):
        raise ValueError("CANARY-NAME")

    dispatcher = LocalDispatcher(run)
    with caplog.at_level(logging.ERROR):
        dispatcher.dispatch(CHUNKS[:1])
        dispatcher.close()

    assert "ValueError at test_dispatch.py" in caplog.text
    assert "CANARY" not in caplog.text


@pytest.fixture
def stored(repository, owner, claims):
    """A job of 50 rows in ten chunks, not yet rung for."""
    intake = Intake(CsvParser(), repository, PlainCipher(), Settings(chunk_rows=5))
    return intake.submit(claims(50), "claims.csv", owner, Told())


def test_a_ring_keeps_no_more_than_the_window_out(repository, stored):
    """However often a job is rung for, only a few of its chunks are out at once: it leaves room for others."""
    dispatcher = RememberingDispatcher()
    doorbell = Doorbell(repository, dispatcher, Settings(window=3))

    for _ in range(3):
        doorbell.ring(stored.id)

    assert [chunk.number for chunk in dispatcher.dispatched] == [0, 1, 2]


def test_a_ring_that_fails_is_left_to_the_next(repository, stored, caplog):
    """When the queue refuses, the job stays as it is and the log says so."""

    class Refusing:
        """A queue that is down."""

        def dispatch(self, chunks):
            """Refuse."""
            raise DispatchFailed("The queue is down.")

    job = Doorbell(repository, Refusing(), Settings()).ring(stored.id)

    assert job.status is JobStatus.PENDING
    assert "The queue is down." in caplog.text


def test_a_ring_for_an_ended_job_rings_for_nothing(repository, stored):
    """Nothing of an ended job is dispatched."""
    dispatcher = RememberingDispatcher()
    repository.cancel("ACME", stored.id)

    job = Doorbell(repository, dispatcher, Settings()).ring(stored.id)

    assert job.status is JobStatus.CANCELLED
    assert dispatcher.dispatched == []
