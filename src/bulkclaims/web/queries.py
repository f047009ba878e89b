"""
What a request asks for: query parameters, read and checked, and what its sender has already.

Each parameter is what its schema says, or the request is refused with its name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from bulkclaims.errors import RequestWrong
from bulkclaims.results import RowCursor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkclaims.web.messages import Request

Word = TypeVar("Word", bound=StrEnum)

_FLAGS = {"true": True, "false": False}


def only_known(request: Request, known: Iterable[str]) -> None:
    """See that no parameter is misspelt: a filter that is not understood would bring what was not asked for."""
    names = sorted(known)
    if unknown := sorted(request.query.keys() - set(names)):
        listed = f"known here are {', '.join(names)}" if names else "there are none here"
        raise _wrong(f"There is no parameter {_shown(unknown[0])}; {listed}.")


def text(request: Request, name: str) -> str:
    """The parameter as it stands, or "" when it is missing."""
    return _given(request, name) or ""


def flag(request: Request, name: str) -> bool | None:
    """`true` or `false`; None when it is missing."""
    given = _given(request, name)
    if given is None:
        return None
    if given.lower() not in _FLAGS:
        raise _wrong(f"The parameter {name} is to be true or false.")
    return _FLAGS[given.lower()]


def word(request: Request, name: str, kind: type[Word]) -> Word | None:
    """One of some words; None when it is missing."""
    given = _given(request, name)
    if given is None:
        return None
    try:
        return kind(given)
    except ValueError:
        raise _wrong(f"The parameter {name} is to be one of {', '.join(kind)}.") from None


def whole(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to *most*."""
    given = _given(request, name)
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= len(str(most)) and 1 <= int(given) <= most):
        raise _wrong(f"The parameter {name} is to be a whole number from 1 to {most:,}.")
    return int(given)


def moment(request: Request, name: str) -> datetime | None:
    """A day or a moment as ISO 8601 writes it, in UTC unless it says otherwise; None when it is missing."""
    given = _given(request, name)
    if given is None:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        found = datetime.fromisoformat(given.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(f"The parameter {name} is to be a date or time such as 2026-11-24T09:30:00Z.") from None


def cursor(request: Request, name: str) -> RowCursor:
    """A place between two rows, as an earlier page named it; the beginning when it is missing."""
    given = _given(request, name)
    if given is None:
        return RowCursor()
    chunk, _, row = given.partition("-")
    if not all(part.isascii() and part.isdecimal() and len(part) <= _LONGEST for part in (chunk, row)):
        raise _wrong(f"The parameter {name} is to be copied from an earlier page's next.")
    return RowCursor(int(chunk), int(row))


_LONGEST = 9


def cursor_text(place: RowCursor) -> str:
    """Name a place so that `cursor` finds it."""
    return f"{place.chunk}-{place.row}"


def is_known(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the answer that bears *tag*: its sender has it."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag.removeprefix("W/") in known or "*" in known


def _given(request: Request, name: str) -> str | None:
    values = request.query.get(name, ())
    if len(values) > 1:
        raise _wrong(f"The parameter {name} is given more than once.")
    return values[0] if values else None


def _wrong(sentence: str) -> RequestWrong:
    return RequestWrong(sentence, code="bad_parameter")


def _shown(name: str) -> str:
    """A parameter's name if it looks like one: what somebody put there by mistake may tell of a patient."""
    return name if name.isidentifier() and name.isascii() and name.islower() else "of that name"
