"""What `JobStore` promises of reading, finding and deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import JobNotFound, NotNow
from bulkclaims.jobs import JobId, JobStatus, Owner
from bulkclaims.testing.contracts.scenes import (
    LONG,
    OURS,
    THEIRS,
    UNKNOWN_IDS,
    finish,
    new_job,
    recorded,
    result,
    take,
    upload,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.interfaces import JobRepository

    Operation = Callable[[JobRepository, str, JobId], object]

OPERATIONS: dict[str, Operation] = {
    "get": lambda repository, organisation, job_id: repository.get(organisation, job_id),
    "chunks": lambda repository, organisation, job_id: list(repository.chunks(organisation, job_id)),
    "cancel": lambda repository, organisation, job_id: repository.cancel(organisation, job_id),
    "reopen": lambda repository, organisation, job_id: repository.reopen(organisation, job_id),
    "delete": lambda repository, organisation, job_id: repository.delete(organisation, job_id),
}
"""Every method of `JobStore` with a job's id."""

FILENAMES = ("March.csv", "march 100%.csv", "100_claims.csv", "100 claims.csv", r"back\slash.csv", "'quoted'.csv")


class JobStoreContract:
    """Users see their own organisation's jobs and nothing else."""

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_unknown_jobs_are_not_found(self, repository: JobRepository, operation: Operation) -> None:
        """An id nobody was given, whatever it looks like, is `JobNotFound`."""
        for job_id in UNKNOWN_IDS:
            with pytest.raises(JobNotFound):
                operation(repository, OURS, job_id)

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_unpublished_jobs_are_not_found(self, repository: JobRepository, operation: Operation) -> None:
        """A job whose upload has not ended is `JobNotFound`, also for its owner, and can go on."""
        job_id = repository.begin(new_job())
        with pytest.raises(JobNotFound):
            operation(repository, OURS, job_id)
        repository.discard(job_id)

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    @pytest.mark.parametrize("ended", [False, True], ids=["running", "ended"])
    def test_jobs_of_others_are_not_found(self, repository: JobRepository, operation: Operation, ended: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
        """Another organisation's job is `JobNotFound` and stays as it is."""
        job = upload(repository)
        if ended:
            finish(repository, job, failing={2})
        before = repository.get(OURS, job.id)
        for organisation in (THEIRS, "", OURS.upper(), f"{OURS} "):
            with pytest.raises(JobNotFound):
                operation(repository, organisation, job.id)
        assert repository.get(OURS, job.id) == before

    def test_only_own_jobs_are_listed(self, repository: JobRepository) -> None:
        """`find` returns and counts the organisation's own jobs alone, whoever of it uploaded them."""
        ours = {upload(repository, owner=Owner(OURS, user)).id for user in ("pat", "kim")}
        theirs = {upload(repository, owner=Owner(THEIRS, "pat")).id}
        for organisation, expected in ((OURS, ours), (THEIRS, theirs), ("nobody", set[JobId]())):
            page = repository.find(organisation)
            assert ({job.id for job in page.jobs}, page.count) == (expected, len(expected))

    def test_found_jobs_are_whole(self, repository: JobRepository) -> None:
        """A listed job is the job as `get` reads it."""
        job = finish(repository, upload(repository, refused={1}), failing={2})
        assert repository.find(OURS).jobs == (repository.get(OURS, job.id),) == (job,)

    def test_newest_first_and_page_by_page(self, repository: JobRepository) -> None:
        """Pages follow each other without gap or overlap, from the newest job to the oldest."""
        ids = [upload(repository, chunks=1).id for _ in range(5)]
        pages = [repository.find(OURS, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
        assert [len(page.jobs) for page in pages] == [2, 2, 1, 0]
        assert {page.count for page in pages} == {5}
        jobs = [job for page in pages for job in page.jobs]
        assert {job.id for job in jobs} == set(ids)
        created = [job.created_at for job in jobs]
        assert created == sorted(created, reverse=True)

    def test_find_by_status(self, repository: JobRepository) -> None:
        """Each status finds just the jobs that stand in it."""
        jobs = {
            JobStatus.PENDING: upload(repository),
            JobStatus.PROCESSING: upload(repository),
            JobStatus.COMPLETED: finish(repository, upload(repository)),
            JobStatus.CANCELLED: repository.cancel(OURS, upload(repository).id),
            JobStatus.FAILED: repository.fail(upload(repository).id, "No."),
        }
        take(repository, jobs[JobStatus.PROCESSING])
        for status, job in jobs.items():
            page = repository.find(OURS, status=status)
            assert ([found.id for found in page.jobs], page.count) == ([job.id], 1)

    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("", set(FILENAMES)),
            ("march", {"March.csv", "march 100%.csv"}),
            ("MARCH.", {"March.csv"}),
            ("%", {"march 100%.csv"}),
            ("_", {"100_claims.csv"}),
            ("\\", {r"back\slash.csv"}),
            (r"\s", {r"back\slash.csv"}),
            ("'", {"'quoted'.csv"}),
            ("100", {"march 100%.csv", "100_claims.csv", "100 claims.csv"}),
            ("m%v", set()),
            ("*", set()),
            ("april", set()),
        ],
    )
    def test_find_by_name(self, repository: JobRepository, search: str, expected: set[str]) -> None:
        """A search is a part of the file name in any case, in which no character stands for others."""
        for filename in FILENAMES:
            upload(repository, chunks=1, filename=filename)
        page = repository.find(OURS, search=search)
        assert page.count == len(page.jobs)
        assert {job.filename for job in page.jobs} == expected

    def test_find_by_time(self, repository: JobRepository) -> None:
        """`created_after` leaves out jobs created at that moment or before."""
        jobs = [upload(repository, chunks=1) for _ in range(4)]
        for oldest in jobs:
            page = repository.find(OURS, created_after=oldest.created_at)
            expected = {job.id for job in jobs if job.created_at > oldest.created_at}
            assert ({job.id for job in page.jobs}, page.count) == (expected, len(expected))

    def test_filters_add_up(self, repository: JobRepository) -> None:
        """A job is found when every criterion fits it, and the count ignores the page."""
        for filename in ("a1.csv", "a2.csv", "b1.csv"):
            finish(repository, upload(repository, filename=filename))
        upload(repository, filename="a3.csv")
        page = repository.find(OURS, status=JobStatus.COMPLETED, search="A", limit=1, offset=1)
        assert (page.count, len(page.jobs)) == (2, 1)
        assert page.jobs[0].filename in {"a1.csv", "a2.csv"}

    def test_results_are_read_by_row_number(self, repository: JobRepository) -> None:
        """A chunk's results come in the order of their rows, every field as recorded."""
        job = upload(repository)
        given = {
            6: result(6, success=False, asked=3),
            4: result(4, fingerprint=b"\x00\x80print"),
            5: result(5, asked=0),
        }
        lease = take(repository, job, 1)
        for row in (6, 4, 5):
            repository.record(lease, [given[row]])
        repository.record(take(repository, job, 0), [result(2)])
        first, second = repository.chunks(OURS, job.id)
        assert first.results == (result(2),)
        assert second.results == (given[4], given[5], given[6])

    def test_chunks_are_read_from_any_on(self, repository: JobRepository) -> None:
        """Whoever wants a later page need not read the chunks before it; beyond the last there are none."""
        job = upload(repository, chunks=12)
        assert [chunk.number for chunk in repository.chunks(OURS, job.id, 10)] == [10, 11]
        assert list(repository.chunks(OURS, job.id, 12)) == []

    def test_an_ended_job_can_be_deleted(self, repository: JobRepository) -> None:
        """After `delete` job, rows and results are gone for everyone, and other jobs are untouched."""
        job, other = upload(repository), upload(repository)
        finish(repository, other)
        repository.record(take(repository, job, seconds=0), [result(1, fingerprint=b"print")])
        repository.fail(job.id, "No.")
        repository.delete(OURS, job.id)
        for operation in OPERATIONS.values():
            with pytest.raises(JobNotFound):
                operation(repository, OURS, job.id)
        assert [found.id for found in repository.find(OURS).jobs] == [other.id]
        assert dict(repository.answers(job.id, [b"print"])) == {}
        assert len(recorded(repository, other)) == other.total_rows

    def test_an_active_job_cannot_be_deleted(self, repository: JobRepository) -> None:
        """A job that waits or runs has to be cancelled first, also one that is to fail soon."""
        job = upload(repository)
        with pytest.raises(NotNow):
            repository.delete(OURS, job.id)
        lease = take(repository, job)
        with pytest.raises(NotNow):
            repository.delete(OURS, job.id)
        assert repository.renew(lease, LONG) is True
        repository.fail(job.id, "No.")
        with pytest.raises(NotNow):
            repository.delete(OURS, job.id)
        assert repository.renew(lease, LONG) is False

    def test_a_job_whose_cancel_waits_for_a_lease_is_not_told_to_be_cancelled(self, repository: JobRepository) -> None:
        """Whoever has cancelled a running job is told to wait, not to cancel it."""
        job = upload(repository)
        lease = take(repository, job)
        repository.cancel(OURS, job.id)
        with pytest.raises(NotNow, match="try again in a minute"):
            repository.delete(OURS, job.id)
        repository.release(lease)
        repository.settle(job.id)
        repository.delete(OURS, job.id)
