"""An upload becomes a job whole, or leaves nothing behind."""

from __future__ import annotations

import io
from datetime import date, datetime

import pytest
from xlsxwriter import Workbook

from bulkclaims.errors import KeyReused, RepositoryUnavailable, UploadRejected, UploadSuperseded
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import JobStatus, PayerPlan, Settings
from bulkclaims.parsing import CsvParser, UploadParser
from bulkclaims.payloads import open_result, open_rows
from bulkclaims.planning import HEADROOM
from bulkclaims.planning.needs import _months_before
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import REQUIRED_COLUMNS, Capabilities, Layout, Rate, UploadFacts

PLAIN = PlainCipher()


@pytest.fixture
def intake(repository):
    """An intake that cuts small chunks and lists few errors."""
    return Intake(CsvParser(), repository, PLAIN, Settings(chunk_rows=4, listed_errors=2))


def test_rows_are_stored_in_chunks_in_order(intake, repository, owner, claims):
    """Every row is stored once, in order, in chunks of the size set."""
    job = intake.submit(claims(10), "claims.csv", owner, Told({"payer_id": "99999"}))

    chunks = [[row.number for row in open_rows(c.payload, PLAIN)] for c in repository.chunks("ACME", job.id)]

    assert chunks == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert (job.status, job.total_rows, job.processed) == (JobStatus.PENDING, 10, 0)
    assert job.defaults == {"payer_id": "99999"}
    assert job.filename == "claims.csv"
    assert job.upload.facts.size > 0


def test_bad_rows_are_failed_results_at_once(intake, repository, owner, claims):
    """A bad row has its result before any payer is asked; all errors are counted and the first ones listed."""
    job = intake.submit(claims(9, bad=(2, 5, 6)), "claims.csv", owner, Told())

    refused = [open_result(r, PLAIN) for chunk in repository.chunks("ACME", job.id) for r in chunk.results]

    assert [(r.row, r.status, r.success) for r in refused] == [(n, "Error", False) for n in (2, 5, 6)]
    assert all(r.error.startswith("date_of_birth: ") for r in refused)
    assert [r.patient_name for r in refused] == ["ALMA TESTER"] * 3
    assert {r.next_action for r in refused} == {"Correct the row and upload it again."}
    assert (job.failed, job.refused, job.upload.error_count) == (3, 3, 3)
    assert [error.row for error in job.upload.error_log] == [2, 5]


def test_a_file_of_bad_rows_alone_is_a_failed_job(intake, owner, claims):
    """With nothing to send the job has failed, and says why."""
    job = intake.submit(claims(3, bad=(1, 2, 3)), "claims.csv", owner, Told())

    assert job.status is JobStatus.FAILED
    assert job.problem


def test_a_refused_file_leaves_nothing(intake, repository, owner):
    """A file refused at its first line is refused before a job exists."""
    with pytest.raises(UploadRejected):
        intake.submit(io.BytesIO(b"claim_number\nPCN1\n"), "claims.csv", owner, Told())

    assert repository.purge(0, 0) == 0


def test_a_file_that_turns_bad_at_its_end_leaves_nothing(intake, repository, owner, claims):
    """Chunks already stored are dropped when the file's end turns out to be unusable."""
    upload = io.BytesIO(claims(10).read() + b"\nPCN,ALMA,\x00TESTER,03/04/1972,ZX1")

    with pytest.raises(UploadRejected):
        intake.submit(upload, "claims.csv", owner, Told())

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
        intake.submit(claims(10), "claims.csv", owner, Told())

    assert repository.purge(0, 0) == 0


@pytest.mark.parametrize(
    ("columns", "is_same"),
    [({"Ref": "patient_account_number"}, True), ({"REF": "patient_account_number"}, True), ({}, False)],
)
def test_an_upload_sent_again_is_read_as_before(intake, owner, columns, is_same):
    """Under its key; a file whose columns are others is another one."""
    file = b"claim_number,first_name,last_name,date_of_birth,subscriber_id,Ref\nPCN1,ALMA,TESTER,03/04/1972,ZX1,R1\n"

    def submit(columns):
        told = Told(key="march", layout=Layout(columns))
        return intake.submit(io.BytesIO(file), "claims.csv", owner, told).id

    job_id = submit({"Ref": "patient_account_number"})
    if is_same:
        assert submit(columns) == job_id
    else:
        with pytest.raises(KeyReused):
            submit(columns)


