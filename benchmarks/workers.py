"""
What more workers bring, and what they keep to: Celery workers on Valkey and PostgreSQL, as a host starts them.

The payer is the simulated one, in a process of its own; each worker is a process that runs one chunk at a time.
Measured are rows a second with one worker and with two, at 200 ms latency, and how many messages the broker saw; how a
job of 50 rows fares behind one of 50,000 of another organisation; and for a minute, how often four workers together ask
a payer that takes 50 requests a second. Fails when a goal is missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import celery

from bulkclaims import BulkClaims, Owner, Secret, Settings
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims.records import Rate
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.servers import postgresql, valkey
from bulkclaims_celery import CeleryDispatcher, register
from bulkclaims_sqlalchemy import open_repository, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}
MOST_MESSAGES = 1 / 100
LEAST_GROWTH = 1.5
SMALL, LARGE, MOST_SLOWER = 50, 50_000, 2.0
PER_SECOND, LEAST, MINUTE = 50, 45, 60

app = celery.Celery("workers", broker=os.environ.get("BROKER", "memory://"))


def hold(*, is_worker: bool) -> BulkClaims:
    """Make what a process of this host holds."""
    repository = open_repository(os.environ["DATABASE"])
    rate = Rate(float(os.environ["RATE"])) if "RATE" in os.environ else None
    settings = StediSettings(
        organization_name="Sample Clinic",
        base_url=os.environ["PAYER"],
        api_key=Secret("bench"),
        max_in_flight=int(os.environ["IN_FLIGHT"]),
        rate=rate,
    )
    processor = LookupProcessor(StediConnector(settings), limiter=repository) if is_worker else None
    return BulkClaims(repository, processor, dispatcher=CeleryDispatcher(app), settings=Settings(deadline_seconds=None))


if "BROKER" in os.environ:
    register(app, hold(is_worker=True))


@contextmanager
def payer(folder: Path, *options: str) -> Iterator[Path]:
    """Run the payer, name it in the environment, and give its log."""
    log = folder / "requests.jsonl"
    command = [sys.executable, "-m", "bulkclaims.cli", "simulate-payer", "--api-key", "bench", "--log", str(log)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        os.environ["PAYER"] = process.stdout.readline().split()[1]
        yield log
        process.terminate()


@contextmanager
def workers(count: int, broker: str) -> Iterator[None]:
    """Run as many workers until the end; they are ready once they are there."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "--app=workers",
        "worker",
        "--concurrency=1",
        "--loglevel=error",
    ]
    running = []
    with ExitStack() as ending:
        for number in range(count):
            process = subprocess.Popen(
                [*command, "--prefetch-multiplier=1", f"--hostname=bench{number}@%h"],
                cwd=Path(__file__).parent,
                env={**os.environ, "BROKER": broker},
            )
            running.append(process)
            ending.callback(process.wait)
            ending.callback(process.terminate)
        while len(app.control.ping(timeout=0.5) or []) < count:
            if any(process.poll() is not None for process in running):
                raise SystemExit("A worker ended before it was ready.")
        yield


def submit(bulk: BulkClaims, rows: int, organisation: str) -> str:
    """Upload a file of so many rows."""
    with tempfile.TemporaryFile() as file:
        file.writelines(claims_csv(rows, suffixes=("-PAID",)))
        file.seek(0)
        return bulk.submit(file, filename="claims.csv", owner=Owner(organisation), defaults=DEFAULTS).id


def seconds_for(bulk: BulkClaims, rows: int, organisation: str) -> float:
    """Measure a job from its upload to its end."""
    began = time.perf_counter()
    ended = bulk.wait(organisation, submit(bulk, rows, organisation))
    if ended.succeeded != rows:
        raise SystemExit(f"{ended.failed} of {rows} rows failed: this is no measurement.")
    return time.perf_counter() - began


def messages(broker: str) -> int:
    """Count what was put on queues so far."""
    with celery.Celery(broker=broker).connection() as connection:
        commands = connection.default_channel.client.info("commandstats")
    return commands.get("cmdstat_lpush", {}).get("calls", 0)


def measure_speed(broker: str, folder: Path, rows: int = 10_000) -> bool:
    """Print how rows a second grow with workers, and how many messages it takes."""
    os.environ["IN_FLIGHT"] = "100"
    speeds, shares = {}, {}
    with payer(folder, "--latency", "0.2"), hold(is_worker=False) as bulk:
        for count in (1, 2):
            with workers(count, broker):
                seconds_for(bulk, 500, "WARM")
                before = messages(broker)
                speeds[count] = rows / seconds_for(bulk, rows, "ACME")
                shares[count] = (messages(broker) - before) / rows
            told = f"{shares[count] * 100:.2f} messages for 100 rows (at most 1)"
            print(f"{count} workers   {speeds[count]:5.0f} rows/s   {told}")
    print(f"2 workers / 1 worker   {speeds[2] / speeds[1]:.2f}   (at least {LEAST_GROWTH})")
    return max(shares.values()) <= MOST_MESSAGES and speeds[2] >= LEAST_GROWTH * speeds[1]


def measure_fairness(broker: str, folder: Path) -> bool:
    """Print how long a small job takes alone, and behind a large one that has all workers, with default settings."""
    os.environ["IN_FLIGHT"] = "10"
    with payer(folder, "--latency", "0.2"), hold(is_worker=False) as bulk, workers(2, broker):
        seconds_for(bulk, 500, "WARM")
        alone = median(seconds_for(bulk, SMALL, "SMALL") for _ in range(3))
        large = submit(bulk, LARGE, "LARGE")
        behind = [seconds_for(bulk, SMALL, "SMALL") for _ in range(5)]
        bulk.cancel("LARGE", large)
    told = ", ".join(f"{seconds:.2f}" for seconds in behind)
    print(f"{SMALL} rows alone {alone:.2f} s, behind {LARGE:,} rows {told} s   (at most {MOST_SLOWER} times)")
    return max(behind) <= MOST_SLOWER * alone


def measure_rate(broker: str, folder: Path) -> bool:
    """Print how often four workers together ask in the busiest second, and on average over a minute."""
    os.environ |= {"RATE": str(PER_SECOND), "IN_FLIGHT": "100"}
    with payer(folder, "--latency", "0.2") as log, hold(is_worker=False) as bulk, workers(4, broker):
        job = submit(bulk, PER_SECOND * (MINUTE + 20), "ACME")
        while log.stat().st_size == 0:
            time.sleep(0.01)
        time.sleep(MINUTE + 1)
        bulk.cancel("ACME", job)
    del os.environ["RATE"]
    moments = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    moments = [moment for moment in moments if moment <= moments[0] + MINUTE]
    busiest = max(bisect_left(moments, moment + 1) - number for number, moment in enumerate(moments))
    average = len(moments) / MINUTE
    print(f"4 workers at {PER_SECOND}/s   busiest second {busiest}, on average {average:.1f}   (at least {LEAST})")
    return busiest <= PER_SECOND and average >= LEAST


def main() -> None:
    """Measure all three."""
    named = {"speed": measure_speed, "fairness": measure_fairness, "rate": measure_rate}
    good = []
    with postgresql() as database, valkey() as broker:
        os.environ["DATABASE"] = database
        upgrade(database)
        app.conf.broker_url = broker
        for name in sys.argv[1:] or named:
            with tempfile.TemporaryDirectory() as folder:
                good.append(named[name](broker, Path(folder)))
    if not all(good):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
