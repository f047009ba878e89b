"""What the repository's contracts have in common: made-up jobs whose every chunk has three rows."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

from bulkclaims.jobs import Chunk, JobId, JobStatus, NewChunk, NewJob, Owner, UploadSummary
from bulkclaims.records import CellError, SealedResult, UploadFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job, Lease

T = TypeVar("T")

OWNER = Owner("north-clinic", "pat")
OURS = OWNER.organisation
THEIRS = "south-clinic"

ROWS = 3
"""Rows in every chunk."""
LONG = 3600.0
"""Seconds that no test lasts."""

UNKNOWN_IDS = (JobId("7b0f1b52-59a5-4c0c-9d0e-0f5d0d2b6f11"), JobId("no-such-job"), JobId(""))

SUMMARY = UploadSummary(
    UploadFacts(
        encoding="windows-1252",
        delimiter=";",
        columns=("claim_number", "first_name", "Größe", "メモ"),
        size=123_456,
        sha256="0f" * 32,
        notes=("The file was read as “Windows-1252”.", "Two lines — both blank — were skipped. ✓ 🩺"),
    ),
    error_count=7,
    error_log=(
        CellError(2, "date_of_birth", "date_unreadable", 'Write the date as MM/DD/YYYY, for "March 1st" 03/01.'),
        CellError(5, "", "too_many_cells", "Ligne trop longue : vérifiez les guillemets\nde la ligne."),
    ),
)


def new_job(
    *, filename: str = "claims.csv", owner: Owner = OWNER, deadline_seconds: float | None = None, key: str = ""
) -> NewJob:
    """A job about to be uploaded."""
    return NewJob(owner, filename, b"salt", {"payer_id": "60054", "npi": "1999999984"}, deadline_seconds, key)


def rows_in(number: int) -> tuple[int, ...]:
    """Row numbers of the chunk *number*, when every chunk has three rows."""
    return tuple(range(number * ROWS + 1, number * ROWS + ROWS + 1))


def payload_of(number: int) -> bytes:
    """The payload that `upload` gives the chunk *number*."""
    return b"\x00chunk\xff%d" % number


def result(row: int, *, success: bool = True, asked: int = 1, fingerprint: bytes | None = None) -> SealedResult:
    """A payer's answer to a row."""
    status = "Paid" if success else "Error"
    return SealedResult(row, success, status, b"\x00\xfeanswer %d" % row, asked, fingerprint=fingerprint)


def refusal(row: int) -> SealedResult:
    """The result of a row that was refused at upload."""
    return SealedResult(row, success=False, status="Error", payload=b"refused", refused=True)


def upload(  # noqa: PLR0913 -- scenes differ in many things, all of them optional
    repository: JobRepository,
    chunks: int = 2,
    *,
    refused: Collection[int] = (),
    filename: str = "claims.csv",
    owner: Owner = OWNER,
    deadline_seconds: float | None = None,
) -> Job:
    """Publish a job of so many chunks, the rows numbered *refused* refused."""
    job_id = repository.begin(new_job(filename=filename, owner=owner, deadline_seconds=deadline_seconds))
    for number in range(chunks):
        refusals = tuple(refusal(row) for row in rows_in(number) if row in refused)
        repository.add(job_id, NewChunk(number, ROWS, payload_of(number), refusals))
    return repository.publish(job_id, SUMMARY)


def take(repository: JobRepository, job: Job, number: int = 0, *, worker: str = "w1", seconds: float = LONG) -> Lease:
    """Lease a chunk that must be free; 0 *seconds* makes a lease that has expired already."""
    lease = repository.lease(Chunk(job.id, number), worker, seconds)
    assert lease is not None, f"chunk {number} should have been free"
    return lease


def answer(repository: JobRepository, job: Job, number: int, *, failing: Collection[int] = ()) -> None:
    """Run one chunk: lease, record all that is unanswered, release."""
    lease = take(repository, job, number)
    open_rows = [row for row in rows_in(number) if row not in lease.answered]
    repository.record(lease, [result(row, success=row not in failing) for row in open_rows])
    repository.release(lease)


def finish(repository: JobRepository, job: Job, *, failing: Collection[int] = ()) -> Job:
    """Run all chunks of a job and settle it."""
    for number in range(job.total_rows // ROWS):
        answer(repository, job, number, failing=failing)
    return repository.settle(job.id)


def recorded(repository: JobRepository, job: Job) -> dict[int, SealedResult]:
    """All results of a job by row, each row at most once."""
    results = [kept for chunk in repository.chunks(job.owner.organisation, job.id) for kept in chunk.results]
    by_row = {kept.row: kept for kept in results}
    assert len(by_row) == len(results), "a row has two results"
    return by_row


def assert_counted(repository: JobRepository, job: Job, *, succeeded: int, failed: int, refused: int = 0) -> None:
    """The job's counters are these, and are what its recorded rows add up to."""
    now = repository.get(job.owner.organisation, job.id)
    results = recorded(repository, job).values()
    assert (now.succeeded, now.failed, now.refused) == (succeeded, failed, refused)
    assert sum(kept.success for kept in results) == succeeded
    assert sum(not kept.success for kept in results) == failed
    assert sum(kept.refused for kept in results) == refused


def assert_status(repository: JobRepository, job: Job, status: JobStatus) -> None:
    """The job stands in *status*."""
    assert repository.get(job.owner.organisation, job.id).status is status


def numbers(chunks: Iterable[Chunk]) -> list[int]:
    """The numbers of some chunks of one job."""
    return [chunk.number for chunk in chunks]


def crowd(act: Callable[[int], T], size: int = 8) -> Sequence[T]:
    """Let *size* threads call `act(0)`, `act(1)`, … at the same moment and collect what they return."""
    start = Barrier(size)

    def run(number: int) -> T:
        start.wait(timeout=30)
        return act(number)

    interval = sys.getswitchinterval()
    # Threads that take turns a thousand times as often as usual find the gaps that a rare moment would find in use.
    sys.setswitchinterval(interval / 1000)
    try:
        with ThreadPoolExecutor(size) as threads:
            return list(threads.map(run, range(size)))
    finally:
        sys.setswitchinterval(interval)
