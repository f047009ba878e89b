"""What each column's cells must be: every check gives the canonical text or raises the one problem of the cell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bulkclaims.records import CellError

if TYPE_CHECKING:
    from collections.abc import Callable

    Check: TypeAlias = Callable[[str], str]

SENTENCES = {
    "blank": "The {column} is blank, but every row needs one; fill it in.",
    "too_long": "The {column} is longer than {longest} characters, the most a payer takes; correct it.",
    "too_short": "The {column} is shorter than {shortest} characters; complete it.",
    "reserved_character": "The {column} holds one of ~ * : ^ which payers refuse; remove it.",
    "control_character": "The {column} holds a line break or an invisible character; type it anew.",
    "not_ascii": "The {column} holds a character other than plain letters, digits and signs, such as a long dash; "
    "type it anew.",
    "damaged_number": "The {column} looks damaged by a spreadsheet, as in 1.23E+11 or 123.0; copy it again from its "
    "source, into a column formatted as text.",
    "spreadsheet_error": "The {column} holds a spreadsheet's mark for an error or for nothing, such as #N/A or nan; "
    "fill in what belongs there.",
    "npi_digits": "The {column} must be 10 digits.",
    "npi_check_digit": "The {column} has a wrong digit: its check digit does not fit; copy it again.",
    "tin_digits": "The {column} must be 9 digits, with or without a dash; a spreadsheet may have dropped a leading 0.",
    "unknown_gender": "The {column} must be M, F or U.",
    "two_digit_year": "The {column} has a year of two digits; write all four, as in 03/04/1972.",
    "day_month_swapped": "The {column} has a month above 12; it looks like day and month are swapped. "
    "Write the month first, as in 03/28/1972.",
    "no_such_day": "The {column} is a day that does not exist; correct it.",
    "day_number": "The {column} is a spreadsheet's number for a day; format the column as a date, as in 03/04/1972.",
    "not_a_date": "The {column} is not a date as we read it; write MM/DD/YYYY, as in 03/04/1972.",
    "in_future": "The {column} lies in the future; correct it.",
    "too_old": "The {column} lies more than {years} years back; correct it.",
    "last_before_first": "The {column} is earlier than the first_service_date; correct one of them.",
    "too_many_cells": "This row has {cells} cells where the header has {width}; a comma too many moves every cell "
    "after it. Remove it, or put quotes around the cell that holds it.",
    "too_few_cells": "This row has {cells} cells where the header has {width}; add the missing ones, also if blank.",
    "misquoted": 'This row has a " inside a quoted cell or left open; remove it, or write it twice.',
}
"""What is said of each problem, by its stable code. No sentence ever quotes a cell."""

_RESERVED = frozenset("~*:^")
_DAMAGED = re.compile(r"[0-9]+[.,][0-9]+E[+-]?[0-9]+|[0-9]+E\+[0-9]+|[0-9]+\.0+", re.IGNORECASE)
_ERRORS = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)", re.IGNORECASE)
_NOTHINGS = frozenset(("nan", "none", "null", "n/a"))
"""What data frames and databases write for nothing; as names, some of these are people's."""
_GENDERS = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "U": "U", "UNKNOWN": "U"}
_BLANKS = frozenset(("", "'", '=""'))
_NPI_DIGITS = 10
_TIN = re.compile(r"[0-9]{2}-?[0-9]{7}")


class CellProblem(ValueError):
    """
    A cell is not what its column must hold.

    Args:
        code: A key of `SENTENCES`.
        facts: What its sentence names beside the column; never the cell.
    """

    def __init__(self, code: str, **facts: int) -> None:
        self.code = code
        self._facts = tuple(facts.items())

    def at(self, row: int, column: str = "") -> CellError:
        """Say where it is: in *row*, and in *column* unless the whole row is wrong."""
        return CellError(row, column, self.code, _sentence(self.code, column, self._facts))


@lru_cache(maxsize=256)
def _sentence(code: str, column: str, facts: tuple[tuple[str, int], ...]) -> str:
    return SENTENCES[code].format(column=column, **dict(facts))


def identifier(longest: int, shortest: int = 1) -> Check:
    """Check ids: plain ASCII, not blank, no character that delimits X12, not damaged by a spreadsheet."""

    def check(text: str) -> str:
        if text.isalnum() and text.isascii() and shortest <= len(text) <= longest and text.lower() not in _NOTHINGS:
            return text
        text = unmarked(text)
        if text.lower() in _NOTHINGS or _ERRORS.fullmatch(text):
            raise CellProblem("spreadsheet_error")
        if _DAMAGED.fullmatch(text):
            raise CellProblem("damaged_number")
        _refuse_characters(text)
        if not text.isascii():
            raise CellProblem("not_ascii")
        return _fitting(text, longest, shortest)

    return check


def name(longest: int) -> Check:
    """Check names: of any script, not blank, no character that delimits X12."""

    def check(text: str) -> str:
        if text.isalpha() and len(text) <= longest:
            return text
        # A no-break space is pasted from web pages and cannot be seen.
        text = _without_formula_guard(text.strip()).replace("\xa0", " ")
        if _ERRORS.fullmatch(text):
            raise CellProblem("spreadsheet_error")
        _refuse_characters(text)
        return _fitting(text, longest, 1)

    return check


def optional(check: Check) -> Check:
    """Let a cell be blank, too."""

    def check_unless_blank(text: str) -> str:
        return "" if text.strip() in _BLANKS else check(text)

    return check_unless_blank


def npi(text: str) -> str:
    """Check a National Provider Identifier: ten digits, the last of which checks the others."""
    text = unmarked(text)
    if not (text.isascii() and text.isdecimal() and len(text) == _NPI_DIGITS):
        raise CellProblem("npi_digits")
    if not _passes_luhn("80840" + text):  # the prefix that the NPI standard puts before every NPI
        raise CellProblem("npi_check_digit")
    return text


def tin(text: str) -> str:
    """Check a Taxpayer Identification Number, and leave its dash out."""
    text = unmarked(text)
    if not _TIN.fullmatch(text):
        raise CellProblem("tin_digits")
    return text.replace("-", "")


def gender(text: str) -> str:
    """Check a gender as X12 codes it."""
    try:
        return _GENDERS[text.strip().upper()]
    except KeyError:
        raise CellProblem("unknown_gender") from None


def _without_formula_guard(text: str) -> str:
    """Take off the `'` that keeps a spreadsheet from running a cell as a formula: results files carry it."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def unmarked(text: str) -> str:
    """Take off what makes a spreadsheet keep an id as text: `="00123"` or a leading `'`."""
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'").strip()


def _refuse_characters(text: str) -> None:
    if not _RESERVED.isdisjoint(text):
        raise CellProblem("reserved_character")
    if not text.isprintable():
        raise CellProblem("control_character")


def _fitting(text: str, longest: int, shortest: int) -> str:
    if not text:
        raise CellProblem("blank")
    if len(text) > longest:
        raise CellProblem("too_long", longest=longest)
    if len(text) < shortest:
        raise CellProblem("too_short", shortest=shortest)
    return text


@lru_cache(maxsize=256)  # a file names few providers, over and over
def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
