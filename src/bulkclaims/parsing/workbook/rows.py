"""Values of a sheet to rows: as text, and then held to the checks that every file is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import evolve, frozen

from bulkclaims.formulas import guarded
from bulkclaims.parsing.columns import MOST_COLUMNS, too_many_columns
from bulkclaims.parsing.problems import WARNINGS, CellProblem
from bulkclaims.parsing.table import Table
from bulkclaims.parsing.workbook.cells import reader, text_of
from bulkclaims.records import Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bulkclaims.parsing.workbook.cells import Reader
    from bulkclaims.records import CellError


@frozen
class SheetTable:
    """Turns the values of a sheet's row into a `Row`."""

    table: Table
    readers: tuple[Reader, ...]

    @classmethod
    def of(cls, columns: tuple[str, ...], today: date, epoch: date) -> Self:
        """Choose how to read *columns* of a workbook that counts days from *epoch*."""
        return cls(Table.of(columns, today), tuple(reader(column, epoch) for column in columns))

    def read(self, number: int, values: Sequence[object]) -> Row | None:
        """
        Read row *number*; None when it is blank.

        Raises:
            UploadRejected: The row has more cells than any list of claims.
        """
        if len(values) > MOST_COLUMNS:
            raise too_many_columns(f"Row {number}")
        columns = self.table.columns
        padded = [*values, *[None] * (len(columns) - len(values))]
        cells = [read(value) for read, value in zip(self.readers, padded, strict=False)]
        texts = [text for text, _ in cells]
        found = [
            CellProblem(code).at(number, column, text_of(value))
            for (_, code), column, value in zip(cells, columns, values, strict=False)
            if code
        ]
        # The cells of a workbook carry no mark against formulas, and the table takes one off.
        row = self.table.read(number, [guarded(text) for text in texts])
        beyond = [text_of(value) for value in values[len(columns) :]]
        if any(map(str.strip, beyond)):
            found.append(CellProblem("beyond_header").at(number))
            texts += beyond  # given back with the row, or it would pass when it is uploaded again
        return _with(found, row or Row(number, columns, tuple(texts)), texts) if found else row


def _with(found: Sequence[CellError], row: Row, texts: Sequence[str]) -> Row:
    """Add what was *found* of the cells of *row*; an error found goes before what else is wrong with its cell."""
    warnings = tuple(problem for problem in found if problem.code in WARNINGS)
    errors = [problem for problem in found if problem.code not in WARNINGS]
    if not errors:
        return evolve(row, warnings=(*row.warnings, *warnings))
    told = {error.column for error in errors}
    errors += [error for error in row.errors if error.column not in told]
    places = {column: place for place, column in enumerate(row.columns)}
    errors.sort(key=lambda error: places.get(error.column, -1))
    return Row(row.number, row.columns, tuple(texts), tuple(errors), warnings)
