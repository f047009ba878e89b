"""
Compare reading and checking a claims file with `csv.reader` alone on the same file.

Run as `python benchmarks/parse.py`; exits 1 when rows per second fall below 0.3 of csv's.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from bulkclaims.parsing import CsvParser
from bulkclaims.testing.files import claims_csv

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 200_000
ROUNDS = 7
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


def seconds(read: Callable[[Path], None], path: Path) -> float:
    """Time one reading, in the process's own time, so that other programs disturb it less."""
    start = process_time()
    read(path)
    return process_time() - start


def main() -> int:
    """Print rows per second of both, and their ratio: the median of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "claims.csv"
        with path.open("wb") as file:
            file.writelines(claims_csv(ROWS, bad_every=33))
        rounds = [(seconds(read_with_csv, path), seconds(read_with_parser, path)) for _ in range(ROUNDS)]
        size = path.stat().st_size
    ratio = median(alone / parsed for alone, parsed in rounds)
    print(f"{ROWS:,} rows, {size / 1e6:.1f} MB, 3 % bad")
    print(f"csv.reader alone  {ROWS / median(alone for alone, _ in rounds):>12,.0f} rows/s")
    print(f"CsvParser         {ROWS / median(parsed for _, parsed in rounds):>12,.0f} rows/s")
    print(f"ratio             {ratio:>12.2f} (goal {GOAL})")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
