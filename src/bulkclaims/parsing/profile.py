"""
What only the whole file tells: zeros lost or added by a spreadsheet, a column with the day first, rows that come again.

Fed chunk by chunk and in bounded memory. Where a file shows that a column is as it should be, it is watched no longer,
so that a good file costs little more than the look for rows that come again.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.parsing.watches import SAMPLES, Days, Endings, PayerZeros, Zeros, problem
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence

    from bulkclaims.parsing.watches import Watch
    from bulkclaims.records import Problem, Row

_IDS = ("claim_number", "subscriber_id")
_ENDING = (*_IDS, "patient_account_number")
_DATES = ("date_of_birth", "first_service_date", "last_service_date")
_KNOWN = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
_MOST_REMEMBERED = 60_000
"""Rows that later ones are compared with: some five megabytes, whatever the size of the file. What comes behind them is
still compared with them."""


@define
class Profile:
    """Watches the rows of one file: those that are sent, and of bad ones only whether there is anything in a column."""

    duplicates: int = 0
    """Rows that ask what an earlier one asks."""
    _begun: bool = False
    _watches: list[tuple[int, Watch]] = field(factory=list)
    _asked: Callable[[Sequence[str]], object] | None = None
    """Takes from a row's values what is asked with; None where all of them are."""
    _seen: set[int] = field(factory=set, repr=False)
    _again: list[int] = field(factory=list)
    _trailing: int = 0
    """From where on all columns have neither a name nor a cell, as far as is known."""
    _width: int = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Look at some rows of the file, after those before them."""
        if not self._begun:
            self._begin(rows[0].columns)
        if self._trailing < self._width:
            self._look_at_trailing(rows)
        values = [row.values for row in rows if not row.errors]
        if not values:
            return
        self._look_for_repeats(rows, values)
        # Many a column is watched for the first chunk alone.
        good = _good(rows) if self._watches else ()
        self._watches = [
            (place, watch) for place, watch in self._watches if watch.add(good, list(map(itemgetter(place), values)))
        ]

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:
        """Say what the whole file told; *swapped* counts by column the cells with a month above 12."""
        for _, watch in self._watches:
            yield from watch.findings(swapped)
        if self.duplicates:
            yield problem("", "duplicate_row", self.duplicates, self._again)
        if self._trailing < self._width:
            yield problem("", "trailing_empty_columns", self._width - self._trailing, ())

    def _begin(self, columns: tuple[str, ...]) -> None:
        self._begun = True
        known = [place for place, column in enumerate(columns) if column in _KNOWN]
        self._asked = itemgetter(*known) if len(known) < len(columns) else None
        at = {column: place for place, column in enumerate(columns) if column in _KNOWN}
        payer_at = at.get("payer_id")
        self._watches = [
            *((at[column], Zeros(column, payer_at)) for column in _IDS if column in at),
            *((at[column], PayerZeros(column)) for column in ("payer_id",) if column in at),
            *((at[column], Endings(column)) for column in _ENDING if column in at),
            *((at[column], Days(column)) for column in _DATES if column in at),
        ]
        self._trailing = self._width = len(columns)
        while self._trailing and columns[self._trailing - 1] == f"column_{self._trailing}":
            self._trailing -= 1

    def _look_at_trailing(self, rows: Sequence[Row]) -> None:
        for place in range(self._width - 1, self._trailing - 1, -1):
            if any(map(str.strip, map(itemgetter(place), (row.values for row in rows)))):
                self._trailing = place + 1
                return

    def _look_for_repeats(self, rows: Sequence[Row], values: Sequence[tuple[str, ...]]) -> None:
        keys = list(map(hash, map(self._asked, values) if self._asked else values))
        if self._seen.isdisjoint(keys):
            before = len(self._seen)
            if before >= _MOST_REMEMBERED:
                return
            self._seen.update(keys)
            if len(self._seen) == before + len(keys):
                return
            self._seen.difference_update(keys)
        for row, key in zip(_good(rows), keys, strict=True):
            if key in self._seen:
                self.duplicates += 1
                self._again.append(row.number)
            elif len(self._seen) < _MOST_REMEMBERED:
                self._seen.add(key)
        del self._again[SAMPLES:]


def _good(rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if not row.errors]
