"""Made-up claims files of any length: the same bytes for the same arguments."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import cycle, islice
from random import Random
from typing import TYPE_CHECKING

from bulkclaims.records import DATE_FORMAT, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROWS_AT_A_TIME = 1000
_STARTS = ("AL", "BRU", "CHA", "DOR", "ED", "FEN", "GRE", "HAL", "IN", "JO", "KAR", "LO", "MAR", "NE", "OR", "PET")
_MIDDLES = ("A", "BE", "CI", "DO", "FI", "GA", "LI", "MA", "NO", "RI", "SA", "TU", "VE", "ZO")
_ENDS = ("BERG", "DAN", "ELLE", "FORD", "LEY", "MAN", "NA", "RO", "SON", "STER", "TON", "VILLE", "WIN", "ZIK")

_FAULTS: tuple[Callable[[list[str]], list[str]], ...] = (
    lambda cells: ["", *cells[1:]],
    lambda cells: [*cells[:3], "13/45/1980", cells[4]],
    lambda cells: [*cells[:4], "1.23E+11"],
    lambda cells: cells[:4],
    lambda cells: [*cells[:3], cells[3][:6] + cells[3][-2:], cells[4]],
    lambda cells: [*cells, cells[4]],
)
"""What people and spreadsheets do to a row."""


def claims_csv(
    rows: int, *, seed: int = 0, bad_every: int | None = None, suffixes: Sequence[str] = ("",)
) -> Iterator[bytes]:
    """
    Write a claims file with the required columns, some hundred rows at a time.

    Claim numbers are all different, and so are nearly all names; a few names have a hyphen or an apostrophe.

    Args:
        rows: How many rows below the header.
        seed: Another number makes other people.
        bad_every: Put a fault into every row whose number this divides; None for a file without faults.
        suffixes: Endings of claim numbers, taken in turn: the payer simulator's scenarios, such as `-PAID`.

    Returns:
        The file in pieces.
    """
    random = Random(seed)  # noqa: S311 -- made-up people, no secrets
    ending = cycle(suffixes)
    yield (",".join(REQUIRED_COLUMNS) + "\r\n").encode()
    lines = (_line(number, next(ending), random, bad_every) for number in range(1, rows + 1))
    while piece := "".join(islice(lines, _ROWS_AT_A_TIME)):
        yield piece.encode()


def _line(number: int, suffix: str, random: Random, bad_every: int | None) -> str:
    born = date(1930, 1, 1) + timedelta(days=int(random.random() * 34_000))
    cells = [
        f"ZE{59_000_000 + number}{suffix}",
        _name(random),
        _name(random),
        born.strftime(DATE_FORMAT),
        f"{int(random.random() * 10**9):09}",
    ]
    if bad_every and number % bad_every == 0:
        cells = _FAULTS[number // bad_every % len(_FAULTS)](cells)
    return ",".join(cells) + "\r\n"


def _name(random: Random) -> str:
    draw = int(random.random() * 1_000_000)
    start, middle, end = _STARTS[draw % 16], _MIDDLES[draw // 16 % 14], _ENDS[draw // 224 % 14]
    if draw % 25 == 0:
        return f"{start}{middle}-{end}"
    if draw % 40 == 0:
        return f"O'{start}{middle}{end}"
    return f"{start}{middle}{_MIDDLES[draw // 3136 % 14]}{end}"
