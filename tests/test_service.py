"""The one object a host application holds does what it says."""

from __future__ import annotations

import asyncio
import io
import queue
import threading
import time
from types import SimpleNamespace

import pytest

from bulkclaims.errors import JobNotFound, NotNow, SettingsWrong, UploadRejected
from bulkclaims.jobs import Chunk, JobStatus, Outcome, Settings, Workers
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher

SETTINGS = Settings(chunk_rows=10, sweep_seconds=0.01)


@pytest.fixture
def processor():
    """Answers at once."""
    return InstantProcessor()


@pytest.fixture
def bulk(repository, processor):
    """A service on the embedded default, closed after the test."""
    with BulkClaims(repository, processor, settings=SETTINGS) as bulk:
        yield bulk


def test_a_file_in_a_file_out(bulk, owner, claims):
    """A submitted file is run to its end by the same process, and its results can be read."""
    job = bulk.submit(claims(95, bad=(7,)), filename="claims.csv", owner=owner)
    ended = bulk.wait("ACME", job.id, timeout=30)
    lines = b"".join(bulk.results("ACME", job.id)).splitlines()

    progress = bulk.progress("ACME", job.id)

    assert (ended.status, ended.outcome, ended.succeeded) == (JobStatus.COMPLETED, Outcome.PARTIAL, 94)
    assert (progress.job, progress.queued_seconds, progress.notice) == (ended, None, "")
    assert [int(line.split(b",")[0]) for line in lines[1:]] == list(range(1, 96))
    assert [row.row for row in bulk.rows("ACME", job.id) if not row.success] == [7]


def test_a_check_makes_no_job(bulk, repository, claims):
    """A check says what is wrong and leaves nothing behind."""
    report = bulk.check(claims(5, bad=(2,)))

    assert report.bad_rows == 1
    assert repository.find("ACME").count == 0


def test_a_bad_file_is_refused(bulk, owner):
    """The refusal reaches the caller."""
    with pytest.raises(UploadRejected):
        bulk.submit(io.BytesIO(b""), filename="claims.csv", owner=owner)


def test_a_file_of_bad_rows_alone_is_not_run(bulk, processor, owner, claims):
    """A job that has nothing to run has ended when it is submitted."""
    job = bulk.submit(claims(3, bad=(1, 2, 3)), filename="claims.csv", owner=owner)

    assert job.status is JobStatus.FAILED
    assert job.outcome is Outcome.NONE_SUCCEEDED
    assert processor.asked == []


def test_a_process_without_processor_needs_a_dispatcher(repository, claims, owner):
    """A web process may leave the running to others, but not to nobody; it cannot run chunks itself."""
    with pytest.raises(SettingsWrong, match="dispatcher"):
        BulkClaims(repository)
    dispatcher = RememberingDispatcher()

    with BulkClaims(repository, dispatcher=dispatcher, settings=Settings(chunk_rows=10, sweep_seconds=None)) as web:
        job = web.submit(claims(25), filename="claims.csv", owner=owner)
        web.start()
        with pytest.raises(SettingsWrong, match="no processor"):
            web.run(Chunk(job.id, 0))

    assert dispatcher.dispatched == [Chunk(job.id, number) for number in range(3)]


def test_web_and_worker_share_nothing_but_the_repository(repository, processor, owner, claims):
    """One process takes the file, another runs it: what passes between them is chunk numbers."""
    dispatcher = RememberingDispatcher()
    web = BulkClaims(repository, dispatcher=dispatcher, settings=SETTINGS)
    worker = BulkClaims(repository, processor, dispatcher=dispatcher, settings=SETTINGS)
    job = web.submit(claims(120), filename="claims.csv", owner=owner)

    dispatcher.deliver(worker.run)
    ended = web.job("ACME", job.id)
    worker.close()
    web.close()

    assert (ended.status, ended.succeeded) == (JobStatus.COMPLETED, 120)
    assert processor.closed


def test_cancel_and_retry_make_one_whole_file(repository, owner, claims):
    """A cancelled job goes on where it stopped: nothing answered is asked again, and the file is whole."""
    gate, reached = threading.Event(), threading.Event()

    async def wait_at_thirty(row):
        if row.number == 30:
            reached.set()
            await asyncio.to_thread(gate.wait, 30)

    processor = InstantProcessor(batch=1, before=wait_at_thirty)
    with BulkClaims(repository, processor, settings=Settings(chunk_rows=100)) as bulk:
        job = bulk.submit(claims(60), filename="claims.csv", owner=owner)
        reached.wait(30)
        with pytest.raises(NotNow):
            bulk.retry("ACME", job.id)
        asked = bulk.cancel("ACME", job.id)
        gate.set()
        cancelled = bulk.wait("ACME", job.id, timeout=30)
        retried = bulk.retry("ACME", job.id)
        ended = bulk.wait("ACME", job.id, timeout=30)
        rows = [row.row for row in bulk.rows("ACME", job.id)]

    assert (asked.status, asked.cancel_requested) == (JobStatus.PROCESSING, True)
    assert (cancelled.status, cancelled.succeeded) == (JobStatus.CANCELLED, 30)
    assert (retried.status, retried.run) == (JobStatus.PENDING, 2)
    assert (ended.status, ended.succeeded) == (JobStatus.COMPLETED, 60)
    assert processor.asked == list(range(1, 61))
    assert rows == list(range(1, 61))


