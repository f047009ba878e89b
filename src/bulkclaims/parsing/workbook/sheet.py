"""
Reading one sheet of a workbook, as values that JSON can carry.

Text is text, also that of a cell in error (`#N/A`); a number is a number, a truth value a truth value, nothing is null.
A date is `{"day": "03/04/1972"}`, by the workbook's own epoch, and a number of which its format makes an id is
`{"shown": "00123"}`.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from bulkclaims.parsing.columns import MOST_COLUMNS
from bulkclaims.parsing.lines import MOST_ROW_CHARACTERS
from bulkclaims.parsing.workbook.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkclaims.parsing.workbook.book import SheetPart
    from bulkclaims.parsing.workbook.elements import Value

MOST_ROWS = 1_048_576
"""Rows of a sheet, by Excel's specification."""


def read_sheet(file: IO[bytes], wanted: str, most_cells: int, *, unsaved: bool) -> Iterator[dict[str, Any] | list[Any]]:
    """
    Read the first visible sheet of *file*, or the one named *wanted*.

    Args:
        file: The workbook, which was looked through.
        wanted: The name of a sheet, or "".
        most_cells: How many cells it may have that are not blank.
        unsaved: Whether results of formulas were found missing; told with what is to be known of the sheet.

    Yields:
        First what is to be known of the sheet; then the number and the values of each row that is not blank.

    Raises:
        UploadRejected: There is no such sheet, it is too large, or it cannot be read without losing something.
    """
    # An extra, and slow to import: not for a file that is refused.
    from bulkclaims.parsing.workbook.book import Book  # noqa: PLC0415
    from bulkclaims.parsing.workbook.elements import rows_in  # noqa: PLC0415

    book = Book.of(file)
    sheet = _chosen(book.sheets, wanted)
    others = sum(other.is_visible and other is not sheet for other in book.sheets)
    yield {"sheet": sheet.name, "others": others, "epoch": book.epoch.date().isoformat(), "unsaved": unsaved}
    with book.archive.open(sheet.path) as stream:
        yield from _bounded(rows_in(stream, book), most_cells)


def _chosen(sheets: Sequence[SheetPart], wanted: str) -> SheetPart:
    visible = [sheet for sheet in sheets if sheet.is_visible]
    if not wanted and not visible:
        raise refusal("no_visible_sheet")
    bare = wanted.strip().lower()  # as Excel compares them
    found = [sheet for sheet in sheets if sheet.name.strip().lower() == bare] if wanted else visible
    if not found:
        raise refusal("no_such_sheet", visible=len(visible))
    return found[0]


def _bounded(rows: Iterable[tuple[int, list[Value]]], most_cells: int) -> Iterator[list[Any]]:
    seen = 0
    for number, values in rows:
        if number > MOST_ROWS:
            raise refusal("disordered_sheet")
        if not values:
            continue
        if sum(len(value) for value in values if isinstance(value, str)) > MOST_ROW_CHARACTERS:
            raise refusal("row_too_large", row=number, most=MOST_ROW_CHARACTERS)
        seen += len(values) - values.count(None)
        if seen > most_cells:
            raise refusal("workbook_too_large")
        # One cell too many is enough for whoever refuses the row.
        yield [number, values[: MOST_COLUMNS + 1]]
