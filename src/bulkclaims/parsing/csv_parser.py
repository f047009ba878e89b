"""The `RowParser` for CSV: streams a file of any common encoding, delimiter and line end into rows."""

from __future__ import annotations

import csv
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.blocks import MEGABYTE
from bulkclaims.parsing.encoding import Text
from bulkclaims.parsing.header import Header, read_header
from bulkclaims.parsing.lines import Lines
from bulkclaims.parsing.plain import NearlyPlain, plain_lines
from bulkclaims.parsing.table import Table
from bulkclaims.records import AS_FOUND, REQUIRED_COLUMNS, Layout, UploadFacts
from bulkclaims.records.rows import row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bulkclaims.interfaces import Readable
    from bulkclaims.records import Row

_MOST_MISSES = 4
"""So many rows in turn that are not nearly plain show that it is not tried for the others near them."""


@frozen
class CsvParser:
    """
    Reads claims from CSV files as people really have them.

    Args:
        max_bytes: The size above which a file is refused, counted while it is read; None for any size.
        today: Tells the date that no date of birth or service may lie after.
    """

    max_bytes: int | None = 10 * MEGABYTE
    today: Callable[[], date] = date.today

    def parse(self, upload: Readable, layout: Layout = AS_FOUND) -> ParsedCsv:  # noqa: D102 -- the contract stands in `interfaces.RowParser`
        return ParsedCsv(Text(upload, self.max_bytes), self.today, layout)


@define(eq=False)
class ParsedCsv:
    """The rows of one CSV file and, as they are read, the facts about the file."""

    _text: Text
    _today: Callable[[], date]
    _layout: Layout = AS_FOUND
    _header: Header = field(init=False, default=Header(delimiter="", headings=(), columns=()))
    _rows: Iterator[Row] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Nothing is read yet: a generator starts with its first row."""
        self._rows = chain.from_iterable(self._read())

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    @property
    def facts(self) -> UploadFacts:  # noqa: D102 -- the contract stands in `interfaces.ParsedUpload`
        return UploadFacts(
            encoding=self._text.encoding,
            delimiter=self._header.delimiter,
            columns=self._header.columns,
            size=self._text.size,
            sha256=self._text.sha256,
            notes=tuple(filter(None, (self._header.note, *self._text.notes))),
            headings=self._header.headings,
        )

    def _read(self) -> Iterator[Iterable[Row]]:
        lines = Lines(self._text.blocks())
        self._header = read_header(lines, self._layout)
        today = self._today()
        rows = chain.from_iterable(_blocks(lines, self._header, Table.of(self._header.columns, today), today))
        first = next(rows, None)
        if first is None:
            raise UploadRejected(
                "The file has a header but no rows. Add one line for each claim below the header.", code="no_rows"
            )
        yield (first,)
        yield rows


def _blocks(lines: Lines, header: Header, table: Table, today: date) -> Iterator[Iterable[Row]]:
    """Yield rows some hundred at a time, so that each passes through no generator but one."""
    plain, number = plain_lines(header.columns, header.delimiter, today), 0
    nearly = NearlyPlain.of(table, header.delimiter, today)
    for text in lines.unquoted():
        found = plain.findall(text)
        yield _unquoted_rows(found, header, table, nearly, number)
        number += len(found)
        del found  # or it would still be there when what comes next is found
    lines.dropped += number
    yield _quoted_rows(lines, header, table, nearly, number)


def _unquoted_rows(
    found: Iterable[tuple[str, ...]], header: Header, table: Table, nearly: NearlyPlain, number: int
) -> Iterator[Row]:
    """Read what was found after row *number*, before the first quote: there every line is a row."""
    columns, never_blank = header.columns, header.columns.index(REQUIRED_COLUMNS[0])
    in_order, misses = table.in_order if table.service_dates else None, 0
    for each in found:
        number += 1
        values = each[:-1]
        if values[never_blank] and (in_order is None or in_order(values)):
            yield row_of(number, columns, values)
            continue
        row = nearly.read(number, each[-1]) if misses < _MOST_MISSES else None
        misses = 0 if row else misses + 1
        if row := row or table.read(number, each[-1].split(header.delimiter) if each[-1] else list(values)):
            yield row


def _quoted_rows(lines: Lines, header: Header, table: Table, nearly: NearlyPlain, number: int) -> Iterator[Row]:
    """Read what comes after row *number*, minding quotes."""
    reader, delimiter, width = header.reader(lines.again()), header.delimiter, len(header.columns)
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as problem:
            lines.refuse_endless_row(f"Row {number}", problem, reader.line_num)
        else:
            if cells is None:
                return
            # Of so many cells none can hold a delimiter where the line of them is recognised, nor a line break.
            if len(cells) == width and (row := nearly.read(number, delimiter.join(cells))):
                lines.done = reader.line_num
                yield row
                continue
            if not (table.is_broken(cells) and header.holds_row(lines.further_of_row(reader.line_num))):
                lines.done = reader.line_num
                if row := table.read(number, cells):
                    yield row
                continue
        # A quote left open swallows rows until the next quote; only the line on which it opened is bad.
        yield table.misquoted(number, header.cells_of(lines.first_of_row))
        reader = header.reader(lines.again(skip=1))
