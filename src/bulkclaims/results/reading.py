"""What a job came to, row by row, in input order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

from bulkclaims.errors import NotNow
from bulkclaims.jobs import JobStatus
from bulkclaims.payloads import open_result, open_rows
from bulkclaims.records import ERROR, ResultLine, RowResult, Source
from bulkclaims.results.comparing import Comparisons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkclaims.interfaces import Cipher, JobStore, ResultWriter
    from bulkclaims.jobs import Job, JobId, StoredChunk
    from bulkclaims.records import Row
    from bulkclaims.results.comparing import Comparison


_CHUNKS_A_PAGE = 40
"""So many chunks are searched for a page of rows at most; where hardly any row fits, pages are short."""
_NO_ANSWER = (False, ERROR)
"""Success and status of a row that was not asked."""


@frozen
class RowCursor:
    """A place between two rows of a job."""

    chunk: int = 0
    row: int = 0
    """Number of the last row before it; 0 at the start of the chunk."""


@frozen
class RowPage:
    """Some rows of a job, in the file's order."""

    lines: tuple[ResultLine, ...]
    following: RowCursor | None
    """Where the next page begins; None when there is nothing more."""

    @property
    def rows(self) -> tuple[RowResult, ...]:
        """Their results."""
        return tuple(line.result for line in self.lines)


@frozen
class Results:
    """Reads the results of jobs."""

    repository: JobStore
    cipher: Cipher
    comparisons: Comparisons = field(
        default=Factory(lambda results: Comparisons(results.repository, results.cipher), takes_self=True), init=False
    )

    def rows(self, organisation: str, job_id: JobId) -> Iterator[RowResult]:
        """
        Yield one result for every row of the file, in the file's order, also for rows that were never asked.

        Raises:
            JobNotFound: Before the first row.
        """
        return (line.result for line in self._lines(self.repository.get(organisation, job_id), compared=False))

    def lines(self, organisation: str, job_id: JobId) -> Iterator[ResultLine]:
        """
        Yield every row of the file with its result and what an earlier job says of it, in the file's order.

        Raises:
            JobNotFound: Before the first row.
        """
        return self._lines(self.repository.get(organisation, job_id))

    def file(  # noqa: PLR0913 -- what a file may leave out
        self,
        organisation: str,
        job_id: JobId,
        writer: ResultWriter,
        *,
        partial: bool = False,
        failed: bool = False,
        changed: bool = False,
    ) -> Iterator[bytes]:
        """
        Yield the results file in pieces, in constant memory.

        Args:
            organisation: Whose job.
            job_id: Which job.
            writer: Gives the file its format.
            partial: Whether a job that still runs may be read too; its open rows are "Not asked yet".
            failed: Only rows that did not succeed.
            changed: Only rows of which the job that this one is compared with says something else.

        Raises:
            JobNotFound: Before the first piece.
            NotNow: Likewise: the job still runs and *partial* is not set, or it is compared with none and *changed* is.
        """
        job = self.repository.get(organisation, job_id)
        if not (job.status.ended or partial):
            raise NotNow(f"The job is {job.status}; its results are ready when it has ended.", code="not_ended")
        if changed and job.upload.compared_with is None:
            raise NotNow("The job is compared with no earlier one, so what changed is not known.", code="not_compared")
        lines = self._lines(job)
        if failed:
            lines = (line for line in lines if not line.result.success)
        if changed:
            lines = (line for line in lines if line.earlier is not None and line.earlier.changed)
        return writer.write(job, lines)

    def page(
        self, organisation: str, job_id: JobId, start: RowCursor, limit: int, wanted: Callable[[bool, str], bool]
    ) -> RowPage:
        """
        Read at most *limit* rows that are *wanted*, in a bounded time, once the job that it is compared with is read.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        job = self.repository.get(organisation, job_id)
        reader, found, last = self._reader(job), list[ResultLine](), start
        chunks = self.repository.chunks(organisation, job_id, start.chunk)
        for chunk in islice(chunks, _CHUNKS_A_PAGE):
            after = start.row if chunk.number == start.chunk else 0
            for line in reader.lines(chunk, after, wanted):
                if len(found) == limit:
                    return RowPage(tuple(found), last)
                found.append(line)
                last = RowCursor(chunk.number, line.row.number)
            last = RowCursor(chunk.number + 1)
        more = next(chunks, None) is not None
        return RowPage(tuple(found), last if more else None)

    def _lines(self, job: Job, *, compared: bool = True) -> Iterator[ResultLine]:
        reader = self._reader(job, compared=compared)
        for chunk in self.repository.chunks(job.owner.organisation, job.id):
            yield from reader.lines(chunk)

    def _reader(self, job: Job, *, compared: bool = True) -> _Reader:
        return _Reader(self.cipher, _why_not_asked(job), self.comparisons.of(job) if compared else None)


@frozen
class _Reader:
    """Opens what is stored of a job."""

    cipher: Cipher
    reason: str
    """Why a row without a result was not asked."""
    comparison: Comparison | None

    def lines(
        self, chunk: StoredChunk, after: int = 0, wanted: Callable[[bool, str], bool] = lambda *_: True
    ) -> Iterator[ResultLine]:
        """Yield the rows of a chunk behind row number *after*, of those that are *wanted*."""
        answered = {sealed.row: sealed for sealed in chunk.results}
        for row in open_rows(chunk.payload, self.cipher):
            sealed = answered.get(row.number)
            # What is asked of a result stands outside it, so that only those that fit are opened.
            if row.number > after and wanted(*((sealed.success, sealed.status) if sealed else _NO_ANSWER)):
                result = open_result(sealed, self.cipher) if sealed else _not_asked(row, self.reason)
                yield ResultLine(row, result, self.comparison.earlier(row, result) if self.comparison else None)


def _why_not_asked(job: Job) -> str:
    match job.status:
        case JobStatus.CANCELLED:
            return "Not asked: the job was cancelled before this row's turn."
        case JobStatus.FAILED:
            return f"Not asked: {job.problem}"
        case _:
            return "Not asked yet: the job has not come to this row."


def _not_asked(row: Row, reason: str) -> RowResult:
    cells = row.cells
    success, status = _NO_ANSWER
    return RowResult(
        row=row.number,
        claim_number=cells["claim_number"],
        status=status,
        success=success,
        patient_name=f"{cells['first_name']} {cells['last_name']}",
        error=reason,
        source=Source.NOT_ASKED,
    )
