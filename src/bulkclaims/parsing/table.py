"""A file's columns with the check of each, and what a row comes to by them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Self

from attrs import frozen

from bulkclaims.formulas import unguarded
from bulkclaims.parsing.cells import gender, identifier, look_at_id, look_at_name, name, npi, optional, tin
from bulkclaims.parsing.columns import MOST_COLUMNS, too_many_columns
from bulkclaims.parsing.dates import in_order, look_at_date, past_date
from bulkclaims.parsing.problems import CellProblem
from bulkclaims.records import REQUIRED_COLUMNS
from bulkclaims.records.rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from bulkclaims.parsing.cells import Check, Look
    from bulkclaims.records import CellError, Row


_REQUIRED = frozenset(REQUIRED_COLUMNS)
_MOST_SHIFTS = 8
"""Blank cells of a row, or runs of them, that are tried for the one too many: a hostile row has very many."""


@frozen
class Table:
    """Turns the cells of a row into a `Row`."""

    columns: tuple[str, ...]
    checks: tuple[Check, ...]
    service_dates: tuple[int, int] | None
    """Where the first and the last date of service stand, when the file has both."""
    last_required: int | None
    """Where the last required column stands, when the file has all of them."""
    looks: tuple[tuple[int, Look], ...]
    """Where a cell that is right may be worth a look."""

    @classmethod
    def of(cls, columns: tuple[str, ...], today: date) -> Self:
        """Choose the checks for *columns* on the day *today*; unknown columns are only stripped."""
        known = _checks(today)
        both = {"first_service_date", "last_service_date"} <= set(columns)
        return cls(
            columns,
            tuple(known.get(column, str.strip) for column in columns),
            (columns.index("first_service_date"), columns.index("last_service_date")) if both else None,
            max(map(columns.index, REQUIRED_COLUMNS)) if _REQUIRED.issubset(columns) else None,
            tuple((place, _LOOKS[column]) for place, column in enumerate(columns) if column in _LOOKS),
        )

    def read(self, number: int, cells: list[str]) -> Row | None:
        """
        Read row *number*; None when it is blank. The mark that keeps a spreadsheet from running a cell comes off first.

        Raises:
            UploadRejected: The row has more cells than any list of claims.
        """
        if not any(cells):
            return None
        return self._read(number, _unguarded(cells))

    def _read(self, number: int, cells: list[str]) -> Row | None:
        if len(cells) != len(self.columns):
            return self._read_uneven(number, cells)
        values, errors = self._check(number, cells)
        if not errors:
            return row_of(number, self.columns, values, (), self._warnings(number, cells, values))
        if not _any_text(cells):
            return None
        # Only a required cell that moved tells a shift from what is simply wrong.
        last = self.last_required
        shifted = self._shifted(number, [*cells, ""], last) if last is not None and last < len(cells) - 1 else ()
        return row_of(number, self.columns, tuple(cells), shifted or errors)

    def is_broken(self, cells: Sequence[str]) -> bool:
        """Tell whether a cell that we check holds a line break, which none of them may."""
        checked = (cell for cell, check in zip(cells, self.checks, strict=False) if check is not str.strip)
        return any("\n" in cell or "\r" in cell for cell in checked)

    def in_order(self, values: Sequence[str]) -> bool:
        """Tell whether the dates of service, where there are two, stand in order."""
        if self.service_dates is None:
            return True
        first, last = self.service_dates
        return in_order(values[first], values[last])

    def misquoted(self, number: int, cells: Sequence[str]) -> Row:
        """Make the bad row of what *cells* can be told apart on a line with a stray quote."""
        return self._bad(number, _unguarded(cells), CellProblem("misquoted"))

    def _read_uneven(self, number: int, cells: list[str]) -> Row | None:
        """Read a row with more or fewer cells than the header: only blank ones may be too many, or optional missing."""
        if len(cells) > MOST_COLUMNS:
            raise too_many_columns(f"Row {number}")
        if not _any_text(cells):
            return None
        width = len(self.columns)
        if _any_text(cells[width:]):
            many = CellProblem("too_many_cells", cells=len(cells), width=width)
            is_one = self.last_required is not None and len(cells) == width + 1
            return self._bad(number, cells, many, self._shifted(number, cells, width) if is_one else ())
        if not _REQUIRED.isdisjoint(self.columns[len(cells) :]):
            return self._bad(number, cells, CellProblem("too_few_cells", cells=len(cells), width=width))
        return self._read(number, self._padded(cells)[:width])

    def _check(self, number: int, cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[CellError, ...]]:
        values: list[str] = []
        errors: list[CellError] = []
        for column, check, cell in zip(self.columns, self.checks, cells, strict=True):
            try:
                values.append(check(cell))
            except CellProblem as problem:
                values.append("")
                errors.append(problem.at(number, column, cell))
        if not self.in_order(values):
            errors.append(CellProblem("last_before_first").at(number, "last_service_date"))
        return tuple(values), tuple(errors)

    def _warnings(self, number: int, cells: Sequence[str], values: Sequence[str]) -> tuple[CellError, ...]:
        return tuple(
            CellProblem(code).at(number, self.columns[place], cells[place])
            for place, look in self.looks
            for code in look(cells[place], values[place])
        )

    def _shifted(self, number: int, cells: Sequence[str], last: int) -> tuple[CellError, ...]:
        """Say of a row with one cell too many that without just one blank one, up to *last*, every cell is right."""
        runs = [run for run in islice(_blank_runs(cells), _MOST_SHIFTS) if run[0] <= last]
        right = [end for start, end in runs if self._is_right([*cells[:start], *cells[start + 1 :]])]
        if len(right) != 1:
            return ()
        # What stands behind the blank cells belongs one further to the front. A file's own heading may hold anything.
        place = right[0] - 1
        before = f"column {place + 1}" if self.checks[place] is str.strip else self.columns[place]
        return (CellProblem("shifted_row", before=before).at(number),)

    def _is_right(self, cells: Sequence[str]) -> bool:
        try:
            return self.in_order([check(cell) for check, cell in zip(self.checks, cells, strict=True)])
        except CellProblem:
            return False

    def _bad(self, number: int, cells: Sequence[str], problem: CellProblem, rather: tuple[CellError, ...] = ()) -> Row:
        return row_of(number, self.columns, tuple(self._padded(cells)), rather or (problem.at(number),))

    def _padded(self, cells: Sequence[str]) -> list[str]:
        return [*cells, *[""] * (len(self.columns) - len(cells))]


def _unguarded(cells: Sequence[str]) -> list[str]:
    return [unguarded(cell) if cell[:1] == "'" else cell for cell in cells]


def _blank_runs(cells: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where blank cells that follow one another begin, and where they have ended."""
    start = None
    for place, cell in enumerate(cells):
        if not cell.strip():
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None


def _any_text(cells: Sequence[str]) -> bool:
    return any(map(str.strip, cells))


_LOOKS: Mapping[str, Look] = {
    "claim_number": look_at_id,
    "first_name": look_at_name,
    "last_name": look_at_name,
    "date_of_birth": look_at_date,
    "subscriber_id": look_at_id,
    "payer_id": look_at_id,
    "npi": look_at_id,
    "tin": look_at_id,
    "first_service_date": look_at_date,
    "last_service_date": look_at_date,
    "patient_account_number": look_at_id,
}


def _checks(today: date) -> Mapping[str, Check]:
    """Lengths are those of X12 276, where an id has 2 to 80 characters and a claim's number at most 50."""
    return {
        "claim_number": identifier(50),
        "first_name": name(35),
        "last_name": name(60),
        "date_of_birth": past_date(today),
        "subscriber_id": identifier(80, shortest=2),
        "payer_id": optional(identifier(80, shortest=2)),
        "npi": optional(npi),
        "tin": optional(tin),
        "first_service_date": optional(past_date(today)),
        "last_service_date": optional(past_date(today)),
        "gender": optional(gender),
        "patient_account_number": optional(identifier(50)),
    }
