"""What `WorkStore` promises of chunks that are put aside for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import Chunk, JobStatus
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    answer,
    crowd,
    numbers,
    recorded,
    result,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job

REASON = "The payer is away — 休業."
LATER = "It said so again."


def _parked(repository: JobRepository, job: Job, number: int = 0, seconds: float = LONG, reason: str = REASON) -> None:
    repository.park(take(repository, job, number), seconds, reason)


def _waits(repository: JobRepository, job: Job) -> str | None:
    """What the job waits for, if it does."""
    now = repository.get(OURS, job.id)
    assert (now.waiting_until is None) == (now.waiting_for == "")
    return now.waiting_for or None


def _end(repository: JobRepository, job: Job, end: str) -> Job:
    """End a job whose chunk 0 is parked and of which no live lease is held."""
    if end == "fail":
        return repository.fail(job.id, "No.")
    if end == "cancel":
        repository.cancel(OURS, job.id)
    return repository.settle(job.id)


class ParkContract:
    """A chunk whose payer is away is put aside, and the others go on."""

    def test_a_parked_chunk_is_had_by_nobody(self, repository: JobRepository) -> None:
        """Until its time is over; the job's other chunks are had as before."""
        job = upload(repository)
        _parked(repository, job)
        assert repository.lease(Chunk(job.id, 0), "w1", LONG) is None
        assert repository.lease(Chunk(job.id, 0), "w2", LONG) is None
        assert take(repository, job, 1).worker == "w1"

    def test_a_parked_chunk_is_neither_rung_nor_out(self, repository: JobRepository) -> None:
        """The window is for chunks that can be had."""
        job = upload(repository, chunks=4)
        repository.ring(job.id, 2, LONG)
        _parked(repository, job)
        assert numbers(repository.ring(job.id, 2, LONG)) == [2]
        _parked(repository, job, 1)
        assert numbers(repository.ring(job.id, 2, LONG)) == [3]
        assert numbers(repository.ring(job.id, 9, 0)) == [2, 3]

    def test_a_chunk_whose_time_is_over_can_be_had(self, repository: JobRepository) -> None:
        """It is rung at once and leased, under a higher fence, with what was answered."""
        job = upload(repository, chunks=2)
        lease = take(repository, job)
        repository.record(lease, [result(2)])
        repository.park(lease, 0, REASON)
        assert numbers(repository.ring(job.id, 1, LONG)) == [0]
        following = take(repository, job, worker="w2")
        assert following.fence > lease.fence
        assert (following.attempts, following.answered) == (1, frozenset({2}))

    def test_parking_is_no_attempt(self, repository: JobRepository) -> None:
        """However often it happens; what died before still counts."""
        job = upload(repository)
        take(repository, job, seconds=0)
        for _ in range(3):
            lease = take(repository, job)
            assert lease.attempts == 2
            repository.park(lease, 0, REASON)

    def test_nothing_can_be_done_under_the_lease_any_more(self, repository: JobRepository) -> None:
        """Neither held nor recorded, and parked or given back only once."""
        job = upload(repository)
        lease = take(repository, job)
        repository.park(lease, 0, REASON)
        with pytest.raises(LeaseLost):
            repository.renew(lease, LONG)
        with pytest.raises(LeaseLost):
            repository.record(lease, [result(1)])
        repository.park(lease, LONG, LATER)
        repository.release(lease)
        assert recorded(repository, job) == {}
        assert _waits(repository, job) == REASON
        assert take(repository, job).attempts == 1

    def test_the_job_says_until_when_and_why(self, repository: JobRepository) -> None:
        """Wherever it is read, by the repository's clock; before, it says nothing."""
        job = upload(repository)
        assert (job.waiting_until, job.waiting_for) == (None, "")
        lease = take(repository, job)
        repository.park(lease, LONG, "é" * 500)
        now = repository.get(OURS, job.id)
        assert now.waiting_for == "é" * 500
        assert now.waiting_until is not None
        assert lease.job.started_at is not None
        assert (now.waiting_until - lease.job.started_at).total_seconds() == pytest.approx(LONG, abs=LONG / 2)
        assert repository.find(OURS).jobs == (now,)
        assert take(repository, job, 1).job.waiting_until == now.waiting_until

    def test_of_several_moments_the_latest_is_told(self, repository: JobRepository) -> None:
        """With its own reason, in whatever order the chunks are parked."""
        job = upload(repository, chunks=3)
        _parked(repository, job, 0, LONG)
        _parked(repository, job, 1, LONG / 2, LATER)
        assert _waits(repository, job) == REASON
        _parked(repository, job, 2, 2 * LONG, LATER)
        assert _waits(repository, job) == LATER

    def test_of_many_who_park_at_the_same_moment_the_latest_is_told(self, repository: JobRepository) -> None:
        """Each chunk is put aside."""
        job = upload(repository, chunks=8)
        leases = [take(repository, job, number) for number in range(8)]
        crowd(lambda number: repository.park(leases[number], LONG * (1 + number * 3 % 8), f"Away {number}."))
        assert _waits(repository, job) == "Away 5."
        assert numbers(repository.ring(job.id, 9, 0)) == []

    def test_a_finished_chunk_is_not_put_aside(self, repository: JobRepository) -> None:
        """It is given back, and the job waits for nothing."""
        job = upload(repository)
        lease = take(repository, job)
        repository.record(lease, [result(row) for row in rows_in(0)])
        repository.park(lease, LONG, REASON)
        assert _waits(repository, job) is None
        with pytest.raises(LeaseLost):
            repository.renew(lease, LONG)
        answer(repository, job, 1)
        assert repository.settle(job.id).status is JobStatus.COMPLETED

    def test_a_lost_lease_parks_nothing(self, repository: JobRepository) -> None:
        """Of a chunk that passed to another, a job that ended, and one that is gone."""
        job, ended, deleted = upload(repository), upload(repository), upload(repository)
        late = take(repository, job, seconds=0)
        take(repository, job, worker="w2", seconds=0)
        leases = [late, take(repository, ended, seconds=0), take(repository, deleted, seconds=0)]
        for each in (ended, deleted):
            repository.fail(each.id, "No.")
        repository.delete(OURS, deleted.id)
        for lease in leases:
            repository.park(lease, LONG, REASON)
        assert (_waits(repository, job), _waits(repository, ended)) == (None, None)
        take(repository, job, worker="w3")
        repository.reopen(OURS, ended.id)
        take(repository, ended)

    def test_an_expired_lease_nobody_took_parks(self, repository: JobRepository) -> None:
        """A worker that was slow may put its chunk aside, also when its bell was rung meanwhile."""
        job = upload(repository, chunks=3)
        lease = take(repository, job, seconds=0)
        assert numbers(repository.ring(job.id, 1, LONG)) == [0]
        repository.park(lease, LONG, REASON)
        assert numbers(repository.ring(job.id, 1, LONG)) == [1]
        assert repository.lease(Chunk(job.id, 0), "w2", LONG) is None

    def test_results_of_other_chunks_change_nothing(self, repository: JobRepository) -> None:
        """Rows of another payer, say, go on while these wait."""
        job = upload(repository)
        lease = take(repository, job, 1)
        _parked(repository, job)
        repository.record(lease, [result(4)])
        assert _waits(repository, job) == REASON

    @pytest.mark.parametrize("end", ["fail", "cancel", "late"])
    def test_an_end_does_not_wait_for_parked_chunks(self, repository: JobRepository, end: str) -> None:
        """And ends the job's waiting: nobody will come for the chunk."""
        job = upload(repository, deadline_seconds=None if end == "cancel" else 0 if end == "late" else LONG)
        _parked(repository, job)
        assert _waits(repository, job) == REASON
        ended = _end(repository, job, end)
        assert ended.status is (JobStatus.CANCELLED if end == "cancel" else JobStatus.FAILED)
        assert ended == repository.get(OURS, job.id)
        assert _waits(repository, job) is None

    def test_a_job_whose_parked_chunk_was_never_done_goes_on(self, repository: JobRepository) -> None:
        """It is not over before the last row is answered."""
        job = upload(repository)
        _parked(repository, job)
        answer(repository, job, 1)
        assert repository.settle(job.id).status is JobStatus.PROCESSING
        assert job.id in repository.active()

    def test_another_run_has_its_chunks_at_once(self, repository: JobRepository) -> None:
        """What was parked is free, and the job waits for nothing."""
        job = upload(repository)
        _parked(repository, job)
        repository.fail(job.id, "No.")
        again = repository.reopen(OURS, job.id)
        assert (again.waiting_until, again.waiting_for) == (None, "")
        assert repository.unbegun(0, LONG) == Chunk(job.id, 0)
        assert numbers(repository.ring(job.id, 9, LONG)) == [0, 1]
        take(repository, job)
