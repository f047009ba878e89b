"""The workbook parser reads sheets as people really have them: text as text, days as days, and what is lost is said."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import WorkbookLimits, WorkbookParser
from bulkclaims.parsing.workbook import child, process
from bulkclaims.parsing.workbook import parser as parsing
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Known, Layout
from bulkclaims.testing.contracts import RowParserContract
from bulkclaims.testing.strategies import claims

GOOD = ("ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001")
BAD = ("ZE2", "BENNO", "TESTER", "13/45/1985", "ZX0002")
ALL = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)


def workbook(*rows, header=REQUIRED_COLUMNS, change=lambda book: None):
    """A workbook with a sheet of these rows under a header, as openpyxl writes it."""
    book = openpyxl.Workbook()
    for row in [header, *rows]:
        book.active.append(row)
    change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def altered(file, name, old, new):
    """The same workbook with one of its parts altered."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.namelist():
            part = source.read(entry)
            target.writestr(entry, part.replace(old, new) if entry == name else part)
    assert out.getvalue() != file
    return out.getvalue()


def read_here(file, sheet, limits):
    """What the process tells of a workbook, without the process: quick, and seen by whoever measures coverage."""
    for message in child.told(file, sheet, limits):
        understood = process.understood(json.dumps(message).encode())
        if understood is None:
            return
        yield understood


@pytest.fixture
def here(monkeypatch):
    """Let workbooks be read in this process."""
    monkeypatch.setattr(parsing, "read_apart", read_here)


def parse(file, **layout):
    """Parse on a fixed day."""
    return WorkbookParser(None, today=lambda: date(2026, 11, 24)).parse(io.BytesIO(file), Layout(**layout))


def rows_of(file, **layout):
    """All rows of a workbook."""
    return list(parse(file, **layout))


def refusal_of(file, **layout):
    """The code with which a workbook is refused."""
    with pytest.raises(UploadRejected) as refused:
        rows_of(file, **layout)
    return refused.value.code


class TestWorkbookParser(RowParserContract):
    """The workbook parser keeps the promises of its seam, with a process of its own for each workbook."""

    @pytest.fixture
    def file(self):
        """Some good rows and some bad ones."""
        return workbook(GOOD, BAD, GOOD)

    @pytest.fixture
    def parser(self):
        """The member under test."""
        return WorkbookParser()


