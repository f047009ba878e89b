"""A CSV and a workbook are taken for what they are, whatever they are called."""

from __future__ import annotations

import gc
import io
from datetime import date

import psutil
import pytest
import xlsxwriter

from bulkclaims import BulkClaims, MemoryRepository, Owner, UploadParser
from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import WorkbookLimits
from bulkclaims.records import REQUIRED_COLUMNS, Layout
from bulkclaims.testing.contracts import RowParserContract
from bulkclaims.testing.fakes import RememberingDispatcher

GOOD = ("ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001")
BAD = ("ZE2", "BENNO", "TESTER", "13/45/1985", "ZX0002")


def csv_file(*rows):
    """A CSV with these rows under a header."""
    return "\n".join(map(",".join, [REQUIRED_COLUMNS, *rows])).encode()


def workbook(*rows):
    """A workbook with these rows under a header."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Claims")
        for number, row in enumerate([REQUIRED_COLUMNS, *rows]):
            sheet.write_row(number, 0, row)
    return out.getvalue()


class TestUploadParser(RowParserContract):
    """The parser of all files keeps the promises of its seam; of its kinds of file, each keeps them by itself."""

    @pytest.fixture
    def file(self):
        """A CSV, which is quick."""
        return csv_file(GOOD, BAD, GOOD)

    @pytest.fixture
    def parser(self):
        """The member under test."""
        return UploadParser()


@pytest.mark.parametrize("make", [csv_file, workbook])
def test_the_same_claims_from_either(make):
    """The same rows come of both, and facts of each."""
    file = make(GOOD, BAD)
    parsed = UploadParser(today=lambda: date(2026, 11, 24)).parse(io.BytesIO(file))
    assert [(row.number, row.values, bool(row.errors)) for row in parsed] == [(1, GOOD, False), (2, BAD, True)]
    assert parsed.facts.columns == REQUIRED_COLUMNS
    assert parsed.facts.size == len(file)
    assert parsed.facts.sheet == ("Claims" if make is workbook else "")


@pytest.mark.parametrize("make", [csv_file, workbook])
def test_the_parsers_settings_hold_for_either(make):
    """The size of a file, and the day on which it is read."""
    file = make(GOOD)
    with pytest.raises(UploadRejected) as refused:
        list(UploadParser(max_bytes=len(file) - 1).parse(io.BytesIO(file)))
    assert refused.value.code == "file_too_large"
    file = make((*GOOD[:3], "03/04/2020", GOOD[4]))
    (row,) = UploadParser(today=lambda: date(2019, 1, 1)).parse(io.BytesIO(file))
    assert [error.code for error in row.errors] == ["in_future"]


def test_the_limits_hold_for_a_workbook():
    """They are handed on."""
    with pytest.raises(UploadRejected) as refused:
        list(UploadParser(limits=WorkbookLimits(cells=7)).parse(io.BytesIO(workbook(GOOD))))
    assert refused.value.code == "workbook_too_large"


@pytest.mark.parametrize("make", [csv_file, workbook])
def test_what_is_said_beforehand_reaches_either(make):
    """A heading that is said to be another column; and the sheet, which a CSV does not have."""
    layout = Layout(columns={"first_name": "last_name", "last_name": "first_name"}, sheet="Claims")
    parsed = UploadParser().parse(io.BytesIO(make(GOOD)), layout)
    (row,) = parsed
    assert (row.cells["first_name"], row.cells["last_name"]) == ("TESTER", "ALMA")
    assert ["no sheets" in note for note in parsed.facts.notes] == ([True] if make is csv_file else [])


def test_whoever_stops_reading_leaves_no_process():
    """Also without saying so: it is enough that nobody holds the upload any more."""
    others = psutil.Process().children()  # servers of other tests
    parsed = UploadParser().parse(io.BytesIO(workbook(*[GOOD] * 5_000)))
    rows = iter(parsed)
    next(rows)
    assert set(psutil.Process().children()) - set(others)
    gc.disable()
    try:
        del parsed, rows
        assert set(psutil.Process().children()) <= set(others)
    finally:
        gc.enable()


def test_a_service_takes_workbooks():
    """Unless told otherwise; and what it refuses leaves nothing behind."""
    repository = MemoryRepository()
    with BulkClaims(repository, dispatcher=RememberingDispatcher()) as bulk:
        job = bulk.submit(io.BytesIO(workbook(GOOD, BAD)), filename="claims.xlsx", owner=Owner("ACME", "bea"))
        assert (job.total_rows, job.upload.facts.sheet) == (2, "Claims")
        with pytest.raises(UploadRejected):
            bulk.submit(io.BytesIO(workbook(GOOD)[:-30]), filename="claims.xlsx", owner=Owner("ACME", "bea"))
    assert repository.find("ACME").count == 1
