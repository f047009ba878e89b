"""What each column's cells must be: every check gives the canonical text or raises the one problem of the cell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bulkclaims.parsing.damage import damage_of_id, is_error_in_name, is_mojibake
from bulkclaims.parsing.problems import CellProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Check: TypeAlias = Callable[[str], str]
    Look: TypeAlias = Callable[[str, str], Sequence[str]]

_RESERVED = frozenset("~*:^")
_NOTHINGS = frozenset(("nan", "none", "null", "nat", "true", "false", "inf", "infinity"))
"""All that letters and digits alone can tell of damage; `damage` knows the rest."""
_GENDERS = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "U": "U", "UNKNOWN": "U"}
_BLANKS = frozenset(("", "'", '=""'))
_NPI_DIGITS = 10
_MARKS = ("'", "=")
_LONGEST_MARKED = 255
"""What is longer is no id, however many marks come off."""
_SUFFIXES = frozenset(("JR", "SR", "II", "III", "IV"))
"""Those that answers are compared without, too."""
_TITLES = frozenset(("MR", "MRS", "MS", "DR", "MD", "PHD", "DDS", "DMD", "DPM", "RN", "ESQ"))
_TIN = re.compile(r"[0-9]{2}-?[0-9]{7}")


def identifier(longest: int, shortest: int = 1) -> Check:
    """Check ids: plain ASCII, not blank, no character that delimits X12, not damaged by a spreadsheet."""

    def check(text: str) -> str:
        if text.isalnum() and text.isascii() and shortest <= len(text) <= longest and text.lower() not in _NOTHINGS:
            return text
        text = unmarked(text)
        if code := damage_of_id(text):
            raise CellProblem(code)
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
        text = text.strip().replace("\xa0", " ")
        if is_error_in_name(text):
            raise CellProblem("spreadsheet_error")
        _refuse_characters(text)
        return _fitting(text, longest, 1)

    return check


def optional(check: Check) -> Check:
    """Let a cell be blank, too."""

    def check_unless_blank(text: str) -> str:
        return "" if text.strip() in _BLANKS else check(text)

    return check_unless_blank


@lru_cache(maxsize=256)  # a file names few providers, over and over
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


def unmarked(text: str) -> str:
    """Take off what makes a spreadsheet keep an id as text: `="00123"` or a leading `'`."""
    text = text.strip()
    while text[:1] in _MARKS and len(text) <= _LONGEST_MARKED:
        bare = text[2:-1] if text.startswith('="') and text.endswith('"') else text.removeprefix("'")
        if bare == text:
            break
        text = bare.strip()
    return text


def look_at_id(typed: str, value: str) -> Sequence[str]:
    """Say by their codes what was done to an id as *typed* to make *value* of it, beside taking blanks off."""
    if typed == value:
        return ()
    return [*_spaces(typed), *(["text_mark"] if value and unmarked(typed) != typed.strip() else [])]


def look_at_name(typed: str, value: str) -> Sequence[str]:
    """Say by their codes what was done to a name, and what in it may belong elsewhere."""
    if value.isalpha() and value.isascii():
        return ()
    return [*_spaces(typed), *(["mojibake"] if is_mojibake(typed) else []), *_strays(value)]


def _spaces(typed: str) -> Sequence[str]:
    return ["no_break_space"] if "\xa0" in typed else []


def _strays(name: str) -> Sequence[str]:
    first, *further = name.upper().replace(".", "").replace(",", " ").split() or [""]
    if not further:
        return []
    if further[-1] in _SUFFIXES:
        return ["name_suffix"]
    if not _TITLES.isdisjoint((first, further[-1])):
        return ["name_title"]
    if "," in name:
        return ["two_names"]
    return ["middle_initial"] if len(further[-1]) == 1 < len(first) else []


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


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
