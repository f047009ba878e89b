"""
Twenty uploads of 10 MB at once into one web process, while a worker records on the same SQLite file.

Measured for each host: Flask with `bulkclaims_sqlalchemy`, Django with its own repository. The web process is gunicorn
with threads; the worker is a process of its own that leases chunks of a job and records answers in small batches all
the while, through the same kind of repository. Fails when an upload is not answered 201, when the web process grows by
100 MB or more, or when a single recording waits longer than a second. Names of hosts as arguments measure these alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UPLOADS = 20
MEGABYTE = 1024 * 1024
ALLOWED_GROWTH, ALLOWED_WAIT = 100.0, 1.0
BATCH, PAUSE = 20, 0.02
PREFIX = "/api/v1/claims/"


class Nobody:
    """Takes chunks for workers elsewhere."""

    def dispatch(self, chunks: object) -> None:
        """Ring nowhere: the worker of this measurement looks by itself."""


def flask_store(file: str) -> Any:  # noqa: ANN401 -- a repository that keeps tokens, too
    """Open the SQLite file as a host on Flask does; it has all tables then."""
    from bulkclaims_sqlalchemy import open_repository, upgrade  # noqa: PLC0415 -- a process has one host alone

    upgrade(f"sqlite:///{file}")
    return open_repository(f"sqlite:///{file}")


def flask_app() -> Any:  # noqa: ANN401 -- gunicorn's affair
    """Make the web process's application; gunicorn calls this."""
    from flask import Flask  # noqa: PLC0415

    from bulkclaims import BulkClaims, Settings  # noqa: PLC0415
    from bulkclaims_flask import BulkClaims as Extension  # noqa: PLC0415

    repository, app = flask_store(os.environ["DATABASE"]), Flask(__name__)
    service = BulkClaims(repository, dispatcher=Nobody(), settings=Settings(sweep_seconds=None))
    Extension().init_app(app, service, tokens=repository)
    return app


def django_store(file: str) -> Any:  # noqa: ANN401
    """Set the process up for a project with the settings of the how-to page, and make the tables."""
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    options = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options, "CONN_MAX_AGE": 60}
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        BULKCLAIMS={"DISPATCHER": Nobody, "JOBS": {"sweep_seconds": None}},
        DATABASES={"default": database},
        INSTALLED_APPS=["bulkclaims_django"],
        SECRET_KEY="made-up",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from bulkclaims_django.service import repository  # noqa: PLC0415 -- needs Django set up

    return repository()


def django_app() -> Any:  # noqa: ANN401
    """Make the web process's application; gunicorn calls this."""
    django_store(os.environ["DATABASE"])
    from django.conf import settings  # noqa: PLC0415
    from django.core.handlers.wsgi import WSGIHandler  # noqa: PLC0415
    from django.urls import include, path  # noqa: PLC0415

    settings.ROOT_URLCONF = (path(PREFIX[1:], include("bulkclaims_django.urls")),)
    return WSGIHandler()


STORES: dict[str, Callable[[str], Any]] = {"flask": flask_store, "django": django_store}


