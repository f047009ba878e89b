"""Rows are checked cell by cell, and a row that has moved is told as one."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.formulas import guarded
from bulkclaims.parsing import CsvParser
from bulkclaims.parsing.table import Table
from bulkclaims.records import REQUIRED_COLUMNS

TODAY = date(2026, 11, 24)
WIDE = (*REQUIRED_COLUMNS, "payer_id", "npi", "Note")
GOOD = ["ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001"]


def read(cells, columns=REQUIRED_COLUMNS):
    """Read one row."""
    return Table.of(tuple(columns), TODAY).read(1, list(cells))


def codes(row):
    """Where and what its errors are."""
    return [(error.column, error.code) for error in row.errors]


@pytest.mark.parametrize(
    ("columns", "cells", "before"),
    [
        (REQUIRED_COLUMNS, ["ZE1", "", *GOOD[1:]], "first_name"),
        (REQUIRED_COLUMNS, ["", *GOOD], "claim_number"),
        (REQUIRED_COLUMNS, [*GOOD[:4], " ", GOOD[4]], "subscriber_id"),
        (WIDE, ["ZE1", "", *GOOD[1:], "60054", "", "seen"], "first_name"),
        (WIDE, ["ZE1", "", *GOOD[1:], "60054", ""], "first_name"),
        (WIDE, [*GOOD[:4], "", GOOD[4], "", "", ""], "subscriber_id"),
        (("Note", *REQUIRED_COLUMNS), ["seen", "", *GOOD], "claim_number"),
        (("Note", "Other", *REQUIRED_COLUMNS), ["", "", "seen", *GOOD], "column 2"),
        (("payer_id", "npi", "Note", *REQUIRED_COLUMNS), ["", "", "", "x", *GOOD], "column 3"),
    ],
)
def test_a_row_with_a_comma_too_many_is_told_as_one(columns, cells, before):
    """Where taking out just one blank cell makes every cell right, one error says before which column it is."""
    row = read(cells, columns)
    (error,) = row.errors
    assert (error.column, error.code) == ("", "shifted_row")
    assert error.repair == f"Remove the comma too many before {before}."
    assert f"before {before}," in error.message
    assert row.values[: len(columns)] == tuple(cells[: len(columns)]), "it is not mended, only told"


@pytest.mark.parametrize(
    ("columns", "cells", "told"),
    [
        (REQUIRED_COLUMNS, ["", *GOOD[1:]], [("claim_number", "blank")]),
        (REQUIRED_COLUMNS, [*GOOD, "x"], [("", "too_many_cells")]),
        (REQUIRED_COLUMNS, ["", "", *GOOD, "x"], [("", "too_many_cells")]),
        (WIDE, [*GOOD, "", "199999998", ""], [("npi", "npi_digits")]),
        (WIDE, ["ZE1", "", "TESTER", "03/04/1972", "ZX1", "", "", ""], [("first_name", "blank")]),
        (("payer_id", "tin"), ["", "12"], [("tin", "tin_digits")]),
        (("payer_id", "tin"), ["60054", "12", "x"], [("", "too_many_cells")]),
        (WIDE, ["ZE1", *["", "x"] * 9], [("", "too_many_cells")]),
    ],
)
def test_what_is_simply_wrong_is_told_cell_by_cell(columns, cells, told):
    """A blank cell is no comma too many unless every cell is right without it, a required one among them."""
    assert codes(read(cells, columns)) == told


@pytest.mark.parametrize("cells", [[], ["", ""], [" "], [" "] * 5, [*[" "] * 5, "\t"]])
def test_a_blank_row_is_none(cells):
    """Whatever its width, and whatever blanks stand in it."""
    assert read(cells) is None


def test_dates_that_are_out_of_order_are_no_shift():
    """A row is right only when its days of service stand in order."""
    columns = (*REQUIRED_COLUMNS, "first_service_date", "last_service_date", "Note")
    moved = ["ZE1", "", *GOOD[1:], "11/02/2026", "11/01/2026"]
    assert ("", "shifted_row") not in codes(read(moved, columns))
    assert codes(read([*moved[:-1], "11/03/2026"], columns)) == [("", "shifted_row")]


def test_errors_have_shape_and_repair():
    """Each error of a cell says what stands there, masked, and what mends it."""
    row = read(["ZE1", "", "TESTER", "3/4/72", "1.23E+11"])
    assert [(error.seen, error.repair) for error in row.errors] == [
        ("", "Fill it in."),
        ("9/9/99", "Write all four digits of the year."),
        ("9.99A+99", "Format the column as text, and copy it again from its source."),
    ]


def test_repairs_that_were_made_are_warnings():
    """The row is right, and says what was done to which of its cells."""
    row = read(['="00123"', "ALMA Q", "TESTER\xa0", "1972-03-04 00:00", "'0007"])
    assert row.values == ("00123", "ALMA Q", "TESTER", "03/04/1972", "0007")
    assert not row.errors
    assert [(warning.column, warning.code, warning.seen) for warning in row.warnings] == [
        ("claim_number", "text_mark", '="99999"'),
        ("first_name", "middle_initial", "AAAA A"),
        ("date_of_birth", "midnight", "9999-99-99 99:99"),
        ("subscriber_id", "text_mark", "'9999"),
    ]


def test_a_plain_file_has_warnings_too():
    """The quick way through plain rows takes none that is worth a look."""
    text = "\n".join([",".join((*REQUIRED_COLUMNS, "Note")), "ZE1,ALMA Q,TESTER JR,03/04/1972,ZX1,'=1+1"])
    (row,) = CsvParser(today=lambda: TODAY).parse(io.BytesIO(text.encode()))
    assert [warning.code for warning in row.warnings] == ["middle_initial", "name_suffix"]
    assert row.values[-1] == "=1+1"


_cells = st.text("'=\"-+@\t12aZ ,\xa0", max_size=6)


@given(st.lists(_cells, min_size=6, max_size=6))
def test_what_a_writer_of_ours_marked_comes_back(cells):
    """Whatever a row holds, good or bad, it is the same once it was written, marked, and read again."""
    columns = (*REQUIRED_COLUMNS, "Note")
    row = read(cells, columns)
    if row is not None:
        again = read(map(guarded, row.values), columns)
        assert again is not None
        assert (again.values, bool(again.errors)) == (row.values, bool(row.errors))


def test_a_line_with_a_stray_quote_loses_its_marks_too():
    """Its cells can be told apart, and are given back as they were."""
    row = Table.of(REQUIRED_COLUMNS, TODAY).misquoted(3, ["'=ZE1", "ALMA"])
    assert row.values == ("=ZE1", "ALMA", "", "", "")
