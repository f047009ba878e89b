"""
Reading one sheet with openpyxl, as values that JSON can carry.

Text is text, also that of a cell in error (`#N/A`); a number is a number, a truth value a truth value, nothing is null.
A date is `{"day": "03/04/1972"}`, by the workbook's own epoch, and a number that its format shows with zeros before it
is `{"shown": "00123"}`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from bulkclaims.parsing.columns import MOST_COLUMNS
from bulkclaims.parsing.lines import MOST_ROW_CHARACTERS
from bulkclaims.parsing.workbook.refusals import refusal
from bulkclaims.records import DATE_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Value: TypeAlias = str | int | float | bool | dict[str, str] | None

MOST_ROWS = 1_048_576
"""Rows of a sheet, by Excel's specification."""

_ZEROS = re.compile(r"0{2,30}")
_ESCAPED = re.compile(r"_x005F_(?=x[0-9A-F]{4}_)|_x(00[01][0-9A-F])_", re.IGNORECASE)
"""How a workbook writes a control character, and an underscore that would read as the beginning of one."""


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
        UploadRejected: There is no such sheet, or it is too large.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 -- an extra, and slow to import: not for a file that is refused

    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    sheet = _named(book.worksheets, wanted, len(visible)) if wanted else next(iter(visible), None)
    if sheet is None:
        raise refusal("no_visible_sheet")
    others = sum(other is not sheet for other in visible)
    yield {"sheet": sheet.title, "others": others, "epoch": book.epoch.date().isoformat(), "unsaved": unsaved}
    # What a sheet says of its own size may be wrong, and rows would be cut off.
    sheet.reset_dimensions()
    yield from _rows(sheet.iter_rows(), most_cells)


def _named(sheets: Iterable[Any], wanted: str, visible: int) -> Any:  # noqa: ANN401 -- openpyxl ships no types
    bare = wanted.strip().lower()  # as Excel compares them
    for sheet in sheets:
        if sheet.title.strip().lower() == bare:
            return sheet
    raise refusal("no_such_sheet", visible=visible)


def _rows(rows: Iterable[Iterable[Any]], most_cells: int) -> Iterator[list[Any]]:
    seen = 0
    for number, cells in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise refusal("bad_workbook")
        values = _trimmed([_value(cell) for cell in cells])
        if not values:
            continue
        if sum(len(value) for value in values if isinstance(value, str)) > MOST_ROW_CHARACTERS:
            raise refusal("row_too_large", row=number, most=MOST_ROW_CHARACTERS)
        seen += len(values) - values.count(None)
        if seen > most_cells:
            raise refusal("workbook_too_large")
        # One cell too many is enough for whoever refuses the row.
        yield [number, values[: MOST_COLUMNS + 1]]


def _trimmed(values: list[Value]) -> list[Value]:
    """Without the blank cells at the end, of which a sheet may have sixteen thousand."""
    while values and values[-1] is None:
        values.pop()
    return values


def _value(cell: Any) -> Value:  # noqa: ANN401 -- openpyxl ships no types
    value = cell.value
    if isinstance(value, str):
        return _ESCAPED.sub(_character, value) if "_x" in value else value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, cell)
    if isinstance(value, date):
        return {"day": _day(value)}
    return str(value) if isinstance(value, time | timedelta) else value


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else "_"


def _number(value: float, cell: Any) -> Value:  # noqa: ANN401 -- openpyxl ships no types
    if cell.has_style and value >= 0 and value == int(value) and _ZEROS.fullmatch(cell.number_format):
        return {"shown": f"{int(value):0{len(cell.number_format)}}"}
    return value


def _day(value: date) -> str:
    """As in a CSV; a time that is not midnight stays visible."""
    if isinstance(value, datetime) and value.time() != time():
        return value.strftime(f"{DATE_FORMAT} %H:%M:%S")
    return value.strftime(DATE_FORMAT)
