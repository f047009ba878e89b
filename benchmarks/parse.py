"""
Compare reading and checking a claims file with `csv.reader` alone on the same file.

What is compared is a whole check as an upload has it: every cell, what only the whole file tells, and the report.

Run as `python benchmarks/parse.py`; exits 1 when rows per second of a check fall below 0.3 of csv's.
"""

from __future__ import annotations

import csv
import sys
import tempfile
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
    from collections.abc import Callable

ROWS = 200_000
ROUNDS = 9
GOAL = 0.3


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


def seconds(read: Callable[[Path], None], path: Path) -> float:
    """Time one reading, in the process's own time, so that other programs disturb it less."""
    start = process_time()
    read(path)
    return process_time() - start


def main() -> int:
    """Print rows per second of each, and what part of csv's that is: medians of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "claims.csv"
        with path.open("wb") as file:
            file.writelines(claims_csv(ROWS, bad_every=33))
        readers = (read_with_csv, read_with_parser, check)
        rounds = [[seconds(read, path) for read in readers] for _ in range(ROUNDS)]
        size = path.stat().st_size
    alone, parsed, checked = (median(each) for each in zip(*rounds, strict=True))
    parser_ratio, ratio = (median(each[0] / each[place] for each in rounds) for place in (1, 2))
    print(f"{ROWS:,} rows, {size / 1e6:.1f} MB, 3 % bad")
    print(f"csv.reader alone  {ROWS / alone:>12,.0f} rows/s")
    print(f"CsvParser         {ROWS / parsed:>12,.0f} rows/s, ratio {parser_ratio:.2f}")
    print(f"check             {ROWS / checked:>12,.0f} rows/s, ratio {ratio:.2f} (goal {GOAL})")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
