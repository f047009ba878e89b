"""The quick way through plain rows takes only what the checks would leave as it is."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.parsing import CsvParser
from bulkclaims.parsing.plain import NearlyPlain, plain_lines
from bulkclaims.parsing.table import Table
from bulkclaims.records import REQUIRED_COLUMNS

LINE = "ZE1,ALMA,TESTER,{},ZX0001"


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2030, 12, 31)])
def test_years_that_are_over_are_plain(today):
    """A day of last year is plain; one of this year may lie in the future and is left to the checks."""
    plain = plain_lines(REQUIRED_COLUMNS, ",", today)
    last, this = (LINE.format(f"12/31/{year}") for year in (today.year - 1, today.year))
    assert plain.findall(f"{last}\r\n{this}\r\n") == [(*last.split(","), ""), ("", "", "", "", "", this)]


@pytest.mark.parametrize(
    "cell", ["true", "FALSE", "nan", "NaT", "inf", "Infinity", "3-Apr", "Apr-03", "03-Apr-1972", "None", "null"]
)
def test_damaged_ids_are_left_to_the_checks(cell):
    """What a spreadsheet or a data frame made of an id is never plain, in whichever column."""
    columns = (*REQUIRED_COLUMNS, "payer_id")
    plain = plain_lines(columns, ",", date(2026, 1, 1))
    for line in (f"{cell},ALMA,TESTER,03/04/1972,ZX1,60054", f"ZE1,ALMA,TESTER,03/04/1972,ZX1,{cell}"):
        assert plain.findall(line + "\n") == [("",) * 6 + (line,)]
    assert plain.findall(f"{cell}X9,ALMA,TESTER,03/04/1972,ZX1,\n")[0][0] in {f"{cell}X9", ""}


WIDE = (*REQUIRED_COLUMNS, "npi", "tin", "first_service_date", "last_service_date", "Note")
TODAY = date(2026, 11, 24)
TABLE = Table.of(WIDE, TODAY)
NEARLY = NearlyPlain.of(TABLE, ",", TODAY)


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,1999999984,12-3456789,11/1/2026,2026-11-02,seen", True),
        ("ze1,ALMA,TESTER,03/04/1972,4f-1a,,,,,", True),
        ("ZE1,ALMA,TESTER,2/29/1972,ZX1,,,,,", True),
        ("ZE1,ALMA,TESTER,2/29/1973,ZX1,,,,,", False),
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,1999999985,,,,", False),
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,,,11/25/2026,,", False),
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,,,11/2/2026,11/1/2026,", False),
        ("ZE1,ALMA,TESTER,3/4/1972 0:00,ZX1,,,,,", False),
        ("ZE1,ALMA Q,TESTER,3/4/1972,ZX1,,,,,", False),
        ("Apr-03,ALMA,TESTER,3/4/1972,ZX1,,,,,", False),
        ("ZE1,ALMA,TESTER,3/4/1972,TRUE,,,,,", False),
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,,,,,'seen", False),
        ("ZE1,ALMA,TESTER,3/4/1972,ZX1,,,,", False),
    ],
)
def test_days_and_ids_of_providers_are_brought_to_one_form(line, is_read):
    """A row that needs nothing else is what the table makes of it; any other is left to the table."""
    row = NEARLY.read(7, line)
    assert row == (TABLE.read(7, line.split(",")) if is_read else None)
    assert not row or not (row.errors or row.warnings)


_odd = st.sampled_from(["", "ZX1 ", "nan", "3-Apr", "1/1/2027", "A,B", '"', "'ZE1", "'=1", "JR", "ALMA Q", "Ã©", "1.0"])
_good = ["ZE1", "ALMA", "TESTER", "3/4/1972", "ZX1", "1999999984", "12-3456789", "11/1/2026", "2026-11-02", "seen"]
_rows = st.lists(st.tuples(*(st.just(cell) | st.just(cell.strip("ZAT12-")) | _odd for cell in _good)), max_size=9)


@given(_rows, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_quick_ways_and_the_table_agree(rows, quoting):
    """Whatever stands in a file, quoted or not, its rows are those that the checks of each cell make."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerows([WIDE, _good, *rows])
    parsed = list(CsvParser(None, lambda: TODAY).parse(io.BytesIO(text.getvalue().encode())))
    slowly = [row for n, cells in enumerate(rows, 2) if (row := TABLE.read(n, list(cells)))]
    assert parsed[1:] == slowly


def test_a_hostile_line_is_left_to_the_checks():
    """A line that almost matches in very many ways is given up after a few passes, or this would never end."""
    plain = plain_lines((*REQUIRED_COLUMNS, "Note", "Other"), ",", date(2026, 1, 1))
    hostile = LINE.format("12/31/2025") + "," + "x " * 50_000 + "," + "x " * 50_000
    assert plain.findall(hostile + "\n") == [("",) * 7 + (hostile,)]
