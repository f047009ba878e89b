"""What is promised of how jobs end: `settle`, `fail`, `cancel` and `purge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import JobNotFound, NotNow
from bulkclaims.jobs import Chunk, JobStatus, NewChunk
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    ROWS,
    UNKNOWN_IDS,
    answer,
    assert_counted,
    assert_status,
    finish,
    new_job,
    recorded,
    result,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import JobId


class SettleContract:
    """A job ends when it is over, and not before."""

    def test_a_waiting_job_stays(self, repository: JobRepository) -> None:
        """A job that nobody has begun is not over, whatever its deadline."""
        job = upload(repository, deadline_seconds=0)
        assert repository.settle(job.id) == job

    def test_a_running_job_stays(self, repository: JobRepository) -> None:
        """A job with unanswered rows and time left is not over, held or not."""
        job = upload(repository, deadline_seconds=LONG)
        lease = take(repository, job)
        repository.record(lease, [result(1)])
        assert repository.settle(job.id).status is JobStatus.PROCESSING
        repository.release(lease)
        assert repository.settle(job.id) == repository.get(OURS, job.id)
        assert_status(repository, job, JobStatus.PROCESSING)

    def test_a_job_with_all_rows_answered_is_completed(self, repository: JobRepository) -> None:
        """With every row answered, succeeded or not, the job is COMPLETED."""
        job = upload(repository, refused={1})
        ended = finish(repository, job, failing={2})
        assert ended == repository.get(OURS, job.id)
        assert (ended.status, ended.problem) == (JobStatus.COMPLETED, "")
        assert ended.started_at is not None
        assert ended.ended_at is not None
        assert ended.started_at <= ended.ended_at
        assert_counted(repository, job, succeeded=4, failed=2, refused=1)

    def test_a_job_completes_while_its_last_worker_still_holds_on(self, repository: JobRepository) -> None:
        """With every row answered nothing is to be waited for, live leases included."""
        job = upload(repository)
        for number in (0, 1):
            repository.record(take(repository, job, number), [result(row) for row in rows_in(number)])
        assert repository.settle(job.id).status is JobStatus.COMPLETED

    def test_a_cancelled_job_waits_for_its_workers(self, repository: JobRepository) -> None:
        """Cancel is granted once no live lease is held, so that what is in flight is still recorded."""
        job = upload(repository)
        lease = take(repository, job)
        repository.cancel(OURS, job.id)
        assert repository.settle(job.id).status is JobStatus.PROCESSING
        repository.record(lease, [result(1)])
        repository.release(lease)
        ended = repository.settle(job.id)
        assert (ended.status, ended.problem, ended.cancel_requested) == (JobStatus.CANCELLED, "", True)
        assert ended.ended_at is not None
        assert_counted(repository, job, succeeded=1, failed=0)

    def test_a_cancelled_job_does_not_wait_for_the_dead(self, repository: JobRepository) -> None:
        """An expired lease does not hold up a cancel."""
        job = upload(repository)
        take(repository, job, seconds=0)
        repository.cancel(OURS, job.id)
        assert repository.settle(job.id).status is JobStatus.CANCELLED

    def test_a_cancelled_job_that_got_all_answers_is_completed(self, repository: JobRepository) -> None:
        """When the last rows came in before the wish was granted, the job is COMPLETED."""
        job = upload(repository, chunks=1)
        lease = take(repository, job)
        repository.cancel(OURS, job.id)
        repository.record(lease, [result(row) for row in rows_in(0)])
        ended = repository.settle(job.id)
        assert (ended.status, ended.cancel_requested) == (JobStatus.COMPLETED, True)

    def test_a_late_job_fails_and_keeps_its_answers(self, repository: JobRepository) -> None:
        """Past its deadline a job is FAILED, with a reason, once no live lease is held."""
        job = upload(repository, deadline_seconds=0)
        lease = take(repository, job)
        repository.record(lease, [result(1)])
        assert repository.settle(job.id).status is JobStatus.PROCESSING
        repository.release(lease)
        ended = repository.settle(job.id)
        assert ended.status is JobStatus.FAILED
        assert ended.problem
        assert ended.ended_at is not None
        assert_counted(repository, job, succeeded=1, failed=0)

    def test_a_late_job_that_was_cancelled_is_cancelled(self, repository: JobRepository) -> None:
        """The person's wish comes before the deadline."""
        job = upload(repository, deadline_seconds=0)
        take(repository, job, seconds=0)
        repository.cancel(OURS, job.id)
        assert repository.settle(job.id).status is JobStatus.CANCELLED

    def test_an_ended_job_is_left_alone(self, repository: JobRepository) -> None:
        """Settling again changes nothing, the time of the end included."""
        for ended in (
            finish(repository, upload(repository)),
            repository.fail(upload(repository).id, "No."),
            repository.cancel(OURS, upload(repository).id),
        ):
            assert repository.settle(ended.id) == ended == repository.get(OURS, ended.id)

    @pytest.mark.parametrize("job_id", UNKNOWN_IDS)
    def test_an_unknown_job_is_not_found(self, repository: JobRepository, job_id: JobId) -> None:
        """`settle` and `fail` of an id that names no job raise `JobNotFound`."""
        with pytest.raises(JobNotFound):
            repository.settle(job_id)
        with pytest.raises(JobNotFound):
            repository.fail(job_id, "No.")


