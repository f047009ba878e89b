r"""
Whole numbers as a format shows them: with zeros before them, and signs or text between their digits.

Of the formats of ECMA-376 (part 1, 18.8.31) those are known here that make an id of a number, such as Excel's own for a
Social Security number, `000\-00\-0000`. Any other, such as `#,##0` or `0.00`, shows an amount or a share.
"""

from __future__ import annotations

import re

from attrs import frozen

_LONGEST = 255
"""Characters of a format, by Excel's specification."""
_FORMAT = re.compile(r'((?:[0 -]|\\.|"[^"]*")+)(;[^;]*)?(;.*)?', re.DOTALL)
"""Places of an id alone; what stands behind the first `;` is for negative numbers, and behind the second for zero."""
_CONDITION = re.compile(r"\[[<>=]")
_PLACE = re.compile(r'0|[ -]|\\.|"[^"]*"', re.DOTALL)


@frozen
class Form:
    """How an id is made of a number."""

    _places: tuple[str, ...]
    """What stands at each: the text that is shown, or "" for a digit."""
    _is_for_zero: bool

    def shown(self, value: int) -> str | None:
        """Write *value*, which is not negative, as it is shown: digits that have no place stand before the others."""
        if not (value or self._is_for_zero):
            return None
        places = self._places.count("")
        digits = f"{value:0{places}}"
        more = len(digits) - places
        each = iter((digits[: more + 1], *digits[more + 1 :]))
        return "".join(text or next(each) for text in self._places)


def form_of(number_format: str) -> Form | None:
    """Take *number_format* apart; None where it makes no id of a number."""
    found = _FORMAT.fullmatch(number_format) if len(number_format) <= _LONGEST else None
    if not found or _CONDITION.search(number_format):
        return None
    places = tuple(_text_at(place) for place in _PLACE.findall(found[1]) if place != '""')
    digits = places.count("")
    makes_ids = digits > 1 or (digits and any(map(str.strip, places)))
    return Form(places, is_for_zero=not found[3]) if makes_ids else None


def _text_at(place: str) -> str:
    if place == "0":
        return ""
    return place[1:] if place.startswith("\\") else place.strip('"')
