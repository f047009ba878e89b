"""What a spreadsheet would run is marked, and the mark comes off again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.formulas import guarded, unguarded

STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 -- the full-width forms are what is tested


@pytest.mark.parametrize("start", STARTS)
def test_what_a_spreadsheet_would_run_is_marked(start):
    """Each sign that begins a formula, also behind apostrophes of the text's own."""
    assert guarded(f"{start}1+1") == f"'{start}1+1"
    assert guarded(f"'{start}1") == f"''{start}1"


@pytest.mark.parametrize("text", ["", "PCN1", "O'NEIL", "'O", "1=2", " =1", "'"])
def test_other_text_stays(text):
    """What is no formula is neither marked nor unmarked."""
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize(
    "text",
    ["-1", "+3", "-0", "-12.50", "+0.5", "-1,234.50", "-1234.50", "-12,345,678", "-5%", "+12.5%", "-123456789012345"],
)
def test_a_plain_number_is_not_marked(text):
    """A sign before a number runs nothing, and a column of amounts is to be one of numbers."""
    assert guarded(text) == unguarded(text) == text
    assert guarded(f"'{text}") == f"''{text}"
    assert unguarded(f"'{text}") == text


@pytest.mark.parametrize(
    "text",
    [
        *("-", "+", "--1", "-1-1", "-1+1", "-1*2", "-A1", "-1E5", "-1.", "-.5", "-12,34", "-1,2345", "-1.5.5", "-5%%"),
        *("-00123", "+1234567890123456", "-1 ", "-1\n", "=-1", "\t-1", "-１", "-1;2", "-1!A1", "-1:2", "-(1)", "-1%1"),  # noqa: RUF001 -- a full-width digit
    ],
)
def test_what_is_more_than_a_plain_number_is_marked(text):
    """Whatever could be worked out, and ids, of which a number would lose digits."""
    assert guarded(text) == f"'{text}"


@given(
    text=st.text(max_size=6)
    | st.text(f"'{STARTS}a", max_size=6)
    | st.text("'+-0129.,%", max_size=8)
    | st.from_regex(r"\A'{0,2}[+-][0-9,]{1,17}(\.[0-9]{1,2})?%?\Z")
)
def test_the_mark_comes_off_again(text):
    """Whatever the text, it comes back as it was, and never begins as a formula meanwhile."""
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(tuple(STARTS)) or is_number(text)


def is_number(text):
    """Whether it is one to a reader of numbers, too."""
    return Decimal(text.replace(",", "").removesuffix("%")).is_finite()
