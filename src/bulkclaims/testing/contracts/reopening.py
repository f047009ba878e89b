"""What `JobStore.reopen` promises: a retry asks what failed and loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import LeaseLost, NotNow
from bulkclaims.jobs import JobStatus
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    answer,
    assert_counted,
    finish,
    numbers,
    recorded,
    refusal,
    result,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository


class ReopenContract:
    """Another run for the rows that failed at the payer or were never asked."""

    def test_failed_rows_are_reopened(self, repository: JobRepository) -> None:
        """After COMPLETED with failures only these are open again; successes and refusals stay as they are."""
        job = finish(repository, upload(repository, refused={1}), failing={2, 5})
        again = repository.reopen(OURS, job.id)
        assert again == repository.get(OURS, job.id)
        assert (again.status, again.run, again.total_rows) == (JobStatus.PENDING, 2, 6)
        assert recorded(repository, job) == {1: refusal(1), **{row: result(row) for row in (3, 4, 6)}}
        assert_counted(repository, job, succeeded=3, failed=1, refused=1)
        assert take(repository, job, 0).answered == {1, 3}

    def test_a_reopened_job_runs_to_its_end(self, repository: JobRepository) -> None:
        """The second run answers the open rows and completes the job."""
        job = finish(repository, upload(repository, chunks=3, refused={1}), failing={2, 5})
        repository.reopen(OURS, job.id)
        assert numbers(repository.ring(job.id, 9, LONG)) == [0, 1]
        for number in (0, 1):
            answer(repository, job, number)
        ended = repository.settle(job.id)
        assert (ended.status, ended.run) == (JobStatus.COMPLETED, 2)
        assert_counted(repository, job, succeeded=8, failed=1, refused=1)

    def test_rows_never_asked_are_reopened_after_a_failure(self, repository: JobRepository) -> None:
        """After FAILED the rows that lack a result are asked; the problem is forgotten."""
        job = upload(repository)
        repository.record(take(repository, job, seconds=0), [result(1), result(2, success=False)])
        repository.fail(job.id, "No.")
        again = repository.reopen(OURS, job.id)
        assert (again.status, again.problem, again.run) == (JobStatus.PENDING, "", 2)
        assert recorded(repository, job) == {1: result(1)}
        assert_counted(repository, job, succeeded=1, failed=0)

    def test_rows_never_asked_are_reopened_after_a_cancel(self, repository: JobRepository) -> None:
        """After CANCELLED the job goes on, and nobody wishes to cancel it any more."""
        job = upload(repository)
        repository.cancel(OURS, job.id)
        again = repository.reopen(OURS, job.id)
        assert (again.status, again.cancel_requested) == (JobStatus.PENDING, False)
        assert repository.renew(take(repository, job), LONG) is True

    def test_a_new_run_gets_new_times(self, repository: JobRepository) -> None:
        """Start, end and deadline of the earlier run are forgotten; the new run sets its own."""
        job = finish(repository, upload(repository, deadline_seconds=LONG), failing={1})
        again = repository.reopen(OURS, job.id)
        assert (again.started_at, again.ended_at, again.deadline_at) == (None, None, None)
        assert again.created_at == job.created_at
        started = take(repository, job).job
        assert job.deadline_at is not None
        assert started.deadline_at is not None
        assert started.deadline_at >= job.deadline_at
        assert started.started_at is not None

    def test_a_late_job_gets_a_new_deadline(self, repository: JobRepository) -> None:
        """A job that failed by its deadline can be leased again after a retry."""
        job = upload(repository, deadline_seconds=0)
        take(repository, job, seconds=0)
        assert repository.settle(job.id).status is JobStatus.FAILED
        repository.reopen(OURS, job.id)
        assert take(repository, job).job.run == 2

    def test_writes_of_the_earlier_run_are_refused(self, repository: JobRepository) -> None:
        """A lease of an earlier run is lost for good: before the new run, during it, and held by nobody else."""
        job = upload(repository)
        old = [take(repository, job, number, seconds=0) for number in (0, 1)]
        repository.fail(job.id, "No.")
        repository.reopen(OURS, job.id)
        for lease in old:
            with pytest.raises(LeaseLost):
                repository.record(lease, [result(lease.chunk.number * 3 + 1)])
        new = take(repository, job, 0)
        for lease in old:
            with pytest.raises(LeaseLost):
                repository.record(lease, [result(lease.chunk.number * 3 + 1)])
            with pytest.raises(LeaseLost):
                repository.renew(lease, LONG)
            repository.release(lease)
        assert new.fence > old[0].fence
        assert repository.renew(new, LONG) is True
        assert recorded(repository, job) == {}

    def test_attempts_and_bells_start_afresh(self, repository: JobRepository) -> None:
        """A chunk that was rung or ended its workers in the earlier run is rung and leased like a new one."""
        job = upload(repository)
        for _ in range(2):
            take(repository, job, 0, seconds=0)
        repository.ring(job.id, 9, LONG)
        repository.fail(job.id, "No.")
        repository.reopen(OURS, job.id)
        assert numbers(repository.ring(job.id, 9, LONG)) == [0, 1]
        assert take(repository, job, 0).attempts == 1

    def test_how_often_a_row_was_asked_adds_up(self, repository: JobRepository) -> None:
        """`asked` of a row counts all runs, however many, and rows of one run only that."""
        job = upload(repository, chunks=1)
        for run, asked in enumerate((2, 3, 4)):
            lease = take(repository, job, seconds=0)
            repository.record(lease, [result(1, success=run == 2, asked=asked)])
            if run == 0:
                repository.record(lease, [result(2, asked=7)])
            if run < 2:
                repository.fail(job.id, "No.")
                repository.reopen(OURS, job.id)
        assert {row: kept.asked for row, kept in recorded(repository, job).items()} == {1: 9, 2: 7}

    def test_a_row_left_open_keeps_its_count(self, repository: JobRepository) -> None:
        """A row that one run did not come to keeps the count of the runs before."""
        job = upload(repository, chunks=1)
        repository.record(take(repository, job, seconds=0), [result(1, success=False, asked=2)])
        for _ in range(2):
            repository.fail(job.id, "No.")
            repository.reopen(OURS, job.id)
        repository.record(take(repository, job), [result(1, asked=1)])
        assert recorded(repository, job)[1].asked == 3

    def test_answers_taken_back_are_not_found(self, repository: JobRepository) -> None:
        """A failure that is asked again no longer answers its fingerprint; a success does."""
        job = upload(repository)
        kept = result(1, fingerprint=b"good")
        repository.record(take(repository, job, seconds=0), [kept, result(2, success=False, fingerprint=b"bad")])
        repository.fail(job.id, "No.")
        repository.reopen(OURS, job.id)
        assert dict(repository.answers(job.id, [b"good", b"bad"])) == {b"good": kept}
        again = result(2, fingerprint=b"bad")
        repository.record(take(repository, job), [again])
        assert repository.answers(job.id, [b"bad"])[b"bad"].success is True

    def test_a_running_job_cannot_be_reopened(self, repository: JobRepository) -> None:
        """PENDING or PROCESSING, or about to fail, the job raises `NotNow` and stays as it is."""
        job = upload(repository)
        with pytest.raises(NotNow):
            repository.reopen(OURS, job.id)
        repository.record(take(repository, job), [result(1, success=False)])
        with pytest.raises(NotNow):
            repository.reopen(OURS, job.id)
        repository.fail(job.id, "No.")
        with pytest.raises(NotNow):
            repository.reopen(OURS, job.id)
        assert_counted(repository, job, succeeded=0, failed=1)

    def test_a_job_with_nothing_to_ask_cannot_be_reopened(self, repository: JobRepository) -> None:
        """When each row succeeded or was refused at upload, `reopen` raises `NotNow` and changes nothing."""
        for ended in (
            finish(repository, upload(repository)),
            finish(repository, upload(repository, refused={1, 4})),
            upload(repository, refused=range(1, 7)),
        ):
            with pytest.raises(NotNow):
                repository.reopen(OURS, ended.id)
            assert repository.get(OURS, ended.id) == ended

    def test_a_job_can_be_reopened_only_once_at_a_time(self, repository: JobRepository) -> None:
        """The second of two retries finds the job waiting already, and the run grows by one."""
        job = finish(repository, upload(repository), failing={1})
        assert repository.reopen(OURS, job.id).run == 2
        with pytest.raises(NotNow):
            repository.reopen(OURS, job.id)
        assert repository.get(OURS, job.id).run == 2
