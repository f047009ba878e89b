"""A file of failed rows, corrected as it says and uploaded again, asks what was meant to be asked."""

from __future__ import annotations

import io

import openpyxl
import pytest

from bulkclaims import BulkClaims, CsvWriter, XlsxWriter
from bulkclaims.records import REQUIRED_COLUMNS, ClaimInquiry
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims.writers import full, to_correct

HEADER = ",".join(REQUIRED_COLUMNS)
SHIFTED = f"{HEADER}\nPCN7000004-PAID,,DORA,SAMPLE,03/04/1972,ZX00012348\n"
RIGHT = ("PCN7000004-PAID", "DORA", "SAMPLE", "03/04/1972", "ZX00012348")


@pytest.fixture
def bulk(repository):
    """A service that answers at once."""
    with BulkClaims(repository, InstantProcessor()) as bulk:
        yield bulk


@pytest.fixture
def sent(bulk, owner):
    """Upload a file, wait for its end, and give the job."""

    def send(file, name="claims.csv", **told):
        content = file.encode() if isinstance(file, str) else file
        job = bulk.submit(io.BytesIO(content), filename=name, owner=owner, **told)
        return bulk.wait(owner.organisation, job.id, timeout=30)

    return send


@pytest.fixture
def failed(bulk):
    """The file to correct, as text."""
    return lambda job: b"".join(bulk.results("ACME", job.id, CsvWriter(to_correct), failed=True)).decode()


@pytest.fixture
def rows(bulk):
    """The rows of a job as they were read."""
    return lambda job: [line.row for line in bulk.lines("ACME", job.id)]


@pytest.fixture
def inquiries(rows):
    """What is asked for a job's rows, in order; the job has no bad one."""
    return lambda job: [ClaimInquiry.from_row(row, job.defaults) for row in rows(job)]


def assert_is_right(job, rows):
    """The one row is as it was meant, and went out."""
    assert [(row.errors, tuple(row.cells[name] for name in REQUIRED_COLUMNS)) for row in rows] == [((), RIGHT)]
    assert (job.succeeded, job.failed) == (1, 0)


def test_a_shifted_row_is_right_without_its_comma(sent, failed, rows):
    """What stands in front of it moves no cell: the row of the upload is the end of the line, as it was."""
    file = failed(sent(SHIFTED))
    assert file.startswith(f"error,next_action,{HEADER}\r\n")
    assert file.endswith(",PCN7000004-PAID,,DORA,SAMPLE,03/04/1972,ZX00012348\r\n")

    again = sent(file.replace("PAID,,DORA", "PAID,DORA"))

    assert_is_right(again, rows(again))


@pytest.mark.slow
def test_a_shifted_row_of_a_workbook_is_right_without_its_blank_cell(bulk, sent, rows):
    """Deleted with “shift left”, as a spreadsheet offers."""
    file = b"".join(bulk.results("ACME", sent(SHIFTED).id, XlsxWriter(to_correct), failed=True))
    book = openpyxl.load_workbook(io.BytesIO(file))
    sheet = book["Results"]
    assert [sheet["C2"].value, sheet["D2"].value, sheet["H2"].value] == ["PCN7000004-PAID", None, "ZX00012348"]
    sheet.move_range("E2:H2", cols=-1)
    corrected = io.BytesIO()
    book.save(corrected)

    again = sent(corrected.getvalue(), "claims.xlsx")

    assert_is_right(again, rows(again))


BAD = ("13/45/1972", "03/04/1972")
"""A date of birth that is refused, and what it is corrected to."""


@pytest.mark.parametrize(
    "headings",
    [
        ({"Claim Number": "", "Our Ref": "claim_number"}, "Claim Number,Our Ref,first,last,dob,member id"),
        (
            {"Claim Number": "patient_account_number", "Patient Account Number": "claim_number"},
            "Claim Number,Patient Account Number,first,last,dob,member id",
        ),
        (
            {"First Name": "last_name", "Last Name": "first_name"},
            "Claim,PCN,First Name,Last Name,dob,member id",
        ),
        (
            {"claim_number": "patient_account_number", "patient_account_number": "claim_number"},
            "claim_number,patient_account_number,first,last,dob,member id",
        ),
        ({"Our Ref": "claim_number", "error": "gender"}, "PCN,Our Ref,first,last,dob,member id"),
    ],
)
@pytest.mark.parametrize("columns", [full, to_correct])
def test_a_file_of_ours_is_read_as_it_was_written(bulk, sent, rows, columns, headings):
    """Whatever the organisation has saved of headings that resemble its own."""
    saved, header = headings
    bulk.remember_columns("ACME", saved)
    first = sent(f"{header}\nA1,B2,ALMA,TESTER,{BAD[0]},ZX00012345\n")
    file = b"".join(bulk.results("ACME", first.id, CsvWriter(columns), failed=True))

    again = sent(file)

    (before,), (now,) = rows(first), rows(again)
    known = [*REQUIRED_COLUMNS, *(["patient_account_number"] if "patient_account_number" in before.columns else [])]
    assert {name: now.cells[name] for name in known} == {name: before.cells[name] for name in known}
    assert sorted(set(now.columns) & {*known, "gender"}) == sorted(known)


def test_what_a_job_was_told_goes_with_its_failed_rows(sent, failed, inquiries):
    """A column that the upload lacks is added, a blank cell is filled, and a cell that has something stays."""
    defaults = {"payer_id": "60054", "npi": "1234567893", "tin": "12-3456789", "gender": ""}
    header = f"payer_id,{HEADER},Notes"
    lines = [f"{payer},PCN{at},ALMA,TESTER,{{}},ZX0001234{at},x" for at, payer in enumerate(("", "87726", '"="""""'))]
    text = "\n".join([header, *lines])
    meant = inquiries(sent(text.format(*[BAD[1]] * 3), defaults=defaults))

    file = failed(sent(text.format(*[BAD[0]] * 3), defaults=defaults))
    once = sent(file.replace(*BAD))
    twice = failed(sent(file))

    assert file.startswith(f"error,next_action,npi,tin,payer_id,{HEADER},Notes\r\n")
    assert inquiries(once) == meant
    assert [each.payer_id for each in meant] == ["60054", "87726", "60054"]
    assert (dict(once.defaults), twice) == ({}, file)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("PCN1,,ALMA,TESTER,03/04/1972,ZX00012345,,1234567893", "comma"),
        ("PCN1,,ALMA,TESTER,03/04/1972,ZX00012345,", "comma"),
        ("PCN1,ALMA,TESTER,03/04/1972", "cells"),
    ],
)
def test_nothing_is_filled_into_a_row_whose_cells_are_not_in_their_places(sent, failed, row, error):
    """Nobody knows which column a blank cell of it belongs to; columns that the upload lacks are told all the same."""
    file = failed(sent(f"{HEADER},payer_id,npi\n{row}\n", defaults={"npi": "1234567893", "tin": "123456789"}))

    (line,) = file.splitlines()[1:]
    assert file.startswith("error,next_action,tin,claim_number,")
    assert error in line
    assert f",123456789,{row}" in line
    assert line.count("1234567893") == row.count("1234567893")
