"""The `RowParser` for whatever people upload: a CSV or a workbook, told apart by their first bytes."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from bulkclaims.parsing.blocks import BLOCK_BYTES, MEGABYTE, read_fully
from bulkclaims.parsing.csv_parser import CsvParser
from bulkclaims.parsing.formats import may_be_workbook
from bulkclaims.parsing.parsed import ParsedFile
from bulkclaims.parsing.workbook import WorkbookLimits, WorkbookParser
from bulkclaims.records import AS_FOUND, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkclaims.interfaces import ParsedUpload, Readable
    from bulkclaims.records import Row, UploadFacts

_NO_SHEETS = "The file is a CSV, which has no sheets; the name of a sheet was not needed."


@frozen
class UploadParser:
    """
    Reads claims from a CSV or an Excel workbook (XLSX), whatever its name says.

    Args:
        max_bytes: The size above which a file is refused, counted while it is read; None for any size.
        today: Tells the date that no date of birth or service may lie after.
        limits: What reading one workbook may take.
    """

    max_bytes: int | None = 10 * MEGABYTE
    today: Callable[[], date] = date.today
    limits: WorkbookLimits = field(factory=WorkbookLimits)

    def parse(self, upload: Readable, layout: Layout = AS_FOUND) -> ParsedFile:  # noqa: D102 -- the contract stands in `interfaces.RowParser`
        choice = _Choice(self, _Replayed(upload), layout)
        return ParsedFile(choice, choice.rows())


@define(eq=False)
class _Replayed:
    """An upload whose first bytes can be looked at before it is read."""

    _upload: Readable
    _first: BytesIO = field(init=False, factory=BytesIO)

    def first(self) -> bytes:
        self._first = BytesIO(read_fully(self._upload, BLOCK_BYTES))
        return self._first.getvalue()

    def read(self, size: int, /) -> bytes:
        return self._first.read(size) or self._upload.read(size)


@define(eq=False)
class _Choice:
    """Which parser reads the upload, once its first bytes have been seen."""

    _parser: UploadParser
    _upload: _Replayed
    _layout: Layout
    _parsed: ParsedUpload = field(init=False)
    _is_csv: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Nothing is read yet, and a CSV of which nothing was read has no more facts than any file."""
        self._parsed = CsvParser().parse(self._upload)

    @property
    def facts(self) -> UploadFacts:
        facts = self._parsed.facts
        return evolve(facts, notes=(*facts.notes, _NO_SHEETS)) if self._is_csv and self._layout.sheet else facts

    def rows(self) -> Iterator[Row]:
        said = self._parser
        self._is_csv = not may_be_workbook(self._upload.first())
        parser = (
            CsvParser(said.max_bytes, said.today)
            if self._is_csv
            else WorkbookParser(said.max_bytes, said.today, said.limits)
        )
        self._parsed = parser.parse(self._upload, self._layout)
        yield from self._parsed
