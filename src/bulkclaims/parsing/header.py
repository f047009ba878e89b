"""The header: on which line it stands, which character parts the cells, and what each column is."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.columns import MOST_COLUMNS, Names, name_columns
from bulkclaims.records import AS_FOUND, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Iterable, Iterator, Sequence

    from bulkclaims.parsing.lines import Lines
    from bulkclaims.records import Heading, Layout

DELIMITERS = (",", ";", "\t", "|")

MOST_LINES = 30
"""The header is looked for on so many lines, from the first that is not blank on."""
_MOST_CHARACTERS = 64 * 1024
"""And on no more lines once these have so many characters."""
_FEWEST_NAMES = 2
"""A line that names fewer columns is not taken for the header where another stands above it."""

_NO_HEADER = re.compile(r'[\s,;|"]*|"?sep=.*\s*', re.IGNORECASE)
"""A blank line, or the one by which Excel is told the delimiter."""


@frozen
class Header:
    """What the header says about every line below it."""

    delimiter: str
    headings: tuple[Heading, ...]
    columns: tuple[str, ...]
    """Our name for each known column, the file's own for others."""
    note: str = ""
    """A sentence about what stands above it; "" where nothing does."""

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


def header_at(lines: Sequence[Sequence[str]], layout: Layout = AS_FOUND) -> int:
    """
    Find the header among the first lines of a file.

    It is the first that names all required columns; where none does, the one that names most columns, at least two, the
    first of equals; and otherwise the first that is not blank.

    Args:
        lines: The cells of each line; only the first `MOST_LINES` are looked at.
        layout: What is said beforehand of headings.

    Raises:
        UploadRejected: A heading was said to be a column that is not ours.
    """
    lines = lines[:MOST_LINES]
    found = _find(lines, Names.of(layout))
    return next((at for at, cells in enumerate(lines) if any(map(str.strip, cells))), 0) if found is None else found


def note_of_lines_above(count: int, line: int) -> str:
    """Say that *count* lines above the header, which stands on *line*, were passed over; "" where there are none."""
    if not count:
        return ""
    lines, were = ("1 line", "was") if count == 1 else (f"{count} lines", "were")
    return f"The header was found on line {line}; {lines} above it {were} not read."


def read_header(lines: Lines, layout: Layout = AS_FOUND) -> Header:
    """
    Read the header, which is the first line that is not blank unless a better one follows soon.

    Raises:
        UploadRejected: There is none, or it does not name the columns.
    """
    names = Names.of(layout)
    first = _first_line(lines)
    delimiter, above = _delimiter(first, names), 0
    # Nearly every file has its header on the first line, and nothing more is read ahead.
    if not _is_whole(names.columns_in(first.split(delimiter, MOST_COLUMNS))):
        delimiter, above = _find_below(list(_top(lines)), names) or (delimiter, 0)
    lines.done += above
    note = note_of_lines_above(lines.line - 1, lines.line) if above else ""
    headings = name_columns(_cells(lines, delimiter), layout)
    return Header(delimiter, headings, tuple(heading.column for heading in headings), note)


def _cells(lines: Lines, delimiter: str) -> list[str]:
    reader = _reader(lines.again(), delimiter)
    try:
        cells = next(reader)
    except csv.Error as error:
        lines.refuse_endless_row("The header", error, reader.line_num)
        raise UploadRejected(
            'The header has a " inside a quoted cell. Remove it, or write it twice.', code="misquoted_header"
        ) from None
    lines.done = reader.line_num
    return cells


def _reader(lines: Iterable[str], delimiter: str) -> Reader:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _first_line(lines: Lines) -> str:
    for line in lines.again():
        # An odd quote opens a cell, and what blank there is belongs to that.
        if not _NO_HEADER.fullmatch(line) or line.count('"') % 2:
            return line
        lines.done += 1
    raise UploadRejected(
        "The file is empty. It needs a header that names the columns, and one line for each claim.", code="empty_file"
    )


def _top(lines: Lines) -> Iterator[str]:
    """The first lines of a file: few, however long they are."""
    characters = 0
    for line in islice(lines.again(), MOST_LINES):
        yield line
        characters += len(line)
        if characters > _MOST_CHARACTERS:
            return


def _delimiter(line: str, names: Names) -> str:
    """Choose the character that makes most known column names out of the line, or most cells if none is known."""

    def names_and_cells(delimiter: str) -> tuple[int, int]:
        cells = line.split(delimiter, MOST_COLUMNS)
        return len(names.columns_in(cells)), len(cells)

    return max(DELIMITERS, key=names_and_cells)


def _find_below(top: Sequence[str], names: Names) -> tuple[str, int] | None:
    """Choose the delimiter by which a line of *top* is the best header, and tell how many lines stand above that."""
    best, choice = (False, 0, 0), None
    for delimiter in DELIMITERS:
        starts, lines = _parted(top, delimiter)
        at = _find(lines, names)
        if at is not None:
            columns = names.columns_in(lines[at])
            quality = (_is_whole(columns), len(columns), len(lines[at]))
            if quality > best:
                best, choice = quality, (delimiter, starts[at])
    return choice


def _parted(top: Sequence[str], delimiter: str) -> tuple[list[int], list[list[str]]]:
    """Read *top* as rows, however its quotes stand: the lines above each row, and its cells."""
    reader = csv.reader(top, delimiter=delimiter, skipinitialspace=True)
    starts, rows = [0], []
    with suppress(csv.Error):  # a cell beyond csv's limit is no heading, nor is any behind it
        for cells in reader:
            rows.append(cells)
            starts.append(reader.line_num)
    return starts, rows


def _find(lines: Sequence[Sequence[str]], names: Names) -> int | None:
    found = [names.columns_in(cells) for cells in lines]
    whole = next((at for at, columns in enumerate(found) if _is_whole(columns)), None)
    if whole is not None:
        return whole
    most = max(found, key=len, default=set())
    return found.index(most) if len(most) >= _FEWEST_NAMES else None


def _is_whole(columns: set[str]) -> bool:
    return columns.issuperset(REQUIRED_COLUMNS)
