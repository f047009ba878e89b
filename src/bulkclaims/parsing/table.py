"""A file's columns with the check of each, and what a row comes to by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import frozen

from bulkclaims.parsing.cells import CellProblem, gender, identifier, name, npi, optional, tin
from bulkclaims.parsing.columns import MOST_COLUMNS, too_many_columns
from bulkclaims.parsing.dates import in_order, past_date
from bulkclaims.records import REQUIRED_COLUMNS, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from bulkclaims.parsing.cells import Check
    from bulkclaims.records import CellError


_REQUIRED = frozenset(REQUIRED_COLUMNS)


@frozen
class Table:
    """Turns the cells of a row into a `Row`."""

    columns: tuple[str, ...]
    checks: tuple[Check, ...]
    service_dates: tuple[int, int] | None
    """Where the first and the last date of service stand, when the file has both."""

    @classmethod
    def of(cls, columns: tuple[str, ...], today: date) -> Self:
        """Choose the checks for *columns* on the day *today*; unknown columns are only stripped."""
        known = _checks(today)
        both = {"first_service_date", "last_service_date"} <= set(columns)
        return cls(
            columns,
            tuple(known.get(column, str.strip) for column in columns),
            (columns.index("first_service_date"), columns.index("last_service_date")) if both else None,
        )

    def read(self, number: int, cells: list[str]) -> Row | None:
        """
        Read row *number*; None when it is blank.

        Raises:
            UploadRejected: The row has more cells than any list of claims.
        """
        if not any(cells):
            return None
        if len(cells) != len(self.columns):
            return self._read_uneven(number, cells)
        values, errors = self._check(number, cells)
        if not errors:
            return Row(number, self.columns, values)
        return Row(number, self.columns, tuple(cells), errors) if _any_text(cells) else None

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
        return self._bad(number, cells, CellProblem("misquoted"))

    def _read_uneven(self, number: int, cells: list[str]) -> Row | None:
        """Read a row with more or fewer cells than the header: only blank ones may be too many, or optional missing."""
        if len(cells) > MOST_COLUMNS:
            raise too_many_columns(f"Row {number}")
        if not _any_text(cells):
            return None
        width = len(self.columns)
        if _any_text(cells[width:]):
            return self._bad(number, cells, CellProblem("too_many_cells", cells=len(cells), width=width))
        if not _REQUIRED.isdisjoint(self.columns[len(cells) :]):
            return self._bad(number, cells, CellProblem("too_few_cells", cells=len(cells), width=width))
        return self.read(number, self._padded(cells)[:width])

    def _check(self, number: int, cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[CellError, ...]]:
        values: list[str] = []
        errors: list[CellError] = []
        for column, check, cell in zip(self.columns, self.checks, cells, strict=True):
            try:
                values.append(check(cell))
            except CellProblem as problem:
                values.append("")
                errors.append(problem.at(number, column))
        if not self.in_order(values):
            errors.append(CellProblem("last_before_first").at(number, "last_service_date"))
        return tuple(values), tuple(errors)

    def _bad(self, number: int, cells: Sequence[str], problem: CellProblem) -> Row:
        return Row(number, self.columns, tuple(self._padded(cells)), (problem.at(number),))

    def _padded(self, cells: Sequence[str]) -> list[str]:
        return [*cells, *[""] * (len(self.columns) - len(cells))]


def _any_text(cells: Sequence[str]) -> bool:
    return any(map(str.strip, cells))


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