def test_a_sheet_sent_again_is_the_same_one(repository, owner, tmp_path):
    """Two sheets with the same columns make two jobs."""
    intake = Intake(UploadParser(), repository, PLAIN)
    book = Workbook(tmp_path / "claims.xlsx")
    for name in ("March", "April"):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, REQUIRED_COLUMNS)
        sheet.write_row(1, 0, ["PCN1", "ALMA", "TESTER", "03/04/1972", "ZX1"])
    book.close()

    def submit(sheet):
        with (tmp_path / "claims.xlsx").open("rb") as upload:
            return intake.submit(upload, "claims.xlsx", owner, Told(key="spring", layout=Layout(sheet=sheet))).id

    assert submit("March") == submit("") == submit("March")
    with pytest.raises(KeyReused):
        submit("April")


class TestNeeds:
    """What payers need of a row is said at upload, before anything is asked."""

    CLINIC = Capabilities("clinic", needs=(frozenset({"payer_id"}), frozenset({"npi", "tin"})), lookback_months=24)

    def intake(self, repository, **payers):
        """An intake that knows some payers by id; all by "any"."""
        return Intake(
            CsvParser(), repository, PLAIN, payers=lambda payer_id: payers.get(f"p{payer_id}", payers.get("any"))
        )

    def errors(self, repository, header, *rows, defaults=None, **payers):
        """Check a file; gives column, code and rows of each problem."""
        required = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
        lines = [f"PCN{number},ALMA,TESTER,03/04/1972,ZX1,{row}" for number, row in enumerate(rows)]
        file = "\n".join([f"{required},{header}", *lines]).encode()
        report = self.intake(repository, **payers).check(io.BytesIO(file), defaults or {})
        return {(problem.column, problem.code, problem.rows) for problem in report.problems}

    def test_a_file_that_lacks_all_of_it_is_refused(self, repository, owner, claims):
        """All of it is named, and nothing is stored."""
        intake = self.intake(repository, any=self.CLINIC)
        with pytest.raises(UploadRejected, match="without NPI or TIN, and payer_id:") as refusal:
            intake.submit(claims(1), "claims.csv", owner, Told({"payer_id": ""}))

        assert refusal.value.code == "missing_defaults"
        assert (
            intake.submit(claims(1), "claims.csv", owner, Told({"payer_id": "60054", "tin": "123456789"})).total_rows
            == 1
        )

    def test_a_column_serves_as_well_as_a_default(self, repository):
        """A row that leaves it blank is told so."""
        assert self.errors(repository, "payer_id,npi", "60054,1999999984", ",", any=self.CLINIC) == {
            ("payer_id", "needed_by_payer", (2,)),
            ("npi", "needed_by_payer", (2,)),
        }
        assert not self.errors(repository, "npi", "1999999984", defaults={"payer_id": "60054"}, any=self.CLINIC)

    def test_each_payer_has_needs_of_its_own(self, repository):
        """A column is missed only by rows whose payer needs it; a payer that nobody knows is the row's fault."""
        simple = Capabilities("simple")
        found = self.errors(repository, "payer_id", "60054", "11111", "99999", p60054=self.CLINIC, p11111=simple)
        assert found == {("npi", "needed_by_payer", (1,)), ("payer_id", "unknown_payer", (3,))}

    def test_a_file_that_nobody_answers_for_is_refused(self, repository, owner, claims):
        """Neither a column nor a default says whose it is."""
        with pytest.raises(UploadRejected, match="No payer is set up"):
            self.intake(repository).submit(claims(1), "claims.csv", owner, Told())

    def test_what_the_payer_has_forgotten_is_not_asked_for(self, repository):
        """The latest day of service counts; a row that is bad anyway is not told twice."""
        needs = {"payer_id": "60054", "npi": "1999999984"}
        today = f"{datetime.now():%m/%d/%Y}"  # noqa: DTZ005 -- as the parser has it
        found = self.errors(
            repository,
            "first_service_date,last_service_date",
            "01/02/2020,01/03/2020",
            f"01/02/2020,{today}",
            "01/02/2020,",
            "01/02/2020,never",
            ",",
            defaults=needs,
            any=self.CLINIC,
        )
        old = {(column, rows) for column, code, rows in found if code == "too_old_for_payer"}
        assert old == {("last_service_date", (1,)), ("first_service_date", (3,))}

    @pytest.mark.parametrize(
        ("day", "months", "before"),
        [
            (date(2026, 11, 26), 24, date(2024, 11, 26)),
            (date(2026, 3, 31), 1, date(2026, 3, 1)),
            (date(2026, 1, 31), 2, date(2025, 12, 1)),
            (date(2024, 2, 29), 12, date(2023, 3, 1)),
            (date(2026, 12, 31), 12, date(2025, 12, 31)),
        ],
    )
    def test_months_back(self, day, months, before):
        """The same day of that month, or the first of the next one where it has no such day."""
        assert _months_before(day, months) == before


