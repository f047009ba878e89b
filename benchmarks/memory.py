"""
Peak memory of a whole run, from 10,000 rows to 1,000,000.

File, parser, SQLite store, runner, look-up processor and results are the real ones; only the payer answers from memory,
so that a million rows take minutes and not a quarter of an hour. Each size is a fresh process. Fails when the large
run's peak is more than 10 % above the small one's.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

SIZES = (10_000, 1_000_000)
ALLOWED = 1.10


def run(rows: int) -> None:
    """Run a file of *rows* and print the peak in MiB and the seconds it took."""
    from bulkclaims import BulkClaims, CsvParser, Owner, Settings  # noqa: PLC0415
    from bulkclaims.lookup import LookupProcessor  # noqa: PLC0415
    from bulkclaims.records import Answer, Capabilities, ClaimInquiry, ClaimStatus  # noqa: PLC0415
    from bulkclaims.testing.files import claims_csv  # noqa: PLC0415
    from bulkclaims_sqlalchemy import open_repository, upgrade  # noqa: PLC0415 -- not in the process that compares

    class Payer:
        """Answers at once, from memory."""

        capabilities = Capabilities(account="memory", max_in_flight=100)

        async def inquire(self, inquiry: ClaimInquiry) -> Answer:
            """Say that the claim is paid."""
            number = inquiry.claim_number
            return Answer((ClaimStatus("F1", "65", payer_claim_number=number, total_charged=Decimal(100)),))

        async def aclose(self) -> None:
            """Hold nothing."""

    with tempfile.TemporaryDirectory() as folder:
        claims, results = Path(folder, "claims.csv"), Path(folder, "results.csv")
        with claims.open("wb") as file:
            file.writelines(claims_csv(rows))
        database = f"sqlite:///{folder}/bench.db"
        upgrade(database)
        began = time.perf_counter()
        with (
            BulkClaims(
                open_repository(database),
                LookupProcessor(Payer()),
                parser=CsvParser(max_bytes=None),
                settings=Settings(deadline_seconds=None),
            ) as bulk,
            claims.open("rb") as upload,
            results.open("wb") as file,
        ):
            job = bulk.submit(upload, filename="claims.csv", owner=Owner("ACME"))
            ended = bulk.wait("ACME", job.id)
            file.writelines(bulk.results("ACME", job.id))
        if ended.processed != rows:
            raise SystemExit(f"{ended.processed} of {rows} rows have a result: this is no measurement.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(peak, time.perf_counter() - began)


def main() -> None:
    """Measure each size in a process of its own and compare."""
    if sys.argv[1:]:
        run(int(sys.argv[1]))
        return
    peaks = []
    for rows in SIZES:
        done = subprocess.run([sys.executable, __file__, str(rows)], check=True, capture_output=True, text=True)
        peak, seconds = map(float, done.stdout.split())
        peaks.append(peak)
        print(f"{rows:9,} rows   peak {peak:6.1f} MiB   {rows / seconds:6.0f} rows/s")
    growth = peaks[-1] / peaks[0]
    print(f"growth {growth:.3f}   (at most {ALLOWED})")
    if growth > ALLOWED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