@pytest.mark.usefixtures("here")
class TestSheets:
    """Which sheet is read, and what is said of it."""

    @staticmethod
    def book(states, *, first=()):
        """A workbook with a sheet for each state, all with one claim."""

        def change(book):
            for number, state in enumerate(states, start=1):
                sheet = book.create_sheet(f"Sheet {number}")
                for row in [*first, REQUIRED_COLUMNS, (f"ZE{number}", *GOOD[1:])]:
                    sheet.append(row)
                sheet.sheet_state = state
            del book["Sheet"]

        return workbook(change=change)

    @pytest.mark.parametrize(
        ("states", "claim", "note"),
        [
            (["visible"], "ZE1", None),
            (["hidden", "veryHidden", "visible"], "ZE3", None),
            (["visible", "visible"], "ZE1", "another sheet"),
            (["visible", "hidden", "visible", "visible"], "ZE1", "2 other sheets"),
        ],
    )
    def test_the_first_visible_sheet_is_read(self, states, claim, note):
        """Others that can be seen are told of; hidden ones are nobody's business."""
        parsed = parse(self.book(states))
        assert [row.values[0] for row in parsed] == [claim]
        assert parsed.facts.sheet == f"Sheet {claim[-1]}"
        assert [note in said for said in parsed.facts.notes] == ([True] if note else [])

    @pytest.mark.parametrize("name", ["Sheet 2", " sheet 2 "])
    def test_a_named_sheet_is_read(self, name):
        """Also a hidden one; names are compared as Excel does."""
        parsed = parse(self.book(["visible", "hidden"]), sheet=name)
        assert [row.values[0] for row in parsed] == ["ZE2"]
        assert parsed.facts.sheet == "Sheet 2"

    def test_a_sheet_that_is_not_there_is_said(self):
        """With the number of sheets, and no name of any."""
        with pytest.raises(UploadRejected, match="; 1 of its sheets can be seen") as refused:
            rows_of(self.book(["visible", "hidden"]), sheet="Claims")
        assert refused.value.code == "no_such_sheet"
        assert "Sheet " not in refused.value.message

    def test_a_workbook_without_a_visible_sheet_is_refused(self):
        """Excel does not make one, others may."""
        file = altered(self.book(["visible"]), "xl/workbook.xml", b'state="visible"', b'state="hidden"')
        assert refusal_of(file) == "no_visible_sheet"

    def test_what_stands_above_the_header_is_said(self):
        """Rows are numbered from below it, blank ones counted."""
        parsed = parse(self.book(["visible"], first=[("Claims of November",), ()]))
        assert [row.number for row in parsed] == [1]
        assert parsed.facts.notes == ("The header was found on line 3; 2 lines above it were not read.",)

    @pytest.mark.parametrize(
        ("rows", "header", "code"),
        [
            ((), (), "empty_file"),
            ((), REQUIRED_COLUMNS, "no_rows"),
            (((" ",),), REQUIRED_COLUMNS, "no_rows"),
            ((), ("claim_number", "first_name"), "missing_columns"),
            ((), ("x",) * 1001, "too_many_columns"),
            (((*GOOD, *["x"] * 996),), REQUIRED_COLUMNS, "too_many_columns"),
            ((("x" * 30_000,) * 40,), REQUIRED_COLUMNS, "row_too_large"),
        ],
    )
    def test_a_sheet_that_cannot_be_used_is_refused(self, rows, header, code):
        """With the same codes as a CSV."""
        assert refusal_of(workbook(*rows, header=header)) == code

    @pytest.mark.parametrize(
        ("rows", "code"),
        [
            ([], "empty_file"),
            ([("Claims of November",)], "missing_columns"),
            ([("From 11/01/2026",)], "no_header"),
            ([REQUIRED_COLUMNS], "no_rows"),
        ],
    )
    @pytest.mark.parametrize(("others", "has"), [(1, "another sheet that"), (3, "3 other sheets that")])
    def test_a_cover_sheet_is_refused_with_a_hint_to_the_others(self, rows, code, others, has):
        """Whoever has the claims on the second sheet is told how to say so; no sheet is named."""

        def change(book):
            del book["Sheet"]
            cover = book.create_sheet("Cover")
            for row in rows:
                cover.append(row)
            for number in range(others):
                book.create_sheet(f"Claims {number}")

        with pytest.raises(UploadRejected) as refused:
            rows_of(workbook(change=change))
        assert refused.value.code == code
        assert f" The workbook has {has} can be seen; " in refused.value.message
        assert "--sheet" in refused.value.message
        assert "Cover" not in refused.value.message

    def test_a_sheet_alone_and_one_with_claims_are_refused_without_a_hint(self):
        """No other could be meant, or it does not matter."""
        with pytest.raises(UploadRejected) as refused:
            rows_of(workbook())
        assert "other" not in refused.value.message
        with pytest.raises(UploadRejected) as refused:
            rows_of(workbook(header=("x",) * 1001, change=lambda book: book.create_sheet()))
        assert "--sheet" not in refused.value.message

    def test_a_refused_header_keeps_its_guesses(self):
        """As data, beside the hint."""
        header = ("claim_number", "first_name", "lst_name", "date_of_birth", "subscriber_id")
        with pytest.raises(UploadRejected, match="--sheet") as refused:
            rows_of(workbook(GOOD, header=header, change=lambda book: book.create_sheet()))
        assert refused.value.guesses == {"lst_name": "last_name"}

    def test_a_chart_is_no_sheet(self):
        """Neither to be read nor to be told of."""
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
            chart = book.add_chart({"type": "line"})
            book.add_chartsheet().set_chart(chart)
            sheet = book.add_worksheet("Claims")
            sheet.write_row(0, 0, REQUIRED_COLUMNS)
            sheet.write_row(1, 0, GOOD)
            chart.add_series({"values": "=Claims!$A$1:$A$2"})
        parsed = parse(out.getvalue())
        assert [row.values for row in parsed] == [GOOD]
        assert parsed.facts.notes == ()

    def test_facts(self):
        """All that is known of a file of any kind, and of a workbook alone."""
        file = workbook((*GOOD, "x"), header=(*REQUIRED_COLUMNS, "note"))
        parsed = parse(file)
        list(parsed)
        facts = parsed.facts
        assert (facts.encoding, facts.delimiter, facts.sheet, facts.size) == ("", "", "Sheet", len(file))
        assert facts.columns == (*REQUIRED_COLUMNS, "note")
        assert [heading.known for heading in facts.headings] == [Known.NAME] * 5 + [Known.OTHER]

    def test_formulas_without_results_are_said(self):
        """Of a workbook that no spreadsheet program has computed yet."""
        parsed = parse(workbook((*GOOD[:4], "=A2&B2"), GOOD))
        assert [[error.code for error in row.errors] for row in parsed] == [["blank"], []]
        assert "formulas whose results were not saved" in parsed.facts.notes[0]

    def test_the_result_of_a_formula_is_read(self):
        """As the program that saved the workbook computed it."""
        out = io.BytesIO()
        with xlsxwriter.Workbook(out) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, REQUIRED_COLUMNS)
            sheet.write_row(1, 0, GOOD[:4])
            sheet.write_formula(1, 4, '="ZX"&"7"', None, "ZX7")
        parsed = parse(out.getvalue())
        assert [row.values for row in parsed] == [(*GOOD[:4], "ZX7")]
        assert parsed.facts.notes == ()

    @pytest.mark.parametrize("reference", [b"A1:B1", b"A1:XFD1048576"])
    def test_a_sheet_that_lies_about_its_size_is_read_whole(self, reference):
        """What it says of itself does not count."""
        file = altered(workbook(GOOD, GOOD), "xl/worksheets/sheet1.xml", b"A1:E3", reference)
        assert [row.values for row in parse(file)] == [GOOD, GOOD]

    def test_blank_rows_and_cells_are_no_rows(self):
        """They count in the numbers; blank cells at the end of a header and of rows are cut off."""

        def change(book):
            book.active["XFD1"].number_format = book.active["XFD9"].number_format = "@"
            book.active["A6"], book.active["A7"] = "ZE3", " "

        file = workbook(GOOD, (), (*GOOD, "", None), change=change)
        rows = rows_of(file)
        assert [(row.number, bool(row.errors)) for row in rows] == [(1, False), (3, False), (5, True)]
        assert {len(row.values) for row in rows} == {5}

    def test_a_cell_beyond_the_header_is_an_error_of_its_row(self):
        """It belongs to no column; a row that was shifted is never sent, and keeps it."""
        (row,) = rows_of(workbook((*GOOD, None, "x")))
        assert [(error.column, error.code) for error in row.errors] == [("", "beyond_header")]
        assert row.values == (*GOOD, "", "x")
        (alone,) = rows_of(workbook((None,) * 5 + ("x",)))
        assert alone.errors[0].code == "beyond_header"


