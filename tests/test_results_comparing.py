"""Each row finds its partner in the earlier job, and what is said of the two is so."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.records import ERROR, NOT_FOUND, REQUIRED_COLUMNS, Earlier, Row, RowResult
from bulkclaims.results.comparing import Comparison

NAMES = {
    "claim_number": "PCN1",
    "first_name": "ALMA",
    "last_name": "TESTER",
    "date_of_birth": "03/04/1972",
    "subscriber_id": "ZX12",
}
FIRST = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 0, 1, tzinfo=UTC)
PENDING = RowResult(1, "PCN1", "Pending", True, total_charged=Decimal(240), answered_at=FIRST)
PAID = RowResult(
    1, "PCN1", "Finalized", True, "", Decimal("240.00"), Decimal(180), date(2026, 3, 5), answered_at=NOW
)  # fmt: skip
MISSING = RowResult(1, "PCN1", NOT_FOUND, success=False, answered_at=FIRST)
FAILED = RowResult(1, "PCN1", ERROR, success=False, answered_at=FIRST)


def row(number=1, columns=REQUIRED_COLUMNS, **cells):
    """A row of a made-up patient."""
    cells = NAMES | cells
    return Row(number, columns, tuple(cells[name] for name in columns))


def compared(before, now):
    """What is said of a row whose result was *before* and is *now*."""
    return learnt([row()], [(row(), before)]).earlier(row(), now)


def learnt(rows, *jobs):
    """What is to be compared with *rows*: the jobs' rows and results, the oldest job first."""
    comparison = Comparison()
    for each in rows:
        comparison.expect(each)
    for job in jobs:
        comparison.begin()
        for each, result in job:
            comparison.learn(each, result)
    return comparison


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["PCN1", "pcn1", "PCN2", "Straße", "STRASSE", "\ud800", ""]),
        st.sampled_from(["ALMA", "Alma"]),
        st.sampled_from(["03/04/1972", "03/05/1972"]),
    ),
    max_size=12,
)


@given(ROWS, ROWS, st.randoms())
def test_every_row_finds_its_partner(before, now, chance):
    """The row that names the same claim; of several the one with the same place among them, or the last one."""
    groups, met, partners = {}, Counter(), {}
    for number, names in enumerate(before, 1):
        groups.setdefault(tuple(map(str.casefold, names)), []).append(f"word {number}")
    rows = [made(number, names) for number, names in enumerate(now, 1)]
    said = [(made(n, names), RowResult(n, "", f"word {n}", success=True)) for n, names in enumerate(before, 1)]
    comparison = learnt(rows, [(each, result) for each, result in said for _ in range(2)], said)
    for number, names in enumerate(now, 1):
        same = tuple(map(str.casefold, names))
        group = groups.get(same, [""])
        partners[number] = group[min(met[same], len(group) - 1)]
        met[same] += 1

    chance.shuffle(rows)  # a page may be anywhere
    found = {each.number: comparison.earlier(each, PAID).status for each in rows}

    assert found == partners
    assert comparison.rows == len(now)


def made(number, names):
    """A row of these names."""
    return row(number, claim_number=names[0], first_name=names[1], date_of_birth=names[2])


@pytest.mark.parametrize("name", NAMES)
def test_each_name_counts_and_other_columns_do_not(name):
    """Another patient's claim is another claim; another payer id, or another order of columns, makes no other one."""
    other = row(2, **{name: "OTHER"})
    paid = row(columns=(*reversed(REQUIRED_COLUMNS), "payer_id"), payer_id="87726")
    comparison = learnt([row(), other], [(paid, PENDING)])

    assert comparison.earlier(row(), PENDING).status == "Pending"
    assert comparison.earlier(other, PENDING).status == ""


