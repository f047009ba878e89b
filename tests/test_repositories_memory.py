"""Tests of `bulkclaims.repositories.memory`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bulkclaims.errors import UploadRepeated
from bulkclaims.jobs import Chunk, JobStatus, NewChunk
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts import JobRepositoryContract, LimiterContract
from bulkclaims.testing.contracts.scenes import LONG, OURS, ROWS, new_job, numbers, take, upload
from bulkclaims.testing.stateful import repository_machine

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class TestMemoryRepository(JobRepositoryContract):
    """The reference member passes the contract it is the reference of."""

    @pytest.fixture
    def repository(self) -> MemoryRepository:
        """An empty repository."""
        return MemoryRepository()


class TestMemoryRepositoryAsLimiter(LimiterContract):
    """The same object limits payer accounts."""

    @pytest.fixture
    def limiter(self) -> MemoryRepository:
        """A limiter nobody has asked yet."""
        return MemoryRepository()


TestMemoryMachine = repository_machine(MemoryRepository)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at noon."""
    return Clock()


@pytest.fixture
def repository(clock: Clock) -> MemoryRepository:
    """A repository that goes by the clock."""
    return MemoryRepository(clock)


def test_a_lease_lasts_its_seconds(clock: Clock, repository: MemoryRepository) -> None:
    """A lease is live until its seconds are over, from when it was last renewed."""
    job = upload(repository)
    lease = take(repository, job, seconds=15)
    clock.now += 10
    repository.renew(lease, 15)
    clock.now += 14
    assert repository.lease(Chunk(job.id, 0), "w2", 15) is None
    clock.now += 1
    assert take(repository, job, worker="w2").attempts == 2


def test_a_bell_is_rung_again_after_its_seconds(clock: Clock, repository: MemoryRepository) -> None:
    """A bell that nobody heard keeps its chunk out for *again_after* seconds and no longer."""
    job = upload(repository)
    assert numbers(repository.ring(job.id, 1, 60)) == [0]
    clock.now += 59
    assert numbers(repository.ring(job.id, 1, 60)) == []
    clock.now += 1
    assert numbers(repository.ring(job.id, 1, 60)) == [0]


def test_a_deadline_counts_from_the_first_lease(clock: Clock, repository: MemoryRepository) -> None:
    """Time spent waiting does not count; the job fails when its seconds of work are over."""
    job = upload(repository, deadline_seconds=1800)
    clock.now += LONG
    lease = take(repository, job, seconds=0)
    assert lease.job.deadline_at == NOON + timedelta(seconds=LONG + 1800)
    clock.now += 1799
    assert repository.renew(lease, 0) is True
    assert repository.settle(job.id).status is JobStatus.PROCESSING
    clock.now += 1
    assert repository.settle(job.id).status is JobStatus.FAILED


def test_a_chunk_is_put_aside_for_its_seconds(clock: Clock, repository: MemoryRepository) -> None:
    """Not longer; and the job tells that very moment, of two the later one."""
    job = upload(repository)
    for number, seconds in ((0, 60), (1, 30)):
        repository.park(take(repository, job, number), seconds, "The payer is away.")
    assert repository.get(OURS, job.id).waiting_until == NOON + timedelta(seconds=60)
    clock.now += 59
    assert numbers(repository.ring(job.id, 9, 60)) == [1]
    assert repository.lease(Chunk(job.id, 0), "w1", LONG) is None
    clock.now += 1
    assert numbers(repository.ring(job.id, 9, 60)) == [0]
    take(repository, job, 0)


def test_jobs_are_purged_by_age(clock: Clock, repository: MemoryRepository) -> None:
    """Age counts from the end of a job and from the beginning of an upload."""
    job = upload(repository)
    clock.now += 100
    repository.cancel(OURS, job.id)
    clock.now += 100
    assert repository.purge(101, LONG) == 0
    assert repository.purge(100, LONG) == 1


def test_a_slow_upload_keeps_its_key_while_it_moves(clock: Clock, repository: MemoryRepository) -> None:
    """What counts is when something was last stored, not when the upload began."""
    job_id = repository.begin(new_job(key="k"))
    for number in range(3):
        clock.now += 50
        repository.add(job_id, NewChunk(number, ROWS, b"rows"))
    with pytest.raises(UploadRepeated):
        repository.begin(new_job(key="k"), 60)
    assert repository.purge(LONG, 60) == 0
    clock.now += 60
    assert repository.begin(new_job(key="k"), 60) != job_id