DAY = datetime(1972, 3, 4)  # noqa: DTZ001 -- what a sheet has is a day on a wall


@pytest.mark.usefixtures("here")
class TestCells:
    """What becomes of the values of a sheet."""

    @staticmethod
    def read(column, value, *, style="General", change=lambda book: None):
        """Text, errors and warnings of one cell in a row that is right otherwise."""

        def both(book):
            cell = book.active.cell(2, place + 1)
            cell.number_format = style if cell.number_format == "General" else cell.number_format
            change(book)

        header = (*ALL, "note")
        cells = [*GOOD, *[None] * 8]
        place = header.index(column)
        cells[place] = value
        (row,) = rows_of(workbook(cells, header=header, change=both))
        assert {problem.column for problem in (*row.errors, *row.warnings)} <= {column}
        return row.values[place], [error.code for error in row.errors], [each.code for each in row.warnings]

    @pytest.mark.parametrize(
        ("column", "value", "text", "warnings"),
        [
            ("claim_number", "00123", "00123", []),
            ("claim_number", 123, "123", ["number_cell"]),
            ("claim_number", 123456789012345, "123456789012345", ["number_cell"]),
            ("subscriber_id", 123.0, "123", ["number_cell"]),
            ("patient_account_number", 0, "0", ["number_cell"]),
            ("payer_id", 60054, "60054", ["number_cell"]),
            ("npi", 1999999984, "1999999984", []),
            ("tin", 123456789, "123456789", []),
            ("date_of_birth", DAY, "03/04/1972", []),
            ("date_of_birth", DAY.date(), "03/04/1972", []),
            ("date_of_birth", "1972-03-04", "03/04/1972", []),
            ("date_of_birth", 26362, "03/04/1972", ["serial_date"]),
            ("first_service_date", 45000.0, "03/15/2023", ["serial_date"]),
            ("gender", "f", "F", []),
            ("first_name", "=1+1".replace("=", "'="), "'=1+1", []),
            ("note", 1.5, "1.5", []),
            ("note", 2.0, "2", []),
            ("note", 0.1, "0.1", []),
            ("note", -7, "-7", []),
            ("note", 1e22, "1e+22", []),
            ("note", False, "FALSE", []),
            ("note", DAY, "03/04/1972", []),
            ("note", DAY.replace(hour=5), "03/04/1972 05:00:00", []),
            ("note", time(5, 30), "05:30:00", []),
            ("note", timedelta(hours=30), "1 day, 6:00:00", []),
            ("note", "'=1+1", "'=1+1", []),
            ("note", " 00123 ", "00123", []),
            ("note", "#N/A", "#N/A", []),
        ],
    )
    def test_a_value_is_read(self, column, value, text, warnings):
        """Text as it is, a number as people see it, a day as in every file."""
        assert self.read(column, value) == (text, [], warnings)

    @pytest.mark.parametrize(
        ("column", "value", "code"),
        [
            ("claim_number", 1234567890123456, "damaged_number"),
            ("claim_number", 1.5e20, "damaged_number"),
            ("subscriber_id", 123.5, "damaged_number"),
            ("subscriber_id", -123, "damaged_number"),
            ("npi", 1999999984.5, "damaged_number"),
            ("npi", 199999998, "npi_digits"),
            ("tin", 12345678, "tin_digits"),
            ("claim_number", True, "spreadsheet_error"),
            ("claim_number", DAY, "turned_to_date"),
            ("last_name", DAY, "turned_to_date"),
            ("gender", DAY, "turned_to_date"),
            ("subscriber_id", "#N/A", "spreadsheet_error"),
            ("first_name", "#REF!", "spreadsheet_error"),
            ("date_of_birth", 1972, "not_a_date"),
            ("date_of_birth", 3041972, "not_a_date"),
            ("date_of_birth", 26362.5, "not_a_date"),
            ("date_of_birth", 99999, "in_future"),
        ],
    )
    def test_a_value_that_cannot_be_is_an_error(self, column, value, code):
        """Nothing is guessed; the row keeps what stands in the sheet."""
        text, errors, _ = self.read(column, value)
        assert errors == [code]
        assert text

    @pytest.mark.parametrize(
        ("style", "value", "text", "warnings"),
        [
            ("000000", 123, "000123", ["shown_with_zeros"]),
            ("00", 123.0, "123", ["shown_with_zeros"]),
            ("0", 123, "123", ["number_cell"]),
            ("@", 123, "123", ["number_cell"]),
            ("00000;-00000", 123, "00123", ["shown_with_zeros"]),
            ('0000"";[Red]-0000', 0, "0000", ["shown_with_zeros"]),
            (r"000\-00\-0000", 12345678, "012-34-5678", ["shown_by_format"]),
            (r"000\-00\-0000", 12345678901, "12345-67-8901", ["shown_by_format"]),
            (r"000\-00\-0000;@", 0, "000-00-0000", ["shown_by_format"]),
            ('"ZX"00000000', 1, "ZX00000001", ["shown_by_format"]),
            ("00000 ", 123.0, "00123", ["shown_with_zeros"]),
            (r"\Z0", 123, "Z123", ["shown_by_format"]),
            ('0" "', 123, "123", ["number_cell"]),
            ("#,##0", 1234, "1234", ["number_cell"]),
            ("0.00", 123, "123", ["number_cell"]),
            ("0000;;", 77, "0077", ["shown_with_zeros"]),
            ("00000;[<5]-00000", 123, "123", ["number_cell"]),
            ("[<=99999]00000;00000-0000", 123, "123", ["number_cell"]),
            ('"ZX"', 123, "123", ["number_cell"]),
            ("0" * 256, 123, "123", ["number_cell"]),
        ],
    )
    def test_what_a_format_shows_is_read(self, style, value, text, warnings):
        """What the person sees is what was meant, where the format makes an id of a number."""
        assert self.read("subscriber_id", value, style=style) == (text, [], warnings)

    @pytest.mark.parametrize(
        ("column", "style", "value", "text", "warnings"),
        [
            ("tin", "00-0000000", 12345678, "012345678", ["shown_by_format"]),
            ("npi", "0000000000", 1999999984, "1999999984", ["shown_with_zeros"]),
            ("date_of_birth", r"00\/00\/0000", 3041972, "03/04/1972", []),
            ("claim_number", "000;;", 0, "0", ["number_cell"]),
            ("note", "000-000", 1234, "001-234", []),
        ],
    )
    def test_the_checks_decide_of_what_a_format_shows(self, column, style, value, text, warnings):
        """As of what was typed."""
        assert self.read(column, value, style=style) == (text, [], warnings)

    @pytest.mark.parametrize(
        ("style", "value", "code"),
        [
            ('"ID: "000', 123, "reserved_character"),
            ("0" * 16, 1234567890123456, "damaged_number"),
            ("00000", -123, "damaged_number"),
            ("00000", 123.5, "damaged_number"),
        ],
    )
    def test_what_a_format_shows_may_be_wrong(self, style, value, code):
        """A number of which digits are lost is not saved by its format."""
        assert self.read("subscriber_id", value, style=style)[1] == [code]

    @pytest.mark.parametrize("column", ["date_of_birth", "first_service_date"])
    @pytest.mark.parametrize(
        "epoch", [openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.CALENDAR_MAC_1904]
    )
    def test_a_date_with_a_time_is_read_as_its_day(self, column, epoch):
        """In required and optional columns, by either calendar; and it is said."""

        def change(book):
            book.epoch = epoch

        assert self.read(column, DAY.replace(hour=17, minute=5), change=change) == ("03/04/1972", [], ["time_of_day"])
        assert self.read(column, DAY, change=change) == ("03/04/1972", [], [])

    def test_a_workbook_of_1904(self):
        """It counts its days from another one, in cells of days as in plain numbers."""

        def change(book):
            book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

        assert self.read("date_of_birth", DAY, change=change) == ("03/04/1972", [], [])
        assert self.read("date_of_birth", 24900, change=change) == ("03/04/1972", [], ["serial_date"])

    def test_what_was_seen_is_told_masked(self):
        """As it stood in the sheet, also where it was repaired."""
        (row,) = rows_of(workbook(("ZE1", "ALMA", "TESTER", 26362, 123.5)))
        assert [(each.column, each.seen) for each in row.errors] == [("subscriber_id", "999.9")]
        assert [(each.column, each.seen) for each in row.warnings] == [("date_of_birth", "99999")]
        assert row.values == ("ZE1", "ALMA", "TESTER", "03/04/1972", "123.5")

    def test_errors_stand_in_the_order_of_the_columns(self):
        """What was found of a value goes before what its text would be refused for."""
        (row,) = rows_of(workbook((1.5, "", DAY, "x", DAY, None, "y")))
        assert [(error.column, error.code) for error in row.errors] == [
            ("", "beyond_header"),
            ("claim_number", "damaged_number"),
            ("first_name", "blank"),
            ("last_name", "turned_to_date"),
            ("date_of_birth", "not_a_date"),
            ("subscriber_id", "turned_to_date"),
        ]

    @pytest.mark.parametrize("inline", [True, False])
    def test_control_characters_are_read_as_they_were_typed(self, inline):
        """A workbook writes them in an escape of its own, and an underscore that would begin one as well."""
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"constant_memory": inline}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, (*REQUIRED_COLUMNS, "note"))
            for place, text in enumerate((*GOOD, "a_x000D_b\x07_x0041_")):
                sheet.write_string(1, place, text)
        assert [row.values[-1] for row in rows_of(out.getvalue())] == ["a_x000D_b\x07_x0041_"]

    def test_a_value_of_no_kind_that_is_told_is_refused(self):
        """The process that reads is believed as little as the workbook."""
        with pytest.raises(UploadRejected):
            parsing.text_of({"day": 7})


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="_"), max_size=20
)


