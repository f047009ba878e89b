"""What was left behind is found, by whoever looks."""

from __future__ import annotations

import os
import threading

import pytest

from bulkclaims.dispatch import Doorbell
from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.forks import process_name
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Chunk, JobStatus, NewJob, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.testing.fakes import RememberingDispatcher
from bulkclaims.upkeep import Heart, Sweeper, Upkeep

SETTINGS = Settings(chunk_rows=5, window=2)


@pytest.fixture
def dispatcher():
    """Keeps what is rung for."""
    return RememberingDispatcher()


@pytest.fixture
def upkeep(repository, dispatcher):
    """The care under test."""
    return Upkeep(repository, Doorbell(repository, dispatcher, SETTINGS), SETTINGS)


@pytest.fixture
def submit(repository, owner, claims):
    """Store a job that nobody has rung for."""

    def make(**settings):
        settings = Settings(chunk_rows=5, window=2, **settings)
        return Intake(CsvParser(), repository, PlainCipher(), settings).submit(claims(20), "claims.csv", owner, Told())

    return make


def test_a_chunk_whose_worker_died_is_rung_for_again(repository, upkeep, dispatcher, submit):
    """A lease that ran out is found, and the chunk goes to the queue again."""
    job = submit()
    upkeep.sweep()
    dispatcher.dispatched.clear()
    assert repository.lease(Chunk(job.id, 0), "dead", 0)

    upkeep.sweep()

    assert dispatcher.dispatched == [Chunk(job.id, 0)]


def test_every_active_job_is_seen_to(upkeep, dispatcher, submit):
    """Each job gets its share of the window."""
    jobs = [submit(), submit()]

    upkeep.sweep()

    assert dispatcher.dispatched == [Chunk(job.id, number) for job in jobs for number in (0, 1)]


def test_a_passed_deadline_is_noticed_while_nobody_runs(repository, upkeep, submit):
    """A job whose deadline passed ends as FAILED although no worker is left to notice."""
    job = submit(deadline_seconds=0)
    assert repository.lease(Chunk(job.id, 0), "dead", 0)

    upkeep.sweep()
    ended = repository.get("ACME", job.id)

    assert ended.status is JobStatus.FAILED
    assert ended.problem


def test_a_sweep_clears_away_what_is_past_keeping(repository, dispatcher, owner, submit):
    """Old jobs and abandoned uploads go; the rest stays."""
    upkeep = Upkeep(
        repository, Doorbell(repository, dispatcher, SETTINGS), Settings(retention_seconds=0, abandoned_seconds=0)
    )
    old, running = submit(), submit()
    repository.cancel("ACME", old.id)
    repository.begin(NewJob(owner, "abandoned.csv", b""))

    upkeep.sweep()

    assert [job.id for job in repository.find("ACME").jobs] == [running.id]
    assert upkeep.purge() == 0


def test_a_job_deleted_between_two_looks_does_not_end_the_sweep(repository, upkeep, dispatcher, submit, monkeypatch):
    """Another process may delete a job at any moment."""
    job = submit()
    ids = [*repository.active(), "00000000-0000-4000-8000-000000000000"]
    monkeypatch.setattr(repository, "active", lambda: ids[::-1])

    upkeep.sweep()

    assert dispatcher.dispatched[0].job_id == job.id


class Counting:
    """An upkeep that counts its sweeps, and fails the first ones."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = [*failures]
        self.swept = threading.Semaphore(0)

    def sweep(self) -> None:
        """Count, or fail."""
        self.swept.release()
        if self.failures:
            raise self.failures.pop(0)


def test_a_sweeper_goes_on_after_a_failure_until_it_is_stopped(caplog):
    """Neither a database that is away for a while nor a bug in a host's part ends the sweeping; stopping does."""
    counting = Counting(RepositoryUnavailable("The database is gone."), KeyError("ALMA"))
    sweeper = Sweeper(counting, 0.001)
    sweeper.start()
    sweeper.start()

    for _ in range(4):
        assert counting.swept.acquire(timeout=10)
    sweeper.stop()
    sweeper.stop()

    assert caplog.text.count("The database is gone.") == 1
    assert caplog.text.count("KeyError at test_upkeep.py") == 1
    assert "ALMA" not in caplog.text


def test_a_sweeper_that_never_began_can_be_stopped():
    """Stopping what was not started does nothing, and then it does not begin."""
    counting = Counting()
    sweeper = Sweeper(counting, 0.001)

    sweeper.stop()
    sweeper.start()
    sweeper.stop()

    assert not counting.swept.acquire(blocking=False)


class Beats:
    """A repository that notes who beats, or is away."""

    def __init__(self) -> None:
        self.noted = []
        self.away = False

    def beat(self, worker):
        """Note, or fail."""
        if self.away:
            raise RepositoryUnavailable("The database is gone.")
        self.noted.append(worker)


def test_a_process_that_runs_no_chunks_is_silent():
    """Who only sweeps is no worker; who begins to run is one from then on."""
    beats, times = Beats(), [0.0]
    heart = Heart(beats, lambda: times[-1])
    heart.beat()
    silent = list(beats.noted)
    heart.begin()
    for moment in (0.0, 5.0):
        times.append(moment)
        heart.beat()

    assert silent == []
    assert beats.noted == [process_name()] * 2


def test_a_worker_beats_no_more_than_now_and_then():
    """Chunks that follow each other at once bring no write each."""
    beats, times = Beats(), [0.0]
    heart = Heart(beats, lambda: times[-1])
    heart.begin()
    for moment in (0.0, 1.0, 4.9, 5.0, 6.0, 11.0):
        times.append(moment)
        heart.beat()

    assert len(beats.noted) == 3


def test_a_beat_that_cannot_be_noted_breaks_nothing(caplog):
    """The log tells it, and the next one is tried without a pause."""
    beats = Beats()
    heart = Heart(beats)
    heart.begin()
    beats.away = True
    heart.beat()
    beats.away = False
    heart.beat()

    assert "could not be noted. RepositoryUnavailable: The database is gone." in caplog.text
    assert len(beats.noted) == 1


def test_a_sweep_lets_the_heart_beat(repository, dispatcher):
    """A worker that is busy for long, or idle, is seen all the same."""
    heart = Heart(repository)
    upkeep = Upkeep(repository, Doorbell(repository, dispatcher, SETTINGS), SETTINGS, heart)
    upkeep.sweep()
    before = repository.workers(60)
    heart.begin()
    upkeep.sweep()

    assert (before.alive, repository.workers(60).alive) == (0, 1)


def test_a_forked_process_is_a_worker_of_its_own():
    """A child beats under its own name, once it begins; a sweeper that ran in its parent begins anew."""
    beats, counting = Beats(), Counting()
    heart, sweeper = Heart(beats), Sweeper(counting, 0.001)
    heart.begin()
    heart.beat()
    sweeper.start()
    child = os.fork()
    if not child:
        heart.beat()
        silent = len(beats.noted) == 1
        heart.begin()
        heart.beat()
        counting.swept = threading.Semaphore(0)
        sweeper.start()
        swept = counting.swept.acquire(timeout=10)
        os._exit(0 if silent and swept and beats.noted[1] == process_name() != beats.noted[0] else 1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sweeper.stop()

    assert ended == 0