class TestPlan:
    """How many requests a file will take."""

    def plan(self, repository, rows, header="", defaults=None, **can):
        """What a file of these rows comes to."""
        capabilities = Capabilities("clinic", **can)
        intake = Intake(CsvParser(), repository, PLAIN, payers=lambda _: capabilities)
        required = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
        lines = [f"PCN{number},ALMA,TESTER,03/04/1972,ZX1,{row}" for number, row in enumerate(rows)]
        file = "\n".join([f"{required},{header or 'note'}", *lines]).encode()
        (plan,) = intake.check(io.BytesIO(file), defaults or {}).plan
        return plan

    def test_row_by_row(self, repository):
        """Without windows a request for each good row, at the rate and within the budget of a day."""
        plan = self.plan(repository, ["x"] * 100, rate=Rate(10, 40))
        assert (plan.calls, plan.most_calls, plan.searches, plan.days) == (100, 100, 0, 3)
        assert plan.seconds == pytest.approx(100 / 10 / HEADROOM)

    def test_by_window(self, repository):
        """Rows of one provider share searches; few of them, and those without dates, are asked for one by one."""
        days = [f"60054,123456789,{month:02}/{day:02}/2026" for month in (3, 4) for day in range(1, 31)]
        others = ["60054,987654321,03/01/2026"] * 2 + ["60054,123456789,"]
        plan = self.plan(repository, days * 2 + others, "payer_id,tin,first_service_date", window_days=30, page_size=50)
        # Two windows of thirty days with sixty rows each, so of two pages.
        assert (plan.rows, plan.searches, plan.calls, plan.most_calls) == (123, 4, 4 + 3, 120 + 123)
        assert (plan.seconds, plan.per_day, plan.days) == (None, None, 1)

    def test_the_job_keeps_it(self, repository, owner, claims):
        """It is counted while the file is stored."""
        intake = Intake(CsvParser(), repository, PLAIN, payers=lambda _: Capabilities("clinic"))
        job = intake.submit(claims(3), "claims.csv", owner, Told())
        assert repository.get(owner.organisation, job.id).upload.plan == (
            PayerPlan(account="clinic", rows=3, calls=3, most_calls=3),
        )

    def test_where_no_payer_is_known_there_is_none(self, intake, claims):
        """A process that takes uploads for others may not know the payers."""
        assert intake.check(claims(3), {}).plan == ()


def test_defaults_are_brought_to_the_form_of_cells(intake, owner, claims):
    """A default may be written in every way that a cell may, and is kept in the one form that look-ups read."""
    job = intake.submit(claims(1), "claims.csv", owner, Told({"first_service_date": "2026-01-31", "tin": "12-3456789"}))

    assert job.defaults == {"first_service_date": "01/31/2026", "tin": "123456789"}


@pytest.mark.parametrize("defaults", [{"npi": "12"}, {"payer": "60054"}])
def test_a_default_that_no_cell_could_be_is_refused(intake, repository, owner, claims, defaults):
    """Submitted or only checked, the refusal names the column, blames no file, and nothing is read or stored."""
    upload = claims(1)
    for attempt in (
        lambda: intake.submit(upload, "claims.csv", owner, Told(defaults)),
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

        def parse(self, upload, layout):
            """Find nothing."""
            return self

        def __iter__(self):
            return iter(())

    with pytest.raises(UploadRejected, match="no rows"):
        Intake(NoRows(), repository, PLAIN).submit(io.BytesIO(), "claims.csv", owner, Told())


def test_an_upload_given_up_meanwhile_is_told_so(intake, repository, owner, claims):
    """Cleared away, or begun anew under its key, it is no job that does not exist: it is to be sent again."""
    add = repository.add

    def add_and_clear_away(job_id, chunk):
        add(job_id, chunk)
        repository.purge(0, 0)

    repository.add = add_and_clear_away

    with pytest.raises(UploadSuperseded) as superseded:
        intake.submit(claims(9), "claims.csv", owner, Told())
    assert superseded.value.retry_helps
