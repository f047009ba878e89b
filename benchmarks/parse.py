"""
Compare reading and checking a claims file with `csv.reader` alone on the same file.

What is compared is a whole check as an upload has it: every cell, what only the whole file tells, and the report.
Two further files, as spreadsheets and exports write them, are checked for the record alone: one with quotes around all
cells, and one with days as 3/4/1972 and a column of NPIs.

Run as `python benchmarks/parse.py`; exits 1 when rows per second of a check fall below 0.3 of csv's.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from bulkclaims.intake import Intake
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.files import claims_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROWS = 200_000
ROUNDS = 9
FEWER_ROUNDS = 3
GOAL = 0.3
NPIS = ("1234567893", "1999999984", "1245319599", "1679576722")


def read_with_csv(path: Path) -> None:
    """What nobody can be faster than in Python: cells, unchecked."""
    with path.open(newline="", encoding="utf-8") as file:
        for _ in csv.reader(file):
            pass


def read_with_parser(path: Path) -> None:
    """Rows, with every cell checked."""
    with path.open("rb") as file:
        for _ in CsvParser(max_bytes=None).parse(file):
            pass


def check(path: Path) -> None:
    """Rows with every cell checked, profile of the whole file, and what was found grouped by what would mend it."""
    intake = Intake(CsvParser(max_bytes=None), MemoryRepository(), PlainCipher())
    with path.open("rb") as file:
        intake.check(file, {}, organisation="ACME")


def quoted(lines: Iterable[str]) -> Iterator[str]:
    """All cells in quotes, as many exports have them."""
    return ('"' + line.replace(",", '","') + '"' for line in lines)


def as_spreadsheets_do(lines: Iterable[str]) -> Iterator[str]:
    """Days without zeros, as a spreadsheet writes them, and an NPI at the end of each line."""
    npis = cycle(NPIS)
    for line in lines:
        *cells, born, subscriber = line.split(",")
        month, _, rest = born.removeprefix("0").partition("/")
        yield ",".join((*cells, f"{month}/{rest.removeprefix('0')}", subscriber, next(npis)))


def write(path: Path, form: Callable[[Iterable[str]], Iterable[str]]) -> None:
    """Write a file of claims in a form of its own."""
    header, *lines = b"".join(claims_csv(ROWS, bad_every=33)).decode().splitlines()
    wider = form is as_spreadsheets_do
    path.write_text("\r\n".join((header + ",npi" * wider, *form(lines), "")), encoding="utf-8", newline="")


def seconds(read: Callable[[Path], None], path: Path) -> float:
    """Time one reading, in the process's own time, so that other programs disturb it less."""
    start = process_time()
    read(path)
    return process_time() - start


def main() -> int:
    """Print rows per second of each, and what part of csv's that is: medians of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "claims.csv"
        write(path, iter)
        (alone, parsed, checked), (_, parser_ratio, ratio) = measured(path, ROUNDS)
        print(f"{ROWS:,} rows, {path.stat().st_size / 1e6:.1f} MB, 3 % bad")
        print(f"csv.reader alone  {ROWS / alone:>12,.0f} rows/s")
        print(f"CsvParser         {ROWS / parsed:>12,.0f} rows/s, ratio {parser_ratio:.2f}")
        print(f"check             {ROWS / checked:>12,.0f} rows/s, ratio {ratio:.2f} (goal {GOAL})")
        for said, form in (("check, quoted", quoted), ("check, M/D/YYYY", as_spreadsheets_do)):
            write(path, form)
            (_, _, each), (_, _, part) = measured(path, FEWER_ROUNDS)
            print(f"{said:18}{ROWS / each:>12,.0f} rows/s, ratio {part:.2f}")
    return 0 if ratio >= GOAL else 1


def measured(path: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Median seconds of csv, parser and check, and what part of csv's speed each has."""
    readers = (read_with_csv, read_with_parser, check)
    times = [[seconds(read, path) for read in readers] for _ in range(rounds)]
    parts = [[each[0] / time for time in each] for each in times]
    return [median(each) for each in zip(*times, strict=True)], [median(each) for each in zip(*parts, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
