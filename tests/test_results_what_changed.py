"""A file uploaded again: results say what changed since an earlier job, over any repository, and never fail for it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest
from attrs import evolve

from bulkclaims.errors import JobNotFound, KeyReused, NotNow
from bulkclaims.jobs import JobId, Owner, Settings
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims.privacy import PlainCipher, Secret
from bulkclaims.records import Earlier
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.results import RowCursor, comparing
from bulkclaims.results.comparing import Comparisons
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import RememberingDispatcher, found
from bulkclaims.testing.simulator import PayerSimulator
from bulkclaims_sqlalchemy import open_repository, upgrade

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
UNKNOWN = JobId("00000000-0000-4000-8000-000000000000")
NOTHING_TO_COMPARE = "No earlier job of this content or name has ended, so there is nothing to compare with."


class Says:
    """Answers every row with the status that stands beside its claim number, Pending unless one does."""

    def __init__(self):
        self.words = {}
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    async def process(self, rows, context):
        """Answer all of them at once."""
        yield [self.answer(row) for row in rows]

    def answer(self, row):
        """Say what is scripted."""
        word = self.words.get(row.cells["claim_number"], "Pending")
        return evolve(found(row), status=word, success=word != "Error", answered_at=self.at)

    async def aclose(self):
        """Hold on to nothing."""


class Desk:
    """Uploads files for ACME and has them run."""

    def __init__(self, repository, processor=None):
        self.payer = processor or Says()
        self.bell = RememberingDispatcher()
        self.held = []
        self.repository = repository
        settings = Settings(chunk_rows=2, sweep_seconds=None, pause_after_none_found=None)
        self.bulk = BulkClaims(repository, self.payer, dispatcher=self.bell, settings=settings)

    def job(self, *numbers, compare_with=None, filename="claims.csv", run=True, organisation="ACME"):
        """Make a job of claims with these numbers; `!` before one makes its row bad."""
        lines = [f"{n.strip('!')},ALMA,TESTER,{'99/99/1972' if '!' in n else '03/04/1972'},ZX12" for n in numbers]
        upload = io.BytesIO("\n".join([HEADER, *lines]).encode())
        job = self.bulk.submit(
            upload,
            filename=filename,
            owner=Owner(organisation),
            compare_with=compare_with,
            defaults={"payer_id": "99999", "npi": "1999999984"},
        )
        if run:
            self.bell.deliver(self.bulk.run)
        else:
            self.held, self.bell.dispatched = self.bell.dispatched, []
        return self.bulk.job(organisation, job.id)

    def earlier(self, job):
        """What is said of the earlier job, by row."""
        return [line.earlier for line in self.bulk.lines("ACME", job.id)]


@pytest.fixture
def desk(repository):
    """A desk over a repository in memory."""
    desk = Desk(repository)
    with desk.bulk:
        yield desk


@pytest.fixture(params=["memory", "sql"])
def any_repository(request, repository, tmp_path):
    """Each kind of repository."""
    if request.param == "memory":
        return repository
    upgrade(f"sqlite:///{tmp_path}/jobs.db")
    return open_repository(f"sqlite:///{tmp_path}/jobs.db")


def test_what_changed_at_the_payer_is_what_the_filter_leaves(any_repository):
    """One claim of three was paid between two uploads of a file: it alone is in the file of what changed."""
    with PayerSimulator() as payer:
        settings = StediSettings(organization_name="Sample Clinic PC", api_key=Secret("try-me"), base_url=payer.url)
        desk = Desk(any_repository, LookupProcessor(StediConnector(settings)))
        numbers = ("PCN7000001-PAID", "PCN7000002-PENDX1", "PCN7000003-PEND")
        with desk.bulk:
            first = desk.job(*numbers)
            second = desk.job(*numbers, compare_with="last")
            text = b"".join(desk.bulk.results("ACME", second.id, changed=True)).decode()
            lines = list(desk.bulk.lines("ACME", second.id))

    assert second.upload.compared_with == first.id
    assert NOTHING_TO_COMPARE not in second.upload.facts.notes
    assert [(line["claim_number"], line["status"]) for line in csv.DictReader(io.StringIO(text, newline=""))] == [
        ("PCN7000002-PENDX1", "Finalized")
    ]
    assert [(line.earlier.status, line.earlier.changed) for line in lines] == [
        ("Finalized", False),
        ("Pending", True),
        ("Pending", False),
    ]
    assert [line.result.payer for line in lines] == ["99999"] * 3
    assert all(line.result.effective_date and line.earlier.days_in_status >= 0 for line in lines)


def test_the_last_job_is_of_the_same_content_or_else_of_the_same_name(desk):
    """Content goes before name, the latest first; other organisations' jobs do not count."""
    same = desk.job("A", "B", filename="january.csv")
    desk.job("A", filename="february.csv")
    named = desk.job("C", filename="claims.csv")
    desk.job("A", "B", organisation="OTHER", filename="claims.csv")

    again = desk.job("A", "B", compare_with="last")
    renamed = desk.job("D", compare_with="last", filename="claims.csv")

    assert again.upload.compared_with == same.id
    assert renamed.upload.compared_with == again.id != named.id
    assert desk.bulk.compared_with(again).id == same.id


