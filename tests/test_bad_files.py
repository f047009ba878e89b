"""What the parser says of bad files, case by case; the same table stands in `docs/reference/bad-files.md`."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import pytest

from bulkclaims.checking import Findings
from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import UploadParser, problems
from bulkclaims.parsing.problems import SENTENCES

HEADER = b"claim_number,first_name,last_name,date_of_birth,subscriber_id"
WIDE = HEADER + b",payer_id,npi,tin,first_service_date,last_service_date,gender,patient_account_number"
GOOD = b"ZE1,ALMA,TESTER,03/04/1972,ZX0001"

REFUSED_FILES = {
    "Nothing at all": b"",
    "Only a byte order mark": b"\xef\xbb\xbf",
    "Only blank lines and commas": b"\r\n,,,,\r\n\r\n",
    "Only a header": HEADER,
    "A header, then only blank rows": HEADER + b"\n,,,,\n\n",
    "No header: the first line is a claim": GOOD + b"\n" + GOOD,
    "A title above a header of other names": b"Claims of 11/24/2026\nReference,Patient,Born\nZE1,ALMA,03/04/1972",
    "Two required columns missing": b"claim_number,first_name,last_name\nZE1,ALMA,TESTER",
    "A required column misspelt": HEADER.replace(b"last_name", b"lst_name") + b"\n" + GOOD,
    "A required column whose heading holds a cell": HEADER.replace(b"claim_number", b"Claim number ZE59")
    + b"\n"
    + GOOD,
    "A required column twice": HEADER.replace(b"claim_number", b"Claim") + b",Claim No\n" + GOOD + b",ZE1",
    "One column missing, another twice": b"claim_number,first_name,last_name,DOB,date of birth\n" + GOOD,
    "A header of 1,001 cells": HEADER + b"," * 996 + b"\n" + GOOD,
    "A row of 1,001 cells": HEADER + b"\n" + GOOD + b"," * 996,
    "A quote inside a quoted heading": b'"claim"number",' + HEADER + b"\n" + GOOD,
    "A heading with a quote never closed": b'"' + HEADER + b"\n" + GOOD,
    "A quote never closed in row 2": HEADER + b"\n" + GOOD + b'\nZE2,"BENNO,TESTER,03/04/1972,ZX0001\n' + GOOD,
    "A quote never closed, long before the end": HEADER + b'\n"ZE1,' + (GOOD + b"\n") * 5000,
    "A cell of 131,073 characters": HEADER + b"\n" + b"Z" * 131_073 + GOOD,
    "A line of more than a megabyte": HEADER + b"\n" + b"ZE1," * 300_000,
    "A quoted row of more than a megabyte": HEADER + b"\n" + (b'"' + b"\n" * 130_000 + b'",') * 10 + b"\n",
    "A file above the limit, here of 2 MB": HEADER + b"\n" + (b"Z" * 999 + b"\n") * 2_098,
    "A gzip archive": b"\x1f\x8b\x08\x00",
    "A PDF": b"%PDF-1.7\n",
    "A picture (PNG)": b"\x89PNG\r\n\x1a\n",
    "A picture (JPEG)": b"\xff\xd8\xff\xe0",
    "A text document (RTF)": b"{\\rtf1\\ansi",
    "A web page, as some portals export": b"\n<html><table>",
    "An XML spreadsheet of 2003": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>',
    "Any other XML": b"<?xml version='1.0'?><claims/>",
    "NUL bytes": HEADER + b"\nZE1,AL\x00MA",
    "UTF-16 without its byte order mark": (HEADER + b"\n" + GOOD).decode().encode("utf-16-le"),
    "UTF-8 with a damaged character": HEADER + "\nZE1,ZOË,TESTER".encode() + b"\nZE2,ZO\xcb,TESTER",
    "A byte that Windows-1252 does not have, after others": HEADER + b"\nZE1,ZO\xcb,TESTER\nZE2,ZO\x81,TESTER",
    "A byte that no encoding has": HEADER + b"\nZE1,ZO\x81,TESTER",
    "UTF-16 cut off in the middle of a character": "\ufeffclaim".encode("utf-16-le") + b"x",
}
"""Files refused as a whole."""

BAD_ROWS = {
    "A blank cell": (HEADER, GOOD.replace(b"ALMA", b" ")),
    "A claim number above 50 characters": (HEADER, GOOD.replace(b"ZE1", b"Z" * 51)),
    "A first name above 35 characters": (HEADER, GOOD.replace(b"ALMA", b"A" * 36)),
    "A last name above 60 characters": (HEADER, GOOD.replace(b"TESTER", b"T" * 61)),
    "A subscriber id of one character": (HEADER, GOOD.replace(b"ZX0001", b"7")),
    "An id as a spreadsheet spoils it": (HEADER, GOOD.replace(b"ZX0001", b"1.23E+11")),
    "An id as a data frame spoils it": (HEADER, GOOD.replace(b"ZX0001", b"57896633.0")),
    "An id with thousands separators": (HEADER, GOOD.replace(b"ZX0001", b'"1,234,567"')),
    "An id that became a date": (HEADER, GOOD.replace(b"ZX0001", b"3-Apr")),
    "An id that a spreadsheet could not find": (HEADER, GOOD.replace(b"ZX0001", b"#N/A")),
    "An id that a data frame did not have": (HEADER, GOOD.replace(b"ZX0001", b"nan")),
    "An id that became a truth value": (HEADER, GOOD.replace(b"ZX0001", b"TRUE")),
    "A name that a spreadsheet could not find": (HEADER, GOOD.replace(b"ALMA", b"#REF!")),
    "A date for which a column was too narrow": (HEADER, GOOD.replace(b"03/04/1972", b"########")),
    "An id with a colon": (HEADER, GOOD.replace(b"ZX0001", b"ZX:0001")),
    "A name with a star": (HEADER, GOOD.replace(b"ALMA", b"ALMA*")),
    "A line break in a name": (HEADER, GOOD.replace(b"ALMA", b'"AL\nMA"')),
    "A zero-width space in an id": (HEADER, GOOD.replace(b"ZX0001", "ZX\u200b0001".encode())),
    "A long dash in an id": (HEADER, GOOD.replace(b"ZX0001", "ZX\u20130001".encode())),
    "A year of two digits": (HEADER, GOOD.replace(b"1972", b"72")),
    "Day and month swapped": (HEADER, GOOD.replace(b"03/04", b"28/04")),
    "A day that does not exist": (HEADER, GOOD.replace(b"03/04", b"02/30")),
    "Day and month both too large": (HEADER, GOOD.replace(b"03/04", b"13/45")),
    "A date in words": (HEADER, GOOD.replace(b"03/04/1972", b"4 March 1972")),
    "A date as a spreadsheet's number": (HEADER, GOOD.replace(b"03/04/1972", b"26362")),
    "A date of birth in the future": (HEADER, GOOD.replace(b"1972", b"2027")),
    "A date of birth over 130 years ago": (HEADER, GOOD.replace(b"1972", b"1872")),
    "A comma too many": (HEADER, GOOD.replace(b"TESTER", b"TESTER,JR")),
    "A doubled comma": (HEADER, GOOD.replace(b"ALMA", b",ALMA")),
    "A comma too few": (HEADER, GOOD.replace(b"ALMA,", b"ALMA ")),
    "A quote inside a quoted cell": (HEADER, GOOD.replace(b"ALMA", b'"ALMA "BO" B"')),
    "A quote left open, and more quotes below": (HEADER, GOOD.replace(b"ALMA", b'"ALMA') + b'\nZE2,"BO",TESTER'),
    "A payer id of one character": (WIDE, GOOD + b",7,,,,,,"),
    "An NPI of nine digits": (WIDE, GOOD + b",,199999998,,,,,"),
    "An NPI with a wrong digit": (WIDE, GOOD + b",,1999999985,,,,,"),
    "A TIN of eight digits": (WIDE, GOOD + b",,,12345678,,,,"),
    "A date of service in the future": (WIDE, GOOD + b",,,,11/25/2026,,,"),
    "The last day of service before the first": (WIDE, GOOD + b",,,,11/02/2026,11/01/2026,,"),
    "A gender that X12 does not have": (WIDE, GOOD + b",,,,,,X,"),
    "A patient account number above 50 characters": (WIDE, GOOD + b",,,,,,," + b"7" * 51),
}
"""Headers, and rows of which the first has one error."""

WARNINGS = {
    'An id kept as text by `="…"` or `\'`': (HEADER, GOOD.replace(b"ZX0001", b'="0001"')),
    "A date with the time of midnight": (HEADER, GOOD.replace(b"1972", b"1972 00:00")),
    "A date with any other time of day": (HEADER, GOOD.replace(b"1972", b"1972 9:30 AM")),
    "A space that is not to be broken": (HEADER, GOOD.replace(b"ALMA", "ALMA\u00a0SUE".encode())),
    "Letters of a wrong encoding": (HEADER, GOOD.replace(b"ALMA", "JosÃ©".encode())),
    "First and last name in one cell": (HEADER, GOOD.replace(b"TESTER", b'"TESTER, ALMA"')),
    "A suffix": (HEADER, GOOD.replace(b"TESTER", b"TESTER JR")),
    "A title": (HEADER, GOOD.replace(b"TESTER", b"TESTER MD")),
    "A middle initial": (HEADER, GOOD.replace(b"ALMA", b"ALMA Q.")),
    "Ids that lost zeros in front": (
        HEADER,
        b"\n".join(b"ZE%d,ALMA,TESTER,03/04/1972,%d" % (n, n * 37_777_777 % 900_000_000) for n in range(1, 60)),
    ),
    "Ids that lost digits at the end": (HEADER, GOOD.replace(b"ZX0001", b"12345678901234500")),
    "Ids that gained decimals": (
        HEADER,
        b"\n".join(b"ZE%d,ALMA,TESTER,03/04/1972,%d.00" % (n, n * 7_777_777) for n in range(100, 130)),
    ),
    "A column with the day first": (HEADER, GOOD + b"\n" + GOOD.replace(b"ZE1", b"ZE2").replace(b"03/04", b"28/04")),
    "The same row twice": (HEADER, GOOD + b"\n" + GOOD),
    "Empty columns at the end": (HEADER + b",,", GOOD + b",,"),
}
"""Headers, and rows of which there is one thing worth a look."""

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "bad-files.md"
WORKBOOKS = PAGE.parent.parent / "how-to" / "workbooks.md"


def parse(content: bytes):
    """Parse as on the day the cases were written, up to two megabytes."""
    return UploadParser(2 * 1024 * 1024, today=lambda: date(2026, 11, 24)).parse(io.BytesIO(content))


def refusal(content: bytes) -> tuple[str, str]:
    """Code and sentence of a refused file."""
    with pytest.raises(UploadRejected) as refused:
        list(parse(content))
    return refused.value.code, refused.value.message


def row_error(header: bytes, rows: bytes) -> tuple[str, str]:
    """Code and sentence of the one error in the first of *rows*."""
    row = next(iter(parse(header + b"\n" + rows)))
    (error,) = row.errors
    return error.code, error.message


def warning(header: bytes, rows: bytes) -> tuple[str, str]:
    """Code and sentence of the one thing worth a look."""
    findings = Findings()
    findings.add(list(parse(header + b"\n" + rows)))
    (found,) = findings.warnings()
    return found.code, found.message


def page_table(heading: str) -> dict[str, tuple[str, str]]:
    """Read one table of the page: case, code, sentence."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (.+?) \| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    return {case: (code, sentence) for case, code, sentence in cells}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_a_refused_file_gets_the_documented_sentence(case):
    """Every file that is refused as a whole gets the code and the very sentence that the page promises."""
    assert refusal(REFUSED_FILES[case]) == page_table("Files refused as a whole")[case]


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_gets_the_documented_sentence(case):
    """Every bad row is a row with the code and the very sentence that the page promises."""
    assert row_error(*BAD_ROWS[case]) == page_table("Rows that fail while the others go on")[case]


