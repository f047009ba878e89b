"""What is said of cells never quotes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.parsing.problems import REPAIRS, SENTENCES, WARNINGS, CellProblem, shape


@pytest.mark.parametrize(
    ("cell", "masked"),
    [
        ("", ""),
        (" \t", ""),
        ("1.23E+11", "9.99A+99"),
        ("#N/A", "#A/A"),
        ("03/04/72", "99/99/99"),
        ("Zoë O'Neil", "Aaa A'Aaaa"),
        ("Zoe\u0301", "Aaaa"),
        ("李", "a"),
        ("AL\nMA\u200b", "AA?AA?"),
        ("½–²", "9–9"),  # noqa: RUF001 -- the long dash is what is tested
        ("A" * 20, "A" * 20),
        ("a" * 21, "a" * 19 + "…"),
    ],
)
def test_the_shape_of_a_cell(cell, masked):
    """Letters and digits are masked, signs stay as they are, and what cannot be seen is a question mark."""
    assert shape(cell) == masked


@given(st.text())
def test_no_shape_holds_a_letter_or_digit_of_its_cell(cell):
    """Whatever stands there, a shape tells of it only where signs stand, and is short."""
    masked = shape(cell)
    assert len(masked) <= 20
    assert masked.isprintable()
    assert not {sign for sign in masked if sign.isalnum()} - set("Aa9")


@pytest.mark.parametrize("code", [*SENTENCES, *WARNINGS])
def test_each_code_has_a_repair(code):
    """It is a short sentence."""
    assert REPAIRS[code].endswith(".")
    assert len(REPAIRS[code]) < 80


def test_a_problem_says_where_it_is():
    """The error of a cell names its row and column, its shape, its repair and the numbers that matter."""
    error = CellProblem("too_long", longest=50).at(7, "claim_number", "PCN1")
    assert (error.row, error.column, error.code) == (7, "claim_number", "too_long")
    assert error.message == "The claim_number is longer than 50 characters, the most a payer takes; correct it."
    assert (error.seen, error.repair) == ("AAA9", "Copy it again from its source.")
