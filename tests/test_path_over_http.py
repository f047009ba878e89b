"""The path whole, over real HTTP and into a real database: nothing lost, nothing told."""

from __future__ import annotations

import csv
import io
import logging

import httpx
import pytest

from bulkclaims.jobs import JobStatus, Owner
from bulkclaims.lookup import LookupProcessor, RetryPolicy, StediConnector, StediSettings
from bulkclaims.privacy import Secret
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.simulator import PayerSimulator
from bulkclaims_sqlalchemy import open_repository, upgrade

DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}


@pytest.fixture
def payer():
    """A simulated payer."""
    with PayerSimulator() as payer:
        yield payer


@pytest.fixture
def bulk(payer, tmp_path):
    """A service that asks it, with its jobs in SQLite."""
    database = f"sqlite:///{tmp_path}/jobs.db"
    upgrade(database)
    repository = open_repository(database)
    settings = StediSettings(
        organization_name="Sample Clinic PC", base_url=payer.url, api_key=Secret("try-me"), max_in_flight=100
    )
    retry = RetryPolicy(attempts=2, base_seconds=0.01, down_seconds=0.01)
    with BulkClaims(repository, LookupProcessor(StediConnector(settings), limiter=repository, retry=retry)) as bulk:
        yield bulk
    repository.close()


def run(bulk, upload):
    """Run a file and read its results."""
    job = bulk.submit(io.BytesIO(upload), filename="claims.csv", owner=Owner("ACME"), defaults=DEFAULTS)
    ended = bulk.wait("ACME", job.id, timeout=120)
    text = b"".join(bulk.results("ACME", job.id)).decode()
    return ended, list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.slow
def test_twenty_thousand_rows(bulk, payer):
    """Of 20,000 rows, 3 % bad, each stands in the results once, in order, and the payer is asked once for each."""
    upload = b"".join(claims_csv(20_000, bad_every=33, suffixes=("-PAID", "-PEND", "-NF")))
    claims = [line.split(",")[0] for line in upload.decode().splitlines()[1:]]

    ended, rows = run(bulk, upload)

    assert ended.status is JobStatus.COMPLETED
    assert [int(row["row"]) for row in rows] == list(range(1, 20_001))
    assert [row["claim_number"] for row in rows] == claims
    assert ended.refused == 20_000 // 33
    assert len(payer.requests) == len(set(payer.requests)) == 20_000 - ended.refused
    assert ended.succeeded == sum(row["success"] == "True" for row in rows)


def test_no_log_tells_of_a_patient(bulk, caplog):
    """Whatever goes wrong with a claim, no log at any level holds a cell of its row."""
    endings = ("PAID", "NF", "500", "503", "HTML", "999", "E0", "DROP", "SIMILAR")
    lines = [f"CANARY{n}-{ending},CANARYFIRST,CANARYLAST,03/04/1972,CANARY{n}" for n, ending in enumerate(endings)]
    lines += ["CANARY~,CANARYFIRST,,13/45/1972,CANARY"]
    header = "claim_number,first_name,last_name,date_of_birth,subscriber_id"

    with caplog.at_level(logging.DEBUG):
        ended, rows = run(bulk, "\n".join([header, *lines]).encode())

    assert (ended.status, len(rows)) == (JobStatus.COMPLETED, len(lines))
    assert "CANARY" not in caplog.text
    assert "03/04/1972" not in caplog.text
    assert "19720304" not in caplog.text
    assert "CANARY" not in repr(ended)


def test_a_refusal_that_names_a_patient_ends_the_job_without_the_name(caplog):
    """A 403 whose text names a patient: nothing of it is in any log, in the job's problem or in a results cell."""
    told = {
        "code": "FORBIDDEN",
        "message": "CANARYLAST, CANÁRYFIRST (member CANARY 1) and CANARYNEIGHBOUR are not covered",
    }

    def refuse(_request):
        return httpx.Response(403, json=told)

    connector = StediConnector(
        StediSettings(organization_name="Sample Clinic PC", api_key=Secret("try-me")),
        lambda: httpx.AsyncClient(transport=httpx.MockTransport(refuse)),
    )
    header = "claim_number,first_name,last_name,date_of_birth,subscriber_id"

    with caplog.at_level(logging.DEBUG), BulkClaims(MemoryRepository(), LookupProcessor(connector)) as bulk:
        ended, rows = run(bulk, f"{header}\nPCN1,CANARYFIRST,CANARYLAST,03/04/1972,CANARY1".encode())

    assert ended.status is JobStatus.FAILED
    assert ended.problem.endswith("[HTTP 403] [FORBIDDEN]")
    assert "FORBIDDEN" in caplog.text
    assert "CANAR" not in caplog.text + ended.problem + rows[0]["error"] + repr(ended)
