"""
Text that a spreadsheet would run as a formula, and the mark that keeps it from doing so.

A cell that begins so is given an apostrophe (OWASP's CSV injection page, CWE-1236), unless it is a number and nothing
else. Whatever reads the file back takes one apostrophe off again, so that nothing is lost: a text that began with
apostrophes of its own has one more meanwhile.
"""

from __future__ import annotations

import re

_SIGNS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001 -- spreadsheets take the full-width forms for formulas too
_FORMULA = re.compile(f"'*[{re.escape(_SIGNS)}]")
_NUMBER = re.compile(r"(?!(?:[^0-9]*[0-9]){16})[+-](?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?%?")
"""What a spreadsheet counts with as it stands. With zeros in front, or more than fifteen digits, it is an id."""

BEGINNINGS = frozenset(f"'{_SIGNS}")
"""One of these begins every text that is marked: whoever writes many need not look at the others."""


def guarded(text: str) -> str:
    """Mark *text* if a spreadsheet would take it for a formula; a plain number with its sign is none."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Give back what `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