@pytest.mark.parametrize("left", ["running", "refused", "none"])
def test_where_there_is_no_last_job_a_note_says_so(desk, left):
    """One that runs, or that asked for nothing, is not one to compare with; then results have no such columns."""
    if left == "running":
        desk.job("A", run=False)
    elif left == "refused":
        desk.job("!A")
    job = desk.job("A", compare_with="last")

    assert job.upload.compared_with is None
    assert NOTHING_TO_COMPARE in job.upload.facts.notes
    assert desk.earlier(job) == [None]
    assert desk.bulk.compared_with(job) is None
    with pytest.raises(NotNow, match="compared") as refused:
        desk.bulk.results("ACME", job.id, changed=True)
    assert refused.value.code == "not_compared"


@pytest.mark.parametrize("whose", ["OTHER", None])
def test_a_job_that_is_not_there_is_said_before_anything_is_read(desk, whose):
    """Another organisation's job and none at all are the same; the upload stays where it was."""
    job_id = desk.job("A", organisation=whose).id if whose else UNKNOWN
    upload = io.BytesIO(HEADER.encode())

    with pytest.raises(JobNotFound):
        desk.bulk.submit(upload, filename="claims.csv", owner=Owner("ACME"), compare_with=job_id)
    assert upload.tell() == 0
    assert desk.bulk.jobs("ACME").count == 0


def test_a_named_job_may_still_run(desk):
    """Its rows without an answer compare as such, until they have one."""
    first = desk.job("A", "B", "C", run=False)
    second = desk.job("A", "B", "C", compare_with=first.id)
    assert desk.earlier(second) == [Earlier("Error", changed=False, days_in_status=None)] * 3

    desk.payer.words["A"] = "Denied"
    desk.payer.at -= timedelta(days=4)
    desk.bell.dispatched = desk.held
    desk.bell.deliver(desk.bulk.run)
    assert desk.earlier(second) == [
        Earlier("Denied", changed=True, days_in_status=None),
        Earlier("Pending", changed=False, days_in_status=4),
        Earlier("Pending", changed=False, days_in_status=4),
    ]


def test_rows_of_one_claim_are_compared_in_turn_on_any_page(desk):
    """A page that begins in the middle says the same as the whole file."""
    desk.job("A", "!A", "B", "A", "A")
    job = desk.job("B", "A", "A", "NEW", "A", "A", compare_with="last")

    whole = desk.earlier(job)
    page = desk.bulk.row_page("ACME", job.id, RowCursor(1, 3), 10, lambda *_: True)

    assert [said.status for said in whole] == ["Pending", "Pending", "Pending", "", "Pending", "Pending"]
    assert [line.earlier for line in page.lines] == whole[3:]
    assert [row.row for row in page.rows] == [4, 5, 6]


def test_an_earlier_job_that_is_gone_leaves_its_columns_blank(desk):
    """Retention comes before comparison: nothing fails for it."""
    first = desk.job("A", "B")
    second = desk.job("A", "B", compare_with=first.id)
    before = b"".join(desk.bulk.results("ACME", second.id, changed=True))
    assert all(desk.earlier(second))
    desk.bulk.delete("ACME", first.id)

    assert desk.earlier(second) == [None, None]
    assert desk.bulk.compared_with(second) is None
    assert b"".join(desk.bulk.results("ACME", second.id, changed=True)) == before  # the header


