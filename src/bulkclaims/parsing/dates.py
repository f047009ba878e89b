"""Reading dates quickly and strictly, and saying what is wrong with the others."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bulkclaims.parsing.cells import look_at_id, unmarked
from bulkclaims.parsing.damage import CLOCK, is_error_in_date
from bulkclaims.parsing.problems import CellProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.parsing.cells import Check

OLDEST_YEARS = 130
_MONTHS = 12

_DATE = re.compile(
    r"(?:([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})|([0-9]{4})-([0-9]{2})-([0-9]{2}))"
    rf"(?:{CLOCK})?",
    re.IGNORECASE,
)
_CLOCK = re.compile(CLOCK, re.IGNORECASE)
_MIDNIGHT = re.compile(r"[T ](?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)? AM)Z?", re.IGNORECASE)
_DAY_NUMBER = re.compile(r"[0-9]{5}(?:\.0+)?")


def _month_days(*forms: str) -> dict[str, str]:
    """Map each day of a common year, written in any of *forms* without its year, to its canonical form, `03/04/`."""
    days = (date(2001, 1, 1) + timedelta(days=n) for n in range(365))
    return {form.format(day): f"{day:%m/%d/}" for day in days for form in forms}


_BEFORE_YEAR = _month_days("{0.month}/{0.day}/", "{0.month:02}/{0.day}/", "{0.month}/{0.day:02}/", "{0:%m/%d/}")
_AFTER_YEAR = _month_days("{0:-%m-%d}")


def past_date(today: date) -> Check:
    """Check dates of birth and of service: not after *today*, not more than 130 years before it."""
    return _date_between((today.year - OLDEST_YEARS, today.month, today.day), today)


def look_at_date(typed: str, value: str) -> Sequence[str]:
    """Say by their codes what was done to a date as *typed*, beside bringing it to its one form."""
    if typed == value:
        return ()
    clock = _CLOCK.search(typed)
    return [*look_at_id(typed, value), *([_time_of_day(clock[0])] if clock else [])]


def in_order(first: str, last: str) -> bool:
    """Tell whether canonical dates, either of which may be blank, stand in order."""
    return not (first and last) or (first[6:], first) <= (last[6:], last)


def _date_between(oldest: tuple[int, int, int], today: date) -> Check:
    # Of these years every day is allowed: a date in one of them is known to be good by two look-ups.
    years = frozenset(map(str, range(today.year - OLDEST_YEARS + 1, today.year)))
    this_year, latest = f"{today:%Y}", f"{today:%m/%d/}"

    def check(text: str) -> str:
        year, month_day = text[-4:], _BEFORE_YEAR.get(text[:-4])
        if not month_day:
            year, month_day = text[:4], _AFTER_YEAR.get(text[4:])
        if month_day and (year in years or (year == this_year and month_day <= latest)):
            return month_day + year
        return _checked(_read_date(unmarked(text)), oldest, today)

    return check


def _time_of_day(clock: str) -> str:
    return "midnight" if _MIDNIGHT.fullmatch(clock) else "time_of_day"


def _checked(day: date, oldest: tuple[int, int, int], today: date) -> str:
    if day > today:
        raise CellProblem("in_future")
    if (day.year, day.month, day.day) < oldest:
        raise CellProblem("too_old", years=OLDEST_YEARS)
    return f"{day.month:02}/{day.day:02}/{day.year:04}"


def _read_date(text: str) -> date:
    if not text:
        raise CellProblem("blank")
    found = _DATE.fullmatch(text)
    if not found:
        raise CellProblem(_no_date(text))
    month, day, year, iso_year, iso_month, iso_day = found.groups()
    if year and len(year) == len("72"):
        raise CellProblem("two_digit_year")
    return _existing_day(int(year or iso_year), int(month or iso_month), int(day or iso_day))


def _no_date(text: str) -> str:
    if is_error_in_date(text):
        return "spreadsheet_error"
    return "day_number" if _DAY_NUMBER.fullmatch(text) else "not_a_date"


def _existing_day(year: int, month: int, day: int) -> date:
    if month > _MONTHS >= day:
        raise CellProblem("day_month_swapped")
    try:
        return date(year, month, day)
    except ValueError:
        raise CellProblem("no_such_day") from None
