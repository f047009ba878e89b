"""Results as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, cast

from attrs import frozen

from bulkclaims.formulas import BEGINNINGS, guarded
from bulkclaims.writers.columns import ROWS_A_PIECE, further_cells, nine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkclaims.jobs import Job
    from bulkclaims.records import ResultLine
    from bulkclaims.writers.columns import Column, Columns, Value

_LINE_END = "\r\n"
_MARK = "\ufeff"
_AS_THEY_ARE = {bool, int, float, type(None)}
"""What `csv` writes well by itself."""


@frozen
class CsvWriter:
    """
    RFC 4180 in UTF-8, safe to open in a spreadsheet.

    A text cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CWE-1236); amounts are
    numbers and stay as they are. A NUL, which no CSV may hold, becomes U+FFFD.

    The parser takes the apostrophe off again: the rows of a file of `full` or `to_correct` columns are read as they
    were, but for these. A row with too few cells has blank ones in their place. A line break in a cell that we check,
    which none of them may hold, is taken for a quote left open where what follows it looks like a row.

    Args:
        columns: Which columns the file has, such as `bulkclaims.writers.full`.
        bom: Whether a byte order mark begins the file, by which Excel knows UTF-8.
    """

    columns: Columns = nine
    bom: bool = False
    media_type: str = "text/csv; charset=utf-8"
    suffix: str = ".csv"

    def write(self, job: Job, lines: Iterable[ResultLine]) -> Iterator[bytes]:  # noqa: D102 -- stated in `interfaces.ResultWriter`
        columns, lines = self.columns(job), iter(lines)
        add = _add_whole_rows if any(column.uploaded for column in columns) else _add_rows
        text = io.StringIO(newline="")
        text.write(_MARK if self.bom else "")
        csv.writer(text, lineterminator=_LINE_END).writerow(guarded(column.name) for column in columns)
        while True:
            add(text, columns, list(islice(lines, ROWS_A_PIECE)))
            if not text.tell():
                return
            yield text.getvalue().replace("\0", "\ufffd").encode()
            text.seek(0)
            text.truncate()


def _add_rows(text: io.StringIO, columns: Sequence[Column], lines: Sequence[ResultLine]) -> None:
    csv.writer(text, lineterminator=_LINE_END).writerows(_rows(columns, lines))


def _add_whole_rows(text: io.StringIO, columns: Sequence[Column], lines: Sequence[ResultLine]) -> None:
    """Add rows with what they have beyond their header, and quoted where a reader might drop a space otherwise."""
    bare = csv.writer(text, lineterminator=_LINE_END)
    quoted = csv.writer(text, lineterminator=_LINE_END, quoting=csv.QUOTE_ALL)
    for line, row in zip(lines, _rows(columns, lines), strict=True):
        cells = (*row, *map(guarded, further_cells(line)))
        file = quoted if " " in {str(cell)[:1] for cell in cells} else bare
        file.writerow(cells)


def _rows(columns: Sequence[Column], lines: Sequence[ResultLine]) -> Iterable[tuple[object, ...]]:
    """Make the cells column by column, where most texts need no look of their own."""
    return zip(*(_cells(column, lines) for column in columns), strict=True)


def _cells(column: Column, lines: Sequence[ResultLine]) -> Iterable[object]:
    values = list(map(column.value, lines))
    kinds = set(map(type, values))
    if kinds == {str}:
        texts = cast("list[str]", values)
        return texts if BEGINNINGS.isdisjoint(text[:1] for text in texts) else map(guarded, texts)
    return values if kinds <= _AS_THEY_ARE else map(_cell, values)


def _cell(value: Value) -> object:
    match value:
        case Decimal():
            return f"{value:.2f}"
        case str():
            return guarded(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return _day(value)
        case _:
            return value


@lru_cache(maxsize=4096)  # of a file's claims, many were processed on the same days
def _day(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year:04}"