def work(host: str, database: str) -> None:
    """Record answers until told to stop; print the longest and the median wait in seconds, and how many there were."""
    from bulkclaims.jobs import NewChunk  # noqa: PLC0415
    from bulkclaims.records import SealedResult  # noqa: PLC0415
    from bulkclaims.testing.contracts.scenes import SUMMARY, new_job, take  # noqa: PLC0415

    repository = STORES[host](database)
    job_id = repository.begin(new_job())
    repository.add(job_id, NewChunk(0, 10_000_000, b"rows"))
    lease = take(repository, repository.publish(job_id, SUMMARY))
    waits, row, over = [], 0, threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print("working", flush=True)
    while not over.wait(PAUSE):
        results = [
            SealedResult(row + n, success=True, status="Finalized", payload=b"x" * 200) for n in range(1, BATCH + 1)
        ]
        row += BATCH
        began = time.perf_counter()
        repository.record(lease, results)
        waits.append(time.perf_counter() - began)
    print(max(waits), sorted(waits)[len(waits) // 2], len(waits))


def issue(host: str, database: str) -> None:
    """Print a token for uploads."""
    from bulkclaims.access import Role  # noqa: PLC0415
    from bulkclaims.web.tokens import issue_token  # noqa: PLC0415

    now = datetime.now(UTC)
    made = issue_token(STORES[host](database), organisation="ACME", user="", role=Role.SUBMIT, lifetime=None, now=now)
    print(made.text)


@contextmanager
def web(host: str, database: str, folder: str) -> Iterator[tuple[str, int]]:
    """Run gunicorn; gives its address and its worker's process id."""
    command = ["gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", str(UPLOADS + 4), "--timeout"]
    command += ["600", "--bind", "127.0.0.1:0", "--chdir", str(Path(__file__).parent), f"uploads:{host}_app()"]
    log = Path(folder, "gunicorn.log")
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", *command], env={**os.environ, "DATABASE": database}, stderr=file, stdout=file
        )
    try:
        while not (booted := re.search(r"Booting worker with pid: (\d+)", log.read_text())):
            time.sleep(0.05)
        yield re.findall(r"Listening at: (\S+)", log.read_text())[0], int(booted[1])
    finally:
        server.terminate()
        server.wait()


@contextmanager
def worker(host: str, database: str) -> Iterator[list[float]]:
    """Run the worker; fills the list with what it says at its end."""
    told: list[float] = []
    with subprocess.Popen(
        [sys.executable, __file__, "--work", host, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        yield told
        told += map(float, process.communicate()[0].split())


def peak(pid: int) -> float:
    """Most memory that a process has had so far, in MB."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def upload(url: str, token: str, file: Path) -> int:
    """Send a file and return the status."""
    command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "-H", f"Authorization: Bearer {token}"]
    return int(said([*command, "-F", f"file=@{file}", f"{url}{PREFIX}bulk/upload/"]))


def said(command: list[str]) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def write_files(folder: str) -> tuple[Path, Path]:
    """Write a file of a few claims and one of nearly 10 MB."""
    from bulkclaims.testing.files import claims_csv  # noqa: PLC0415

    small, large = Path(folder, "small.csv"), Path(folder, "claims.csv")
    small.write_bytes(b"".join(claims_csv(10)))
    with large.open("wb") as out:
        for piece in claims_csv(10**7):
            if out.tell() + len(piece) > 10 * MEGABYTE:
                break
            out.write(piece)
    return small, large


def measure(host: str, folder: str) -> bool:
    """Measure a host once, print a line, and say whether all is as it should be."""
    database = f"{folder}/jobs.db"
    small, large = write_files(folder)
    token = said([sys.executable, __file__, "--issue", host, database])
    with (
        web(host, database, folder) as (url, pid),
        worker(host, database) as told,
        ThreadPoolExecutor(UPLOADS) as clients,
    ):
        upload(url, token, small)
        before, began = peak(pid), time.perf_counter()
        statuses = set(clients.map(lambda _: upload(url, token, large), range(UPLOADS)))
        seconds, growth = time.perf_counter() - began, peak(pid) - before
    longest, middle, count = told
    print(
        f"{host:6}  {UPLOADS} uploads of {large.stat().st_size / MEGABYTE:.1f} MB in {seconds:.0f} s, answered "
        f"{statuses}; web process grows by {growth:.0f} MB (less than {ALLOWED_GROWTH:.0f}); longest of {count:.0f} "
        f"recordings {longest:.2f} s (at most {ALLOWED_WAIT:.0f}), median {middle * 1000:.0f} ms",
        flush=True,
    )
    return statuses == {201} and growth < ALLOWED_GROWTH and longest <= ALLOWED_WAIT


def main() -> None:
    """Measure, or be the worker that is measured."""
    parts = {"--work": work, "--issue": issue}
    if (part := parts.get("".join(sys.argv[1:2]))) is not None:
        part(*sys.argv[2:])
        return
    fine = []
    for host in sys.argv[1:] or STORES:
        with tempfile.TemporaryDirectory() as folder:
            fine.append(measure(host, folder))
    if not all(fine):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
