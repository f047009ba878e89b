"""Some damage shows only in the whole file."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from bulkclaims.parsing import Profile, watches
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


shapes = {}
"""What was seen of each finding of the last call."""


def found(rows, swapped=(), chunk=250):
    """What a file of these rows tells: column, code, count, rows."""
    profile = Profile()
    for start in range(0, len(rows), chunk):
        profile.add(rows[start : start + chunk])
    told = list(profile.findings(Counter(swapped)))
    assert profile.duplicates == sum(each.count for each in told if each.code == "duplicate_row")
    shapes.clear()
    shapes.update({(each.column, each.code): each.seen for each in told})
    return [(each.column, each.code, each.count, each.rows) for each in told]


def test_a_file_as_it_should_be_tells_nothing():
    """Also not of ids with zeros in front, with many lengths, or of rows that are all bad."""
    error = (CellError(1, "claim_number", "blank", "Blank."),)
    assert found(rows(2000, subscriber_id=lambda n: f"{n:09}")) == []
    assert found(rows(2000, subscriber_id=lambda n: str(n**3))) == []
    assert found([Row(n, REQUIRED_COLUMNS, ("",) * 5, error) for n in range(1, 10)]) == []


@pytest.mark.parametrize("column", ["claim_number", "subscriber_id"])
@pytest.mark.parametrize("count", [100, 3000])
def test_zeros_that_a_spreadsheet_dropped(column, count):
    """Where none of many ids of one length begins with 0, those that are a little shorter have lost theirs."""
    ids = [str(int(f"{n * 37 % 1000:03}{n:06}")) for n in range(count + 1)]
    short = tuple(n for n in range(1, count + 1) if len(ids[n]) in {7, 8})
    ((where, code, lost, first),) = found(rows(count, (*REQUIRED_COLUMNS, "payer_id"), **{column: ids.__getitem__}))
    assert (where, code, lost, first) == (column, "leading_zeros_lost", len(short), short[:100])
    assert sorted(shapes[column, code]) == ["9" * length for length in sorted({len(ids[n]) for n in short})]


@pytest.mark.parametrize(
    ("count", "made"),
    [
        (12, lambda n: f"{n % 10}1234567" if n % 10 else "1234567"),
        (500, lambda n: f"{n * 7_777_777 % 10**9:09}" if n % 3 else str(n * 7_777_777 % 10**9)),
        (60, lambda n: "012345678" if n == 40 else str(100_000_000 + n * 7_777_777)[: 8 + (n > 2)]),
        (900, lambda n: str(n * 7_777_777 % 9 * 10**8 + 10**8 + n)[: 9 - (n % 7 == 0) - (n % 14 == 0)]),
        (900, lambda n: str(n * 7_777_777 % 9 * 10**8 + 10**8 + n)[: 7 + n % 3]),
        (900, lambda n: str(90_000_000 + n * 300_000)),
        (500, lambda n: f"2026{n:05}" if n % 9 else f"2026{n:04}"),
        (500, lambda n: f"ZX{n}" if n % 3 else str(100_000_000 + n * 1_777_777)[: 8 + (n % 9 > 0)]),
        (3000, lambda n: f"ZX{n}" if n % 3 else str(100_000_000 + n * 277_777)[: 8 + (n % 9 > 0)]),
        (500, lambda n: str(n % 9 + 1) * (4 if n % 9 else 3)),
        (500, lambda n: str(n % 9 + 1) * (9 if n % 9 else 8 if n % 2 else 5)),
        (500, lambda n: str(n % 9 + 1) * 9),
    ],
    ids=[
        "few",
        "zeros",
        "as many zeros",
        "mixed",
        "evenly",
        "a sequence",
        "one beginning",
        "not numbers",
        "never numbers",
        "short",
        "stray",
        "one length",
    ],
)
def test_what_is_not_convincing_is_not_said(count, made):
    """Few ids, zeros in front, one beginning for all, letters, very short ones, or many lengths."""
    assert found(rows(count, subscriber_id=made)) == []


@pytest.mark.parametrize("at", [1, 250, 499])
def test_one_id_with_a_zero_shows_nothing(at):
    """Whoever types one id by hand keeps its 0, and a spreadsheet took those of all others."""
    ids = ["012345678" if n == at else str(n * 37 % 1000 * 1_000_000 + n) for n in range(501)]
    ((_, code, lost, _),) = found(rows(500, subscriber_id=ids.__getitem__))
    assert (code, lost) == ("leading_zeros_lost", sum(len(text) < 9 for text in ids[1:]))


def of_payers(count, payer, subscriber):
    """Rows of several payers."""
    return rows(count, (*REQUIRED_COLUMNS, "payer_id"), payer_id=payer, subscriber_id=subscriber)


def test_each_payer_has_ids_of_its_own():
    """Longer ids and zeros of other payers hide nothing that was lost, and two lengths do not look as if it were."""
    ids = {
        "60054": lambda n: str(n * 387_420_489 % 10**9),
        "87726": lambda n: f"{n * 387_420_489 % 10**9:010}",
        "": lambda n: f"ZX{n}",
    }
    payers = list(ids)
    file = of_payers(3000, lambda n: payers[n % 3], lambda n: ids[payers[n % 3]](n))
    short = tuple(
        row.number for row in file if row.cells["payer_id"] == "60054" and len(row.cells["subscriber_id"]) in {7, 8}
    )
    assert found(file) == [("subscriber_id", "leading_zeros_lost", len(short), short[:100])]
    cut = lambda n: f"{n % 8 + 1}{n:08}"[: 8 + (n % 7 > 0)]  # noqa: E731 -- beside the others
    assert found(of_payers(900, lambda n: "60054" if n % 7 else "87726", cut)) == []
    assert [each[1] for each in found(rows(900, subscriber_id=cut))] == ["leading_zeros_lost"]


def test_only_so_many_payers_are_told_apart(monkeypatch):
    """All others are taken together."""
    monkeypatch.setattr(watches, "_MOST_PAYERS", 2)
    file = of_payers(900, lambda n: f"6005{n % 9}", lambda n: str(n * 387_420_489 % 10**9))
    short = sum(len(row.cells["subscriber_id"]) in {7, 8} for row in file)
    assert [each[:3] for each in found(file)] == [("subscriber_id", "leading_zeros_lost", short)]
    assert len(watches_of(file)["subscriber_id"]._lengths) == 3


def watches_of(file):
    """The watches for zeros by their column, once the file is read."""
    profile = Profile()
    profile.add(file)
    return {watch.column: watch for _, watch in profile._watches if isinstance(watch, watches.Zeros)}


@pytest.mark.parametrize(
    ("payers", "short", "seen"),
    [
        (["60054", "87726", "611"], 1, ("999",)),
        (["60054", "87726", "00050", "611", "0050"], 2, ("999", "9999")),
        (["60054", "SX107", "BCBSF", "", "4284"], 1, ("9999",)),
        (["60054", "611", "4284"], 0, ()),
        (["60054", "87726", "611", "123456"], 0, ()),
        (["60054", "87726", "611", "61"], 0, ()),
        (["60054", "87726", "00611"], 0, ()),
        (["SX107", "611"], 0, ()),
    ],
)
def test_payer_ids_that_lost_zeros(payers, short, seen):
    """Three or four digits where the column otherwise has five."""
    width = len(payers)
    told = found(of_payers(600, lambda n: payers[n % width], lambda n: f"ZX{n}"))
    places = tuple(
        n
        for n in range(1, 601)
        if payers[n % width] and f"{'9' * len(payers[n % width])}" in seen and payers[n % width].isdecimal()
    )
    assert told == ([("payer_id", "leading_zeros_lost", 600 // width * short, places[:100])] if short else [])
    assert sorted(shapes.get(("payer_id", "leading_zeros_lost"), ())) == sorted(seen)


def test_very_many_payer_ids_are_none(monkeypatch):
    """They are counted no longer."""
    monkeypatch.setattr(watches, "_MOST_IDS", 100)
    assert found(of_payers(500, lambda n: str(10_000 + n) if n % 9 else "611", lambda n: f"ZX{n}")) == []


@pytest.mark.parametrize("column", ["claim_number", "subscriber_id", "patient_account_number"])
@pytest.mark.parametrize(
    ("cell", "count", "seen"),
    [
        (lambda n: f"{123_456_789_012_345 + n}00", 300, ("9" * 17,)),
        (lambda n: f"{123_456_789_012_345 + n}0", 300, ("9" * 16,)),
        (lambda n: f"{123_456_789_012_345 + n}000" if n == 7 else f"ZX{n}", 1, ("9" * 18,)),
        (lambda n: str(1_234_567_890_123_456 + n), 0, ()),
        (lambda n: str(12_345_678_901_234_567 + n), 0, ()),
        (lambda n: f"{123_456_789_012_345 + n}", 0, ()),
        (lambda n: f"ZX{n:016}00", 0, ()),
    ],
    ids=["17", "16", "one", "16 by chance", "17 by chance", "15", "text"],
)
def test_digits_that_a_spreadsheet_dropped(column, cell, count, seen):
    """It keeps fifteen; zeros behind them are said where they are more than chance makes."""
    told = found(rows(300, (*REQUIRED_COLUMNS, "patient_account_number"), **{column: cell}))
    assert [each[:3] for each in told] == ([(column, "digits_lost", count)] if count else [])
    assert shapes.get((column, "digits_lost"), ()) == seen


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        (lambda n: f"{n * 7777}.00", 300),
        (lambda n: f"{n * 7777}.000", 300),
        (lambda n: f"{n * 7777}.00" if n == 5 else str(n), 1),
        (lambda n: f"{n * 7777}.0{n % 3}", 0),
        (lambda n: f"{n * 7777}.01", 0),
        (lambda n: f"ZX{n}.00", 0),
    ],
    ids=["all", "three", "one", "suffixes", "no zeros", "letters"],
)
def test_decimals_that_a_spreadsheet_added(cell, count):
    """They may be the suffix of a claim's line, and are where the column has others."""
    assert [each[:3] for each in found(rows(300, claim_number=cell))] == (
        [("claim_number", "decimals_added", count)] if count else []
    )


def test_how_ids_end_is_watched_only_where_it_may_matter():
    """Once so many cells have neither many digits nor decimals, no more are looked at."""
    late = rows(2000, claim_number=lambda n: f"{n}.00" if n > 1500 else f"ZX{n}")
    assert found(late) == []
    assert found(rows(2000, claim_number=lambda n: f"{n}.00" if n in {1, 1600} else f"ZX{n}"))[0][2] == 2


def test_two_files_of_one_process_know_nothing_of_each_other():
    """What is remembered of one is not of another."""
    for _ in range(3):
        assert found(rows(1)) == []


def test_a_column_with_the_day_first():
    """Where cells have a month above 12 and none has a day above 12, the readable ones may be swapped as well."""
    good = rows(300, (*REQUIRED_COLUMNS, "last_service_date"), date_of_birth=lambda n: f"{n % 12 + 1:02}/07/1972")
    assert found(good, {"date_of_birth": 3, "last_service_date": 1}) == [
        ("date_of_birth", "day_first_column", 300, tuple(range(1, 101)))
    ]
    assert shapes["date_of_birth", "day_first_column"] == ("99/99/9999",)
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