class FailContract:
    """A run that cannot go on says why, and ends once what is in flight is recorded."""

    def test_an_active_job_fails_for_a_reason(self, repository: JobRepository) -> None:
        """PENDING or PROCESSING, the job is FAILED with the sentence given when nobody holds a part, answers kept."""
        waiting, running, left = upload(repository), upload(repository), upload(repository)
        repository.record(take(repository, running, seconds=0), [result(1)])
        repository.release(take(repository, left))
        for job in (waiting, running, left):
            ended = repository.fail(job.id, "Le payeur refuse l'accès — 拒否.")
            assert ended == repository.get(OURS, job.id)
            assert (ended.status, ended.problem) == (JobStatus.FAILED, "Le payeur refuse l'accès — 拒否.")
            assert ended.ended_at is not None
        assert_counted(repository, running, succeeded=1, failed=0)

    def test_a_job_to_fail_waits_for_its_workers(self, repository: JobRepository) -> None:
        """It says why at once, and is FAILED once no live lease is held, so that what is in flight is recorded."""
        job = upload(repository, chunks=3)
        leases = [take(repository, job, number) for number in (0, 1)]
        noted = repository.fail(job.id, "The budget is spent.")
        assert noted == repository.get(OURS, job.id)
        assert (noted.status, noted.problem, noted.ended_at) == (JobStatus.PROCESSING, "The budget is spent.", None)
        assert job.id in repository.active()
        for place, lease in enumerate(leases):
            assert repository.renew(lease, LONG) is False
            assert repository.record(lease, [result(place * ROWS + 1)]) is False
            assert repository.settle(job.id).status is JobStatus.PROCESSING
            repository.release(lease)
        ended = repository.settle(job.id)
        assert ended == repository.get(OURS, job.id)
        assert (ended.status, ended.problem) == (JobStatus.FAILED, "The budget is spent.")
        assert ended.ended_at is not None
        assert_counted(repository, job, succeeded=2, failed=0)

    def test_nobody_gets_a_part_of_a_job_to_fail(self, repository: JobRepository) -> None:
        """Neither a chunk that nobody has begun nor one that was given back is leased."""
        job = upload(repository)
        lease = take(repository, job)
        repository.release(take(repository, job, 1))
        repository.fail(job.id, "No.")
        assert repository.lease(Chunk(job.id, 1), "w2", LONG) is None
        repository.park(lease, 0, "The payer is away.")
        assert repository.lease(lease.chunk, "w2", LONG) is None
        ended = repository.settle(job.id)
        assert (ended.status, ended.waiting_for) == (JobStatus.FAILED, "")

    def test_a_job_to_fail_does_not_wait_for_the_dead(self, repository: JobRepository) -> None:
        """A lease that expires after the reason was noted does not hold up the end."""
        job = upload(repository)
        lease = take(repository, job)
        assert repository.fail(job.id, "No.").status is JobStatus.PROCESSING
        repository.renew(lease, 0)
        assert repository.settle(job.id).status is JobStatus.FAILED

    def test_the_first_of_several_reasons_stays(self, repository: JobRepository) -> None:
        """Whoever notes another, or notes it as the last to hold a part, reads the first one."""
        job = upload(repository)
        lease = take(repository, job)
        repository.fail(job.id, "First.")
        assert repository.fail(job.id, "Second.").problem == "First."
        repository.release(lease)
        ended = repository.fail(job.id, "Third.")
        assert (ended.status, ended.problem) == (JobStatus.FAILED, "First.")

    def test_a_job_to_fail_that_got_all_answers_is_completed(self, repository: JobRepository) -> None:
        """When the last rows came in all the same there is nothing left that could fail, and no problem."""
        job = upload(repository, chunks=1)
        lease = take(repository, job)
        repository.fail(job.id, "No.")
        assert repository.record(lease, [result(row) for row in rows_in(0)]) is False
        ended = repository.settle(job.id)
        assert (ended.status, ended.problem) == (JobStatus.COMPLETED, "")

    @pytest.mark.parametrize("first", ["cancel", "fail"])
    def test_a_persons_cancel_comes_before_a_reason(self, repository: JobRepository, first: str) -> None:
        """Whichever was first: the job is CANCELLED, and no problem is left to be read."""
        job = upload(repository)
        lease = take(repository, job)
        if first == "fail":
            repository.fail(job.id, "No.")
        assert repository.cancel(OURS, job.id).cancel_requested is True
        if first == "cancel":
            repository.fail(job.id, "No.")
        repository.release(lease)
        ended = repository.settle(job.id)
        assert (ended.status, ended.problem) == (JobStatus.CANCELLED, "")

    def test_a_reason_comes_before_the_deadline(self, repository: JobRepository) -> None:
        """What stopped the run is what is told, also when it is late by then."""
        job = upload(repository, deadline_seconds=0)
        lease = take(repository, job)
        repository.fail(job.id, "No.")
        repository.release(lease)
        assert repository.settle(job.id).problem == "No."

    def test_a_blank_reason_is_one_too(self, repository: JobRepository) -> None:
        """A sentence stands in for it, so that the job ends."""
        held, free = upload(repository), upload(repository)
        lease = take(repository, held)
        assert repository.fail(held.id, "").problem
        repository.release(lease)
        for ended in (repository.settle(held.id), repository.fail(free.id, "")):
            assert ended.status is JobStatus.FAILED
            assert ended.problem

    def test_another_run_knows_nothing_of_the_reason(self, repository: JobRepository) -> None:
        """After a retry chunks are leased as ever, and the run goes on."""
        job = upload(repository)
        lease = take(repository, job)
        repository.fail(job.id, "No.")
        repository.release(lease)
        repository.settle(job.id)
        again = repository.reopen(OURS, job.id)
        assert (again.status, again.problem) == (JobStatus.PENDING, "")
        assert repository.renew(take(repository, job), LONG) is True

    def test_an_ended_job_does_not_fail(self, repository: JobRepository) -> None:
        """However a job ended, a later failure does not change it; the first of two reasons stays."""
        for ended in (
            finish(repository, upload(repository)),
            repository.cancel(OURS, upload(repository).id),
            repository.fail(upload(repository).id, "First."),
        ):
            assert repository.fail(ended.id, "Second.") == ended == repository.get(OURS, ended.id)


