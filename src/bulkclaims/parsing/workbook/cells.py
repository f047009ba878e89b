"""
What the values of a sheet mean, column by column.

A spreadsheet keeps a number where a person typed an id or a day, and shows it as it likes. What is certain is read so,
and said; what is lost is an error, since nobody can tell what stood there.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias

from bulkclaims.parsing.workbook.refusals import refusal
from bulkclaims.records import DATE_FORMAT, OPTIONAL_COLUMNS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader: TypeAlias = Callable[[object], tuple[str, str]]

_IDS = frozenset(("claim_number", "subscriber_id", "payer_id", "patient_account_number"))
_OF_ONE_LENGTH = frozenset(("npi", "tin"))
"""Ids whose own check tells whether a zero is missing."""
_DATES = frozenset(("date_of_birth", "first_service_date", "last_service_date"))
_KNOWN = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
MOST_DIGITS = 10**15
"""A spreadsheet keeps the first fifteen digits of a number, and makes zeros of the others."""
_DAYS = range(10_000, 100_000)
"""
Numbers that are taken for days: from 1927 on.

Smaller ones could be years, larger ones are dates without their slashes.
"""


def reader(column: str, epoch: date) -> Reader:
    """Choose how values of *column* become text, with the code of what is to be said of them; "" for nothing."""
    if column in _IDS:
        return _id
    if column in _OF_ONE_LENGTH:
        return _id_of_one_length
    if column in _DATES:
        return lambda value: _date(value, epoch)
    return _word if column in _KNOWN else _anything


def text_of(value: object) -> str:
    """Read *value* without knowing its column: as a spreadsheet would put it into a CSV."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return str(value).upper()
        case int() | float():
            return str(int(value)) if _is_whole(value) and abs(value) < MOST_DIGITS else str(value)
        case {"day": str(text)} | {"shown": str(text)}:
            return text
        case _:
            raise refusal("bad_workbook")


def _anything(value: object) -> tuple[str, str]:
    return text_of(value), ""


def _word(value: object) -> tuple[str, str]:
    return text_of(value), "turned_to_date" if _is("day", value) else ""


def _id(value: object) -> tuple[str, str]:
    text, code = _word(value)
    if _is("shown", value):
        code = "shown_with_zeros" if text.strip().isdecimal() else "shown_by_format"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        code = "number_cell" if _is_whole(value) and 0 <= value < MOST_DIGITS else "damaged_number"
    return text, code


def _id_of_one_length(value: object) -> tuple[str, str]:
    text, code = _id(value)
    return text, "" if code == "number_cell" else code


def _date(value: object, epoch: date) -> tuple[str, str]:
    if isinstance(value, int | float) and value in _DAYS:
        return (epoch + timedelta(days=int(value))).strftime(DATE_FORMAT), "serial_date"
    return text_of(value), ""


def _is(kind: str, value: object) -> bool:
    return isinstance(value, dict) and kind in value


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or value.is_integer()