def test_rows_of_files_that_lack_cells_are_compared_all_the_same():
    """A row that was refused may be short of cells."""
    short = Row(1, REQUIRED_COLUMNS, ("PCN1",))
    comparison = learnt([short], [(short, FAILED)])

    assert comparison.earlier(short, FAILED) == Earlier(ERROR, changed=False, days_in_status=None)


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        (PENDING, PAID, True),
        (PAID, evolve(PAID, total_charged=Decimal(240), total_paid=Decimal("180.00")), False),
        (PAID, evolve(PAID, total_paid=Decimal("180.01")), True),
        (PAID, evolve(PAID, total_charged=None), True),
        (PAID, evolve(PAID, processed_date=None), True),
        (PAID, evolve(PAID, category_code="F1", note="other words", trace="T2", answered_at=FIRST), False),
        (MISSING, PENDING, True),
        (MISSING, MISSING, False),
        (FAILED, PAID, False),
        (PAID, FAILED, False),
        (FAILED, evolve(FAILED, error="another"), False),
        (None, PAID, False),
    ],
)
def test_what_counts_as_a_change(before, now, changed):
    """Status word, amounts and day of adjudication do, where both jobs have an answer; "not found" is one."""
    said = compared(before, now)

    assert said.status == (before.status if before else ERROR)
    assert said.changed is changed


@pytest.mark.parametrize(
    ("before", "now", "days"),
    [
        (PENDING, evolve(PENDING, answered_at=NOW, effective_date=date(2026, 2, 8)), 30),
        (PENDING, evolve(PAID, effective_date=date(2026, 3, 5)), 5),
        (PENDING, evolve(PENDING, answered_at=NOW), 9),
        (MISSING, evolve(MISSING, answered_at=NOW), 9),
        (PENDING, PAID, None),
        (evolve(PENDING, answered_at=None), evolve(PENDING, answered_at=NOW), None),
        (PENDING, evolve(PENDING, answered_at=None), None),
        (PENDING, evolve(PENDING, answered_at=NOW, effective_date=date(2026, 3, 11)), 0),
        (FAILED, evolve(FAILED, answered_at=NOW), None),
        (FAILED, evolve(PENDING, answered_at=NOW), None),
    ],
)
def test_how_long_a_claim_is_in_its_status(before, now, days):
    """Since the payer's own date, or since the earlier answer with the same word; to this answer; never below zero."""
    assert compared(before, now).days_in_status == days


@pytest.mark.parametrize(
    ("before", "days"),
    [
        ([evolve(PENDING, effective_date=date(2026, 2, 8)), PENDING], 30),
        ([evolve(PENDING, effective_date=date(2026, 2, 8)), PAID, PENDING], 9),
        ([PENDING, evolve(PENDING, answered_at=None)], 9),
        ([evolve(PENDING, answered_at=None), PENDING], 9),
        ([PENDING, FAILED, None], 9),
        ([FAILED, None], None),
    ],
)
def test_a_status_lasts_from_job_to_job(before, days):
    """From the day that the payer gave with it, or else from the first answer that had it, past jobs without one."""
    comparison = learnt([row()], *([(row(), result)] for result in before))

    assert comparison.earlier(row(), evolve(PENDING, answered_at=NOW)).days_in_status == days


def test_a_claim_is_compared_with_as_many_rows_as_the_last_job_had_of_it():
    """What jobs before it said of further rows is not asked about any more; a job without the claim changes nothing."""
    rows = [row(1), row(2)]
    twice = [(row(1), PENDING), (row(2), PAID)]

    last = learnt(rows, twice, [(row(1), MISSING)], [(row(1, claim_number="PCN2"), PAID)])
    both = learnt(rows, twice, [])

    assert [last.earlier(each, PAID).status for each in rows] == [NOT_FOUND, NOT_FOUND]
    assert [both.earlier(each, PAID).status for each in rows] == ["Pending", "Finalized"]


def test_a_new_row_has_changed_from_nothing():
    """It has no earlier status and is no change; how long it is in its status may be known all the same."""
    new = learnt([row()]).earlier(row(), evolve(PAID, effective_date=date(2026, 3, 5)))

    assert new == Earlier("", changed=False, days_in_status=5)


def test_what_is_kept_is_small_and_tells_nothing():
    """Some fifty to a hundred and fifty bytes a row, without a name or an amount in them."""
    tracemalloc.start()
    rows = (row(number, claim_number=f"PCN{number % 20_000}") for number in range(100_000))
    said = ((each, PAID) for each in rows)
    comparison = learnt(islice(rows, 20_000), islice(said, 20_000), said)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert size / 20_000 < 160
    assert "ALMA" not in repr(comparison)
    assert not any(b"ALMA" in shelf for shelf in comparison._shelves.shelves.values())
