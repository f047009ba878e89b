"""
What only the whole file tells: zeros lost by a spreadsheet, a column with the day first, rows that come again.

Fed chunk by chunk and in bounded memory. Where a file shows that a column is as it should be, it is watched no longer,
so that a good file costs little more than the look for rows that come again.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from bulkclaims.parsing.problems import said
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkclaims.records import Row

_SAMPLES = 100
_IDS = ("claim_number", "subscriber_id", "payer_id")
_DATES = ("date_of_birth", "first_service_date", "last_service_date")
_KNOWN = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
_MONTHS = "12"
_ENOUGH = 1000
"""Cells by which it shows whether a column holds numbers."""
_SHORTEST = 5
_FEWEST = 20
_FEWEST_FIRSTS = 3
_NEARLY_ALL = 0.8
_STRAY = 0.02
"""What is said of a column of ids takes so many digits, so many cells of one length and first digits, such a part of
one length, and at most such a part of yet other lengths."""
_MOST_REMEMBERED = 500_000
"""Rows that later ones are compared with: some fifty megabytes. What comes behind them is still compared with them."""


class _Watch(Protocol):
    """Looks at one column until nothing can be wrong with it any more."""

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        """Look at the column's *cells* in *rows*, and tell whether to go on."""

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:
        """Say what was found, with how many cells of each column had day and month swapped beyond doubt."""


@define
class Profile:
    """Watches the rows of one file: those that are sent, and of bad ones only whether there is anything in a column."""

    duplicates: int = 0
    """Rows that ask what an earlier one asks."""
    _begun: bool = False
    _watches: list[tuple[int, _Watch]] = field(factory=list)
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
            yield _problem("", "duplicate_row", self.duplicates, self._again)
        if self._trailing < self._width:
            yield _problem("", "trailing_empty_columns", self._width - self._trailing, ())

    def _begin(self, columns: tuple[str, ...]) -> None:
        self._begun = True
        known = [place for place, column in enumerate(columns) if column in _KNOWN]
        self._asked = itemgetter(*known) if len(known) < len(columns) else None
        self._watches = [
            *((columns.index(column), _Lengths(column)) for column in _IDS if column in columns),
            *((columns.index(column), _Days(column)) for column in _DATES if column in columns),
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
        del self._again[_SAMPLES:]


@define
class _Lengths:
    """
    How long the numbers of a column of ids are.

    In a column of one length that nothing has happened to, some begin with 0. Where none does and some are a little
    shorter, a spreadsheet took the ids for numbers. A single 0 in front shows that none did.
    """

    column: str
    _cells: int = 0
    _counts: Counter[int] = field(factory=Counter)
    _rows: dict[int, list[int]] = field(factory=dict)
    _firsts: set[str] = field(factory=set)

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        self._cells += len(cells) - cells.count("")
        if numbers := list(filter(str.isdecimal, cells)):
            if min(numbers) < "1":
                return False
            self._counts.update(map(len, numbers))
            self._firsts.update(map(itemgetter(0), numbers))
            self._sample(rows, cells, set(map(len, numbers)))
        return self._cells < _ENOUGH or self._are_numbers

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:  # noqa: ARG002 -- a watch of days needs it
        (full, most), *_ = self._counts.most_common(1) or [(0, 0)]
        short, total = (full - 1, full - 2), self._counts.total()
        lost = sum(self._counts[length] for length in short)
        is_one_length = full >= _SHORTEST and most >= max(_FEWEST, _NEARLY_ALL * total)
        if lost and is_one_length and self._are_numbers and total - most - lost <= _STRAY * total:
            rows = sorted(row for length in short for row in self._rows.get(length, ()))
            yield _problem(self.column, "leading_zeros_lost", lost, rows[:_SAMPLES])

    @property
    def _are_numbers(self) -> bool:
        """Whether most cells are numbers, and such as begin with any digit: not all with the year, say."""
        return 2 * self._counts.total() >= self._cells and len(self._firsts) >= _FEWEST_FIRSTS

    def _sample(self, rows: Sequence[Row], cells: Sequence[str], lengths: set[int]) -> None:
        wanted = {length for length in lengths if len(self._rows.setdefault(length, [])) < _SAMPLES}
        for row, cell in zip(rows, cells, strict=True) if wanted else ():
            if len(cell) in wanted and cell.isdecimal():
                self._rows[len(cell)].append(row.number)


@define
class _Days:
    """Whether any date of a column has a day that could be no month."""

    column: str
    _count: int = 0
    _rows: list[int] = field(factory=list)

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        if any(cell[3:5] > _MONTHS for cell in cells):
            return False
        self._count += len(cells) - cells.count("")
        if len(self._rows) < _SAMPLES:
            self._rows += [row.number for row, cell in zip(rows, cells, strict=True) if cell]
        return True

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:
        if swapped[self.column] and self._count:
            yield _problem(self.column, "day_first_column", self._count, self._rows[:_SAMPLES])


def _good(rows: Sequence[Row]) -> Sequence[Row]:
    return [row for row in rows if not row.errors]


def _problem(column: str, code: str, count: int, rows: Sequence[int]) -> Problem:
    message, repair = said(code, column)
    return Problem(column, code, message, count, tuple(rows), (), repair)
