"""What `WorkStore` promises of leases and of what is recorded under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import LeaseLost
from bulkclaims.jobs import Chunk, JobStatus
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    UNKNOWN_IDS,
    answer,
    assert_counted,
    assert_status,
    finish,
    payload_of,
    recorded,
    result,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Lease


def _assert_lost(repository: JobRepository, lease: Lease) -> None:
    """Nothing can be done under *lease* any more."""
    rows_before = recorded(repository, lease.job)
    with pytest.raises(LeaseLost):
        repository.renew(lease, LONG)
    with pytest.raises(LeaseLost):
        repository.record(lease, [result(row) for row in rows_in(lease.chunk.number)])
    repository.release(lease)
    assert recorded(repository, lease.job) == rows_before


class LeaseContract:
    """One worker at a time runs a chunk, and only that worker's writes are taken."""

    def test_a_lease_says_what_to_run(self, repository: JobRepository) -> None:
        """A lease holds the chunk's rows, its worker, and the numbers of rows that need not be asked."""
        job = upload(repository, refused={5})
        lease = take(repository, job, 1, worker="w-ü")
        assert (lease.chunk, lease.worker, lease.attempts) == (Chunk(job.id, 1), "w-ü", 1)
        assert (lease.payload, lease.answered) == (payload_of(1), frozenset({5}))

    def test_the_first_lease_starts_the_job(self, repository: JobRepository) -> None:
        """PENDING becomes PROCESSING once, and the deadline is counted from there."""
        job = upload(repository, deadline_seconds=LONG)
        started = take(repository, job, 0).job
        assert started == repository.get(OURS, job.id)
        assert started.status is JobStatus.PROCESSING
        assert started.started_at is not None
        assert started.started_at >= job.created_at
        assert started.deadline_at is not None
        assert (started.deadline_at - started.started_at).total_seconds() == pytest.approx(LONG, abs=0.01)
        later = take(repository, job, 1).job
        assert (later.started_at, later.deadline_at) == (started.started_at, started.deadline_at)

    def test_a_job_may_have_no_deadline(self, repository: JobRepository) -> None:
        """Without `deadline_seconds` a run has no end set for it."""
        lease = take(repository, upload(repository, deadline_seconds=None))
        assert lease.job.deadline_at is None
        assert repository.renew(lease, LONG) is True

    def test_a_held_chunk_cannot_be_leased(self, repository: JobRepository) -> None:
        """While a live lease is held nobody else, nor its own worker, gets the chunk; others are free."""
        job = upload(repository)
        take(repository, job, 0, worker="w1")
        assert repository.lease(Chunk(job.id, 0), "w2", LONG) is None
        assert repository.lease(Chunk(job.id, 0), "w1", LONG) is None
        assert take(repository, job, 1, worker="w2").worker == "w2"

    def test_unknown_chunks_cannot_be_leased(self, repository: JobRepository) -> None:
        """A message about a job or chunk that is gone leads to no lease, not to an error."""
        job = upload(repository)
        for chunk in (Chunk(job.id, 2), Chunk(job.id, -1), *(Chunk(job_id, 0) for job_id in UNKNOWN_IDS)):
            assert repository.lease(chunk, "w1", LONG) is None
        assert_status(repository, job, JobStatus.PENDING)

    def test_an_expired_chunk_can_be_taken_over(self, repository: JobRepository) -> None:
        """After its lease expired a chunk goes to the next worker, under a higher fence."""
        job = upload(repository)
        leases = [take(repository, job, worker=f"w{number}", seconds=0) for number in range(4)]
        fences = [lease.fence for lease in leases]
        assert fences == sorted(set(fences))

    def test_a_late_holder_is_refused(self, repository: JobRepository) -> None:
        """Once another worker has the chunk, the former holder can write nothing and take nothing from it."""
        job = upload(repository)
        late = take(repository, job, worker="w1", seconds=0)
        holder = take(repository, job, worker="w2")
        _assert_lost(repository, late)
        assert repository.record(holder, [result(1)]) is True
        assert repository.lease(Chunk(job.id, 0), "w3", LONG) is None

    def test_a_late_holder_stays_refused_after_the_next_one_is_done(self, repository: JobRepository) -> None:
        """A chunk given back or expired again does not fall back to an earlier holder."""
        job = upload(repository)
        late = take(repository, job, worker="w1", seconds=0)
        take(repository, job, worker="w2", seconds=0)
        _assert_lost(repository, late)
        repository.release(take(repository, job, worker="w3"))
        _assert_lost(repository, late)

    def test_an_expired_lease_nobody_took_is_as_good_as_before(self, repository: JobRepository) -> None:
        """A worker that was slow but is still the last holder may record, and hold on again."""
        job = upload(repository)
        lease = take(repository, job, seconds=0)
        assert repository.record(lease, [result(1)]) is True
        assert repository.renew(lease, LONG) is True
        assert repository.lease(Chunk(job.id, 0), "w2", LONG) is None
        assert_counted(repository, job, succeeded=1, failed=0)

    def test_renewing_sets_the_time_anew(self, repository: JobRepository) -> None:
        """`renew` counts from now, so it can also shorten a lease."""
        job = upload(repository)
        lease = take(repository, job)
        assert repository.renew(lease, 0) is True
        take(repository, job, worker="w2")

    def test_a_chunk_given_back_is_free_at_once(self, repository: JobRepository) -> None:
        """After `release` the rows not yet answered are for the next worker, and none of it is for the last."""
        job = upload(repository)
        lease = take(repository, job)
        repository.record(lease, [result(2)])
        repository.release(lease)
        _assert_lost(repository, lease)
        following = take(repository, job, worker="w2")
        assert following.answered == {2}
        assert following.fence > lease.fence

    def test_a_finished_chunk_is_never_leased_again(self, repository: JobRepository) -> None:
        """A chunk with all rows answered is over, whether its worker gave it back or died right then."""
        job = upload(repository)
        answer(repository, job, 0)
        repository.record(take(repository, job, 1, seconds=0), [result(row) for row in rows_in(1)])
        for number in (0, 1):
            assert repository.lease(Chunk(job.id, number), "w2", LONG) is None

    @pytest.mark.parametrize("end", ["complete", "cancel", "fail", "delete"])
    def test_leases_end_with_their_job(self, repository: JobRepository, end: str) -> None:
        """When a job has ended no chunk of it can be leased, and leases still held are lost."""
        job = upload(repository)
        lease = take(repository, job, seconds=0)
        if end == "complete":
            repository.record(lease, [result(row) for row in rows_in(0)])
            answer(repository, job, 1)
            assert repository.settle(job.id).status is JobStatus.COMPLETED
        elif end == "cancel":
            repository.cancel(OURS, job.id)
            assert repository.settle(job.id).status is JobStatus.CANCELLED
        else:
            repository.fail(job.id, "No.")
        if end == "delete":
            repository.delete(OURS, job.id)
            with pytest.raises(LeaseLost):
                repository.record(lease, [result(1)])
        else:
            _assert_lost(repository, lease)
        assert repository.lease(lease.chunk, "w2", LONG) is None