def test_a_later_process_goes_on_with_what_an_earlier_one_left(repository, processor, owner, claims):
    """What was submitted and never run is found and run once a process looks after its repository."""
    forgetful = BulkClaims(repository, dispatcher=RememberingDispatcher(), settings=SETTINGS)
    job = forgetful.submit(claims(40), filename="claims.csv", owner=owner)
    forgetful.close()

    with BulkClaims(repository, processor, settings=Settings(ring_again_seconds=0, sweep_seconds=0.01)) as bulk:
        bulk.start()
        ended = bulk.wait("ACME", job.id, timeout=30)

    assert ended.succeeded == 40


def test_a_worker_that_has_run_a_chunk_sweeps_from_then_on(repository, processor, owner, claims):
    """What another worker left behind comes back also when no process is left that takes uploads."""
    web = BulkClaims(repository, dispatcher=RememberingDispatcher(), settings=Settings(sweep_seconds=None))
    first, left_behind = (web.submit(claims(5), filename="claims.csv", owner=owner) for _ in range(2))
    web.close()
    rung = queue.Queue()
    bell = SimpleNamespace(dispatch=lambda chunks: [rung.put(chunk) for chunk in chunks])

    settings = Settings(ring_again_seconds=0, sweep_seconds=0.01)
    with BulkClaims(repository, processor, dispatcher=bell, settings=settings) as worker:
        worker.run(Chunk(first.id, 0))
        assert rung.get(timeout=30) == Chunk(left_behind.id, 0)


def test_a_host_may_sweep_and_ring_by_itself(repository, processor, owner, claims):
    """Without a sweeper of its own, a sweep from outside does the same, for all jobs or for one."""
    settings = Settings(chunk_rows=10, sweep_seconds=None, ring_again_seconds=0)
    dispatcher = RememberingDispatcher()
    with BulkClaims(repository, processor, dispatcher=dispatcher, settings=settings) as bulk:
        job = bulk.submit(claims(20), filename="claims.csv", owner=owner)
        dispatcher.dispatched.clear()
        bulk.sweep()
        by_sweep = list(dispatcher.dispatched)
        bulk.ring(job.id)

    assert by_sweep == [Chunk(job.id, 0), Chunk(job.id, 1)]
    assert dispatcher.dispatched[2:] == by_sweep


def test_waiting_can_end_before_the_job_does(repository, owner, claims):
    """Waiting ends after the time given, or when this process is stopped; the job is unharmed."""
    bulk = BulkClaims(repository, dispatcher=RememberingDispatcher(), settings=Settings(sweep_seconds=None))
    job = bulk.submit(claims(5), filename="claims.csv", owner=owner)

    with pytest.raises(TimeoutError):
        bulk.wait("ACME", job.id, timeout=0)
    bulk.stop()
    still = bulk.wait("ACME", job.id)
    bulk.close()

    assert still.status is JobStatus.PENDING


def test_whoever_runs_a_chunk_is_a_worker_and_sweeps(repository, processor, owner, claims):
    """A worker need only run what it hears; web processes, with a processor or without, are none."""
    dispatcher = RememberingDispatcher()
    with (
        BulkClaims(repository, dispatcher=dispatcher, settings=SETTINGS) as web,
        BulkClaims(repository, processor, dispatcher=dispatcher, settings=SETTINGS) as other_web,
        BulkClaims(repository, processor, dispatcher=dispatcher, settings=SETTINGS) as worker,
    ):
        web.submit(claims(120), filename="claims.csv", owner=owner)
        other_web.start()
        other_web.sweep()
        before = repository.workers(60)
        worker.run(dispatcher.dispatched.pop(0))
        after = repository.workers(60)
        swept = any(thread.name == "bulkclaims-sweeper" for thread in threading.enumerate())

    assert before == Workers(0, None)
    assert (after.alive, swept) == (1, True)


def test_a_process_that_runs_its_own_chunks_is_a_worker_from_the_start(bulk, repository):
    """Though nobody has uploaded to it yet, a job that an earlier process left behind can count on it."""
    bulk.start()
    bulk.sweep()

    assert repository.workers(60).alive == 1


@pytest.mark.parametrize(("sweep_seconds", "within"), [(None, 30), (5, 30), (60, 180)])
def test_a_job_that_waits_for_long_has_workers_looked_for(owner, claims, monkeypatch, sweep_seconds, within):
    """Progress asks for them once, and only then; where workers sweep seldom, they need not beat more often."""
    slow = MemoryRepository(lambda: time.time() - 60)
    looks = []
    monkeypatch.setattr(slow, "workers", lambda within: looks.append(within) or Workers(2, None))
    settings = Settings(sweep_seconds=sweep_seconds)
    with BulkClaims(slow, dispatcher=RememberingDispatcher(), settings=settings) as bulk:
        job = bulk.submit(claims(5), filename="claims.csv", owner=owner)
        waiting = bulk.progress("ACME", job.id)
        bulk.cancel("ACME", job.id)
        cancelled = bulk.progress("ACME", job.id)

    assert looks == [within]
    assert waiting.workers == Workers(2, None)
    assert "2 workers are running" in waiting.notice
    assert (cancelled.workers, cancelled.notice) == (None, "")


def test_another_organisations_job_does_not_exist(bulk, owner, claims):
    """No call tells one organisation anything of another's job."""
    job = bulk.submit(claims(5), filename="claims.csv", owner=owner)

    for call in (bulk.job, bulk.results, bulk.rows, bulk.retry, bulk.cancel, bulk.wait):
        with pytest.raises(JobNotFound):
            call("OTHER", job.id)