class CancelContract:
    """A person can stop a job, and what was answered is kept."""

    def test_a_waiting_job_is_cancelled_at_once(self, repository: JobRepository) -> None:
        """A PENDING job is CANCELLED by the call itself."""
        job = upload(repository)
        ended = repository.cancel(OURS, job.id)
        assert ended == repository.get(OURS, job.id)
        assert (ended.status, ended.cancel_requested) == (JobStatus.CANCELLED, True)
        assert ended.ended_at is not None
        assert repository.lease(Chunk(job.id, 0), "w1", LONG) is None

    def test_a_running_job_notes_the_wish(self, repository: JobRepository) -> None:
        """A PROCESSING job goes on until it is settled; asking twice changes nothing."""
        job = upload(repository)
        take(repository, job)
        wished = repository.cancel(OURS, job.id)
        assert (wished.status, wished.cancel_requested) == (JobStatus.PROCESSING, True)
        assert wished.ended_at is None
        assert repository.cancel(OURS, job.id) == wished == repository.get(OURS, job.id)

    def test_an_ended_job_cannot_be_cancelled(self, repository: JobRepository) -> None:
        """However a job ended, `cancel` raises `NotNow` and changes nothing."""
        for ended in (
            finish(repository, upload(repository)),
            repository.cancel(OURS, upload(repository).id),
            repository.fail(upload(repository).id, "No."),
        ):
            with pytest.raises(NotNow):
                repository.cancel(OURS, ended.id)
            assert repository.get(OURS, ended.id) == ended


class PurgeContract:
    """Nothing is kept longer than was asked for, and nothing that runs is lost."""

    def test_ended_jobs_are_purged(self, repository: JobRepository) -> None:
        """Jobs that ended long enough ago are deleted whole and counted, however they ended."""
        ended = [
            finish(repository, upload(repository)),
            repository.cancel(OURS, upload(repository).id),
            repository.fail(upload(repository).id, "No."),
            upload(repository, refused=range(1, 7)),
        ]
        assert repository.purge(0, LONG) == 4
        for job in ended:
            with pytest.raises(JobNotFound):
                repository.get(OURS, job.id)
        assert repository.find(OURS).count == 0
        assert repository.purge(0, 0) == 0

    def test_active_jobs_are_never_purged(self, repository: JobRepository) -> None:
        """A job that waits or runs stays, however old."""
        waiting, running = upload(repository), upload(repository)
        lease = take(repository, running)
        assert repository.purge(0, 0) == 0
        assert repository.record(lease, [result(1)]) is True
        answer(repository, waiting, 0)
        assert len(recorded(repository, waiting)) == ROWS

    def test_abandoned_uploads_are_purged(self, repository: JobRepository) -> None:
        """Uploads begun long enough ago and never published are deleted and counted."""
        abandoned = repository.begin(new_job())
        repository.add(abandoned, NewChunk(0, ROWS, b"rows"))
        assert repository.purge(LONG, 0) == 1
        with pytest.raises(JobNotFound):
            repository.add(abandoned, NewChunk(1, ROWS, b"rows"))

    def test_young_jobs_and_uploads_stay(self, repository: JobRepository) -> None:
        """What ended or began later than asked for is kept."""
        ended = finish(repository, upload(repository))
        begun = repository.begin(new_job())
        assert repository.purge(LONG, LONG) == 0
        assert repository.get(OURS, ended.id) == ended
        repository.add(begun, NewChunk(0, ROWS, b"rows"))
