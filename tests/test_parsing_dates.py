"""Dates are read in the few forms that mean one day, and in no other."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.parsing.cells import optional
from bulkclaims.parsing.dates import in_order, look_at_date, past_date
from bulkclaims.parsing.problems import CellProblem

TODAY = date(2024, 2, 29)
check = past_date(TODAY)
FORMS = (
    "{0.month}/{0.day}/{0.year}",
    "{0.month:02}/{0.day:02}/{0.year}",
    "{0.month:02}/{0.day}/{0.year}",
    "{0:%Y-%m-%d}",
)
MIDNIGHTS = ("", " 0:00", " 0:00:00", " 00:00", " 00:00:00", "T00:00:00", " 00:00:00.000", " 12:00:00 AM", " 12:00 am")


@given(st.dates(date(1894, 2, 28) + timedelta(days=1), TODAY), st.sampled_from(FORMS), st.sampled_from(MIDNIGHTS))
def test_every_form_of_every_day(day, form, midnight):
    """Each accepted form of any day of the last 130 years comes out as MM/DD/YYYY."""
    assert check(form.format(day) + midnight) == f"{day:%m/%d/%Y}"
    assert check(f" '{form.format(day)}{midnight} ") == f"{day:%m/%d/%Y}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" ", "blank"),
        ("2/28/1894", "too_old"),
        ("03/01/2024", "in_future"),
        ("2/29/2023", "no_such_day"),
        ("00/10/1980", "no_such_day"),
        ("01/01/0000", "no_such_day"),
        ("1980-13-01", "day_month_swapped"),
        ("13/12/1980", "day_month_swapped"),
        ("13/13/1980", "no_such_day"),
        ("1/2/80", "two_digit_year"),
        ("44256", "day_number"),
        ("44256.0", "day_number"),
        ("03-04-1972", "not_a_date"),
        ("03/04/197", "not_a_date"),
        ("03/04/1972 24:00", "not_a_date"),
        ("03/04/1972 9:60", "not_a_date"),
        ("03/04/1972 9", "not_a_date"),
        ("1972-03-04T", "not_a_date"),
        ("3/4/72 9:30", "two_digit_year"),
        ("28/04/1972 9:30", "day_month_swapped"),
        ("########", "spreadsheet_error"),
        ("#NV", "spreadsheet_error"),
        ("#N/A", "spreadsheet_error"),
        ("NaT", "spreadsheet_error"),
        ("(blank)", "spreadsheet_error"),
        ("٠٣/04/1972", "not_a_date"),
    ],
)
def test_problems(text, code):
    """What is not a possible date of birth has one code."""
    with pytest.raises(CellProblem) as raised:
        check(text)
    assert raised.value.code == code


@pytest.mark.parametrize("day", ["3/4/1972", "03/04/1972", "1972-03-04"])
@pytest.mark.parametrize(
    "clock",
    [
        *(" 9:30", " 09:30:00", "T09:30:00", "T09:30:00.123456", "T09:30:00Z", " 09:30:00+00:00", " 9:30:00 AM"),
        *(" 12:00 PM", " 9:30 pm", ", 9:30:00\u202fAM", " 23:59", " 00:00:01", "T09:30:00.0000000-0500", "T00:00:00.5"),
    ],
)
def test_a_time_of_day_is_left_out(day, clock):
    """A date with any time is read as its day, also where the cell may be blank, and that is said."""
    for each in (check, optional(check)):
        assert each(day + clock) == "03/04/1972"
    assert look_at_date(day + clock, "03/04/1972") == ["time_of_day"]


@pytest.mark.parametrize("clock", [*MIDNIGHTS[1:], "T00:00:00Z"])
def test_midnight_is_no_time_of_day(clock):
    """A spreadsheet writes it behind a day that has no time."""
    assert look_at_date(f"1972-03-04{clock}", check(f"1972-03-04{clock}")) == ["midnight"]


def test_order():
    """Two days are in order when the last is not before the first, and whenever one is unknown."""
    assert in_order("12/31/2023", "01/01/2024")
    assert in_order("01/01/2024", "01/01/2024")
    assert in_order("", "01/01/2024")
    assert not in_order("01/01/2024", "12/31/2023")


def test_forms_are_not_mixed():
    """Halves of two forms make no date."""
    for text in ("1972-03-041972", "-03-041972", "19723/4/", "197203/04/"):
        with pytest.raises(CellProblem):
            check(text)
