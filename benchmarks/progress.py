"""
What a look at progress costs, over HTTP within the process, for a job of 100 rows and for one of 1,000,000.

Fails when the large job's median is more than 1.5 times the small one's.
"""

from __future__ import annotations

import tempfile
import time
from http import HTTPStatus
from statistics import median
from typing import TYPE_CHECKING

from flask import Flask

from bulkclaims import BulkClaims, Settings
from bulkclaims.access import Principal, Role
from bulkclaims.jobs import NewChunk
from bulkclaims.records import SealedResult
from bulkclaims.testing.contracts.scenes import OURS, SUMMARY, new_job, take
from bulkclaims_flask import BulkClaims as Extension
from bulkclaims_sqlalchemy import open_repository, upgrade

if TYPE_CHECKING:
    from bulkclaims.jobs import Job
    from bulkclaims_sqlalchemy import SqlRepository

SIZES = (100, 1_000_000)
CHUNK = 250
LOOKS = 1000
ALLOWED = 1.5


class Everybody:
    """Lets anybody in: what is measured begins behind the door."""

    def authenticate(self, *_: object) -> Principal:
        """Say that it is one of ours."""
        return Principal(OURS, "bea", Role.READ)


class Nobody:
    """Runs nothing."""

    def dispatch(self, chunks: object) -> None:
        """Ring nowhere."""


def half_done_job(repository: SqlRepository, rows: int) -> Job:
    """Make a job of which every other chunk is answered."""
    chunk_rows = min(CHUNK, rows // 2)
    job_id = repository.begin(new_job())
    for number in range(rows // chunk_rows):
        repository.add(job_id, NewChunk(number, chunk_rows, b"rows"))
    job = repository.publish(job_id, SUMMARY)
    for number in range(0, rows // chunk_rows, 2):
        lease = take(repository, job, number)
        first = number * chunk_rows + 1
        answers = [
            SealedResult(first + n, success=True, status="Finalized", payload=b"x" * 200) for n in range(chunk_rows)
        ]
        repository.record(lease, answers)
    return job


def answer(row: int) -> SealedResult:
    """Make a payer's answer to a row."""
    return SealedResult(row, success=True, status="Finalized", payload=b"x" * 200)


def main() -> None:
    """Measure in turns and compare."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/jobs.db"
        upgrade(database)
        repository = open_repository(database)
        jobs = [half_done_job(repository, rows) for rows in SIZES]
        app = Flask(__name__)
        service = BulkClaims(repository, dispatcher=Nobody(), settings=Settings(sweep_seconds=None))
        Extension().init_app(app, service, authenticator=Everybody())
        client = app.test_client()
        times: dict[str, list[float]] = {job.id: [] for job in jobs}
        for _ in range(LOOKS):
            for job in jobs:
                began = time.perf_counter()
                answer = client.get(f"/api/v1/claims/csv-jobs/{job.id}/progress/")
                times[job.id].append(time.perf_counter() - began)
                if answer.status_code != HTTPStatus.OK:
                    raise SystemExit(answer.text)
        repository.close()
    middles = [median(times[job.id]) for job in jobs]
    for rows, middle in zip(SIZES, middles, strict=True):
        print(f"{rows:9,} rows   {middle * 1000:.2f} ms")
    print(f"ratio {middles[1] / middles[0]:.2f}   (at most {ALLOWED})")
    if middles[1] > ALLOWED * middles[0]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
