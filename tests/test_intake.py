"""An upload becomes a job whole, or leaves nothing behind."""

from __future__ import annotations

import io

import pytest

from bulkclaims.errors import RepositoryUnavailable, UploadRejected, UploadSuperseded
from bulkclaims.intake import Intake
from bulkclaims.jobs import JobStatus, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.payloads import open_result, open_rows
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import UploadFacts

PLAIN = PlainCipher()


@pytest.fixture
def intake(repository):
    """An intake that cuts small chunks and lists few errors."""
    return Intake(CsvParser(), repository, PLAIN, Settings(chunk_rows=4, listed_errors=2))


def test_rows_are_stored_in_chunks_in_order(intake, repository, owner, claims):
    """Every row is stored once, in order, in chunks of the size set."""
    job = intake.submit(claims(10), "claims.csv", owner, {"payer_id": "99999"})

    chunks = [[row.number for row in open_rows(c.payload, PLAIN)] for c in repository.chunks("ACME", job.id)]

    assert chunks == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert (job.status, job.total_rows, job.processed) == (JobStatus.PENDING, 10, 0)
    assert job.defaults == {"payer_id": "99999"}
    assert job.filename == "claims.csv"
    assert job.upload.facts.size > 0


def test_bad_rows_are_failed_results_at_once(intake, repository, owner, claims):
    """A bad row has its result before any payer is asked; all errors are counted and the first ones listed."""
    job = intake.submit(claims(9, bad=(2, 5, 6)), "claims.csv", owner, {})

    refused = [open_result(r, PLAIN) for chunk in repository.chunks("ACME", job.id) for r in chunk.results]

    assert [(r.row, r.status, r.success) for r in refused] == [(n, "Error", False) for n in (2, 5, 6)]
    assert all(r.error.startswith("date_of_birth: ") for r in refused)
    assert [r.patient_name for r in refused] == ["ALMA TESTER"] * 3
    assert (job.failed, job.refused, job.upload.error_count) == (3, 3, 3)
    assert [error.row for error in job.upload.error_log] == [2, 5]


def test_a_file_of_bad_rows_alone_is_a_failed_job(intake, owner, claims):
    """With nothing to send the job has failed, and says why."""
    job = intake.submit(claims(3, bad=(1, 2, 3)), "claims.csv", owner, {})

    assert job.status is JobStatus.FAILED
    assert job.problem


def test_a_refused_file_leaves_nothing(intake, repository, owner):
    """A file refused at its first line is refused before a job exists."""
    with pytest.raises(UploadRejected):
        intake.submit(io.BytesIO(b"claim_number\nPCN1\n"), "claims.csv", owner, {})

    assert repository.purge(0, 0) == 0


def test_a_file_that_turns_bad_at_its_end_leaves_nothing(intake, repository, owner, claims):
    """Chunks already stored are dropped when the file's end turns out to be unusable."""
    upload = io.BytesIO(claims(10).read() + b"\nPCN,ALMA,\x00TESTER,03/04/1972,ZX1")

    with pytest.raises(UploadRejected):
        intake.submit(upload, "claims.csv", owner, {})

    assert repository.find("ACME").count == 0
    assert repository.purge(0, 0) == 0


def test_a_store_that_fails_leaves_nothing(intake, repository, owner, claims, monkeypatch):
    """When a chunk cannot be stored, those before it are dropped and the exception is passed on."""
    store = repository.add

    def fill(job_id, chunk):
        if chunk.number == 2:
            raise RepositoryUnavailable("The disk is full.")
        store(job_id, chunk)

    monkeypatch.setattr(repository, "add", fill)

    with pytest.raises(RepositoryUnavailable):
        intake.submit(claims(10), "claims.csv", owner, {})

    assert repository.purge(0, 0) == 0


