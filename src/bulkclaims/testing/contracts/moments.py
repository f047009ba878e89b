"""What the repository tells of a job's movement: since when it waits, when a worker was seen, how far it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.testing.contracts.scenes import OURS, finish, result, take, upload

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository


class MomentsContract:
    """Progress can be told from one row read."""

    def test_a_new_job_waits_from_when_it_was_made(self, repository: JobRepository) -> None:
        """Until a worker comes, none was seen; rows refused at upload were answered before."""
        job = upload(repository, refused={1})
        assert job.queued_at >= job.created_at
        assert (job.worker_seen_at, job.answered_before) == (None, 1)

    def test_a_lease_and_every_record_show_a_worker(self, repository: JobRepository) -> None:
        """Whoever takes a chunk or records answers was there; the later moment counts."""
        lease = take(repository, upload(repository))
        taken = repository.get(OURS, lease.chunk.job_id)
        assert taken.worker_seen_at is not None
        assert taken.worker_seen_at >= taken.queued_at
        repository.record(lease, [result(1)])
        recorded = repository.get(OURS, lease.chunk.job_id)
        assert recorded.worker_seen_at is not None
        assert recorded.worker_seen_at >= taken.worker_seen_at
        assert recorded.answered_before == 0

    def test_another_run_waits_anew(self, repository: JobRepository) -> None:
        """After `reopen` the job waits from then on, no worker was seen, and what stays answered was so before."""
        job = finish(repository, upload(repository, refused={1}), failing={2, 5})
        again = repository.reopen(OURS, job.id)
        assert job.ended_at is not None
        assert again.queued_at >= job.ended_at
        assert (again.worker_seen_at, again.answered_before, again.processed) == (None, 4, 4)
