"""
Rows a second from file to results, beside a bare script with the same HTTP client, and beside httpx's own pool.

The bare script posts with httpx over the transport that the library chooses, and does nothing with the answer but parse
it. All three ask the same simulated payer, in a process of its own, with 50 ms latency and 100 look-ups in flight. Each
measurement is a fresh process; rounds are interleaved. Fails when the whole library reaches less than 0.8 of the bare
script, or less than 15 times httpx's own pool.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

IN_FLIGHT = 100
LATENCY = 0.05
ROUNDS = 3
ROWS = {"library": 10_000, "bare": 10_000, "httpx": 400}
TO_BARE, TO_HTTPX = 0.8, 15
KEY = "bench"
PATH = "/change/medicalnetwork/claimstatus/v2"


def body(number: int) -> dict[str, object]:
    """Write a request such as the library sends."""
    return {
        "tradingPartnerServiceId": "99999",
        "providers": [{"providerType": "BillingProvider", "organizationName": "Sample Clinic", "npi": "1999999984"}],
        "subscriber": {
            "memberId": f"ZX{number:08}", "firstName": "ALMA", "lastName": "TESTER", "dateOfBirth": "19720304",
        },
        "encounter": {"tradingPartnerClaimNumber": f"PCN{number:07}-PAID"},
    }  # fmt: skip


async def ask_barely(url: str, rows: int, *, stock: bool) -> float:
    """Ask with as many workers as may be in flight; return rows a second."""
    import httpx  # noqa: PLC0415 -- each measurement loads what it measures
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415

    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    transport = None if stock else AiohttpTransport(limits=limits)
    client = httpx.AsyncClient(transport=transport, limits=limits, timeout=60)
    numbers = iter(range(rows))

    async def work() -> None:
        for number in numbers:
            answer = await client.post(url + PATH, json=body(number), headers={"Authorization": KEY})
            json.loads(answer.content)

    async with client:
        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return rows / (time.perf_counter() - began)


def run_library(url: str, rows: int) -> float:
    """Run a file from its first byte to the results' last; return rows a second."""
    from bulkclaims import BulkClaims, Owner, Secret  # noqa: PLC0415
    from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings  # noqa: PLC0415
    from bulkclaims.testing.files import claims_csv  # noqa: PLC0415
    from bulkclaims_sqlalchemy import open_repository, upgrade  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        claims, results = Path(folder, "claims.csv"), Path(folder, "results.csv")
        with claims.open("wb") as file:
            file.writelines(claims_csv(rows, suffixes=("-PAID",)))
        database = f"sqlite:///{folder}/bench.db"
        upgrade(database)
        settings = StediSettings(
            organization_name="Sample Clinic", base_url=url, api_key=Secret(KEY), max_in_flight=IN_FLIGHT
        )
        repository = open_repository(database)
        with BulkClaims(repository, LookupProcessor(StediConnector(settings), limiter=repository)) as bulk:
            began = time.perf_counter()
            with claims.open("rb") as upload:
                job = bulk.submit(
                    upload,
                    filename="claims.csv",
                    owner=Owner("ACME"),
                    defaults={"payer_id": "99999", "npi": "1999999984"},
                )
            ended = bulk.wait("ACME", job.id)
            with results.open("wb") as file:
                file.writelines(bulk.results("ACME", job.id))
            seconds = time.perf_counter() - began
        if ended.succeeded != rows:
            raise SystemExit(f"{ended.failed} of {rows} rows failed: this is no measurement.")
    return rows / seconds


def measure(kind: str, url: str) -> float:
    """Measure one kind in a fresh process."""
    command = [sys.executable, __file__, "--only", kind, "--url", url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure all kinds in turn, or one of them for the process that asks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=ROWS)
    options.add_argument("--url")
    given = options.parse_args()
    # As `bulkclaims run` does in its process: what is imported stays, and short-lived objects need no early look.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    if given.only == "library":
        print(run_library(given.url, ROWS["library"]))
    elif given.only:
        print(asyncio.run(ask_barely(given.url, ROWS[given.only], stock=given.only == "httpx")))
    else:
        compare()


def compare() -> None:
    """Print medians and ratios."""
    command = ["bulkclaims.cli", "simulate-payer", "--port", "0", "--latency", str(LATENCY), "--api-key", KEY]
    payer = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)
    try:
        url = payer.stdout.readline().split()[1]
        speeds = {kind: [] for kind in ROWS}
        for _ in range(ROUNDS):
            for kind, measured in speeds.items():
                measured.append(measure(kind, url))
    finally:
        payer.terminate()
        payer.wait()
    middle = {kind: median(values) for kind, values in speeds.items()}
    for kind, values in speeds.items():
        print(f"{kind:8} {middle[kind]:7.0f} rows/s   (of {', '.join(f'{value:.0f}' for value in values)})")
    to_bare, to_httpx = middle["library"] / middle["bare"], middle["library"] / middle["httpx"]
    print(f"library / bare script   {to_bare:.2f}   (at least {TO_BARE})")
    print(f"library / httpx's pool  {to_httpx:.1f}   (at least {TO_HTTPX})")
    if to_bare < TO_BARE or to_httpx < TO_HTTPX:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
