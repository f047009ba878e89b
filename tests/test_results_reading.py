"""Every input row stands in the results exactly once, in order, however the job ended."""

from __future__ import annotations

import csv
import io

import pytest

from bulkclaims.dispatch import Doorbell
from bulkclaims.errors import JobNotFound, NotNow
from bulkclaims.event_loop import EventLoopThread
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Chunk, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.results import Results, RowCursor
from bulkclaims.runner import ChunkRunner
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.writers import CsvWriter

PLAIN = PlainCipher()
SETTINGS = Settings(chunk_rows=4)


@pytest.fixture
def results(repository):
    """What is under test."""
    return Results(repository, PLAIN)


@pytest.fixture
def job(repository, owner, claims):
    """A job of ten rows in three chunks, rows 2 and 9 refused, of which only the second chunk has run."""
    job = Intake(CsvParser(), repository, PLAIN, SETTINGS).submit(claims(10, bad=(2, 9)), "claims.csv", owner, Told())
    loop = EventLoopThread()
    doorbell = Doorbell(repository, RememberingDispatcher(), SETTINGS)
    ChunkRunner(repository, InstantProcessor(), PLAIN, doorbell, SETTINGS, loop).run(Chunk(job.id, 1))
    loop.close()
    return job


def test_rows_come_in_input_order_whatever_ran_first(results, job):
    """The order is the file's, not that of the answers."""
    rows = list(results.rows("ACME", job.id))

    assert [row.row for row in rows] == list(range(1, 11))
    assert [row.row for row in rows if row.success] == [5, 6, 7, 8]


def test_a_running_job_has_no_file_unless_a_partial_one_is_wanted(results, job):
    """A file that looks whole and is not would mislead; asked for as partial, its open rows say so."""
    with pytest.raises(NotNow, match="PROCESSING"):
        results.file("ACME", job.id, CsvWriter())

    text = b"".join(results.file("ACME", job.id, CsvWriter(), partial=True)).decode()
    lines = list(csv.DictReader(io.StringIO(text, newline="")))

    assert [line["row"] for line in lines] == [str(n) for n in range(1, 11)]
    assert lines[0]["error"].startswith("Not asked yet")
    assert lines[1]["error"].startswith("date_of_birth")


def test_a_file_of_failures_leaves_out_what_succeeded(results, job):
    """Refused rows and those that nobody has asked for yet are no successes."""
    text = b"".join(results.file("ACME", job.id, CsvWriter(), partial=True, failed=True)).decode()

    rows = [line["row"] for line in csv.DictReader(io.StringIO(text, newline=""))]
    assert rows == ["1", "2", "3", "4", "9", "10"]


def test_rows_never_asked_say_why_after_a_cancel(repository, results, job):
    """A cancelled job's open rows are errors that say so, and do not count as processed."""
    repository.cancel("ACME", job.id)
    ended = repository.settle(job.id)

    errors = {row.row: row.error for row in results.rows("ACME", job.id) if row.row not in {2, 9} and not row.success}

    assert set(errors) == {1, 3, 4, 10}
    assert set(errors.values()) == {"Not asked: the job was cancelled before this row's turn."}
    assert ended.processed == 6


def test_rows_never_asked_say_why_after_a_failure(repository, results, job):
    """A failed job's open rows repeat the job's one sentence."""
    repository.fail(job.id, "The payer refuses our key.")

    first = next(results.rows("ACME", job.id))

    assert (first.claim_number, first.patient_name, first.status) == ("PCN000001", "ALMA TESTER", "Error")
    assert first.error == "Not asked: The payer refuses our key."


@pytest.mark.parametrize("read", ["rows", "file"])
def test_another_organisation_sees_nothing(results, job, read):
    """Another organisation's job does not exist, before anything is yielded."""
    arguments = (CsvWriter(),) if read == "file" else ()

    with pytest.raises(JobNotFound):
        getattr(results, read)("OTHER", job.id, *arguments)


def test_a_page_opens_only_what_it_shows(repository, job):
    """Of a large job little is deciphered for a few rows: a chunk's payload, and the results that fit."""
    opened = []

    class Counting(PlainCipher):
        def open(self, sealed):
            opened.append(sealed)
            return sealed

    after_row_six = RowCursor(chunk=1, row=6)
    page = Results(repository, Counting()).page("ACME", job.id, after_row_six, 10, lambda success, _: success)

    assert [row.row for row in page.rows] == [7, 8]
    payloads = [chunk.payload for chunk in repository.chunks("ACME", job.id, 1)]
    assert len([sealed for sealed in opened if sealed not in payloads]) == 2
