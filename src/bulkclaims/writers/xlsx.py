"""Results as an Excel workbook, written by XlsxWriter."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from bulkclaims.errors import SettingsWrong
from bulkclaims.writers.columns import further_cells, nine
from bulkclaims.writers.own_folder import own_folder
from bulkclaims.writers.sheet_text import write_text
from bulkclaims.writers.summary import Tally, write_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bulkclaims.jobs import Job
    from bulkclaims.records import ResultLine
    from bulkclaims.writers.columns import Column, Columns, Value

MOST_ROWS = 1_048_576
"""What Excel's sheets hold, the header included."""

_EXACT = 10**13
"""Below this a double holds every amount with its two places."""
_FIRST_YEAR = 1900
"""Where Excel's days begin."""
_PIECE = 64 * 1024
_FORMATS: Mapping[str, Mapping[str, object]] = {
    "heading": {"bold": True, "bottom": 1, "num_format": "@"},
    "text": {"num_format": "@"},
    "amount": {"num_format": "0.00"},
    "day": {"num_format": "mm/dd/yyyy"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm:ss"},
}


@frozen
class XlsxWriter:
    """
    A workbook with the sheet `Results` and, behind it, a `Summary`.

    Amounts are numbers, days are dates and flags truth values; moments are in UTC. All else is text, in cells that are
    formatted as text: no id is changed, and nothing is a formula, so that text needs no mark. Where Excel's sheets end,
    results go on in `Results 2`.

    An amount of more digits than Excel counts with, or a day before 1900, is text. Text longer than the 32,767
    characters of a cell is cut and ends with `…`. Control characters are written as Excel writes them, such as
    `_x0000_`, and are what they were to whatever reads workbooks well.

    The workbook is made whole in a temporary directory that is gone before its first piece is handed out; the space for
    the sheets, several times that of the file, is taken where `TMPDIR` says. What a killed process left there, the next
    workbook of the same user removes. The memory stays the same for any job.

    Args:
        columns: Which columns the file has, such as `bulkclaims.writers.full`.
        rows_a_sheet: After how many rows, the header included, the next sheet begins.

    Raises:
        SettingsWrong: XlsxWriter is not installed.
    """

    columns: Columns = nine
    rows_a_sheet: int = MOST_ROWS
    media_type: str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix: str = ".xlsx"

    def __attrs_post_init__(self) -> None:
        """Say what is missing before anybody waits for a file."""
        _workbook_class()

    def write(self, job: Job, lines: Iterable[ResultLine]) -> Iterator[bytes]:  # noqa: D102 -- stated in `interfaces.ResultWriter`
        with own_folder() as folder:
            path = folder / "results.xlsx"
            with _workbook(path, job) as book:
                tally = Tally()
                results = _Results(book, self.columns(job), self.rows_a_sheet)
                for line in lines:
                    results.add(line)
                    tally.add(line.result)
                results.end_sheet()
                write_summary(book, job, tally)
            file = path.open("rb")
        with file:
            while piece := file.read(_PIECE):
                yield piece


def _workbook_class() -> Any:  # noqa: ANN401 -- XlsxWriter ships no types
    try:
        from xlsxwriter import Workbook  # noqa: PLC0415 -- an extra, and slow to import
    except ImportError:
        raise SettingsWrong(
            "Excel files are written by XlsxWriter, which is not installed: install bulkclaims[xlsx]."
        ) from None
    return Workbook


@contextmanager
def _workbook(path: Path, job: Job) -> Iterator[Any]:
    """Open a workbook, and close it as a whole one, or only its temporary files when something went wrong."""
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    book = _workbook_class()(str(path), options)
    book.use_zip64()  # only of use to sheets beyond 2 GB, which are refused otherwise
    book.set_properties({"title": "Claim status results", "created": job.created_at.astimezone(UTC)})
    try:
        yield book
        book.close()
    finally:
        for sheet in book.worksheets():
            sheet.row_data_fh.close()


@define(eq=False)
class _Results:
    """The sheets of results."""

    _book: Any
    _columns: Sequence[Column]
    _most: int
    _formats: Mapping[str, Any] = field(init=False)
    _whole_rows: bool = field(init=False)
    _sheets: int = field(init=False, default=0)
    _sheet: Any = field(init=False)
    _row: int = field(init=False, default=0)
    """Where the next line goes."""

    def __attrs_post_init__(self) -> None:
        self._formats = {name: self._book.add_format(values) for name, values in _FORMATS.items()}
        self._whole_rows = any(column.uploaded for column in self._columns)
        self._begin_sheet()

    def add(self, line: ResultLine) -> None:
        """Write *line* below the others."""
        if self._row == self._most:
            self.end_sheet()
            self._begin_sheet()
        for place, column in enumerate(self._columns):
            self._write(place, column.value(line))
        if self._whole_rows:
            for place, cell in enumerate(further_cells(line), start=len(self._columns)):
                self._write(place, cell)
        self._row += 1

    def end_sheet(self) -> None:
        """Let the rows of the sheet be filtered."""
        self._sheet.autofilter(0, 0, self._row - 1, len(self._columns) - 1)

    def _begin_sheet(self) -> None:
        self._sheets += 1
        sheet = self._sheet = self._book.add_worksheet("Results" if self._sheets == 1 else f"Results {self._sheets}")
        sheet.freeze_panes(1, 0)
        # On paper, too, all columns are on one page, and every page has the header.
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        # Ids are text on purpose: without this, Excel marks each of them.
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})
        for place, column in enumerate(self._columns):
            # What is typed into a blank cell of the upload's is to stay text too.
            sheet.set_column(place, place, column.width, self._formats["text"] if column.uploaded else None)
            write_text(sheet, 0, place, column.name, self._formats["heading"])
        self._row = 1

    def _write(self, place: int, value: Value) -> None:
        sheet, row, formats = self._sheet, self._row, self._formats
        match value:
            case str():
                write_text(sheet, row, place, value, formats["text"])
            case None:
                pass
            case bool():
                sheet.write_boolean(row, place, value)
            case Decimal() if value.is_finite() and abs(value) < _EXACT:
                sheet.write_number(row, place, float(f"{value:.2f}"), formats["amount"])
            case Decimal():
                write_text(sheet, row, place, f"{value:.2f}", formats["text"])
            case datetime():
                sheet.write_datetime(row, place, value.astimezone(UTC).replace(tzinfo=None), formats["moment"])
            case date() if value.year >= _FIRST_YEAR:
                sheet.write_datetime(row, place, value, formats["day"])
            case date():
                write_text(sheet, row, place, f"{value.month:02}/{value.day:02}/{value.year:04}", formats["text"])
            case _:
                sheet.write_number(row, place, value)
