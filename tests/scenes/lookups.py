"""What tests of look-ups have in common: rows, a payer in memory, and a run through the row processor."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

from bulkclaims.interfaces import RunContext
from bulkclaims.records import REQUIRED_COLUMNS, Answer, Capabilities, ClaimStatus, Row

COLUMNS = (*REQUIRED_COLUMNS, "payer_id", "tin", "first_service_date")
ALMA = {
    "first_name": "Alma",
    "last_name": "Tester",
    "date_of_birth": "03/04/1972",
    "subscriber_id": "ZX12",
    "payer_id": "87726",
    "tin": "",
    "first_service_date": "",
}


def row(number, **cells):
    """A good row of a made-up patient."""
    cells = {"claim_number": f"C{number}", **ALMA, **cells}
    return Row(number, COLUMNS, tuple(cells[name] for name in COLUMNS))


def paid(number, **told):
    """What a payer says of a claim that it has paid."""
    return ClaimStatus("F1", payer_claim_number=number, **told)


class Payer:
    """A payer in memory: *says* gives what it says of a claim number, or raises it; None is a paid claim."""

    def __init__(self, says=lambda _: None, account="made-up", **capabilities):
        self.capabilities = Capabilities(account, **capabilities)
        self.says = says
        self.asked = []
        self.closed = 0

    async def inquire(self, inquiry):
        """Note it, and say what is scripted."""
        self.asked.append(inquiry.claim_number)
        said = self.says(inquiry)
        if asyncio.iscoroutine(said):
            said = await said
        await asyncio.sleep(0)
        if isinstance(said, Exception):
            raise said
        return Answer((paid(inquiry.claim_number),)) if said is None else said

    async def aclose(self):
        """Note it."""
        self.closed += 1


async def _nothing_recorded(_marks):
    return {}


def context(go_on=lambda: True, recorded=_nothing_recorded, **job):
    """A run of a job of the organisation ACME."""
    owner = SimpleNamespace(organisation=job.pop("organisation", "ACME"))
    queued_at = datetime(2026, 1, 5, tzinfo=UTC)
    about = {"id": "job", "defaults": {}, "waiting_until": None, "queued_at": queued_at, "total_rows": 0}
    return RunContext(SimpleNamespace(owner=owner, **about | job), b"salt", go_on, recorded)


async def results(processor, rows, run=None):
    """All results by row number, and what ended the run, if anything did."""
    found = {}
    try:
        async for batch in processor.process(rows, run or context()):
            for result in batch:
                assert result.row not in found
                found[result.row] = result
    except Exception as error:  # noqa: BLE001 -- given back, to be looked at
        return found, error
    return found, None