class Vanishing(MemoryRepository):
    """A repository whose jobs are deleted between two calls."""

    vanished = None

    def chunks(self, organisation, job_id, first=0):
        """Find no job any more."""
        if job_id == self.vanished:
            raise JobNotFound
        return super().chunks(organisation, job_id, first)


def test_a_job_that_goes_while_it_is_read_is_not_compared_with(caplog):
    """The log says so, and the results are there."""
    desk = Desk(Vanishing())
    with desk.bulk:
        first = desk.job("A")
        second = desk.job("A", compare_with=first.id)
        desk.repository.vanished = first.id

        assert desk.earlier(second) == [None]
    assert f"Job {second.id} is not compared with job {first.id}." in caplog.text


class Counting(MemoryRepository):
    """Counts how often the rows of a job are read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def chunks(self, organisation, job_id, first=0):
        """Note it."""
        self.read.append(job_id)
        return super().chunks(organisation, job_id, first)


def test_the_earlier_job_is_read_once_for_many_pages_and_again_when_it_has_gone_on(monkeypatch):
    """What was read is held, up to some number of rows, and always the latest."""
    store = Counting()
    desk = Desk(store)
    with desk.bulk:
        desk.payer.words["B"] = "Error"
        first = desk.job("A", "B")
        second, third = (desk.job("A", "B", compare_with=first.id) for _ in range(2))
        comparisons = Comparisons(store, PlainCipher())

        def read(*jobs):
            store.read.clear()
            for job in jobs:
                assert comparisons.of(job).rows == 2
            return store.read.count(first.id)

        assert read(second, second, third, second, third) == 2
        monkeypatch.setattr(comparing, "_MOST_ROWS_HELD", 3)
        assert read(third, second, second) == 1
        assert read(third, third) == 1
        desk.bulk.retry("ACME", first.id)
        assert read(third, third) == 1


def test_rows_without_a_comparison_do_not_read_the_earlier_job():
    """Whoever wants results alone does not wait for more."""
    desk = Desk(Counting())
    with desk.bulk:
        first = desk.job("A")
        second = desk.job("A", compare_with=first.id)
        desk.repository.read.clear()

        assert [row.status for row in desk.bulk.rows("ACME", second.id)] == ["Pending"]
    assert desk.repository.read == [second.id]


def test_rows_over_http_say_what_changed(http_service):
    """And null where the job is compared with none; the job says with which it is."""
    bulk = http_service.bulk

    def rows(compare_with):
        text = f"{HEADER}\nPCN1,ALMA,TESTER,03/04/1972,ZX12\n"
        owner = Owner("ACME", "bea")
        job = bulk.submit(io.BytesIO(text.encode()), filename="c.csv", owner=owner, compare_with=compare_with)
        http_service.run()
        headers = {"Authorization": f"Bearer {http_service.token}"}
        bodies = []
        for path in ("", "rows/"):
            with urlopen(Request(f"{http_service.url}csv-jobs/{job.id}/{path}", headers=headers)) as answer:
                bodies.append(json.load(answer))
        (row,) = bodies[1]["results"]
        return job.id, bodies[0]["compared_with"], row["previous_status"], row["changed"], row["days_in_status"]

    first, *told = rows(None)
    assert told == [None] * 4
    assert rows("last")[1:] == (first, "Finalized", False, None)


def days_on(desk):
    """The day of March on which the payer answers from now on."""

    def turn(day):
        desk.payer.at = datetime(2026, 3, day, tzinfo=UTC)

    return turn


def cut_short(desk, *numbers, **told):
    """A job that was cancelled after its first two rows."""
    job = desk.job(*numbers, run=False, **told)
    desk.bulk.run(desk.held[0])
    desk.bulk.cancel("ACME", job.id)
    return desk.bulk.job("ACME", job.id)


def test_a_change_is_seen_across_a_job_that_was_cut_short(desk):
    """Rows that it did not come to, or that ended in an error there, are compared with the answer before it."""
    numbers = ("A", "B", "C", "D")
    first = desk.job(*numbers)
    desk.payer.words = {"B": "Error"}
    second = cut_short(desk, *numbers, compare_with=first.id)
    desk.payer.words = {"B": "Finalized", "C": "Finalized"}
    third = desk.job(*numbers, compare_with=second.id)
    fourth = desk.job(*numbers, compare_with=third.id)

    assert (second.status, second.processed) == ("CANCELLED", 2)
    assert [(said.status, said.changed) for said in desk.earlier(third)] == [
        ("Pending", False),
        ("Pending", True),
        ("Pending", True),
        ("Pending", False),
    ]
    assert [(said.status, said.changed) for said in desk.earlier(fourth)] == [
        ("Pending", False),
        ("Finalized", False),
        ("Finalized", False),
        ("Pending", False),
    ]


def test_a_row_that_the_earlier_job_lacks_is_compared_with_the_one_before(desk):
    """As where some rows alone were asked once more; new is what none of the jobs has."""
    first = desk.job("A", "!B", "C")
    second = desk.job("A", compare_with=first.id)
    desk.payer.words = {"C": "Finalized"}
    third = desk.job("A", "!B", "C", "NEW", compare_with=second.id)

    assert [(said.status, said.changed) for said in desk.earlier(third)] == [
        ("Pending", False),
        ("Error", False),
        ("Pending", True),
        ("", False),
    ]


def test_nothing_is_guessed_of_jobs_that_are_not_linked(desk):
    """An earlier job that is compared with none has no jobs before it."""
    desk.job("A")
    desk.payer.words = {"A": "Error"}
    second = desk.job("A")
    desk.payer.words = {"A": "Finalized"}

    assert desk.earlier(desk.job("A", compare_with=second.id)) == [Earlier("Error", changed=False, days_in_status=None)]


@pytest.mark.parametrize(("errors", "status"), [(9, "Pending"), (10, "Error")])
def test_ten_jobs_are_read_at_most(desk, errors, status):
    """An answer before them is not known any more."""
    job = desk.job("A")
    desk.payer.words = {"A": "Error"}
    for _ in range(errors):
        job = desk.job("A", compare_with=job.id)
    desk.payer.words = {"A": "Finalized"}

    assert [said.status for said in desk.earlier(desk.job("A", compare_with=job.id))] == [status]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({1: "Pending", 2: "Pending", 3: "Pending", 9: "Pending", 10: "Pending"}, [None, 1, 2, 8, 9]),
        ({1: "Pending", 2: "Error", 10: "Pending"}, [None, None, 9]),
        ({1: "Pending", 2: "Finalized", 5: "Pending", 9: "Pending"}, [None, None, None, 4]),
        ({1: "Finalized", 2: "Pending", 5: "Pending", 9: "Pending"}, [None, None, 3, 7]),
    ],
)
def test_days_in_status_are_counted_on_from_job_to_job(desk, days, told):
    """As long as the word is the same in each answer; a status that comes back begins anew."""
    turn, jobs, job = days_on(desk), [], None
    for day, word in days.items():
        turn(day)
        desk.payer.words = {"A": word}
        job = desk.job("A", compare_with=job and job.id)
        jobs.append(job)

    assert [said and said.days_in_status for job in jobs for said in desk.earlier(job)] == told


def test_the_last_job_is_one_that_came_to_every_row(desk):
    """Before a later one that was cut short; where there is no other, that one."""
    first = desk.job("A", "B", "C")
    cut_short(desk, "A", "B", "C")
    named = cut_short(desk, "X", "Y", "Z", filename="other.csv")

    assert desk.job("A", "B", "C", compare_with="last").upload.compared_with == first.id
    assert desk.job("X", compare_with="last", filename="other.csv").upload.compared_with == named.id


def test_a_job_of_the_chain_that_is_gone_ends_it(desk):
    """What came before it is not known any more; the nearest one is."""
    first = desk.job("A", "B")
    desk.payer.words = {"B": "Error"}
    second = desk.job("A", "B", compare_with=first.id)
    third = desk.job("A", "B", compare_with=second.id)
    fourth = desk.job("A", "B", compare_with=third.id)
    assert [said.status for said in desk.earlier(fourth)] == ["Pending", "Pending"]
    desk.bulk.delete("ACME", first.id)

    assert [said.status for said in desk.earlier(fourth)] == ["Pending", "Error"]


def test_a_job_of_the_chain_that_goes_while_it_is_read_ends_it(caplog):
    """The jobs behind it are read all the same, and the log says so."""
    desk = Desk(Vanishing())
    with desk.bulk:
        first = desk.job("A", "B")
        second = desk.job("A", "B", compare_with=first.id)
        desk.payer.words = {"B": "Error"}
        third = desk.job("A", "B", compare_with=second.id)
        fourth = desk.job("A", "B", compare_with=third.id)
        desk.repository.vanished = second.id

        assert [said.status for said in desk.earlier(fourth)] == ["Pending", "Error"]
    assert f"Job {fourth.id} is not compared with job {second.id}" in caplog.text


def test_a_file_is_final_when_all_jobs_that_it_tells_of_have_ended(desk):
    """Its name follows each of them, also one that is compared with through another."""
    desk.payer.words = {"A": "Error"}
    first = desk.job("A")
    second = desk.job("A", compare_with=first.id)
    third = desk.job("A", compare_with=second.id)
    before = desk.bulk.results_file(third).mark
    desk.payer.words = {}
    desk.bulk.retry("ACME", first.id)
    moving = desk.bulk.results_file(third).mark
    desk.bell.deliver(desk.bulk.run)
    after = desk.bulk.results_file(third).mark

    assert moving is None
    assert None not in {before, after}
    assert before != after
    assert [said.status for said in desk.earlier(third)] == ["Pending"]


@pytest.mark.parametrize(
    ("first", "again", "is_same"),
    [
        ("named", "named", True),
        ("named", "last", True),
        ("last", "last", True),
        ("last", "named", True),
        ("last", None, False),
        ("named", None, False),
        ("named", "other", False),
        (None, None, True),
        (None, "last", False),
        (None, "named", False),
    ],
)
def test_an_upload_sent_again_is_compared_with_the_same(desk, first, again, is_same):
    """Under its key; whatever else was asked for would be lost, so it is refused."""
    other = desk.job("B", filename="other.csv").id
    compare_with = {"named": desk.job("A").id, "other": other, "last": "last", None: None}

    def submit(told):
        upload = io.BytesIO(f"{HEADER}\nA,ALMA,TESTER,03/04/1972,ZX12".encode())
        owner, told = Owner("ACME"), compare_with[told]
        return desk.bulk.submit(upload, filename="claims.csv", owner=owner, key="march", compare_with=told).id

    job_id = submit(first)
    if is_same:
        assert submit(again) == job_id
    else:
        with pytest.raises(KeyReused):
            submit(again)


@pytest.mark.parametrize("is_compared", [True, False])
def test_an_upload_that_found_no_last_job_is_sent_again(desk, is_compared):
    """By then there may be one; the first upload counts, and the job says that there was none."""
    upload = f"{HEADER}\nA,ALMA,TESTER,03/04/1972,ZX12".encode()
    told = {"filename": "claims.csv", "owner": Owner("ACME"), "key": "march", "compare_with": "last"}
    first = desk.bulk.submit(io.BytesIO(upload), **told)
    if is_compared:
        desk.bell.deliver(desk.bulk.run)

    assert desk.bulk.submit(io.BytesIO(upload), **told).id == first.id
    named = {**told, "compare_with": first.id}
    with pytest.raises(KeyReused):
        desk.bulk.submit(io.BytesIO(upload), **named)


def test_long_jobs_are_not_followed_far(desk, monkeypatch):
    """The job before is read whatever its length; those before that only while it does not take long."""
    monkeypatch.setattr(comparing, "_MOST_ROWS", 3)
    jobs = [desk.job("A", "B")]
    for _ in range(3):
        jobs.append(desk.job("A", "B", compare_with=jobs[-1].id))
    comparisons = comparing.Comparisons(desk.repository, PlainCipher())
    assert [job.id for job in comparisons.earlier_jobs(jobs[-1])] == [jobs[-2].id]
