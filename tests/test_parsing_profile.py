"""Some damage shows only in the whole file."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from bulkclaims.parsing import Profile
from bulkclaims.parsing import profile as module
from bulkclaims.records import REQUIRED_COLUMNS, CellError, Row

DAYS = [f"{date(1950, 1, 1) + timedelta(days=31 * n):%m/%d/%Y}" for n in range(500)]


def rows(count, columns=REQUIRED_COLUMNS, **made):
    """Make rows; each of *made* tells a column's cell by the row's number."""
    made = {
        "claim_number": lambda n: f"ZE{n}",
        "date_of_birth": lambda n: DAYS[n % 500],
        "subscriber_id": lambda n: f"ZX{n}",
    } | made
    blank = lambda _: ""  # noqa: E731 -- beside the others
    return [Row(n, columns, tuple(made.get(c, blank)(n) for c in columns)) for n in range(1, count + 1)]


def found(rows, swapped=(), chunk=250):
    """What a file of these rows tells: column, code, count, rows."""
    profile = Profile()
    for start in range(0, len(rows), chunk):
        profile.add(rows[start : start + chunk])
    told = list(profile.findings(Counter(swapped)))
    assert profile.duplicates == sum(each.count for each in told if each.code == "duplicate_row")
    return [(each.column, each.code, each.count, each.rows) for each in told]


def test_a_file_as_it_should_be_tells_nothing():
    """Also not of ids with zeros in front, with many lengths, or of rows that are all bad."""
    error = (CellError(1, "claim_number", "blank", "Blank."),)
    assert found(rows(2000, subscriber_id=lambda n: f"{n:09}")) == []
    assert found(rows(2000, subscriber_id=lambda n: str(n**3))) == []
    assert found([Row(n, REQUIRED_COLUMNS, ("",) * 5, error) for n in range(1, 10)]) == []


@pytest.mark.parametrize("column", ["claim_number", "subscriber_id", "payer_id"])
@pytest.mark.parametrize("count", [100, 3000])
def test_zeros_that_a_spreadsheet_dropped(column, count):
    """Where none of many ids of one length begins with 0, those that are a little shorter have lost theirs."""
    ids = [str(int(f"{n * 37 % 1000:03}{n:06}")) for n in range(count + 1)]
    short = tuple(n for n in range(1, count + 1) if len(ids[n]) in {7, 8})
    ((where, code, lost, first),) = found(rows(count, (*REQUIRED_COLUMNS, "payer_id"), **{column: ids.__getitem__}))
    assert (where, code, lost, first) == (column, "leading_zeros_lost", len(short), short[:100])


@pytest.mark.parametrize(
    ("count", "made"),
    [
        (12, lambda n: f"{n % 10}1234567" if n % 10 else "1234567"),
        (500, lambda n: "0012345678" if n == 400 else str(100_000_000 + n * 7_777_777)[: 8 + (n % 9 > 0)]),
        (500, lambda n: f"2026{n:05}" if n % 9 else f"2026{n:04}"),
        (500, lambda n: f"ZX{n}" if n % 3 else str(100_000_000 + n * 1_777_777)[: 8 + (n % 9 > 0)]),
        (3000, lambda n: f"ZX{n}" if n % 3 else str(100_000_000 + n * 277_777)[: 8 + (n % 9 > 0)]),
        (500, lambda n: str(n % 9 + 1) * (4 if n % 9 else 3)),
        (500, lambda n: str(n % 9 + 1) * (9 if n % 9 else 8 if n % 2 else 5)),
        (500, lambda n: str(n % 9 + 1) * 9),
    ],
    ids=["few", "a zero", "one beginning", "not numbers", "never numbers", "short", "stray", "one length"],
)
def test_what_is_not_convincing_is_not_said(count, made):
    """Few ids, a single 0 in front, one beginning for all, letters, very short ones, or many lengths."""
    assert found(rows(count, subscriber_id=made)) == []


def test_a_column_with_the_day_first():
    """Where cells have a month above 12 and none has a day above 12, the readable ones may be swapped as well."""
    good = rows(300, (*REQUIRED_COLUMNS, "last_service_date"), date_of_birth=lambda n: f"{n % 12 + 1:02}/07/1972")
    assert found(good, {"date_of_birth": 3, "last_service_date": 1}) == [
        ("date_of_birth", "day_first_column", 300, tuple(range(1, 101)))
    ]
    assert found(good) == []
    assert found([*good, *rows(1, good[0].columns, date_of_birth=lambda _: "01/13/1972")], {"date_of_birth": 3}) == []


def test_rows_that_come_again():
    """Within a chunk and across, whatever stands in columns that nobody is asked with."""
    wide = (*REQUIRED_COLUMNS, "Note")
    file = rows(600, wide, Note=str)
    again = [Row(n, wide, (*file[place].values[:-1], "other")) for n, place in ((601, 3), (602, 599), (603, 3))]
    assert found([*file, *again]) == [("", "duplicate_row", 3, (601, 602, 603))]
    assert found([Row(n, REQUIRED_COLUMNS, ("ZE1",) * 5) for n in range(1, 252)]) == [
        ("", "duplicate_row", 250, tuple(range(2, 102)))
    ]
    assert found([*file, Row(601, wide, (*file[3].values[:3], "01/01/1999", "", ""))]) == []


def test_only_so_many_rows_are_remembered(monkeypatch):
    """Later ones are still compared with those, so that memory is bounded whatever the file."""
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 500)
    file = rows(1000)
    again = [Row(1000 + n, REQUIRED_COLUMNS, file[place].values) for n, place in ((1, 3), (2, 900), (3, 3))]
    assert found([*file, *again]) == [("", "duplicate_row", 2, (1001, 1003))]


@pytest.mark.parametrize(("cell", "count"), [("", 2), (" ", 2), ("x", 1)])
def test_columns_at_the_end_without_name_or_cell(cell, count):
    """They are told, up to the last that holds anything."""
    columns = (*REQUIRED_COLUMNS, "Note", "column_7", "column_8")
    told = found(rows(300, columns, column_7=lambda n: cell if n == 299 else ""))
    assert told == [("", "trailing_empty_columns", count, ())]
    assert found(rows(3, columns, column_8=str)) == []
    assert found(rows(3, ("column_1",))[:0]) == []
