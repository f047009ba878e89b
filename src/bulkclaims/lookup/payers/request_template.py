"""Request bodies and paths with placeholders such as `{claim_number}` or `{date_of_birth:%Y%m%d}`."""

from __future__ import annotations

import secrets
from datetime import date
from functools import partial
from string import Formatter
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from attrs import asdict, fields

from bulkclaims.errors import InquiryRefused, SettingsWrong
from bulkclaims.records import ClaimInquiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Template: TypeAlias = Callable[[Mapping[str, Any]], Any]
    PathTemplate: TypeAlias = Callable[[Mapping[str, Any]], str]

CONTROL_NUMBER = "control_number"
"""Nine digits, new for each request."""
PLACEHOLDERS = frozenset(each.name for each in fields(ClaimInquiry)) | {CONTROL_NUMBER}
DATES = frozenset({"date_of_birth", "first_service_date", "last_service_date"})

_SAMPLE = date(2025, 1, 31)


def placeholders(inquiry: ClaimInquiry) -> dict[str, Any]:
    """The values for one inquiry; one date of service alone stands for both."""
    values = asdict(inquiry, recurse=False)
    values["first_service_date"] = inquiry.first_service_date or inquiry.last_service_date
    values["last_service_date"] = inquiry.last_service_date or inquiry.first_service_date
    values[CONTROL_NUMBER] = f"{secrets.randbelow(10**9):09d}"
    return values


def compile_template(value: object, key: str, date_format: str) -> Template:
    """
    Make a function that fills *value* in.

    An entry with a placeholder that is blank for a row is left out, and so is what becomes empty by that: payers take
    a missing field for "any", a blank one often for an error.

    Args:
        value: Tables, lists, texts and numbers as they stand in the file.
        key: Where *value* stands, for sentences.
        date_format: How dates are written where the placeholder does not say.

    Raises:
        SettingsWrong: A placeholder is unknown or malformed.
    """
    if isinstance(value, dict):
        parts = {name: compile_template(part, f"{key}.{name}", date_format) for name, part in value.items()}
        return partial(_fill_table, parts)
    if isinstance(value, list):
        return partial(_fill_list, [compile_template(part, key, date_format) for part in value])
    if isinstance(value, str):
        return partial(_fill_text, _pieces(value, key, date_format))
    return lambda _: value


def compile_path(text: str, key: str, date_format: str) -> PathTemplate:
    """
    Make a function that fills the path of an address in, each value percent-encoded whole.

    The function raises `InquiryRefused` for a row whose value is blank, or one of the dots that lead elsewhere.

    Args:
        text: The path as it stands in the file.
        key: Where it stands, for sentences.
        date_format: How dates are written where the placeholder does not say.

    Raises:
        SettingsWrong: A placeholder is unknown or malformed.
    """
    return partial(_fill_path, _pieces(text, key, date_format))


def _fill_path(pieces: list[tuple[str, str, str]], values: Mapping[str, Any]) -> str:
    return "".join(literal + (_segment(name, values[name], form) if name else "") for literal, name, form in pieces)


def _segment(name: str, value: Any, form: str) -> str:  # noqa: ANN401 -- text or a date
    text = format(value, form) if value else ""
    if not text.strip("."):
        raise InquiryRefused(
            f"Not sent: this payer's address needs {name}, and the row's is blank or nothing but dots."
        )
    return quote(text, safe="")


def _fill_table(parts: Mapping[str, Template], values: Mapping[str, Any]) -> dict[str, Any]:
    filled = ((name, part(values)) for name, part in parts.items())
    return {name: value for name, value in filled if value not in (None, {}, [])}


def _fill_list(parts: list[Template], values: Mapping[str, Any]) -> list[Any]:
    filled = (part(values) for part in parts)
    return [value for value in filled if value not in (None, {}, [])]


def _fill_text(pieces: list[tuple[str, str, str]], values: Mapping[str, Any]) -> str | None:
    text = ""
    for literal, name, form in pieces:
        text += literal
        if name:
            value = values[name]
            if not value:
                return None
            text += format(value, form)
    return text


def _pieces(text: str, key: str, date_format: str) -> list[tuple[str, str, str]]:
    """Literal text, the placeholder after it or "", and how to format that."""
    try:
        return [_piece(parsed, key, date_format) for parsed in Formatter().parse(text)]
    except ValueError:
        raise SettingsWrong(
            f"In {key}, a brace or a date format is malformed; a brace itself is written twice."
        ) from None


def _piece(parsed: tuple[str, str | None, str | None, str | None], key: str, date_format: str) -> tuple[str, str, str]:
    literal, name, form, conversion = parsed
    if name is None:
        return literal, "", ""
    if name not in PLACEHOLDERS:
        known = ", ".join(sorted(PLACEHOLDERS))
        raise SettingsWrong(f"In {key}, the placeholder {{{name}}} is not known; there are {known}.")
    if conversion or (form and name not in DATES):
        raise SettingsWrong(f"In {key}, the placeholder {{{name}}} takes no format.")
    form = (form or date_format) if name in DATES else ""
    format(_SAMPLE, form)
    return literal, name, form
