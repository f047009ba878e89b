"""Cells are brought to one canonical text."""

from __future__ import annotations

import pytest

from bulkclaims.parsing.cells import SENTENCES, CellProblem, gender, identifier, name, npi, optional, tin


@pytest.mark.parametrize(
    ("check", "typed", "canonical"),
    [
        (identifier(50), " ZE-1/a.B ", "ZE-1/a.B"),
        (identifier(50), '="00123"', "00123"),
        (identifier(50), "'00123", "00123"),
        (identifier(50), "'-PAID", "-PAID"),
        (identifier(50), "12E34", "12E34"),
        (name(35), " O'Brien-Smith Jr. ", "O'Brien-Smith Jr."),
        (name(35), "Zoë\xa0Ann", "Zoë Ann"),
        (name(35), "'t Hooft", "'t Hooft"),
        (name(35), "'=X", "=X"),
        (name(35), "李", "李"),
        (npi, " 1999999984", "1999999984"),
        (npi, '="1234567893"', "1234567893"),
        (tin, "12-3456789", "123456789"),
        (tin, "123456789", "123456789"),
        (gender, " female", "F"),
        (optional(identifier(80, 2)), " ", ""),
        (optional(identifier(80, 2)), '=""', ""),
        (optional(gender), "", ""),
    ],
)
def test_canonical_text(check, typed, canonical):
    """A good cell, however typed, has one text."""
    assert check(typed) == canonical


@pytest.mark.parametrize(
    ("check", "typed", "code"),
    [
        (identifier(50), "", "blank"),
        (identifier(50), "'", "blank"),
        (identifier(50), "1.23E+11", "damaged_number"),
        (identifier(50), "1E+11", "damaged_number"),
        (identifier(50), "1,23e11", "damaged_number"),
        (identifier(50), "٣٤٥", "not_ascii"),
        (identifier(5), "ABCDEF", "too_long"),
        (name(35), "\xa0", "blank"),
        (name(35), "AL\u202eMA", "control_character"),
        (npi, "١٢٣٤٥٦٧٨٩٣", "npi_digits"),
        (npi, "1234567890", "npi_check_digit"),
        (tin, "1-23456789", "tin_digits"),
    ],
)
def test_problems(check, typed, code):
    """A bad cell has one problem, and the exception does not quote it."""
    with pytest.raises(CellProblem) as raised:
        check(typed)
    assert raised.value.code == code
    assert code in SENTENCES
    assert not typed.strip("'\xa0") or typed not in str(raised.value)


def test_a_problem_says_where_it_is():
    """The error of a cell names its row and column, and its sentence has the numbers that matter."""
    error = CellProblem("too_long", longest=50).at(7, "claim_number")
    assert (error.row, error.column, error.code) == (7, "claim_number", "too_long")
    assert error.message == "The claim_number is longer than 50 characters, the most a payer takes; correct it."
