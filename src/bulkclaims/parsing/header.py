"""The header: which character parts the cells, and what each column is."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.columns import MOST_COLUMNS, known_column, name_columns

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Iterable

    from bulkclaims.parsing.lines import Lines

DELIMITERS = (",", ";", "\t", "|")

_NO_HEADER = re.compile(r'[\s,;|"]*|"?sep=.*\s*', re.IGNORECASE)
"""A blank line, or the one by which Excel is told the delimiter."""


@frozen
class Header:
    """What the header says about every line below it."""

    delimiter: str
    columns: tuple[str, ...]
    """Our name for each known column, the file's own for others."""

    def reader(self, lines: Iterable[str]) -> Reader:
        """Read rows from *lines*, minding every quote."""
        return _reader(lines, self.delimiter)

    def holds_row(self, lines: Iterable[str]) -> bool:
        """Whether one of *lines*, which a quoted cell seems to hold, is a row of its own by its delimiters."""
        return any(line.count(self.delimiter) >= len(self.columns) - 1 for line in lines)

    def cells_of(self, line: str) -> list[str]:
        """Read what cells can be told apart on a line whose quotes are wrong, up to csv's limit of a cell's length."""
        text = line.rstrip("\r\n")[: csv.field_size_limit()]
        return next(csv.reader([text], delimiter=self.delimiter))


def read_header(lines: Lines) -> Header:
    """
    Read the first line that is not blank.

    Raises:
        UploadRejected: There is none, or it does not name the columns.
    """
    delimiter = _delimiter(_first_line(lines))
    reader = _reader(lines.again(), delimiter)
    try:
        cells = next(reader)
    except csv.Error as error:
        lines.refuse_endless_row("The header", error, reader.line_num)
        raise UploadRejected(
            'The header has a " inside a quoted cell. Remove the quotes from the first line.', code="misquoted_header"
        ) from None
    lines.done = reader.line_num
    return Header(delimiter, name_columns(cells))


def _reader(lines: Iterable[str], delimiter: str) -> Reader:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _first_line(lines: Lines) -> str:
    for line in lines.again():
        if not _NO_HEADER.fullmatch(line):
            return line
        lines.done += 1
    raise UploadRejected(
        "The file is empty. It needs a header that names the columns, and one line for each claim.", code="empty_file"
    )


def _delimiter(line: str) -> str:
    """Choose the character that makes most known column names out of the line, or most cells if none is known."""

    def names_and_cells(delimiter: str) -> tuple[int, int]:
        cells = line.split(delimiter, MOST_COLUMNS)
        return sum(known_column(cell) is not None for cell in cells), len(cells)

    return max(DELIMITERS, key=names_and_cells)
