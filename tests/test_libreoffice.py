"""What LibreOffice saves, we read; what we write, LibreOffice opens, with ids as text and amounts as numbers."""

from __future__ import annotations

import csv
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
import xlsxwriter
from attrs import evolve

from bulkclaims import CsvWriter, XlsxWriter
from bulkclaims.parsing import UploadParser
from bulkclaims.records import ResultLine, Row, RowResult, to_date
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import full

pytestmark = [pytest.mark.slow, pytest.mark.service("libreoffice")]

COLUMNS = ("claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id", "Notes")
CLAIMS = (
    ("0012345678", "ZOË", "O'NEIL", "03/04/1972", "057896633", "first; second, third | fourth\tfifth"),
    ("00000000000000000012", "JOSÉ", "MÜLLER-LÜDENSCHEIDT", "12/31/1999", "000000001", 'he said "1/2"'),
    ("1E10", "ANNA", "TESTER", "01/02/2003", "ZX0000000001", "=1+1"),
    ("3-4", "BEA", "TESTER", "02/29/2000", "12E5", "TRUE\nor not"),
)
"""What a spreadsheet would spoil: zeros in front, long digits, what looks like a number, a date, a formula."""
SAVED_AS = {
    "comma, UTF-8": ("csv", "44,34,76"),
    "semicolon, Windows-1252": ("csv", "59,34,ANSI"),
    "tab, UTF-16": ("csv", "9,34,65535"),
    "pipe, UTF-8": ("csv", "124,34,76"),
    "semicolon, UTF-8, all quoted": ("csv", "59,34,76,1,,0,true,true,false"),
    "XLSX": ("xlsx", ""),
}


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """Have LibreOffice open a file and save it as another."""
    program = shutil.which("soffice")
    assert program, "This test needs LibreOffice, which is not installed here: apt-get install libreoffice-calc-nogui"
    profile = tmp_path_factory.mktemp("profile").as_uri()

    def convert(content: bytes, suffix: str, target: str, *options: str) -> bytes:
        folder = tmp_path_factory.mktemp("files")
        source = folder / f"source.{suffix}"
        source.write_bytes(content)
        command = [program, f"-env:UserInstallation={profile}", "--headless", *options]
        command += ["--convert-to", target, "--outdir", str(folder / "saved"), str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        (saved,) = (folder / "saved").iterdir()
        return saved.read_bytes()

    return convert


def workbook():
    """The claims as somebody types them, with ids as text and days as days."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet, day = book.add_worksheet("May"), book.add_format({"num_format": "mm/dd/yyyy"})
    for at, name in enumerate(COLUMNS):
        sheet.write_string(0, at, name)
    for number, cells in enumerate(CLAIMS, start=1):
        for at, cell in enumerate(cells):
            if COLUMNS[at] == "date_of_birth":
                sheet.write_datetime(number, at, to_date(cell), day)
            else:
                sheet.write_string(number, at, cell)
    book.close()
    return content.getvalue()


@pytest.mark.parametrize("form", SAVED_AS)
def test_files_saved_by_libreoffice_are_read(convert, form):
    """However it separates and encodes, the rows are those that stood in the sheet."""
    suffix, options = SAVED_AS[form]
    target = f"csv:Text - txt - csv (StarCalc):{options}" if suffix == "csv" else suffix
    upload = UploadParser().parse(BytesIO(convert(workbook(), "xlsx", target)))
    rows = list(upload)
    assert upload.facts.columns == COLUMNS
    assert [row.values for row in rows] == list(CLAIMS)
    assert not any(row.errors for row in rows)


JOB_OF_CLAIMS = evolve(JOB, upload=evolve(JOB.upload, facts=evolve(JOB.upload.facts, columns=COLUMNS)))


def lines():
    """Results of the claims, the last of which failed."""
    for number, cells in enumerate(CLAIMS, start=1):
        success = number < len(CLAIMS)
        yield ResultLine(
            Row(number, COLUMNS, cells),
            RowResult(
                number,
                cells[0],
                "Finalized" if success else "Error",
                success,
                f"{cells[1]} {cells[2]}",
                Decimal("1234.50") if success else None,
                Decimal(0) if success else None,
                date(2026, 1, 2) if success else None,
                "" if success else "=The payer said so",
                payer_claim_number="000123",
                category_code="F1",
                status_code="65",
            ),
        )


def cells_of(content, sheet):
    """Every line of a workbook as cells by column."""
    book = openpyxl.load_workbook(BytesIO(content))
    header, *rest = book[sheet].iter_rows()
    names = [cell.value for cell in header]
    return [dict(zip(names, line, strict=True)) for line in rest]


def assert_as_intended(cells, texts):
    """Ids and words are text as they were given, amounts numbers, days days, and nothing is a formula."""
    for line, claim in zip(cells, CLAIMS, strict=True):
        # LibreOffice saves every flag as a formula, `TRUE()`.
        assert [name for name, cell in line.items() if cell.data_type == "f" and name != "success"] == []
        for name in ("claim_number", *texts):
            assert (line[name].data_type, line[name].value) == ("s", claim[COLUMNS.index(name)])
    good, failed = cells[0], cells[-1]
    assert (good["total_charged"].data_type, good["total_charged"].value) == ("n", 1234.5)
    assert (good["total_paid"].data_type, good["total_paid"].value) == ("n", 0)
    assert good["processed_date"].is_date
    assert good["processed_date"].value.date() == date(2026, 1, 2)
    assert failed["total_charged"].value is failed["processed_date"].value is None


def test_the_results_workbook_opens_as_it_was_meant(convert):
    """Saved again by LibreOffice, every cell is of the kind that it was."""
    content = b"".join(XlsxWriter(columns=full).write(JOB_OF_CLAIMS, lines()))
    cells = cells_of(convert(content, "xlsx", "xlsx"), "Results")
    assert_as_intended(cells, ["first_name", "last_name", "subscriber_id", "Notes"])
    assert (cells[0]["payer_claim_number"].value, cells[0]["status_code"].value) == ("000123", "65")
    assert cells[-1]["error"].value == "=The payer said so"


def test_the_results_csv_opens_as_it_was_meant(convert):
    """Opened with its ids as text, as the how-to says, nothing is changed and nothing is a formula."""
    content = b"".join(CsvWriter(columns=full, bom=True).write(JOB_OF_CLAIMS, lines()))
    (header, *_) = csv.reader([content.decode("utf-8-sig").splitlines()[0]])
    kinds = {"total_charged": 1, "total_paid": 1, "processed_date": 3}
    columns = "/".join(f"{place}/{kinds.get(name, 2)}" for place, name in enumerate(header, start=1))
    opened = convert(content, "csv", "xlsx", f"--infilter=CSV:44,34,76,1,{columns}")
    cells = cells_of(opened, openpyxl.load_workbook(BytesIO(opened)).sheetnames[0])
    assert_as_intended(cells, ["first_name", "last_name", "subscriber_id"])
    assert cells[-1]["error"].value == "'=The payer said so"
