"""Recognising, many lines at a time, the rows that are right as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from attrs import frozen

from bulkclaims.parsing.problems import CellProblem
from bulkclaims.records.rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from bulkclaims.parsing.cells import Check
    from bulkclaims.parsing.table import Table
    from bulkclaims.records import Row

_MOST_COLUMNS = 40
"""A row of more columns is no list of claims as people make it, and its expression would be slow to compile."""

_NO_WORD = "(?!(?=[FINTfint])(?i:nan|none|null|nat|true|false|inf|infinity)(?![A-Za-z0-9-]))"
"""For nothing, or for yes and no; the set of first letters saves the time of trying all words."""
_ID = f"{_NO_WORD}[A-Z0-9-]{{2,50}}"
_ANY_ID = f"{_NO_WORD}(?:[A-Z0-9-]{{2,50}}|[a-z0-9-]{{2,50}})"
"""Not of small and capital letters, as `Apr-03` is."""
_DAY = "(?:1[0-2]|0?[1-9])/(?:[12][0-9]|3[01]|0?[1-9])/[12][0-9][0-9][0-9]|[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
_NEARLY_PLAIN = {
    "claim_number": _ANY_ID,
    "date_of_birth": f"(?:{_DAY})",
    "subscriber_id": _ANY_ID,
    "payer_id": f"(?:{_ANY_ID})?",
    "patient_account_number": f"(?:{_ANY_ID})?",
    "first_service_date": f"(?:{_DAY})?",
    "last_service_date": f"(?:{_DAY})?",
    "npi": "(?:[0-9]{10})?",
    "tin": "(?:[0-9]{2}-?[0-9]{7})?",
}
"""Cells to which nothing worth saying is done, whatever their check makes of them."""
_CHECKED = frozenset(("date_of_birth", "first_service_date", "last_service_date", "npi", "tin"))
_NAME = "[A-Za-z][A-Za-z'-]{0,34}"
"""One word: others may have an initial or a suffix, which is worth a look."""


def plain_lines(columns: tuple[str, ...], delimiter: str, today: date) -> re.Pattern[str]:
    """
    Build an expression that finds each line of unquoted text.

    Its groups are the values of a plain row, or blank, and then the line itself where it is no plain row. Plain is a
    part of what `Table` accepts unchanged, so this only saves time: one check in Python costs as much as all of csv's
    work on a row. No cell can match a delimiter, hence no line takes more than a few passes.
    """
    return re.compile(rf"(?:{_row(columns, delimiter, _plain_cells(today))}|([^\r\n]*))(?:\r\n|\n|\r)")


@frozen
class NearlyPlain:
    """Reads rows that are right, and of which no more is to be brought to one form than days and providers' ids."""

    _row: re.Pattern[str]
    _table: Table
    _checks: tuple[tuple[int, Check], ...]
    """Where in a row the cells stand that their own check still has to see."""

    @classmethod
    def of(cls, table: Table, delimiter: str, today: date) -> Self:
        """Recognise rows of *table*, which are checked as on the day *today*."""
        cells = _plain_cells(today) | _NEARLY_PLAIN
        seen = (place for place, column in enumerate(table.columns) if column in _CHECKED)
        checks = tuple((place, table.checks[place]) for place in seen)
        return cls(re.compile(_row(table.columns, delimiter, cells)), table, checks)

    def read(self, number: int, line: str) -> Row | None:
        """Read row *number* of a *line* without quotes; None when it is no such row, and the table is to read it."""
        found = self._row.fullmatch(line)
        if not found:
            return None
        values = list(found.groups())
        try:
            for place, check in self._checks:
                values[place] = check(values[place])
        except CellProblem:
            return None
        return row_of(number, self._table.columns, tuple(values)) if self._table.in_order(values) else None


def _row(columns: tuple[str, ...], delimiter: str, cells: Mapping[str, str]) -> str:
    if len(columns) > _MOST_COLUMNS:
        return "(?!)" + "()" * len(columns)
    # A cell that begins with an apostrophe may have been given it by a writer of ours.
    other = r"(?:[^\s'{0}](?:[^\r\n{0}]*[^\s{0}])?)?".format(re.escape(delimiter))
    return re.escape(delimiter).join(f"({cells.get(column, other)})" for column in columns)


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
