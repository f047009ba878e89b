"""The quick way through plain rows takes only what the checks would leave as it is."""

from __future__ import annotations

from datetime import date

import pytest

from bulkclaims.parsing.plain import plain_lines
from bulkclaims.records import REQUIRED_COLUMNS

LINE = "ZE1,ALMA,TESTER,{},ZX0001"


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2030, 12, 31)])
def test_years_that_are_over_are_plain(today):
    """A day of last year is plain; one of this year may lie in the future and is left to the checks."""
    plain = plain_lines(REQUIRED_COLUMNS, ",", today)
    last, this = (LINE.format(f"12/31/{year}") for year in (today.year - 1, today.year))
    assert plain.findall(f"{last}\r\n{this}\r\n") == [(*last.split(","), ""), ("", "", "", "", "", this)]


def test_a_hostile_line_is_left_to_the_checks():
    """A line that almost matches in very many ways is given up after a few passes, or this would never end."""
    plain = plain_lines((*REQUIRED_COLUMNS, "Note", "Other"), ",", date(2026, 1, 1))
    hostile = LINE.format("12/31/2025") + "," + "x " * 50_000 + "," + "x " * 50_000
    assert plain.findall(hostile + "\n") == [("",) * 7 + (hostile,)]
