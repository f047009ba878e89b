"""
What is watched of one column while a file goes by: how long its ids are, how they end, whether a day is a month.

Each watch is in bounded memory, and ends where the column shows that it is as it should be.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from attrs import define, field

from bulkclaims.parsing.problems import said, shape
from bulkclaims.records import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkclaims.records import Row

SAMPLES = 100
_SHAPES = 5
_MONTHS = "12"
_ENOUGH = 1000
"""Cells by which it shows what a column holds."""
_SHORTEST = 5
_FEWEST = 20
_FEWEST_FIRSTS = 3
_NEARLY_ALL = 0.8
_STRAY = 0.02
"""What is said of a column of ids takes so many digits, so many cells of one length and first digits, such a part of
one length, and at most such a part of yet other lengths."""
_KEPT = 0.25
"""Of all ids that are to begin with 0, at most such a part may, or it is not a spreadsheet that took it from others."""
_FEWEST_KEPT = 5
_MUCH_KEPT = 0.02
"""So many ids with a 0 in front, and such a part of all, show that none was lost."""
_ONE_FOR_TWO = 5
"""So many ids are to lack one digit for each that lacks two: of ids that begin with 0 a tenth begins with two."""
_SHORT_FOR_FIRST, _MANY_SHORT = 4, 20
"""For so many ids that lack digits there is to be a first digit of theirs, up to so many: what lost zeros begins with
any digit, while older numbers of a sequence begin alike, as 98 and 99 do before 100."""
_MOST_PAYERS = 50
"""Payers whose ids are told apart; those of all others are taken together."""
_MOST_IDS = 1000
"""Different payer ids that are counted."""
_PAYER_DIGITS = 5
_PAYER_LENGTHS = range(3, 6)
"""With one or two zeros in front lost, and whole."""
_KEPT_DIGITS = 15
"""A spreadsheet keeps so many digits of a number, and makes zeros of the others (Excel's specifications and limits)."""
_BEYOND_CHANCE = 5
"""So many times as often as by chance are ids to end with zeros before it is said."""
_DECIMALS = re.compile(r"[0-9]+\.([0-9]{2,3})")


class Watch(Protocol):
    """Looks at one column until nothing can be wrong with it any more."""

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        """Look at the column's *cells* in *rows*, and tell whether to go on."""

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:
        """Say what was found, with how many cells of each column had day and month swapped beyond doubt."""


@define
class Zeros:
    """
    Whether ids of a column lost zeros in front, payer by payer where the file names them: each has ids of its own.

    Args:
        column: The column's name.
        payer_at: Where the payer's id stands in a row; None where the file has none.
    """

    column: str
    payer_at: int | None = None
    _lengths: dict[str | None, _Lengths] = field(factory=dict)
    """Of the first payers of the file; of all others under None."""
    _over: set[str | None] = field(factory=set)
    """Payers whose ids are as they should be."""

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:  # noqa: D102 -- as `Watch` has it
        if self.payer_at is None:
            return self._add(None, rows, cells)
        payers = [row.values[self.payer_at] for row in rows]
        if not self._over.issuperset(payers):
            for payer, places in self._places(payers).items():
                if payer not in self._over:
                    self._add(payer, [rows[place] for place in places], [cells[place] for place in places])
        return True

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:  # noqa: ARG002 -- a watch of days needs it
        """Say where ids lack zeros that others of their payer have."""
        watched = [lengths for payer, lengths in self._lengths.items() if payer not in self._over]
        if lost := [part for lengths in watched for part in lengths.lost()]:
            count, rows = sum(part[1] for part in lost), sorted(row for part in lost for row in part[2])
            seen = dict.fromkeys("9" * length for length, *_ in lost)
            yield problem(self.column, "leading_zeros_lost", count, rows, seen)

    def _add(self, payer: str | None, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        lengths = self._lengths.get(payer) or self._lengths.setdefault(payer, _Lengths())
        if lengths.add(rows, cells):
            return True
        self._over.add(payer)
        return False

    def _places(self, payers: Sequence[str]) -> dict[str | None, list[int]]:
        places: dict[str | None, list[int]] = {}
        for place, payer in enumerate(payers):
            if payer not in self._lengths and len(self._lengths) < _MOST_PAYERS:
                self._lengths[payer] = _Lengths()
            places.setdefault(payer if payer in self._lengths else None, []).append(place)
        return places


@define
class _Lengths:
    """
    How long the numbers of a column of ids are.

    In a column of one length that nothing has happened to, some begin with 0. Where hardly any does and some are a
    little shorter, a spreadsheet took the ids for numbers.
    """

    _cells: int = 0
    _counts: Counter[int] = field(factory=Counter)
    _rows: dict[int, list[int]] = field(factory=dict)
    _firsts: Counter[tuple[int, str]] = field(factory=Counter)
    """How many numbers of a length begin with a digit."""

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:
        """Look at *cells* of one payer, and tell whether zeros may still be found lost."""
        self._cells += len(cells) - cells.count("")
        if numbers := list(filter(str.isdecimal, cells)):
            self._counts.update(map(len, numbers))
            self._firsts.update(zip(map(len, numbers), map(itemgetter(0), numbers), strict=True))
            self._sample(rows, cells, set(map(len, numbers)))
        if self._kept >= max(_FEWEST_KEPT, _MUCH_KEPT * self._counts.total()):
            return False
        return self._cells < _ENOUGH or self._are_numbers

    def lost(self) -> Sequence[tuple[int, int, Sequence[int]]]:
        """Length, count and rows of ids that are one and two digits short, where zeros must have been lost."""
        (full, most), *_ = self._counts.most_common(1) or [(0, 0)]
        one, two, total = self._counts[full - 1], self._counts[full - 2], self._counts.total()
        lost, others = one + two, total - most - one - two
        is_one_length = full >= _SHORTEST and most >= max(_FEWEST, _NEARLY_ALL * total) and others <= _STRAY * total
        firsts = {first for length, first in self._firsts if length in {full - 1, full - 2}}
        are_mixed = two > 1 + one / _ONE_FOR_TWO or _SHORT_FOR_FIRST * len(firsts) < min(lost, _MANY_SHORT)
        if not lost or not is_one_length or are_mixed or self._kept > _KEPT * lost or not self._are_numbers:
            return ()
        return [(length, n, self._rows[length]) for length, n in ((full - 1, one), (full - 2, two)) if n]

    @property
    def _are_numbers(self) -> bool:
        """Whether most cells are numbers, and such as begin with any digit: not all with the year, say."""
        firsts = {first for _, first in self._firsts}
        return 2 * self._counts.total() >= self._cells and len(firsts) >= _FEWEST_FIRSTS

    @property
    def _kept(self) -> int:
        """Numbers that begin with 0."""
        return sum(count for (_, first), count in self._firsts.items() if first == "0")

    def _sample(self, rows: Sequence[Row], cells: Sequence[str], lengths: set[int]) -> None:
        wanted = {length for length in lengths if len(self._rows.setdefault(length, [])) < SAMPLES}
        for row, cell in zip(rows, cells, strict=True) if wanted else ():
            if len(cell) in wanted and cell.isdecimal():
                self._rows[len(cell)].append(row.number)


@define
class PayerZeros:
    """Whether payer ids, which have five digits, lost zeros in front. There are few, over and over."""

    column: str
    _counts: Counter[str] = field(factory=Counter)
    _rows: list[int] = field(factory=list)

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:  # noqa: D102 -- as `Watch` has it
        self._counts.update(cells)
        short = set(filter(_may_lack_zeros, set(cells)))
        if short and len(self._rows) < SAMPLES:
            self._rows += [row.number for row, cell in zip(rows, cells, strict=True) if cell in short]
        return len(self._counts) <= _MOST_IDS

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:  # noqa: ARG002 -- a watch of days needs it
        """Say which payer ids lack zeros."""
        short = list(filter(_may_lack_zeros, self._counts))
        whole = [payer for payer in self._counts if payer.isdecimal() and len(payer) == _PAYER_DIGITS]
        others = [payer for payer in self._counts if payer.isdecimal() and len(payer) not in _PAYER_LENGTHS]
        if short and len(whole) >= len(short) and not others:
            count = sum(map(self._counts.__getitem__, short))
            yield problem(self.column, "leading_zeros_lost", count, self._rows, map(shape, short))


def _may_lack_zeros(payer: str) -> bool:
    return payer.isdecimal() and len(payer) in _PAYER_LENGTHS and len(payer) < _PAYER_DIGITS


@define
class _Met:
    """How often something was met, in which rows first, and what it looks like there."""

    count: int = 0
    rows: list[int] = field(factory=list)
    shapes: dict[str, None] = field(factory=dict)

    def add(self, row: Row, cell: str) -> None:
        self.count += 1
        if len(self.rows) < SAMPLES:
            self.rows.append(row.number)
            self.shapes[shape(cell)] = None


@define
class Endings:
    """Whether ids of a column end with zeros that a spreadsheet put there: in place of digits, or behind a point."""

    column: str
    _cells: int = 0
    _long: Counter[int] = field(factory=Counter)
    """Numbers of more digits than a spreadsheet keeps, by their length."""
    _zeros: dict[int, _Met] = field(factory=dict)
    """Those of them that have zeros alone behind what it keeps."""
    _decimals: _Met = field(factory=_Met)
    _suffixed: bool = False
    """Whether an id has other decimals, so that `.00` is one of several suffixes."""

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:  # noqa: D102 -- as `Watch` has it
        self._cells += len(cells)
        if max(map(len, cells)) > _KEPT_DIGITS or "." in "".join(cells):
            for row, cell in zip(rows, cells, strict=True):
                self._look(row, cell)
        return self._cells < _ENOUGH or bool(self._long or self._decimals.count)

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:  # noqa: ARG002 -- a watch of days needs it
        """Say where numbers end with zeros in place of digits."""
        # Of ids of 16 digits a tenth ends with 0 by chance, of 17 a hundredth with two.
        lost = [
            met
            for length, met in self._zeros.items()
            if met.count * 10 ** (length - _KEPT_DIGITS) >= _BEYOND_CHANCE * self._long[length]
        ]
        for code, found in (("digits_lost", lost), ("decimals_added", [] if self._suffixed else [self._decimals])):
            if count := sum(met.count for met in found):
                rows = sorted(row for met in found for row in met.rows)
                yield problem(self.column, code, count, rows, (shape for met in found for shape in met.shapes))

    def _look(self, row: Row, cell: str) -> None:
        if len(cell) > _KEPT_DIGITS and cell.isdecimal():
            self._long[len(cell)] += 1
            if not cell[_KEPT_DIGITS:].strip("0"):
                self._zeros.setdefault(len(cell), _Met()).add(row, cell)
        elif found := _DECIMALS.fullmatch(cell):
            if found[1].strip("0"):
                self._suffixed = True
            else:
                self._decimals.add(row, cell)


@define
class Days:
    """Whether any date of a column has a day that could be no month."""

    column: str
    _count: int = 0
    _rows: list[int] = field(factory=list)

    def add(self, rows: Sequence[Row], cells: Sequence[str]) -> bool:  # noqa: D102 -- as `Watch` has it
        if any(cell[3:5] > _MONTHS for cell in cells):
            return False
        self._count += len(cells) - cells.count("")
        if len(self._rows) < SAMPLES:
            self._rows += [row.number for row, cell in zip(rows, cells, strict=True) if cell]
        return True

    def findings(self, swapped: Counter[str]) -> Iterator[Problem]:
        """Say that the days of a column may be months."""
        if swapped[self.column] and self._count:
            # Whatever was typed, these are the days as they were read.
            yield problem(self.column, "day_first_column", self._count, self._rows, ["99/99/9999"])


def problem(column: str, code: str, count: int, rows: Sequence[int], seen: Iterable[str] = ()) -> Problem:
    """Say it of *column*, with the first of *rows* and of the shapes *seen*."""
    message, repair = said(code, column)
    shapes = tuple(dict.fromkeys(seen))[:_SHAPES]
    return Problem(column, code, message, count, tuple(rows[:SAMPLES]), shapes, repair)
