"""What `UploadStore` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import JobNotFound
from bulkclaims.jobs import Chunk, JobId, JobStatus, NewChunk, NewJob, Owner
from bulkclaims.records import SealedResult
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    OWNER,
    ROWS,
    SUMMARY,
    THEIRS,
    UNKNOWN_IDS,
    assert_counted,
    new_job,
    payload_of,
    recorded,
    refusal,
    rows_in,
    take,
    upload,
)

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository


class UploadStoreContract:
    """A job is all there or not there at all."""

    def test_each_begun_job_gets_an_id_of_its_own(self, repository: JobRepository) -> None:
        """No two jobs share an id, which is text of the length of a UUID."""
        ids = [repository.begin(new_job()) for _ in range(5)]
        assert len(set(ids)) == 5
        assert all(str(job_id) == job_id and len(job_id) == 36 for job_id in ids)

    def test_a_job_is_unseen_by_users_before_it_is_published(self, repository: JobRepository) -> None:
        """A job whose upload still runs can be neither read nor found by anyone."""
        job_id = repository.begin(new_job())
        repository.add(job_id, NewChunk(0, ROWS, b"rows", (refusal(1),)))
        with pytest.raises(JobNotFound):
            repository.get(OURS, job_id)
        with pytest.raises(JobNotFound):
            list(repository.chunks(OURS, job_id))
        assert repository.find(OURS).count == 0
        assert repository.find(OURS).jobs == ()

    def test_a_job_is_unseen_by_workers_before_it_is_published(self, repository: JobRepository) -> None:
        """A job whose upload still runs is neither active nor rung, leased, settled or failed."""
        job_id = repository.begin(new_job())
        repository.add(job_id, NewChunk(0, ROWS, b"rows"))
        assert list(repository.active()) == []
        assert list(repository.ring(job_id, 5, LONG)) == []
        assert repository.lease(Chunk(job_id, 0), "w1", LONG) is None
        with pytest.raises(JobNotFound):
            repository.settle(job_id)
        with pytest.raises(JobNotFound):
            repository.fail(job_id, "No.")

    def test_a_published_job_waits_with_all_its_rows(self, repository: JobRepository) -> None:
        """`publish` returns the job as `get` reads it: PENDING, counted, in its first run."""
        job = upload(repository, chunks=3)
        assert job == repository.get(OURS, job.id)
        assert (job.status, job.total_rows, job.processed, job.run) == (JobStatus.PENDING, 9, 0, 1)
        assert (job.started_at, job.ended_at, job.deadline_at, job.problem) == (None, None, None, "")
        assert job.cancel_requested is False
        assert job.created_at.utcoffset() is not None
        assert_counted(repository, job, succeeded=0, failed=0)

    def test_everything_said_of_a_job_comes_back(self, repository: JobRepository) -> None:
        """Texts in any script, the salt's bytes, defaults, notes and the error log are read back as given."""
        given = NewJob(
            owner=Owner("klinik-süd", "zoë@example.org"),
            filename="Ansprüche 2026 🩺 “März”.csv",
            salt=bytes(range(256)),
            defaults={"payer_id": "60054", "tin": "ключ", "npi": ""},
            deadline_seconds=1800.5,
        )
        job_id = repository.begin(given)
        repository.add(job_id, NewChunk(0, ROWS, b"rows"))
        repository.publish(job_id, SUMMARY)
        job = repository.get("klinik-süd", job_id)
        assert (job.id, job.owner, job.filename, job.salt) == (job_id, given.owner, given.filename, given.salt)
        assert dict(job.defaults) == dict(given.defaults)
        assert job.deadline_seconds == 1800.5
        assert job.upload == SUMMARY

    def test_a_lease_carries_everything_said_of_its_job(self, repository: JobRepository) -> None:
        """A worker is told the same of a job as a user."""
        job = upload(repository, deadline_seconds=LONG)
        lease = take(repository, job)
        assert lease.job == repository.get(OURS, job.id)
        assert (lease.job.salt, lease.job.upload, dict(lease.job.defaults)) == (job.salt, SUMMARY, dict(job.defaults))

    def test_chunks_come_back_in_order(self, repository: JobRepository) -> None:
        """All chunks are read by number, each with its own payload, also when there are more than ten."""
        job = upload(repository, chunks=12)
        chunks = list(repository.chunks(OURS, job.id))
        assert [chunk.number for chunk in chunks] == list(range(12))
        assert [chunk.payload for chunk in chunks] == [payload_of(number) for number in range(12)]
        assert all(chunk.results == () for chunk in chunks)

    @pytest.mark.parametrize(
        "payload",
        [b"", b"\x00", bytes(range(256)), "häßlich".encode("latin-1"), b"x\r\n' \\ %s", bytes(range(256)) * 4096],
        ids=["empty", "nul", "every byte", "not UTF-8", "quotes", "1 MiB"],
    )
    def test_payloads_come_back_byte_for_byte(self, repository: JobRepository, payload: bytes) -> None:
        """Rows and results are opaque bytes of any content and length."""
        job_id = repository.begin(new_job())
        repository.add(job_id, NewChunk(0, ROWS, payload))
        job = repository.publish(job_id, SUMMARY)
        lease = take(repository, job)
        assert lease.payload == payload
        repository.record(lease, [SealedResult(2, success=True, status="Paid", payload=payload)])
        (chunk,) = repository.chunks(OURS, job_id)
        assert chunk.payload == payload
        assert [kept.payload for kept in chunk.results] == [payload]

    def test_refused_rows_count_as_failed(self, repository: JobRepository) -> None:
        """Rows refused at upload have their result from the start, and the job counts them."""
        job = upload(repository, refused={1, 3, 5})
        assert (job.status, job.failed, job.refused) == (JobStatus.PENDING, 3, 3)
        assert recorded(repository, job) == {row: refusal(row) for row in (1, 3, 5)}
        assert_counted(repository, job, succeeded=0, failed=3, refused=3)
        assert take(repository, job, 1).answered == {5}

    def test_a_job_of_refused_rows_alone_fails_at_once(self, repository: JobRepository) -> None:
        """With nothing to run the job is FAILED, says why, and is no work for anyone."""
        job = upload(repository, refused=range(1, 7))
        assert job == repository.get(OURS, job.id)
        assert (job.status, job.failed, job.refused, job.total_rows) == (JobStatus.FAILED, 6, 6, 6)
        assert job.problem
        assert job.ended_at is not None
        assert list(repository.active()) == []
        assert list(repository.ring(job.id, 5, LONG)) == []
        assert repository.lease(Chunk(job.id, 0), "w1", LONG) is None

    def test_a_chunk_of_refused_rows_alone_is_finished(self, repository: JobRepository) -> None:
        """A chunk with nothing to ask is neither rung nor leased."""
        job = upload(repository, chunks=3, refused=rows_in(1))
        assert [chunk.number for chunk in repository.ring(job.id, 5, LONG)] == [0, 2]
        assert repository.lease(Chunk(job.id, 1), "w1", LONG) is None

    def test_a_discarded_upload_is_gone(self, repository: JobRepository) -> None:
        """After `discard` there is nothing to add to and nothing to publish."""
        job_id = repository.begin(new_job())
        repository.add(job_id, NewChunk(0, ROWS, b"rows"))
        repository.discard(job_id)
        with pytest.raises(JobNotFound):
            repository.add(job_id, NewChunk(1, ROWS, b"rows"))
        with pytest.raises(JobNotFound):
            repository.publish(job_id, SUMMARY)
        assert repository.purge(LONG, 0) == 0

    def test_discard_leaves_published_and_unknown_jobs_alone(self, repository: JobRepository) -> None:
        """`discard` after `publish`, twice, or of an unknown id does nothing."""
        job = upload(repository)
        repository.discard(job.id)
        assert len(list(repository.chunks(OURS, job.id))) == 2
        begun = repository.begin(new_job())
        for job_id in (begun, begun, *UNKNOWN_IDS):
            repository.discard(job_id)

    @pytest.mark.parametrize("job_id", UNKNOWN_IDS)
    def test_nothing_is_added_to_an_unknown_job(self, repository: JobRepository, job_id: JobId) -> None:
        """`add` and `publish` of an id that was never begun raise `JobNotFound`."""
        with pytest.raises(JobNotFound):
            repository.add(job_id, NewChunk(0, ROWS, b"rows"))
        with pytest.raises(JobNotFound):
            repository.publish(job_id, SUMMARY)

    def test_uploads_at_the_same_time_stay_apart(self, repository: JobRepository) -> None:
        """Two uploads that take turns end as two jobs with their own rows."""
        first, second = repository.begin(new_job()), repository.begin(new_job(owner=Owner(THEIRS)))
        for number in range(2):
            repository.add(first, NewChunk(number, ROWS, b"first"))
            repository.add(second, NewChunk(number, ROWS, b"second", (refusal(rows_in(number)[0]),)))
        repository.publish(second, SUMMARY)
        assert repository.find(OURS).count == 0
        job = repository.publish(first, SUMMARY)
        assert job.owner == OWNER
        assert [chunk.payload for chunk in repository.chunks(OURS, first)] == [b"first"] * 2
        assert [chunk.payload for chunk in repository.chunks(THEIRS, second)] == [b"second"] * 2
        assert (job.refused, repository.get(THEIRS, second).refused) == (0, 2)