@pytest.mark.parametrize("case", WARNINGS)
def test_what_is_worth_a_look_gets_the_documented_sentence(case):
    """Every warning has the code and the very sentence that the page promises."""
    assert warning(*WARNINGS[case]) == page_table("What is worth a look")[case]


def test_the_pages_have_every_code():
    """Each code of a cell, a row or a whole file is on this page, or on that of workbooks."""
    told = "".join(page.read_text(encoding="utf-8") for page in (PAGE, WORKBOOKS))
    assert [code for code in (*SENTENCES, *problems.WARNINGS) if f"| `{code}` |" not in told] == []


def test_the_page_lists_no_case_that_is_not_tried():
    """The page has exactly the cases tried here, in this order, and at least forty of them."""
    assert list(page_table("Files refused as a whole")) == list(REFUSED_FILES)
    assert list(page_table("Rows that fail while the others go on")) == list(BAD_ROWS)
    assert list(page_table("What is worth a look")) == list(WARNINGS)
    assert len(REFUSED_FILES) + len(BAD_ROWS) >= 40


def test_no_sentence_quotes_a_cell():
    """What stands in a row is in no sentence about it."""
    said = [*(row_error(*case) for case in BAD_ROWS.values()), *(warning(*case) for case in WARNINGS.values())]
    for _, sentence in said:
        assert not re.search(r"ALMA|TESTER|ZE1|ZX|1972(?!\.|,| )|123456", sentence.replace("03/04/1972", ""))
