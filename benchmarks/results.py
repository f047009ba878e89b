"""
Speed and memory of each results writer.

Each writes the same made-up results in a process of its own, with the nine columns and with all. Run as
`python benchmarks/results.py [ROWS]`; exits 1 when a writer's peak is above 200 MB. With 1,500,000 rows, the workbook
goes on in a second sheet.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.records import ResultLine

ROWS = 100_000
MOST_MEGABYTES = 200
WRITERS = ("CsvWriter", "JsonLinesWriter", "XlsxWriter")
COLUMNS = ("nine", "full")


def results(rows: int) -> Iterator[ResultLine]:
    """Yield results as payers give them: one in ten is not found."""
    from bulkclaims.records import NOT_FOUND, REQUIRED_COLUMNS, ResultLine, Row, RowResult  # noqa: PLC0415

    first = date(2025, 1, 1)
    for number in range(1, rows + 1):
        claim = f"PCN{number:07}"
        row = Row(number, REQUIRED_COLUMNS, (claim, "ALMA", "TESTER", "03/04/1972", "ZX00012345"))
        if number % 10:
            amount, day = Decimal(number % 90_000) / 100, first + timedelta(number % 300)
            result = RowResult(number, claim, "Finalized", True, "ALMA TESTER", amount, amount, day)  # noqa: FBT003
        else:
            error = "The payer does not have this claim: check its number, or ask the payer."
            result = RowResult(number, claim, NOT_FOUND, False, "ALMA TESTER", error=error)  # noqa: FBT003
        yield ResultLine(row, result)


def write(writer: str, columns: str, rows: int) -> None:
    """Write one file, and print the seconds that took, the peak in megabytes and the file's size."""
    from bulkclaims import writers  # noqa: PLC0415 -- not in the process that compares
    from bulkclaims.jobs import Job, JobId, JobStatus, Owner, UploadSummary  # noqa: PLC0415
    from bulkclaims.records import REQUIRED_COLUMNS, UploadFacts  # noqa: PLC0415

    at = datetime(2026, 1, 2, tzinfo=UTC)
    job = Job(
        id=JobId("6e0f6a52-8c0e-4b8f-9d43-0d5f1c2b3a49"),
        owner=Owner("ACME"),
        filename="claims.csv",
        status=JobStatus.COMPLETED,
        total_rows=rows,
        succeeded=rows,
        failed=0,
        upload=UploadSummary(UploadFacts("utf-8", ",", REQUIRED_COLUMNS, 100, "0" * 64)),
        created_at=at,
        queued_at=at,
        ended_at=at,
    )
    began = time.perf_counter()
    pieces = getattr(writers, writer)(getattr(writers, columns)).write(job, results(rows))
    size = sum(map(len, pieces))
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, size / 1e6)


def main() -> int:
    """Measure each writer in a process of its own."""
    rows = int(sys.argv[1]) if sys.argv[1:] else ROWS
    worst = 0.0
    for writer in WRITERS:
        for columns in COLUMNS:
            child = [sys.executable, __file__, writer, columns, str(rows)]
            printed = subprocess.run(child, check=True, capture_output=True, text=True).stdout
            seconds, peak, size = map(float, printed.split())
            worst = max(worst, peak)
            told = f"{rows / seconds:>9,.0f} rows/s   peak {peak:4.0f} MB   file {size:7.1f} MB"
            print(f"{writer:<16}{columns:<6}{rows:>10,} rows {told}", flush=True)
    return 0 if worst < MOST_MEGABYTES else 1


if __name__ == "__main__":
    if len(sys.argv) > len(("script", "rows")):
        write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main())
