"""Dates and amounts as payers write them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bulkclaims.errors import AnswerNotUnderstood

if TYPE_CHECKING:
    from collections.abc import Sequence

_AMOUNT = re.compile(r"[+-]?(\d{1,15}(\.\d{0,6})?|\.\d{1,6})")
_TRACE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""JSON can escape one half of a pair, which no file or database takes."""
_NO_DATE = re.compile(r"[0\s/-]*")
_ISO_LENGTHS = (8, 10)


def json_of(body: bytes) -> object:
    """
    The body parsed as JSON.

    Raises:
        AnswerNotUnderstood: It is something else, such as a page about maintenance.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerNotUnderstood("The payer answered with something that is not JSON, such as a page.") from None


def object_of(value: object, name: str) -> dict[str, Any]:
    """
    A field that holds an object.

    Raises:
        AnswerNotUnderstood: It holds something else, or is not there.
    """
    if not isinstance(value, dict):
        raise AnswerNotUnderstood(f"In the payer's answer, {name} is not an object.")
    return value


def trace_of(value: object) -> str:
    """The payer's id for an exchange; "" when *value* does not look like one."""
    return value if isinstance(value, str) and _TRACE.fullmatch(value) else ""


def text_of(value: object, name: str) -> str:
    """
    A field that holds text or a whole number; "" for None.

    Raises:
        AnswerNotUnderstood: It holds something else.
    """
    if value is None:
        return ""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise AnswerNotUnderstood(f"In the payer's answer, {name} is not text.")
    text = str(value).strip()
    if not text.isascii() and _HALF_CHARACTER.search(text):
        raise AnswerNotUnderstood(f"In the payer's answer, {name} holds half a character, which is not text.")
    return text


def amount_of(value: object, name: str) -> Decimal | None:
    """
    An amount given as a string or a number; None when it is left blank.

    Raises:
        AnswerNotUnderstood: It cannot be read as an amount. Money is never guessed.
    """
    text = str(value) if isinstance(value, float) else text_of(value, name)
    if not text:
        return None
    if not _AMOUNT.fullmatch(text):
        raise AnswerNotUnderstood(f"In the payer's answer, {name} is not an amount.")
    return Decimal(text)


def date_of(value: object, name: str, formats: Sequence[str] = ()) -> date | None:
    """
    A date; None when it is blank or all zeros.

    Args:
        value: As it stands in the answer.
        name: The field's, for the sentence.
        formats: As for `strptime`; `YYYY-MM-DD` and `YYYYMMDD` when empty.

    Raises:
        AnswerNotUnderstood: It is no such date.
    """
    text = text_of(value, name)
    if not text or _NO_DATE.fullmatch(text):
        return None
    with suppress(ValueError):
        return _strptime(text, formats) if formats else _from_iso(text)
    raise AnswerNotUnderstood(f"In the payer's answer, {name} is not a date.")


def _from_iso(text: str) -> date:
    if len(text) not in _ISO_LENGTHS or "W" in text:
        raise ValueError
    return date.fromisoformat(text)


def _strptime(text: str, formats: Sequence[str]) -> date:
    for form in formats:
        with suppress(ValueError):
            # A calendar day has no time zone.
            return datetime.strptime(text, form).date() if form else _from_iso(text)  # noqa: DTZ007
    raise ValueError


def period_of(value: object, name: str, formats: Sequence[str] = ()) -> tuple[date, date] | None:
    """
    A day, or two days as `YYYYMMDD-YYYYMMDD` or `YYYY-MM-DD/YYYY-MM-DD`; None when it is blank.

    Raises:
        AnswerNotUnderstood: It is neither.
    """
    text = text_of(value, name)
    middle = len(text) // 2
    two = len(text) % 2 and text[middle] in "-/" and len(text) > len("YYYY-MM-DD") + 1
    start = date_of(text[:middle] if two else text, name, formats)
    end = date_of(text[middle + 1 :], name, formats) if two else start
    return (start, end) if start and end else None