def written_by_xlsxwriter(rows, **options):
    """A workbook of text cells, with shared or with inline strings."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for place, text in enumerate(row):
                sheet.write_string(number, place, text)
    return out.getvalue()


@pytest.mark.usefixtures("here")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=st.lists(st.tuples(claims, texts), min_size=1, max_size=5), inline=st.booleans(), with_openpyxl=st.booleans()
)
@example(rows=[(GOOD, "=1+1"), (GOOD, "'=1+1"), (GOOD, "''+1")], inline=False, with_openpyxl=False)
def test_whatever_rows_are_written_come_back(rows, inline, with_openpyxl):
    """Any claims with any text beside them, from either library."""
    cells = [(*claim, text) for claim, text in rows]
    header = (*REQUIRED_COLUMNS, "note")
    if with_openpyxl:

        def as_text(book):
            for line in book.active.iter_rows():
                for cell in line:
                    cell.data_type = "s"

        file = workbook(*cells, header=header, change=as_text)
    else:
        file = written_by_xlsxwriter([header, *cells], constant_memory=inline)
    assert [row.values for row in rows_of(file)] == [(*claim, text.strip()) for claim, text in rows]


@pytest.mark.usefixtures("here")
def test_a_sheet_of_too_many_cells_is_refused():
    """Blank ones do not count."""
    parser = WorkbookParser(limits=WorkbookLimits(cells=15))
    assert len(list(parser.parse(io.BytesIO(workbook(GOOD, (), GOOD))))) == 2
    with pytest.raises(UploadRejected) as refused:
        list(parser.parse(io.BytesIO(workbook(GOOD, GOOD, GOOD))))
    assert refused.value.code == "workbook_too_large"


def test_a_file_above_the_limit_is_refused():
    """While it is read, and before anything looks into it."""
    file = workbook(GOOD)
    with pytest.raises(UploadRejected) as refused:
        list(WorkbookParser(max_bytes=len(file) - 1).parse(io.BytesIO(file)))
    assert refused.value.code == "file_too_large"
