"""
What spreadsheets, data frames and wrong encodings leave of a cell, recognised in the cell by itself.

Only what can be nothing else is recognised here, since a row with such a cell is not sent. Excel's errors are those of
its own documentation ("How to correct a # error"), with the German and Spanish ones; `Err:502` is LibreOffice's.
"""

from __future__ import annotations

import re

CLOCK = (
    r"(?:T|,?[ \xa0]+)(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?"
    r"(?:[ \xa0\u202f]?[AP]M)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
"""A time behind a day, as spreadsheets, databases and programs write it; whatever the zone, the day is what counts."""

_ERROR = (
    r"#{3,}|#N/[AD]|#NV|#GETTING_DATA|#(?:[¡¿]?[^\W\d_]+|DIV/0)[!?]|Err:[0-9]{3}"
    r"|<NA>|\((?:blank|leer|empty)\)"
)
"""A column too narrow, an error, nothing: no id, no name and no day looks so, in no case of its letters."""
_NOTHING = "nan|none|null|n/a|nat|true|false|[+-]?inf(?:inity)?"
"""What data frames and databases write for nothing, yes and no; as names, some of these are people's."""
# One decimal alone comes of arithmetic, `.0` of data frames. Two or three may be the suffix of a claim's line, which
# also begins with `.00`: who is not asked for a good claim is harmed more than who is warned, and nobody can overrule
# an error. So `.00` is left to the profile, which knows whether the column has other suffixes.
_NUMBER = (
    r"[+-]?(?:[0-9]+(?:[.,][0-9]*E[+-]?|E\+)[0-9]+|[0-9]+[.,][0-9]|[0-9]+\.0{4,}"
    r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)"
)
# With their first letter alone in capitals, as only a spreadsheet writes them: `APR-03` may be an id.
_MONTH = "(?:Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)"
_IN_WORDS = (
    rf"[0-9]{{1,2}}-{_MONTH}(?:-(?:[0-9]{{2}}){{1,2}})?|{_MONTH}[- ](?:[0-9]{{2}}){{1,2}}|[0-9]{{1,2}}\. ?{_MONTH}"
)
_TO_12, _TO_31 = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
# 2026-03-04 by itself may be an id made of a day, and 1/2/26 one made of numbers.
_IN_NUMBERS = (
    rf"(?:{_TO_12}/{_TO_31}|{_TO_31}/{_TO_12})/(?:19|20)[0-9]{{2}}(?:{CLOCK})?|[0-9]{{4}}-[01][0-9]-[0-3][0-9]{CLOCK}"
)

_OF_NAMES = re.compile(_ERROR, re.IGNORECASE)
_OF_DATES = re.compile(f"{_ERROR}|{_NOTHING}", re.IGNORECASE)
_OF_IDS = re.compile(
    f"(?P<spreadsheet_error>(?i:{_ERROR}|{_NOTHING}))|(?P<damaged_number>(?i:{_NUMBER}))"
    f"|(?P<turned_to_date>{_IN_WORDS}|{_IN_NUMBERS})"
)

_CONTINUED = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
_SIGNS = "".join(sign for sign in _CONTINUED if sign not in "\xa0–—‘’“”")  # noqa: RUF001 -- they stand in names
# UTF-8 read as Windows-1252, and √ for it as old Macintoshes read it. JOÃO and CHÂU are names as they stand: it takes
# one of the signs behind the letter that bytes of UTF-8 are read as, and behind Ä and Å one that names do not have.
_MOJIBAKE = re.compile(rf"�|√|â€|[ÃÂ][{re.escape(_CONTINUED)}]|[ÄÅ][{re.escape(_SIGNS)}]")


def damage_of_id(text: str) -> str:
    """Say by its code how *text*, which was to be an id, was damaged; "" where it was not, for certain."""
    found = _OF_IDS.fullmatch(text)
    return found.lastgroup or "" if found else ""


def is_error_in_name(text: str) -> bool:
    """Tell whether *text* is a spreadsheet's mark for an error or for nothing, and can be no name."""
    return _OF_NAMES.fullmatch(text) is not None


def is_error_in_date(text: str) -> bool:
    """Tell whether *text* is what a spreadsheet or a data frame writes for an error or for no day."""
    return _OF_DATES.fullmatch(text) is not None


def is_mojibake(text: str) -> bool:
    """Tell whether *text* looks as if it was saved in one encoding and opened in another."""
    return not text.isascii() and _MOJIBAKE.search(text) is not None
