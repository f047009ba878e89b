"""The path whole: for any file, each input row stands in the results exactly once, in order."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkclaims.errors import QuotaSpent, UploadRejected
from bulkclaims.jobs import JobStatus, Owner, Settings
from bulkclaims.lookup import LookupProcessor
from bulkclaims.records import Answer, Capabilities, ClaimStatus, Rate
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


CELLS = st.text("ALMÄß' ,;|-", min_size=1, max_size=8).filter(lambda text: text.strip(" ,;|\t-'"))
NOTES = st.text('ab,;|\t"\r\n ', max_size=8)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, NOTES), min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1252"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_a_file_is_written_like(rows, delimiter, end, encoding, quoting):
    """Every delimiter, line end, encoding and manner of quoting, with notes that hold all of them, brings every row."""
    text = io.StringIO(newline="")
    # Line ends that it does not write itself csv leaves unquoted.
    quoting = quoting if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow([*HEADER.split(","), "note"])
    for number, (name, note) in enumerate(rows):
        writer.writerow([f"PCN{number}", name, "TESTER", "03/04/1972", f"ZX{number}", note])

    results = results_of(text.getvalue().encode(encoding))

    assert [(row["claim_number"], row["success"]) for row in results] == [(f"PCN{n}", "True") for n in range(len(rows))]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), max_size=2), min_size=1, max_size=12))
def test_stray_quotes_cost_no_other_row(places):
    """Whatever quotes stand astray on some lines, every other line is a row, under its own number, and is asked."""
    lines = []
    for number, at in enumerate(places):
        line = f"PCN{number:02},ALMA,TESTER,03/04/1972,ZX{number:02}"
        lines.append("".join('"' * (index in at) + letter for index, letter in enumerate(line)))
    try:
        results = results_of("\n".join([HEADER, *lines, ""]).encode())
    except UploadRejected:
        return  # the last quote is never closed
    answered = {int(row["row"]): row["claim_number"] for row in results if row["success"] == "True"}
    assert [int(row["row"]) for row in results] == list(range(1, len(lines) + 1))
    assert all(answered[number] == f"PCN{number - 1:02}" for number, at in enumerate(places, 1) if not at)


def results_of(file):
    """Run a file through everything, and read what comes out."""
    with BulkClaims(MemoryRepository(), InstantProcessor()) as bulk:
        job = bulk.submit(io.BytesIO(file), filename="claims.csv", owner=Owner("ACME"))
        bulk.wait("ACME", job.id, timeout=30)
        return list(csv.DictReader(io.StringIO(b"".join(bulk.results("ACME", job.id)).decode(), newline="")))


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


class Spending(MemoryRepository):
    """Tells when two look-ups have found the day's budget spent, and when a reason to fail is noted."""

    def __init__(self, clock, spent, noted):
        super().__init__(now=lambda: clock[-1])
        self._spent, self._noted = spent, noted
        self._refused = 0

    def reserve(self, account, count, rate):
        """As ever."""
        try:
            return super().reserve(account, count, rate)
        except QuotaSpent:
            self._refused += count == 1
            if self._refused == 2:
                self._spent()
            raise

    def fail(self, job_id, problem):
        """As ever."""
        job = super().fail(job_id, problem)
        self._noted(job)
        return job


class Slow:
    """
    A payer with ten look-ups a day, whose first answers take as long as they can.

    Those of the chunk that was asked first come when another chunk has noted that the job cannot go on, and those of
    that other one when two of its look-ups have found the budget spent: all ten are in flight by then.
    """

    def __init__(self):
        self.capabilities = Capabilities("the account", max_in_flight=20, rate=Rate(1000, per_day=10))
        self.asked = []
        self.found_spent, self.noted = asyncio.Event(), asyncio.Event()
        self.loop = None

    async def inquire(self, inquiry):
        """Answer in time."""
        self.loop = asyncio.get_running_loop()
        self.asked.append(inquiry.claim_number)
        await (self.noted if chunk_of(inquiry.claim_number) == chunk_of(self.asked[0]) else self.found_spent).wait()
        return Answer((ClaimStatus("F1", payer_claim_number=inquiry.claim_number),))

    def tell(self, event):
        """Let those go on who wait for it."""
        self.loop.call_soon_threadsafe(event.set)

    async def aclose(self):
        """Nothing is held."""


CHUNK_ROWS = 8


def chunk_of(claim_number):
    """Which chunk a row is of, by its number."""
    return (int(claim_number.removeprefix("PCN")) - 1) // CHUNK_ROWS


def test_a_job_larger_than_the_days_budget_takes_days_and_loses_nothing(claims):
    """Each run asks what the day allows and keeps all of it, though two chunks are under way when the budget ends."""
    clock, payer, standing = [1_800_000_000.0], Slow(), []

    def noted(job):
        standing.append(job.status)
        payer.tell(payer.noted)

    repository = Spending(clock, lambda: payer.tell(payer.found_spent), noted)
    settings = Settings(chunk_rows=CHUNK_ROWS, window=2, sweep_seconds=None)

    with BulkClaims(repository, LookupProcessor(payer, limiter=repository), settings=settings) as bulk:

        def ended(job):
            job = bulk.wait("ACME", job.id, timeout=30)
            succeeded = sum(row.success for row in bulk.rows("ACME", job.id))
            assert succeeded == job.succeeded == job.processed == len(payer.asked) == len(set(payer.asked))
            return job.status, job.succeeded, job.problem

        job = bulk.submit(claims(30), filename="claims.csv", owner=Owner("ACME"))
        first = ended(job)
        chunks = Counter(chunk_of(number) for number in payer.asked)
        same_day = ended(bulk.retry("ACME", job.id))
        clock.append(clock[-1] + 86_400)
        second = ended(bulk.retry("ACME", job.id))
        clock.append(clock[-1] + 86_400)
        third = ended(bulk.retry("ACME", job.id))

    spent = "Today's budget of 10 look-ups at the account is used up; retry tomorrow."
    assert first == same_day == (JobStatus.FAILED, 10, spent)
    assert second == (JobStatus.FAILED, 20, spent)
    assert third == (JobStatus.COMPLETED, 30, "")
    assert sorted(chunks.values()) == [2, 8]
    assert standing[0] is JobStatus.PROCESSING
