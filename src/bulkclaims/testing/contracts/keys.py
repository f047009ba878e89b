"""What `UploadStore` promises of an upload's key: whoever sends the same thing twice gets one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import JobNotFound, UploadRepeated
from bulkclaims.jobs import NewChunk, Owner
from bulkclaims.testing.contracts.scenes import LONG, OURS, ROWS, SUMMARY, THEIRS, crowd, new_job

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job, JobId

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def _published(repository: JobRepository, key: str) -> Job:
    job_id = repository.begin(new_job(key=key))
    repository.add(job_id, NewChunk(0, ROWS, b"rows"))
    return repository.publish(job_id, SUMMARY)


class UploadKeyContract:
    """An organisation uses a key once."""

    def test_a_used_key_names_its_job(self, repository: JobRepository) -> None:
        """Once the job is published, beginning with its key again tells which one it is, however long ago."""
        job = _published(repository, KEY)
        for in_flight_seconds in (0, LONG):
            with pytest.raises(UploadRepeated) as repeated:
                repository.begin(new_job(key=KEY), in_flight_seconds)
            assert repeated.value.job_id == job.id
        assert repository.find(OURS).count == 1

    def test_a_key_in_flight_names_no_job(self, repository: JobRepository) -> None:
        """While the first upload is under way the second is told so, and the first goes on."""
        job_id = repository.begin(new_job(key=KEY))
        with pytest.raises(UploadRepeated) as repeated:
            repository.begin(new_job(key=KEY), LONG)
        assert repeated.value.job_id is None
        repository.add(job_id, NewChunk(0, ROWS, b"rows"))
        assert repository.publish(job_id, SUMMARY).id == job_id

    def test_a_given_up_upload_loses_its_key(self, repository: JobRepository) -> None:
        """An upload whose process died does not hold its key for ever: the next one takes it, and the first is gone."""
        first = repository.begin(new_job(key=KEY))
        repository.add(first, NewChunk(0, ROWS, b"first"))
        second = repository.begin(new_job(key=KEY), 0)
        with pytest.raises(JobNotFound):
            repository.add(first, NewChunk(1, ROWS, b"first"))
        with pytest.raises(JobNotFound):
            repository.publish(first, SUMMARY)
        repository.add(second, NewChunk(0, ROWS, b"second"))
        repository.publish(second, SUMMARY)
        assert [chunk.payload for chunk in repository.chunks(OURS, second)] == [b"second"]

    def test_a_discarded_upload_gives_its_key_back(self, repository: JobRepository) -> None:
        """After a file that was refused, the corrected one may come under the same key."""
        repository.discard(repository.begin(new_job(key=KEY)))
        assert repository.begin(new_job(key=KEY), LONG)

    def test_a_deleted_job_gives_its_key_back(self, repository: JobRepository) -> None:
        """A key lives as long as its job."""
        job = _published(repository, KEY)
        repository.fail(job.id, "No.")
        repository.delete(OURS, job.id)
        assert _published(repository, KEY).id != job.id

    def test_keys_are_each_organisations_own(self, repository: JobRepository) -> None:
        """Another organisation's key is no concern of ours, nor one that differs in case."""
        ids = {repository.begin(new_job(key=KEY)), repository.begin(new_job(key=KEY, owner=Owner(THEIRS)), LONG)}
        ids |= {repository.begin(new_job(key=KEY.upper()), LONG)}
        assert len(ids) == 3

    def test_without_a_key_every_upload_is_a_new_one(self, repository: JobRepository) -> None:
        """No key is no key: it never repeats."""
        assert len({repository.begin(new_job(key=""), LONG) for _ in range(3)}) == 3

    def test_of_many_at_the_same_moment_one_begins(self, repository: JobRepository) -> None:
        """However many repeats arrive at once, one of them makes the job."""

        def begin(_: int) -> JobId | None:
            try:
                return repository.begin(new_job(key=KEY), LONG)
            except UploadRepeated:
                return None

        assert sum(job_id is not None for job_id in crowd(begin)) == 1