class AttemptsContract:
    """Attempts tell a chunk that kills its workers from one that makes progress."""

    def test_attempts_count_leases_that_brought_nothing(self, repository: JobRepository) -> None:
        """Each lease in a row without a record is one attempt more; other chunks count for themselves."""
        job = upload(repository)
        attempts = [take(repository, job, 0, seconds=0).attempts for _ in range(4)]
        assert attempts == [1, 2, 3, 4]
        assert take(repository, job, 1).attempts == 1

    def test_a_record_sets_attempts_back(self, repository: JobRepository) -> None:
        """After a lease under which something was recorded the count starts at 1."""
        job = upload(repository)
        take(repository, job, seconds=0)
        repository.record(take(repository, job, seconds=0), [result(1)])
        assert [take(repository, job, seconds=0).attempts for _ in range(2)] == [1, 2]

    def test_a_lease_given_back_is_no_attempt(self, repository: JobRepository) -> None:
        """A worker told to stop gives its chunk back without harm, once however often it says so."""
        job = upload(repository)
        take(repository, job, seconds=0)
        lease = take(repository, job)
        assert lease.attempts == 2
        repository.release(lease)
        repository.release(lease)
        assert take(repository, job).attempts == 2

    def test_a_lease_with_a_record_given_back_leaves_nothing_behind(self, repository: JobRepository) -> None:
        """Recording and giving back count once, so the next holder is the first."""
        job = upload(repository)
        lease = take(repository, job)
        repository.record(lease, [result(1)])
        repository.release(lease)
        assert take(repository, job).attempts == 1


