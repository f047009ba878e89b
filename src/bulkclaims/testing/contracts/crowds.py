"""What a repository promises when many workers call it at the same moment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from bulkclaims.errors import LeaseLost, NotNow
from bulkclaims.jobs import Chunk, Job, JobStatus
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    ROWS,
    crowd,
    finish,
    numbers,
    recorded,
    result,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository

CHUNKS = 48
WORKERS = 8


def _run_all(repository: JobRepository, job: Job, worker: int, seconds: float) -> int:
    """Lease, record and release all chunks that can be had, in the same order as the others; count the leases."""
    leased = 0
    for number in range(CHUNKS):
        lease = repository.lease(Chunk(job.id, number), f"w{worker}", seconds)
        if lease is None:
            continue
        leased += 1
        with suppress(LeaseLost):
            for row in rows_in(number):
                repository.record(lease, [evolve(result(row, success=row % 5 != 0), status=f"w{worker}")])
        repository.release(lease)
    return leased


class CrowdContract:
    """Many workers at once do each piece of work once."""

    def test_eight_workers_share_a_job(self, repository: JobRepository) -> None:
        """With live leases each chunk is run once, each row recorded once, and the job completed."""
        job = upload(repository, CHUNKS)
        leased = crowd(lambda worker: _run_all(repository, job, worker, LONG), WORKERS)
        assert sum(leased) == CHUNKS
        ended = repository.settle(job.id)
        total = CHUNKS * ROWS
        assert set(recorded(repository, job)) == set(range(1, total + 1))
        assert (ended.status, ended.succeeded, ended.failed) == (JobStatus.COMPLETED, total - total // 5, total // 5)

    def test_eight_workers_fight_over_a_job(self, repository: JobRepository) -> None:
        """With leases that expire at once no row is recorded twice and the counters equal the rows."""
        job = upload(repository, CHUNKS)
        crowd(lambda worker: _run_all(repository, job, worker, 0), WORKERS)
        results = recorded(repository, job).values()
        now = repository.get(OURS, job.id)
        assert now.succeeded == sum(kept.success for kept in results)
        assert now.processed == len(results) <= now.total_rows

    def test_one_of_many_gets_the_chunk(self, repository: JobRepository) -> None:
        """Of workers that lease the same chunk at the same moment one succeeds, and starts the job."""
        job = upload(repository)
        leases = crowd(lambda worker: repository.lease(Chunk(job.id, 0), f"w{worker}", LONG))
        (lease,) = [lease for lease in leases if lease is not None]
        assert (lease.attempts, lease.job.status) == (1, JobStatus.PROCESSING)
        assert repository.renew(lease, LONG) is True

    def test_a_row_recorded_by_many_counts_once(self, repository: JobRepository) -> None:
        """Calls of one holder at the same moment, such as a repeated one, record each row once."""
        job = upload(repository)
        lease = take(repository, job)
        batch = [result(row) for row in rows_in(0)]
        crowd(lambda _: repository.record(lease, batch))
        assert repository.get(OURS, job.id).processed == len(recorded(repository, job)) == ROWS

    def test_each_bell_is_rung_by_one(self, repository: JobRepository) -> None:
        """Of callers at the same moment no two get the same chunk, and together they keep to the window."""
        job = upload(repository, CHUNKS)
        rung = [number for some in crowd(lambda _: numbers(repository.ring(job.id, 10, LONG))) for number in some]
        assert sorted(rung) == list(range(10))

    def test_a_job_is_settled_once(self, repository: JobRepository) -> None:
        """All callers see the same end, at the same time."""
        job = upload(repository, chunks=1)
        repository.record(take(repository, job), [result(row) for row in rows_in(0)])
        ended = crowd(lambda _: repository.settle(job.id))
        assert {one.status for one in ended} == {JobStatus.COMPLETED}
        assert len({one.ended_at for one in ended}) == 1

    @pytest.mark.parametrize("answered", [1, ROWS])
    def test_a_job_ends_in_one_way(self, repository: JobRepository, answered: int) -> None:
        """When some settle, some fail and some cancel a job, it ends once and stays so."""
        job = upload(repository, chunks=1)
        repository.record(take(repository, job, seconds=0), [result(row) for row in rows_in(0)[:answered]])

        def end(caller: int) -> Job | None:
            with suppress(NotNow):
                moves = (
                    lambda: repository.settle(job.id),
                    lambda: repository.fail(job.id, f"No {caller}."),
                    lambda: repository.cancel(OURS, job.id),
                )
                return moves[caller % 3]()
            return None

        ends = {(one.status, one.problem, one.ended_at) for one in crowd(end, 9) if one and one.status.ended}
        now = repository.get(OURS, job.id)
        assert ends == {(now.status, now.problem, now.ended_at)}

    def test_one_of_many_reasons_stays(self, repository: JobRepository) -> None:
        """When many fail a job at the same moment, under a live lease, all of them read the same reason."""
        job = upload(repository)
        lease = take(repository, job)
        noted = crowd(lambda caller: repository.fail(job.id, f"No {caller}."))
        assert {one.status for one in noted} == {JobStatus.PROCESSING}
        assert len({one.problem for one in noted}) == 1
        repository.release(lease)
        ended = crowd(lambda _: repository.settle(job.id))
        assert {(one.status, one.problem) for one in ended} == {(JobStatus.FAILED, noted[0].problem)}

    def test_a_job_is_reopened_once(self, repository: JobRepository) -> None:
        """Of retries at the same moment one starts a run, the others are told that it runs."""
        job = finish(repository, upload(repository), failing={1, 2})

        def reopen(_: int) -> Job | None:
            with suppress(NotNow):
                return repository.reopen(OURS, job.id)
            return None

        assert [one.run for one in crowd(reopen) if one is not None] == [2]
        now = repository.get(OURS, job.id)
        assert (now.run, now.succeeded, now.failed) == (2, 4, 0)

    def test_uploads_at_the_same_time_all_arrive(self, repository: JobRepository) -> None:
        """Jobs uploaded at the same moment are all found, each with its own rows."""
        jobs = crowd(lambda number: upload(repository, chunks=number + 1, filename=f"{number}.csv"))
        page = repository.find(OURS)
        assert page.count == len(jobs)
        assert {job.filename: job.total_rows for job in page.jobs} == {
            f"{number}.csv": ROWS * (number + 1) for number in range(8)
        }
