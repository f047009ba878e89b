"""The `RowParser` for CSV: streams a file of any common encoding, delimiter and line end into rows."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.encoding import MEGABYTE, Text
from bulkclaims.parsing.header import Header, read_header
from bulkclaims.parsing.lines import Lines
from bulkclaims.parsing.plain import plain_lines
from bulkclaims.parsing.table import Table
from bulkclaims.records import AS_FOUND, REQUIRED_COLUMNS, Layout, Row, UploadFacts

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Generator, Iterator

    from bulkclaims.interfaces import Readable


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
        return ParsedCsv(Text(upload, self.max_bytes), self.today)


@define(eq=False)
class ParsedCsv:
    """The rows of one CSV file and, as they are read, the facts about the file."""

    _text: Text
    _today: Callable[[], date]
    _header: Header = field(init=False, default=Header(delimiter="", columns=()))
    _rows: Iterator[Row] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Nothing is read yet: a generator starts with its first row."""
        self._rows = self._read()

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
            notes=tuple(self._text.notes),
        )

    def _read(self) -> Iterator[Row]:
        lines = Lines(self._text.blocks())
        self._header = read_header(lines)
        rows = _rows(lines, self._header, self._today())
        first = next(rows, None)
        if first is None:
            raise UploadRejected(
                "The file has a header but no rows. Add one line for each claim below the header.", code="no_rows"
            )
        yield first
        yield from rows


def _rows(lines: Lines, header: Header, today: date) -> Iterator[Row]:
    table = Table.of(header.columns, today)
    number = yield from _unquoted_rows(lines, header, table, plain_lines(header.columns, header.delimiter, today))
    lines.dropped += number
    yield from _quoted_rows(lines, header, table, number)


def _unquoted_rows(lines: Lines, header: Header, table: Table, plain: re.Pattern[str]) -> Generator[Row, None, int]:
    """Read the rows before the first quote, where every line is one; *plain* finds those that need no more checks."""
    columns, never_blank = header.columns, header.columns.index(REQUIRED_COLUMNS[0])
    in_order = table.in_order if table.service_dates else None
    number = 0
    for text in lines.unquoted():
        for found in plain.findall(text):
            number += 1
            values, line = found[:-1], found[-1]
            if values[never_blank] and (in_order is None or in_order(values)):
                yield Row(number, columns, values)
            elif row := table.read(number, line.split(header.delimiter) if line else list(values)):
                yield row
    return number


def _quoted_rows(lines: Lines, header: Header, table: Table, number: int) -> Iterator[Row]:
    """Read what comes after row *number*, minding quotes."""
    reader = header.reader(lines.again())
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as problem:
            lines.refuse_endless_row(f"Row {number}", problem, reader.line_num)
        else:
            if cells is None:
                return
            if not (table.is_broken(cells) and header.holds_row(lines.further_of_row(reader.line_num))):
                lines.done = reader.line_num
                if row := table.read(number, cells):
                    yield row
                continue
        # A quote left open swallows rows until the next quote; only the line on which it opened is bad.
        yield table.misquoted(number, header.cells_of(lines.first_of_row))
        reader = header.reader(lines.again(skip=1))
