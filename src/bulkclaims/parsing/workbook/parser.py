"""The `RowParser` for Excel workbooks (XLSX)."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING
from zipfile import is_zipfile

from attrs import define, field, frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.blocks import MEGABYTE, Blocks
from bulkclaims.parsing.columns import name_columns
from bulkclaims.parsing.formats import OLE
from bulkclaims.parsing.header import MOST_LINES, header_at, note_of_lines_above
from bulkclaims.parsing.parsed import ParsedFile
from bulkclaims.parsing.workbook.cells import text_of
from bulkclaims.parsing.workbook.limits import WorkbookLimits
from bulkclaims.parsing.workbook.process import Sheet, read_apart
from bulkclaims.parsing.workbook.refusals import refusal
from bulkclaims.parsing.workbook.rows import SheetTable
from bulkclaims.records import AS_FOUND, Layout, UploadFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkclaims.interfaces import Readable
    from bulkclaims.parsing.workbook.process import SheetRow
    from bulkclaims.records import Heading, Row

_PASSWORD = "EncryptedPackage".encode("utf-16-le")
"""The part of an old Office file in which Excel puts a workbook with a password ([MS-OFFCRYPTO] 2.3.4)."""
_LEGACY = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
"""The part that holds an old workbook ([MS-XLS] 2.1.2)."""
_WITHOUT_CLAIMS = frozenset(("empty_file", "no_rows", "no_header", "missing_columns", "unknown_heading"))
"""What may be wrong with a sheet because it is not the one that was meant, such as a cover."""


@frozen
class WorkbookParser:
    """
    Reads claims from a sheet of an Excel workbook: in a process of its own, which may take so much and no more.

    Args:
        max_bytes: The size above which a file is refused, counted while it is read; None for any size.
        today: Tells the date that no date of birth or service may lie after.
        limits: What reading one workbook may take.
    """

    max_bytes: int | None = 10 * MEGABYTE
    today: Callable[[], date] = date.today
    limits: WorkbookLimits = field(factory=WorkbookLimits)

    def parse(self, upload: Readable, layout: Layout = AS_FOUND) -> ParsedFile:  # noqa: D102 -- the contract stands in `interfaces.RowParser`
        reading = _Reading(Blocks(upload, self.max_bytes), layout, self.today, self.limits)
        return ParsedFile(reading, reading.rows())


@define(eq=False)
class _Reading:
    """What is being read, and what was found out so far."""

    blocks: Blocks
    layout: Layout
    today: Callable[[], date]
    limits: WorkbookLimits
    sheet: str = ""
    headings: tuple[Heading, ...] = ()
    notes: list[str] = field(factory=list)

    @property
    def facts(self) -> UploadFacts:
        return UploadFacts(
            encoding="",
            delimiter="",
            columns=tuple(heading.column for heading in self.headings),
            size=self.blocks.size,
            sha256=self.blocks.sha256,
            notes=tuple(self.notes),
            headings=self.headings,
            sheet=self.sheet,
        )

    def rows(self) -> Iterator[Row]:
        # Patients' data: the file has no name by which anybody else could open it.
        with TemporaryFile() as file:
            self._take(file)
            with closing(read_apart(file, self.layout.sheet, self.limits)) as told:
                yield from self._rows(told)

    def _take(self, file: IO[bytes]) -> None:
        """Write the upload to *file*, unless its bytes alone tell that it is no workbook."""
        old, end = None, b""
        for block in self.blocks:
            old = block.startswith(OLE) if old is None else old
            if old:
                _refuse_parts_of_old_file(end + block)
                end = block[-len(_PASSWORD) :]
            file.write(block)
        if old:
            raise refusal("other_document")
        if not is_zipfile(file):
            raise refusal("bad_workbook")

    def _rows(self, told: Iterator[Sheet | SheetRow]) -> Iterator[Row]:
        sheet = next(told, None)
        if not isinstance(sheet, Sheet):
            raise refusal("bad_workbook")
        self._begin(sheet)
        try:
            yield from self._claims(sheet, told)
        except UploadRejected as refused:
            raise _pointing_elsewhere(refused, sheet.others) from None

    def _claims(self, sheet: Sheet, told: Iterator[Sheet | SheetRow]) -> Iterator[Row]:
        values = (row for row in told if not isinstance(row, Sheet))
        top = list(islice(values, MOST_LINES))
        header = self._read_header(top)
        table = SheetTable.of(self.facts.columns, self.today(), sheet.epoch)
        empty = True
        for number, cells in chain(top, values):
            # The lines above the header, and it, have been seen to.
            if number > header and (row := table.read(number - header, cells)):
                empty = False
                yield row
        if empty:
            raise refusal("no_rows")

    def _begin(self, sheet: Sheet) -> None:
        self.sheet = sheet.name
        if sheet.others:
            self.notes.append(
                "The workbook has another sheet that can be seen, which was not read."
                if sheet.others == 1
                else f"The workbook has {sheet.others} other sheets that can be seen, which were not read."
            )
        if sheet.unsaved:
            self.notes.append(
                "The workbook has formulas whose results were not saved; their cells were read as blank. Open it in a "
                "spreadsheet program and save it again."
            )

    def _read_header(self, top: Sequence[SheetRow]) -> int:
        """Find the header and what it names; return its row in the sheet."""
        if not top:
            raise refusal("empty_file")
        lines = [list(map(text_of, values)) for _, values in top]
        at = header_at(lines, self.layout)
        if at:
            self.notes.append(note_of_lines_above(top[at][0] - 1, top[at][0]))
        self.headings = name_columns(lines[at], self.layout)
        return top[at][0]


def _pointing_elsewhere(refused: UploadRejected, others: int) -> UploadRejected:
    """Say of a sheet that has no claims that another may have them."""
    if not others or refused.code not in _WITHOUT_CLAIMS:
        return refused
    has, those = ("another sheet", "that") if others == 1 else (f"{others} other sheets", "one of them")
    return UploadRejected(
        f"{refused.message} The workbook has {has} that can be seen; if the claims stand on {those}, name it: --sheet "
        "on the command line, the field “sheet” of the form.",
        code=refused.code,
        guesses=refused.guesses,
    )


def _refuse_parts_of_old_file(piece: bytes) -> None:
    if _PASSWORD in piece:
        raise refusal("password_protected")
    if any(name in piece for name in _LEGACY):
        raise refusal("legacy_workbook")
