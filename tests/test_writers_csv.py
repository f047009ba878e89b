"""The results CSV is what billing staff and their spreadsheets expect."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.records import REQUIRED_COLUMNS, ResultLine, Row, RowResult, UploadFacts
from bulkclaims.testing.contracts import ResultWriterContract
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import Column, CsvWriter, full, nine, to_correct


class Sign(StrEnum):
    """A closed list of words."""

    EQUALS = "="


HEADER = "row,claim_number,status,patient_name,total_charged,total_paid,processed_date,success,error\r\n"


@pytest.mark.parametrize("columns", [nine, full])
class TestCsvWriter(ResultWriterContract):
    """The CSV writer keeps the promises of its seam, whatever its columns."""

    @pytest.fixture
    def writer(self, columns):
        """The member under test."""
        return CsvWriter(columns)

    def read(self, file):
        """Read the file back as any CSV reader does."""
        columns, *lines = csv.reader(io.StringIO(file.decode(), newline=""), strict=True)
        return columns, [dict(zip(columns, line, strict=True)) for line in lines]


def line_of(result):
    """A result with a row that it could answer."""
    return ResultLine(Row(result.row, REQUIRED_COLUMNS, ("C1", "ALMA", "TESTER", "03/04/1972", "ZX00012345")), result)


def written(*results):
    """The file as text."""
    return b"".join(CsvWriter().write(JOB, map(line_of, results))).decode()


def test_the_guides_example():
    """The rows of the user guide come out as it shows them, with nine cells on every line."""
    text = written(
        RowResult(1, "ZE59426195", "Finalized", True, "CHANTAL KISA", Decimal(720), Decimal(351), date(2025, 8, 8)),
        RowResult(2, "ZE59426196", "Pending", True, "JOHN DOE", Decimal("500.0"), Decimal(0), date(2025, 8, 10)),
        RowResult(3, "ZE59426197", "Error", False, "JANE SMITH", error="Claim not found"),
    )

    assert text == HEADER + (
        "1,ZE59426195,Finalized,CHANTAL KISA,720.00,351.00,08/08/2025,True,\r\n"
        "2,ZE59426196,Pending,JOHN DOE,500.00,0.00,08/10/2025,True,\r\n"
        "3,ZE59426197,Error,JANE SMITH,,,,False,Claim not found\r\n"
    )


def test_no_results_make_a_file_with_a_header():
    """Without any row the header still stands."""
    assert written() == HEADER


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))  # noqa: RUF001 -- the full-width forms are meant
def test_no_cell_is_a_formula(start):
    """A text that a spreadsheet would run begins with an apostrophe, in every text column."""
    cell = f"{start}1+1"
    text = written(RowResult(1, cell, cell, True, cell, error=cell))

    line = list(csv.reader(io.StringIO(text, newline="")))[1]

    assert [line[at] for at in (1, 2, 3, 8)] == [f"'{cell}"] * 4


def test_a_negative_amount_stays_a_number():
    """Amounts are numbers: a minus sign is no formula."""
    assert ",-12.50,-0.10," in written(RowResult(1, "C", "Finalized", True, "", Decimal("-12.5"), Decimal("-0.1")))


def test_what_a_column_may_hold():
    """Moments are in UTC, days as billing staff write them; a word from a closed list is text like any other."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5)))
    values = [moment, date(876, 1, 2), 1.5, None, False, 7, Sign.EQUALS]
    columns = [Column(f"=c{at}", lambda line, value=value: value) for at, value in enumerate(values)]

    text = b"".join(CsvWriter(lambda job: columns).write(JOB, [line_of(RowResult(1, "C", "Paid", True))])).decode()

    assert text == "'=c0,'=c1,'=c2,'=c3,'=c4,'=c5,'=c6\r\n2026-01-02T08:04:05Z,01/02/0876,1.5,,False,7,'=\r\n"


def test_a_byte_order_mark_on_request():
    """It stands once, at the file's beginning, where Excel looks for it."""
    lines = [line_of(RowResult(n, "C", "Pending", True)) for n in range(2500)]

    marked, bare = (b"".join(CsvWriter(bom=bom).write(JOB, lines)) for bom in (True, False))

    assert marked == b"\xef\xbb\xbf" + bare


def test_no_file_holds_a_nul():
    """No CSV may hold one, and ours would be refused as an upload: it is shown for what it is."""
    assert b"".join(CsvWriter().write(JOB, [line_of(RowResult(1, "C\0", "Paid", True))])).count(b"C\xef\xbf\xbd") == 1


def test_columns_of_the_upload():
    """What was uploaded is text whatever it is, with what a row has beyond its header; a space in front is quoted."""
    job = evolve(JOB, upload=evolve(JOB.upload, facts=UploadFacts("utf-8", ",", ("=a", "b"), 1, "0" * 64)))
    row, shifted = Row(1, ("=a", "b"), ("-1", " x")), Row(2, ("=a", "b"), ("1", "2", "=3", ""))
    lines = [
        ResultLine(row, RowResult(1, "C", "Error", False, error="No.")),
        ResultLine(shifted, RowResult(2, "C", "Error", False)),
    ]

    assert b"".join(CsvWriter(to_correct).write(job, lines)).decode() == (
        'error,next_action,\'=a,b\r\n"No.","","-1"," x"\r\n,,1,2,\'=3,\r\n'
    )


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10), min_size=1, max_size=40
    )
)
def test_any_text_is_read_back_by_any_csv_reader(texts):
    """Quotes, commas and line breaks in any text leave nine cells to a line and the text as it was."""
    text = written(*(RowResult(n, cell, "Error", False, error=cell) for n, cell in enumerate(texts, start=1)))

    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))

    assert {len(line) for line in lines} == {9}
    assert [line[8].removeprefix("'") for line in lines[1:]] == [cell.removeprefix("'") for cell in texts]


def test_the_file_comes_in_pieces():
    """Many rows come in pieces of a thousand, so that no file is ever held whole."""
    pieces = list(CsvWriter().write(JOB, (line_of(RowResult(n, "C", "Pending", True)) for n in range(2500))))

    assert [piece.count(b"\r\n") for piece in pieces] == [1001, 1000, 500]
