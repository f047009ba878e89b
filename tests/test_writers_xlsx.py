"""The results workbook opens as billing staff expect: ids as text, amounts as numbers, and a summary behind."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from zipfile import ZipFile

import openpyxl
import pytest
from attrs import evolve
from openpyxl.utils.escape import unescape

from bulkclaims.errors import SettingsWrong
from bulkclaims.records import REQUIRED_COLUMNS, ResultLine, Row, RowResult
from bulkclaims.testing.contracts import ResultWriterContract
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import Column, XlsxWriter, full, to_correct

VALUES = ("C1", "ALMA", "TESTER", "03/04/1972", "00012345")


@pytest.mark.slow
class TestXlsxWriter(ResultWriterContract):
    """The workbook writer keeps the promises of its seam."""

    @pytest.fixture
    def writer(self):
        """The member under test."""
        return XlsxWriter(full)

    def read(self, file):
        """Read the first sheet."""
        book = openpyxl.load_workbook(io.BytesIO(file), read_only=True)
        columns, *lines = book["Results"].iter_rows(values_only=True)
        return list(columns), [dict(zip(columns, line, strict=True)) for line in lines]


def line_of(result, *further):
    """A result with a row that it could answer."""
    return ResultLine(Row(result.row, REQUIRED_COLUMNS, (*VALUES, *further)), result)


def book_of(*results, writer=None, job=JOB):
    """The workbook, opened by another library."""
    file = b"".join((writer or XlsxWriter()).write(job, map(line_of, results)))
    return openpyxl.load_workbook(io.BytesIO(file))


def cell_of(value):
    """The one cell of a file with one column and one row."""
    writer = XlsxWriter(lambda job: [Column("c", lambda line: value)])
    return book_of(RowResult(1, "C", "Paid", True), writer=writer)["Results"]["A2"]


def test_every_cell_is_of_its_kind():
    """Ids are text, amounts numbers with two places, days dates, flags truth values, and what is not known is blank."""
    result = RowResult(1, "0012", "Paid", True, "ALMA", Decimal("1234.5"), Decimal(0), date(2026, 1, 2))

    sheet = book_of(result, RowResult(2, "1E5", "Error", False))["Results"]
    first, second = sheet.iter_rows(min_row=2)

    assert [cell.value for cell in first] == [
        1,
        "0012",
        "Paid",
        "ALMA",
        1234.5,
        0,
        datetime.fromisoformat("2026-01-02"),
        True,
        None,
    ]
    assert [cell.data_type for cell in first] == ["n", "s", "s", "s", "n", "n", "d", "b", "n"]
    assert [first[at].number_format for at in (1, 4, 6)] == ["@", "0.00", "mm/dd/yyyy"]
    assert [cell.value for cell in second] == [2, "1E5", "Error", None, None, None, None, False, None]


@pytest.mark.parametrize("start", "=+-@\t\r\n＝＋－＠")  # noqa: RUF001 -- the full-width forms are meant
def test_nothing_is_a_formula(start):
    """Text that is a formula elsewhere is text, formatted as text, so that it stays text when somebody edits it."""
    cell = cell_of(f"{start}1+1")

    assert (cell.data_type, cell.number_format) == ("s", "@")
    assert unescape(cell.value) == f"{start}1+1"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        *((text, text) for text in ("'=1", "http://x", "1.5", "<r>&</r>", "<r></r>", " x ", "a\nb")),
        ("_x0041_", "_x005F_x0041_"),
        ("a\0b\x1f", "a_x0000_b_x001F_"),
        ("\uffff", "_xFFFF_"),
    ],
)
def test_any_text_is_kept(text, stored):
    """Text stands as it is, or, where XML has no such character, as Excel writes it."""
    assert cell_of(text).value == stored


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12345678901234.5"), "12345678901234.50"),
        (Decimal("NaN"), "NaN"),
        (date(876, 1, 2), "01/02/0876"),
        ("🩺" * 16_384, "🩺" * 16_383 + "…"),
        ("a" * 32_767, "a" * 32_767),
        ("a" * 32_768, "a" * 32_766 + "…"),
        ("🩺" * 10_000, "🩺" * 10_000),
    ],
)
def test_what_excel_cannot_hold(value, text):
    """An amount or a day that Excel has not is text; text beyond the end of a cell is cut, and says so."""
    assert cell_of(value).value == text


def test_moments_are_in_utc():
    """A moment is one that Excel can sort by."""
    assert cell_of(datetime.fromisoformat("2026-01-02T03:04:05-05:00")).value == datetime.fromisoformat(
        "2026-01-02T08:04:05"
    )
    assert cell_of(1.5).value == 1.5


def test_how_it_opens():
    """The results are in front; their header stays, their columns can be filtered and are as wide as need be."""
    book = book_of(RowResult(1, "C", "Paid", True))

    assert (book.sheetnames, book.active.title) == (["Results", "Summary"], "Results")
    assert book["Results"].freeze_panes == "A2"
    assert book["Results"].auto_filter.ref == "A1:I2"
    assert book["Results"].column_dimensions["I"].width > 50


def test_results_go_on_in_another_sheet():
    """Where a sheet ends, the next begins with the header; the summary counts them all."""
    results = [RowResult(n, "C", "Paid", True) for n in range(1, 6)]

    book = book_of(*results, writer=XlsxWriter(rows_a_sheet=3))

    assert book.sheetnames == ["Results", "Results 2", "Results 3", "Summary"]
    rows = [[line[0] for line in book[name].iter_rows(values_only=True)] for name in book.sheetnames[:3]]
    assert rows == [["row", 1, 2], ["row", 3, 4], ["row", 5]]
    assert book["Results 3"].auto_filter.ref == "A1:I2"
    assert ("All", 5, 0, 0) in book["Summary"].values


def test_the_summary():
    """It counts what is in the file, by success and by status, and says whose results they are."""
    job = evolve(JOB, total_rows=9, started_at=None)
    results = [
        RowResult(1, "C", "Denied", True, "", Decimal(10), Decimal("NaN")),
        RowResult(2, "C", "Paid", True, "", Decimal("100.10"), Decimal(80)),
        RowResult(3, "C", "Paid", True, "", Decimal("0.20")),
        RowResult(4, "C", "=Error", False),
    ]

    sheet = book_of(*results, job=job)["Summary"]

    assert list(sheet.values) == [
        ("Job", JOB.id, None, None),
        ("Status", "COMPLETED", None, None),
        ("Rows of the upload", 9, None, None),
        ("Uploaded (UTC)", datetime.fromisoformat("2026-01-02T03:04:05"), None, None),
        ("Ended (UTC)", datetime.fromisoformat("2026-01-02T03:04:05"), None, None),
        (None, None, None, None),
        ("In this file", "Rows", "Charged", "Paid"),
        ("Succeeded", 3, 110.3, 80),
        ("Failed", 1, 0, 0),
        ("All", 4, 110.3, 80),
        (None, None, None, None),
        ("Status", "Rows", "Charged", "Paid"),
        ("Paid", 2, 100.3, 80),
        ("=Error", 1, 0, 0),
        ("Denied", 1, 10, 0),
    ]


def test_the_chart():
    """One chart shows the rows of each status; where there are none, there is none."""
    results = [RowResult(1, "C", "Paid", True), RowResult(2, "C", "Denied", True)]
    with ZipFile(io.BytesIO(b"".join(XlsxWriter().write(JOB, map(line_of, results))))) as file:
        charts = [name for name in file.namelist() if name.startswith("xl/charts/")]
        chart = file.read(charts[0]).decode()
    with ZipFile(io.BytesIO(b"".join(XlsxWriter().write(JOB, [])))) as file:
        assert not any(name.startswith("xl/charts/") for name in file.namelist())

    assert len(charts) == 1
    assert "Summary!$A$13:$A$14" in chart
    assert "<c:v>Paid</c:v>" in chart


def test_the_summary_stays_short():
    """Of very many statuses, the later ones are counted together, so that the memory stays the same."""
    rows = list(book_of(*(RowResult(n, "C", f"Status {n}", True) for n in range(40)))["Summary"].values)

    assert ("Others", 10, 0, 0) in rows
    assert len(rows) < 50


def test_columns_of_the_upload_stay_text_when_they_are_typed_anew():
    """A file to correct is corrected in it: zeros in front are to stay; cells beyond the header are there too."""
    line = line_of(RowResult(1, "C1", "Error", False, error="Too many cells."), "=x")
    file = b"".join(XlsxWriter(to_correct).write(JOB, [line]))

    sheet = openpyxl.load_workbook(io.BytesIO(file))["Results"]

    assert list(sheet.values)[1] == ("Too many cells.", None, *VALUES, "=x")
    assert [sheet[place].number_format for place in ("C1", "G2", "H2")] == ["@"] * 3
    assert sheet["H2"].data_type == "s"


def test_without_the_library(monkeypatch):
    """Whoever lacks XlsxWriter is told which extra to install, before anybody waits for a file."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(SettingsWrong, match=r"install bulkclaims\[xlsx\]"):
        XlsxWriter()


SCRIPT = """
import resource, sys
from bulkclaims.records import REQUIRED_COLUMNS, ResultLine, Row, RowResult
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import XlsxWriter, full

row = Row(1, REQUIRED_COLUMNS, ("C1", "ALMA", "TESTER", "03/04/1972", "00012345"))
lines = (ResultLine(row, RowResult(n, f"C{n}", "Paid", True)) for n in range(int(sys.argv[1])))
size = sum(map(len, XlsxWriter(full).write(JOB, lines)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_many_rows_take_no_more_memory():
    """Ten times the rows take the same memory within a few megabytes; 1,500,000 do in `benchmarks/results.py`."""
    few, many = (
        int(subprocess.run([sys.executable, "-c", SCRIPT, rows], check=True, capture_output=True, text=True).stdout)
        for rows in ("2000", "20000")
    )

    assert many - few < 8 * 1024
