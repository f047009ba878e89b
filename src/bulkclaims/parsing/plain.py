"""Recognising, many lines at a time, the rows that are right as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

_MOST_COLUMNS = 40
"""A row of more columns is no list of claims as people make it, and its expression would be slow to compile."""

_ID = "(?!(?i:nan|none|null)(?![A-Za-z0-9-]))[A-Za-z0-9-]{2,50}"
_NAME = "[A-Za-z][A-Za-z'-]{0,34}"
"""One word: others may have an initial or a suffix, which is worth a look."""


def plain_lines(columns: tuple[str, ...], delimiter: str, today: date) -> re.Pattern[str]:
    """
    Build an expression that finds each line of unquoted text.

    Its groups are the values of a plain row, or blank, and then the line itself where it is no plain row. Plain is a
    part of what `Table` accepts unchanged, so this only saves time: one check in Python costs as much as all of csv's
    work on a row. No cell can match a delimiter, hence no line takes more than a few passes.
    """
    cells = _plain_cells(today)
    # A cell that begins with an apostrophe may have been given it by a writer of ours.
    other = r"(?:[^\s'{0}](?:[^\r\n{0}]*[^\s{0}])?)?".format(re.escape(delimiter))
    plain = re.escape(delimiter).join(f"({cells.get(column, other)})" for column in columns)
    if len(columns) > _MOST_COLUMNS:
        plain = "(?!)" + "()" * len(columns)
    return re.compile(rf"(?:{plain}|([^\r\n]*))(?:\r\n|\n|\r)")


def _plain_cells(today: date) -> dict[str, str]:
    days = (
        "(?:0[1-9]|1[0-2])/(?:0[1-9]|1[0-9]|2[0-8])",
        "(?:0[13-9]|1[0-2])/(?:29|30)",
        "(?:0[13578]|1[02])/31",
    )
    day = f"(?:{'|'.join(days)})/(?:{'|'.join(_years(today))})"
    return {
        "claim_number": _ID,
        "first_name": _NAME,
        "last_name": _NAME,
        "date_of_birth": day,
        "subscriber_id": _ID,
        "payer_id": f"(?:{_ID})?",
        "npi": "",  # its check digit is beyond an expression
        "tin": "(?:[0-9]{9})?",
        "first_service_date": f"(?:{day})?",
        "last_service_date": f"(?:{day})?",
        "gender": "[MFU]?",
        "patient_account_number": f"(?:{_ID})?",
    }


def _years(today: date) -> Iterator[str]:
    """Match the years from 1900 on that are over; few branches, and no counted repeats, make this fast."""
    decade, year = divmod(today.year, 10)
    yield "19[0-9][0-9]"
    yield f"20[0-{min(decade - 201, 9)}][0-9]"
    if year:
        yield f"{decade}[0-{year - 1}]"
