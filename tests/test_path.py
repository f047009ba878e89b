"""The path whole: for any file, each input row stands in the results exactly once, in order."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkclaims.jobs import JobStatus, Owner, Settings
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
GOOD = "PCN1,ALMA,TESTER,03/04/1972,ZX1"
LINES = st.sampled_from([GOOD, "PCN2,BO,O'HARA,1/2/1990,ZX2", "PCN3,,TESTER,13/45/1972,", "", ",,,,", "PCN4,A,B"])


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=40), st.integers(1, 12), st.integers(1, 5), st.integers(1, 4))
def test_each_input_row_once_and_in_order(lines, chunk_rows, batch, window):
    """Whatever rows a file has, and however it is cut up, the results hold each of them once, in input order."""
    upload = io.BytesIO("\n".join([HEADER, GOOD, *lines]).encode())
    expected = [n for n, line in enumerate([GOOD, *lines], start=1) if line.strip(",")]
    dispatcher = RememberingDispatcher()
    with BulkClaims(
        MemoryRepository(),
        InstantProcessor(batch=batch),
        dispatcher=dispatcher,
        settings=Settings(chunk_rows=chunk_rows, window=window, sweep_seconds=None),
    ) as bulk:
        job = bulk.submit(upload, filename="claims.csv", owner=Owner("ACME"))
        dispatcher.deliver(bulk.run)
        ended = bulk.job("ACME", job.id)
        text = b"".join(bulk.results("ACME", job.id)).decode()

    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [int(row["row"]) for row in rows] == expected
    assert ended.status is JobStatus.COMPLETED
    assert ended.succeeded + ended.failed == ended.total_rows == len(expected)
    assert sum(row["success"] == "True" for row in rows) == ended.succeeded


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_guides_own_file(end):
    """The CSV of the user guide, as it stands there, becomes a results file of two answered rows."""
    guide = [
        "claim_number,first_name,last_name,date_of_birth,subscriber_id",
        "ZE59426195,CHANTAL,KISA,05/10/1975,057896633",
        "ZE59426196,JOHN,DOE,01/15/1980,123456789",
    ]
    with BulkClaims(MemoryRepository(), InstantProcessor()) as bulk:
        job = bulk.submit(io.BytesIO(end.join(guide).encode()), filename="claims.csv", owner=Owner("ACME"))
        bulk.wait("ACME", job.id, timeout=30)
        lines = b"".join(bulk.results("ACME", job.id)).decode().splitlines()

    assert lines[1:] == [
        "1,ZE59426195,Finalized,CHANTAL KISA,,,,True,",
        "2,ZE59426196,Finalized,JOHN DOE,,,,True,",
    ]
