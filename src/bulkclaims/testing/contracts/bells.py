"""What `WorkStore` promises of bells and of the list of active jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkclaims.jobs import Chunk
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    ROWS,
    UNKNOWN_IDS,
    answer,
    finish,
    numbers,
    result,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository


SHORT = 0.02
"""Seconds."""


class BellContract:
    """Only a few chunks of a job are out at once, and none is forgotten."""

    def test_the_first_chunks_are_rung_first(self, repository: JobRepository) -> None:
        """As many chunks as the window holds are chosen, lowest number first."""
        job = upload(repository, chunks=12)
        assert list(repository.ring(job.id, 3, LONG)) == [Chunk(job.id, number) for number in range(3)]

    def test_a_short_job_is_rung_whole(self, repository: JobRepository) -> None:
        """A window wider than the job brings each of its chunks once."""
        job = upload(repository, chunks=2)
        assert numbers(repository.ring(job.id, 9, LONG)) == [0, 1]

    def test_nobody_else_rings_the_same_bell(self, repository: JobRepository) -> None:
        """Chunks rung a moment ago are out: a second caller gets only what its window holds beside them."""
        job = upload(repository, chunks=5)
        repository.ring(job.id, 2, LONG)
        assert numbers(repository.ring(job.id, 2, LONG)) == []
        assert numbers(repository.ring(job.id, 1, LONG)) == []
        assert numbers(repository.ring(job.id, 3, LONG)) == [2]

    def test_a_bell_nobody_heard_is_rung_again(self, repository: JobRepository) -> None:
        """After *again_after* seconds without a lease the message counts as lost."""
        job = upload(repository, chunks=5)
        assert numbers(repository.ring(job.id, 2, 0)) == [0, 1]
        assert numbers(repository.ring(job.id, 2, 0)) == [0, 1]
        assert numbers(repository.ring(job.id, 2, LONG)) == []

    def test_a_bell_that_nobody_hears_is_rung_ever_more_seldom(self, repository: JobRepository) -> None:
        """Each bell without an answer counts for twice as long as the one before."""
        job = upload(repository, chunks=1)
        for _ in range(4):
            assert numbers(repository.ring(job.id, 1, 0)) == [0]
        rung = time.monotonic()
        while not repository.ring(job.id, 1, SHORT):
            pass
        assert time.monotonic() - rung > 7 * SHORT

    def test_a_held_chunk_is_out(self, repository: JobRepository) -> None:
        """A live lease takes its place in the window, rung or not, and is not rung."""
        job = upload(repository, chunks=5)
        take(repository, job, 1)
        assert numbers(repository.ring(job.id, 3, 0)) == [0, 2]

    def test_an_expired_chunk_is_rung_at_once(self, repository: JobRepository) -> None:
        """A chunk whose holder died is not out, however short ago its bell was rung."""
        job = upload(repository, chunks=3)
        repository.ring(job.id, 2, LONG)
        take(repository, job, 0, seconds=0)
        assert numbers(repository.ring(job.id, 2, LONG)) == [0]

    def test_a_chunk_given_back_unfinished_is_rung_at_once(self, repository: JobRepository) -> None:
        """A chunk that a worker gave back before its end is not out."""
        job = upload(repository, chunks=3)
        repository.ring(job.id, 2, LONG)
        repository.release(take(repository, job, 1))
        assert numbers(repository.ring(job.id, 2, LONG)) == [1]

    def test_a_finished_chunk_makes_place(self, repository: JobRepository) -> None:
        """A chunk with all rows answered is never rung, and the next one moves into the window."""
        job = upload(repository, chunks=4)
        repository.ring(job.id, 2, LONG)
        answer(repository, job, 0)
        assert numbers(repository.ring(job.id, 2, LONG)) == [2]
        repository.record(take(repository, job, 1), [result(row) for row in rows_in(1)])
        assert numbers(repository.ring(job.id, 2, LONG)) == [3]
        assert numbers(repository.ring(job.id, 9, 0)) == [2, 3]

    def test_no_bell_of_a_job_to_be_cancelled(self, repository: JobRepository) -> None:
        """Once cancel was asked for, no chunk is rung any more."""
        job = upload(repository, chunks=3)
        take(repository, job)
        repository.cancel(OURS, job.id)
        assert numbers(repository.ring(job.id, 9, 0)) == []

    def test_no_bell_of_a_job_to_fail(self, repository: JobRepository) -> None:
        """Once a run cannot go on, no chunk is rung any more, whoever is at work on another."""
        job = upload(repository, chunks=3)
        take(repository, job)
        repository.fail(job.id, "No.")
        assert numbers(repository.ring(job.id, 9, 0)) == []

    def test_no_bell_of_a_late_job(self, repository: JobRepository) -> None:
        """Past the deadline no chunk is rung any more."""
        job = upload(repository, deadline_seconds=0)
        take(repository, job, seconds=0)
        assert numbers(repository.ring(job.id, 9, 0)) == []

    def test_no_bell_of_an_ended_or_unknown_job(self, repository: JobRepository) -> None:
        """Jobs that have ended, and ids that name no job, have nothing to ring."""
        completed, failed, cancelled = finish(repository, upload(repository)), upload(repository), upload(repository)
        repository.fail(failed.id, "No.")
        repository.cancel(OURS, cancelled.id)
        for job_id in (completed.id, failed.id, cancelled.id, *UNKNOWN_IDS):
            assert numbers(repository.ring(job_id, 9, 0)) == []

    def test_bells_are_each_jobs_own(self, repository: JobRepository) -> None:
        """What is out of one job leaves another's window alone."""
        first, second = upload(repository), upload(repository)
        repository.ring(first.id, 2, LONG)
        assert numbers(repository.ring(second.id, 2, LONG)) == [0, 1]

    def test_a_job_waits_for_its_first_worker_alone(self, repository: JobRepository) -> None:
        """Told of are jobs that nobody has begun, for as long as they have waited; ended ones wait for nobody."""
        assert repository.unbegun(0, LONG) is None
        older, job, cancelled = upload(repository), upload(repository, chunks=2), upload(repository)
        repository.cancel(OURS, cancelled.id)
        assert repository.unbegun(0, LONG) == Chunk(job.id, 0)
        assert repository.unbegun(LONG / 2, LONG) is None
        assert repository.unbegun(0, 0) is None
        repository.release(take(repository, job))
        assert repository.unbegun(0, LONG) == Chunk(older.id, 0)

    def test_another_run_waits_for_its_first_worker(self, repository: JobRepository) -> None:
        """A job that was reopened waits anew, with the first of its chunks that has something to ask."""
        job = finish(repository, upload(repository, chunks=2), failing={ROWS + 1})
        assert repository.unbegun(0, LONG) is None
        repository.reopen(OURS, job.id)
        assert repository.unbegun(0, LONG) == Chunk(job.id, 1)

    def test_active_jobs_are_listed_longest_waiting_first(self, repository: JobRepository) -> None:
        """`active` names the PENDING and PROCESSING jobs of all organisations, oldest first, and no other."""
        jobs = [upload(repository) for _ in range(6)]
        take(repository, jobs[1])
        finish(repository, jobs[2])
        repository.cancel(OURS, jobs[3].id)
        repository.fail(jobs[4].id, "No.")
        created = {job.id: job.created_at for job in (jobs[0], jobs[1], jobs[5])}
        active = list(repository.active())
        assert sorted(active) == sorted(created)
        assert [created[job_id] for job_id in active] == sorted(created.values())
