"""The report of a check: as data, and as a CSV file to work through."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.formulas import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.jobs import JobId, PayerPlan
    from bulkclaims.records import CellError, Problem, UploadFacts

_COLUMNS = ("severity", "code", "column", "rows_in_all", "row", "seen", "message", "repair")


@frozen
class CheckReport:
    """What an upload would come to, without anything being stored or sent."""

    facts: UploadFacts
    total_rows: int
    bad_rows: int
    problems: tuple[Problem, ...]
    """What keeps rows from being sent, grouped by what would mend it, the most frequent first; counts are exact."""
    plan: tuple[PayerPlan, ...] = ()
    """What it would take to ask for the rows, by payer account."""
    warnings: tuple[Problem, ...] = ()
    """Likewise what is worth a look in rows that are sent all the same, and repairs that were made."""
    duplicates: int = 0
    """Rows that ask what an earlier row of the file asks."""
    same_as: JobId | None = None
    """The organisation's latest job that was made of the very same bytes."""
    cells: tuple[CellError, ...] = field(default=(), repr=False)
    """Those that problems and warnings list, each with the shape of what stands there."""

    @property
    def truncated(self) -> bool:
        """Whether any problem or warning lists fewer rows than it counts."""
        return any(problem.count > len(problem.rows) > 0 for problem in (*self.problems, *self.warnings))


def report_csv(report: CheckReport) -> Iterator[bytes]:
    """Yield the report as a CSV file in pieces: a line for each row that is listed, problem by problem."""
    cells = {(cell.row, cell.column, cell.code): (cell.seen, cell.message) for cell in report.cells}
    kinds = chain((("error", each) for each in report.problems), (("warning", each) for each in report.warnings))
    yield _written([_COLUMNS])
    for severity, problem in kinds:
        begun = (severity, problem.code, problem.column, problem.count)
        # What the whole file tells is of no cell; where all look alike, each looks so.
        alike = (problem.seen[0] if len(problem.seen) == 1 else "", problem.message)
        listed: list[tuple[int | str, str, str]] = [
            (row, *cells.get((row, problem.column, problem.code), alike)) for row in problem.rows
        ]
        yield _written((*begun, *each, problem.repair) for each in listed or [("", "", problem.message)])


def _written(lines: Iterable[Iterable[str | int]]) -> bytes:
    text = io.StringIO(newline="")
    safe = ((guarded(cell) if isinstance(cell, str) else cell for cell in line) for line in lines)
    csv.writer(text, lineterminator="\r\n").writerows(safe)
    return text.getvalue().encode()
