"""Cells are brought to one canonical text."""

from __future__ import annotations

from datetime import date

import pytest

from bulkclaims.parsing.cells import gender, identifier, look_at_id, look_at_name, name, npi, optional, tin
from bulkclaims.parsing.dates import look_at_date, past_date
from bulkclaims.parsing.problems import SENTENCES, WARNINGS, CellProblem

_ERRORS = (
    *("###", "########", "#N/A", "#n/a", "#N/D", "#NV", "#REF!", "#BEZUG!", "#VALUE!", "#WERT!", "#NUM!", "#ZAHL!"),
    *("#NAME?", "#DIV/0!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#UNKNOWN!", "#CONNECT!", "#BUSY!"),
    *("#GETTING_DATA", "#ÜBERLAUF!", "#¡VALOR!", "#¿NOMBRE?", "Err:502", "<NA>", "(blank)", " (Leer) "),
)


@pytest.mark.parametrize(
    ("check", "typed", "canonical"),
    [
        (identifier(50), " ZE-1/a.B ", "ZE-1/a.B"),
        (identifier(50), '="00123"', "00123"),
        (identifier(50), "'00123", "00123"),
        (identifier(50), "'-PAID", "-PAID"),
        (identifier(50), """ ="''00123 " """, "00123"),
        (identifier(50), "12E34", "12E34"),
        (identifier(50), "1234567.01", "1234567.01"),
        (identifier(50), "1234567.00", "1234567.00"),
        (identifier(50), "12345678901234567800", "12345678901234567800"),
        (identifier(50), "1.234.567", "1.234.567"),
        (identifier(50), "APR-03", "APR-03"),
        (identifier(50), "Marx-03", "Marx-03"),
        (identifier(50), "2026-03-04", "2026-03-04"),
        (identifier(50), "1/2/72", "1/2/72"),
        (identifier(50), "13/14/1972", "13/14/1972"),
        (identifier(50), "#A12", "#A12"),
        (identifier(50), "##", "##"),
        (name(35), "Nan", "Nan"),
        (name(35), "True", "True"),
        (name(35), "Null", "Null"),
        (name(35), "Nat", "Nat"),
        (name(35), "Inf", "Inf"),
        (name(35), " O'Brien-Smith Jr. ", "O'Brien-Smith Jr."),
        (name(35), "Zoë\xa0Ann", "Zoë Ann"),
        (name(35), "'t Hooft", "'t Hooft"),
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
        *((identifier(50), text, "damaged_number") for text in ("+1.23E+11", "1.E+11", "-1.2E5", "1.2E-5", "12.0")),
        *((identifier(50), text, "damaged_number") for text in ("1,234,567", "1,234,567.50", "-12.5", "12345678.5")),
        *((identifier(50), text, "damaged_number") for text in ("1234567.000000", "1,5")),
        *(
            (identifier(50), text, "spreadsheet_error")
            for text in ("TRUE", "false", "inf", "-inf", "NaT", "nan", "N/A")
        ),
        *(
            (identifier(50), text, "turned_to_date")
            for text in ("3-Apr", "Apr-03", "03-Apr-72", "4-Mar-2024", "Apr-1972")
        ),
        *(
            (identifier(50), text, "turned_to_date")
            for text in ("03/04/1972", "3/4/1972", "28/4/1972", "03. Apr", "Mrz 12")
        ),
        *((identifier(50), text, "turned_to_date") for text in ("1972-03-04 00:00:00", "3/4/1972 9:30", "'03/04/1972")),
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


@pytest.mark.parametrize("text", _ERRORS)
@pytest.mark.parametrize("check", [identifier(50), name(35), past_date(date(2026, 1, 1))], ids=["id", "name", "date"])
def test_marks_of_errors(check, text):
    """What a spreadsheet writes where it has nothing to show is no cell of any column."""
    for each in (check, optional(check)):
        with pytest.raises(CellProblem) as raised:
            each(text)
        assert raised.value.code == "spreadsheet_error"


@pytest.mark.parametrize(
    ("look", "typed", "value", "codes"),
    [
        (look_at_id, "00123", "00123", []),
        (look_at_id, " 00123 ", "00123", []),
        (look_at_id, '="00123"', "00123", ["text_mark"]),
        (look_at_id, "'00123\xa0", "00123", ["no_break_space", "text_mark"]),
        (look_at_id, "'", "", []),
        (look_at_id, "12-3456789", "123456789", []),
        (look_at_date, "03/04/1972", "03/04/1972", []),
        (look_at_date, "1972-03-04", "03/04/1972", []),
        (look_at_date, "1972-03-04T00:00:00", "03/04/1972", ["midnight"]),
        (look_at_date, "'3/4/1972 0:00", "03/04/1972", ["text_mark", "midnight"]),
        (look_at_name, "TESTER", "TESTER", []),
        (look_at_name, "O'Brien-Smith", "O'Brien-Smith", []),
        (look_at_name, "DE LA CRUZ", "DE LA CRUZ", []),
        (look_at_name, "Zoë\xa0Ann", "Zoë Ann", ["no_break_space"]),
        (look_at_name, "SMITH JR.", "SMITH JR.", ["name_suffix"]),
        (look_at_name, "Smith, iii", "Smith, iii", ["name_suffix"]),
        (look_at_name, "SMITH M.D.", "SMITH M.D.", ["name_title"]),
        (look_at_name, "Dr. Alma", "Dr. Alma", ["name_title"]),
        (look_at_name, "DOE, JOHN", "DOE, JOHN", ["two_names"]),
        (look_at_name, "DOE,", "DOE,", []),
        (look_at_name, "JOHN Q.", "JOHN Q.", ["middle_initial"]),
        (look_at_name, "J Q", "J Q", []),
        (look_at_name, "JR", "JR", []),
        (look_at_name, ".", ".", []),
        (look_at_name, "Zoë", "Zoë", []),
        *(
            (look_at_name, text, text, ["mojibake"])
            for text in ("JosÃ©", "MÃ¼ller", "GroÃŸ", "OÂ\xb4Brien", "Oâ€™Brien")
        ),
        *((look_at_name, text, text, ["mojibake"]) for text in ("Jos\ufffd", "Jos√©", "NovÃ¡k", "HÃ¥kon", "DoÅ¡a")),
        (look_at_name, "DÃ\xa0NIEL", "DÃ NIEL", ["no_break_space", "mojibake"]),
        *(
            (look_at_name, text, text, [])
            for text in ("JOÃO", "CHÂU", "Ângela", "ÅSE", "ÄRZT", "JOSÉ\u2013MARIA", "D\u2019ÀNGELO")
        ),
    ],
)
def test_what_is_worth_a_look(look, typed, value, codes):
    """What was done to a cell is told, and what may belong elsewhere; nothing of plain cells, and blanks count not."""
    assert list(look(typed, value)) == codes
    assert set(codes) <= WARNINGS.keys()