class RecordContract:
    """A row is answered once, and the counters are what the rows add up to."""

    def test_results_are_counted(self, repository: JobRepository) -> None:
        """After each record the job's counters equal its recorded rows."""
        job = upload(repository, refused={1})
        lease = take(repository, job)
        assert repository.record(lease, [result(2), result(3, success=False)]) is True
        assert_counted(repository, job, succeeded=1, failed=2, refused=1)
        repository.record(take(repository, job, 1), [result(row) for row in rows_in(1)])
        assert_counted(repository, job, succeeded=4, failed=2, refused=1)

    def test_nothing_recorded_changes_nothing(self, repository: JobRepository) -> None:
        """An empty batch is taken and only says whether to go on."""
        job = upload(repository)
        assert repository.record(take(repository, job), []) is True
        assert_counted(repository, job, succeeded=0, failed=0)

    def test_an_answered_row_keeps_its_result(self, repository: JobRepository) -> None:
        """A second result for a row is dropped and not counted, new ones beside it are taken."""
        job = upload(repository)
        lease = take(repository, job)
        repository.record(lease, [result(1), result(2, success=False)])
        repository.record(lease, [result(1, success=False, asked=9), result(2), result(3)])
        assert recorded(repository, job) == {1: result(1), 2: result(2, success=False), 3: result(3)}
        assert_counted(repository, job, succeeded=2, failed=1)

    def test_an_answered_row_keeps_its_result_under_the_next_lease(self, repository: JobRepository) -> None:
        """A chunk that is run again overwrites nothing, refused rows included."""
        job = upload(repository, refused={2})
        repository.record(take(repository, job, seconds=0), [result(1)])
        repository.record(take(repository, job), [result(row, success=False) for row in rows_in(0)])
        results = recorded(repository, job)
        assert (results[1], results[2].refused, results[3].success) == (result(1), True, False)
        assert_counted(repository, job, succeeded=1, failed=2, refused=1)

    def test_a_row_twice_in_one_batch_counts_once(self, repository: JobRepository) -> None:
        """Of two results for a row in one call the first is taken."""
        job = upload(repository)
        repository.record(take(repository, job), [result(1), result(1, success=False), result(1, asked=9)])
        assert recorded(repository, job) == {1: result(1)}
        assert_counted(repository, job, succeeded=1, failed=0)

    def test_a_refused_batch_leaves_no_trace(self, repository: JobRepository) -> None:
        """When the lease is lost no result, count or fingerprint of the batch is kept."""
        job = upload(repository)
        late = take(repository, job, seconds=0)
        take(repository, job, worker="w2")
        with pytest.raises(LeaseLost):
            repository.record(late, [result(1, fingerprint=b"print"), result(2, success=False)])
        assert recorded(repository, job) == {}
        assert dict(repository.answers(job.id, [b"print"])) == {}
        assert_counted(repository, job, succeeded=0, failed=0)

    def test_a_cancelled_job_says_stop_and_takes_what_is_in_flight(self, repository: JobRepository) -> None:
        """After `cancel` the holder is told not to go on, and what it still records is kept."""
        job = upload(repository)
        lease = take(repository, job)
        repository.cancel(OURS, job.id)
        assert repository.renew(lease, LONG) is False
        assert repository.record(lease, [result(1)]) is False
        assert_counted(repository, job, succeeded=1, failed=0)
        assert repository.lease(Chunk(job.id, 1), "w2", LONG) is None

    def test_a_late_job_says_stop_and_takes_what_is_in_flight(self, repository: JobRepository) -> None:
        """Past the deadline the holder is told not to go on, and what it still records is kept."""
        job = upload(repository, deadline_seconds=0)
        lease = take(repository, job)
        assert repository.renew(lease, LONG) is False
        assert repository.record(lease, [result(1)]) is False
        assert_counted(repository, job, succeeded=1, failed=0)
        assert repository.lease(Chunk(job.id, 1), "w2", LONG) is None


class AnswersContract:
    """An inquiry that the job has an answer for need not be asked again."""

    def test_answers_are_found_by_fingerprint(self, repository: JobRepository) -> None:
        """Each known fingerprint brings its result, in whichever chunk; unknown ones bring nothing."""
        job = upload(repository)
        first = result(1, fingerprint=b"\x00" * 32)
        second = result(5, fingerprint=b"\xff" * 32, success=False, asked=2)
        repository.record(take(repository, job, 0), [first, result(2)])
        repository.record(take(repository, job, 1), [second])
        found = repository.answers(job.id, [b"\x00" * 32, b"\xff" * 32, b"other"])
        assert dict(found) == {b"\x00" * 32: first, b"\xff" * 32: second}
        assert dict(repository.answers(job.id, [])) == {}

    def test_one_of_several_answers_is_found(self, repository: JobRepository) -> None:
        """When rows share a fingerprint any of their results stands for all."""
        job = upload(repository)
        twins = [result(row, fingerprint=b"twin") for row in rows_in(0)]
        repository.record(take(repository, job), twins)
        assert repository.answers(job.id, [b"twin"])[b"twin"] in twins

    def test_many_fingerprints_can_be_asked_at_once(self, repository: JobRepository) -> None:
        """Some hundred fingerprints fit into one call."""
        job = upload(repository)
        repository.record(take(repository, job), [result(1, fingerprint=b"print 499")])
        assert set(repository.answers(job.id, [b"print %d" % number for number in range(500)])) == {b"print 499"}

    def test_answers_belong_to_their_job(self, repository: JobRepository) -> None:
        """Another job's answers are never found, and an unknown job has none."""
        job, other = upload(repository), upload(repository)
        repository.record(take(repository, job), [result(1, fingerprint=b"print")])
        finish(repository, other)
        for job_id in (other.id, *UNKNOWN_IDS):
            assert dict(repository.answers(job_id, [b"print"])) == {}
