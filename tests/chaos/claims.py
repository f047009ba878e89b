"""Made-up files of claims, and what an undisturbed run makes of them."""

from __future__ import annotations

import io

from bulkclaims import BulkClaims, MemoryRepository, Owner, Secret
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims.testing.simulator import PayerSimulator

CANARY = b"CANARY"
"""Stands in every cell of a row, in which nothing may stand that is not a row's."""
DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}
_HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
_ENDINGS = ("PAID", "PEND", "DENY", "NF")
_BAD_EVERY = 40


def claims_file(rows, name=""):
    """A file of claims that are all different; every 40th row has a date of birth that cannot be."""
    lines = [
        f"{name}CANARY{number:05}-{_ENDINGS[number % 4]},CANARYFIRST,CANARYLAST,"
        f"{'13/45/1972' if number % _BAD_EVERY == 0 else '03/04/1972'},CANARY{number:05}"
        for number in range(1, rows + 1)
    ]
    return "\n".join([_HEADER, *lines]).encode()


def claim_numbers(file):
    """The claim number of each row, in order."""
    return [line.split(",")[0] for line in file.decode().splitlines()[1:]]


def asked_of(file):
    """The claim numbers that a payer is to be asked for."""
    return {claim for number, claim in enumerate(claim_numbers(file), 1) if number % _BAD_EVERY}


def calm_results(file):
    """The results file of a run in one process in which nothing goes wrong: the payer always answers alike."""
    with PayerSimulator() as payer:
        settings = StediSettings(
            organization_name="Sample Clinic PC", base_url=payer.url, api_key=Secret("try-me"), max_in_flight=50
        )
        with BulkClaims(MemoryRepository(), LookupProcessor(StediConnector(settings))) as bulk:
            job = bulk.submit(io.BytesIO(file), filename="claims.csv", owner=Owner("ACME"), defaults=DEFAULTS)
            bulk.wait("ACME", job.id, timeout=60)
            return b"".join(bulk.results("ACME", job.id))
