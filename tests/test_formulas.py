"""What a spreadsheet would run is marked, and the mark comes off again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.formulas import guarded, unguarded

STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 -- the full-width forms are what is tested


@pytest.mark.parametrize("start", STARTS)
def test_what_a_spreadsheet_would_run_is_marked(start):
    """Each sign that begins a formula, also behind apostrophes of the text's own."""
    assert guarded(f"{start}1") == f"'{start}1"
    assert guarded(f"'{start}1") == f"''{start}1"


@pytest.mark.parametrize("text", ["", "PCN1", "O'NEIL", "'O", "1=2", " =1", "'"])
def test_other_text_stays(text):
    """What is no formula is neither marked nor unmarked."""
    assert guarded(text) == unguarded(text) == text


@given(text=st.text(max_size=6) | st.text(f"'{STARTS}a", max_size=6))
def test_the_mark_comes_off_again(text):
    """Whatever the text, it comes back as it was, and never begins as a formula meanwhile."""
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(tuple(STARTS))
