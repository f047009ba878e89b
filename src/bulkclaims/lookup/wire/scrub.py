"""What of a payer's own words may be shown."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from attrs import asdict

from bulkclaims.lookup.matching import normal_member_id, normal_name, without_marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkclaims.records import ClaimInquiry

MAX_LENGTH = 160

_READ = 4 * MAX_LENGTH
"""No more of a message is looked at."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")
_WORD = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")
_SEPARATORS = re.compile(r"[\W_]+")
_HIDDEN = "…"
_TELLING = 3
"""From this many letters on, a word of the row is recognised inside a longer word too."""
_TELLING_APART = 5
"""From this many letters on, also across the gaps between words, wherever those begin and end."""
_SECRET = 6
"""From this many characters on, a text is a secret, and not what any answer may hold."""


def scrub(text: str, inquiry: ClaimInquiry) -> str:
    """
    A payer's free text without anything of the row: no word of its cells, and no word with a digit.

    Words are compared as payers may spell them, without case, accents and punctuation, and also where they are split.
    Digits go because a payer may write a date of birth or a number in another form than the row does.
    """
    printable = "".join(c if c.isprintable() else " " for c in text[:_READ])
    shown = unicodedata.normalize("NFC", " ".join(printable.split()))
    told = _told(shown, _words_of(inquiry))

    def hide(match: re.Match[str]) -> str:
        tells = not told.isdisjoint(range(*match.span())) or any(letter.isdigit() for letter in match.group())
        is_cut = match.end() == len(shown) and len(text) > _READ  # of a name it could be the beginning
        return _HIDDEN if tells or is_cut else match.group()

    return re.sub(f"{_HIDDEN}(?:[^\\w]*{_HIDDEN})+", _HIDDEN, _WORD.sub(hide, shown))[:MAX_LENGTH]


def code(text: object, inquiry: ClaimInquiry) -> str:
    """A payer's error code, or "" when *text* is not a code or holds a word of the row."""
    if not isinstance(text, str | int) or isinstance(text, bool) or not _CODE.fullmatch(str(text)):
        return ""
    return "" if _told(str(text), _words_of(inquiry)) else str(text)


def without_secrets(body: bytes, secrets: Iterable[str]) -> bytes:
    """*body* with "…" in place of each of *secrets*, also where JSON spells some of its characters otherwise."""
    spelled = [_spelled(secret) for secret in sorted(secrets, key=len, reverse=True) if len(secret) >= _SECRET]
    if not spelled:
        return body
    return re.sub("|".join(spelled).encode(), _HIDDEN.encode(), body, flags=re.IGNORECASE)


def _spelled(secret: str) -> str:
    """A pattern of all ways that JSON may write it."""
    return "".join(c if c.isascii() and c.isalnum() else rf"(?:\\?{re.escape(c)}|\\u{ord(c):04x})" for c in secret)


def _told(text: str, known: set[str]) -> set[int]:
    """Where in *text* words of the row stand: alone, within a longer word, or split; the shortest ones only alone."""
    spelled = [(letter, at) for at, character in enumerate(text) for letter in _bare(character)]
    joined, places = "".join(letter for letter, _ in spelled), [at for _, at in spelled]
    gaps = {0, len(joined), *(n for n in range(1, len(places)) if places[n] > places[n - 1] + 1)}
    told: set[int] = set()
    for word in known:
        for found in re.finditer(f"(?={word})", joined):
            begin, end = found.start(), found.start() + len(word)
            is_split = not gaps.isdisjoint(range(begin + 1, end))
            if {begin, end} <= gaps or len(word) >= (_TELLING_APART if is_split else _TELLING):
                told.update(places[begin:end])
    return told


def _words_of(inquiry: ClaimInquiry) -> set[str]:
    cells = [str(value) for value in asdict(inquiry, recurse=False).values() if value]
    cells += [normal_name(inquiry.first_name), normal_name(inquiry.last_name), normal_member_id(inquiry.subscriber_id)]
    words = {_bare(word) for cell in cells for word in (*_SEPARATORS.split(without_marks(cell)), cell)}
    return {word for word in words if len(word) > 1}


def _bare(text: str) -> str:
    """*text* as it is compared: letters and digits alone, without marks and case."""
    return "".join(letter for letter in without_marks(text).casefold() if letter.isalnum())