def test_what_the_payer_needs_is_asked_for_at_once(repository, owner, claims):
    """A file that lacks what the payer needs is refused with all of it named, before anything is stored."""
    needs = (frozenset({"payer_id"}), frozenset({"npi", "tin"}))
    intake = Intake(CsvParser(), repository, PLAIN, needs=needs)

    with pytest.raises(UploadRejected, match="without payer_id, and npi or tin:") as refusal:
        intake.submit(claims(1), "claims.csv", owner, {"payer_id": ""})

    assert refusal.value.code == "missing_defaults"
    assert intake.submit(claims(1), "claims.csv", owner, {"payer_id": "60054", "tin": "123456789"}).total_rows == 1


def test_a_column_serves_as_well_as_a_default(repository, owner):
    """What the payer needs may come from the file."""
    intake = Intake(CsvParser(), repository, PLAIN, needs=(frozenset({"payer_id"}),))
    upload = io.BytesIO(
        b"claim_number,first_name,last_name,date_of_birth,subscriber_id,payer_id\nP1,ALMA,TESTER,03/04/1972,ZX1,99999\n"
    )

    assert intake.submit(upload, "claims.csv", owner, {}).total_rows == 1


def test_defaults_are_brought_to_the_form_of_cells(intake, owner, claims):
    """A default may be written in every way that a cell may, and is kept in the one form that look-ups read."""
    job = intake.submit(claims(1), "claims.csv", owner, {"first_service_date": "2026-01-31", "tin": "12-3456789"})

    assert job.defaults == {"first_service_date": "01/31/2026", "tin": "123456789"}


@pytest.mark.parametrize("defaults", [{"npi": "12"}, {"payer": "60054"}])
def test_a_default_that_no_cell_could_be_is_refused(intake, repository, owner, claims, defaults):
    """Submitted or only checked, the refusal names the column, blames no file, and nothing is read or stored."""
    upload = claims(1)
    for attempt in (
        lambda: intake.submit(upload, "claims.csv", owner, defaults),
        lambda: intake.check(upload, defaults),
    ):
        with pytest.raises(UploadRejected, match=f"The default for {next(iter(defaults))} cannot be used") as refusal:
            attempt()
        assert (refusal.value.code, refusal.value.at_fault) == ("bad_default", "request")
    assert upload.tell() == 0
    assert repository.purge(0, 0) == 0


def test_a_check_groups_counts_and_locates(intake, repository, claims):
    """A check counts every problem exactly, lists the first rows of each kind, and stores nothing."""
    report = intake.check(claims(12, bad=(2, 3, 5, 7, 8, 11)), {})

    assert (report.total_rows, report.bad_rows) == (12, 6)
    (problem,) = report.problems
    assert (problem.column, problem.count, problem.rows) == ("date_of_birth", 6, (2, 3, 5, 7, 8, 11))
    assert repository.purge(0, 0) == 0


def test_a_check_of_a_file_that_is_bad_throughout(intake, claims):
    """The count stays exact, and the rows that are listed stay a hundred."""
    (problem,) = intake.check(claims(150, bad=range(1, 151)), {}).problems

    assert (problem.count, problem.rows) == (150, tuple(range(1, 101)))


def test_a_parser_that_finds_no_rows_makes_no_job(repository, owner):
    """Also with a host's own parser, a file without rows is refused."""

    class NoRows:
        """A parser that never finds a row."""

        facts = UploadFacts("utf-8", ",", ("claim_number",), 0, "")

        def parse(self, upload):
            """Find nothing."""
            return self

        def __iter__(self):
            return iter(())

    with pytest.raises(UploadRejected, match="no rows"):
        Intake(NoRows(), repository, PLAIN).submit(io.BytesIO(), "claims.csv", owner, {})


def test_an_upload_given_up_meanwhile_is_told_so(intake, repository, owner, claims):
    """Cleared away, or begun anew under its key, it is no job that does not exist: it is to be sent again."""
    add = repository.add

    def add_and_clear_away(job_id, chunk):
        add(job_id, chunk)
        repository.purge(0, 0)

    repository.add = add_and_clear_away

    with pytest.raises(UploadSuperseded) as superseded:
        intake.submit(claims(9), "claims.csv", owner, {})
    assert superseded.value.retry_helps
