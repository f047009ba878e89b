"""Tests of `bulkclaims.client`, against the HTTP API on a real port."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import stat
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from bulkclaims.client import CheckInfo, Client, JobInfo, ProgressInfo, RowInfo
from bulkclaims.client import client as client_module
from bulkclaims.errors import ApiProblem, ServerUnreachable, SettingsWrong, UploadRejected, WaitedTooLong
from bulkclaims.jobs import JobStatus, Outcome
from bulkclaims.privacy import Secret
from bulkclaims.records import Earlier, Heading, Known, ResultLine, Row, RowResult, Source
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.wsgi import served
from bulkclaims.web import bodies

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
BUSY = (503, {"Retry-After": "7"}, b"")


@pytest.fixture
def client(http_service, naps):
    """A client of the service that does not really wait."""
    with Client(http_service.url, http_service.token) as client:
        yield client


@pytest.fixture
def naps(monkeypatch):
    """How long would have been waited before a request was repeated."""
    naps = []
    monkeypatch.setattr("bulkclaims.client.repeating.sleep", naps.append)
    return naps


@pytest.fixture
def looks(monkeypatch):
    """Have a call made in place of each wait between two looks."""

    def between(call):
        monkeypatch.setattr(client_module, "sleep", call)

    return between


@pytest.fixture
def ended(client, http_service, claims):
    """A job of three rows, one of them bad, that has ended."""
    job = client.upload(claims(3, bad=(2,)))
    http_service.run()
    return job


def asked(service):
    """Addresses of what was asked, below the API's own, with the query."""
    return [f"{method} {path.split('/claims/')[1]}{query and '?'}{query}" for method, path, query, _ in service.heard]


# Files


def test_an_upload_becomes_a_job(client, claims, http_service):
    """The job tells what the file held, with moments and words of their types."""
    job = client.upload(claims(3, bad=(2,)), filename="march.csv", defaults={"payer_id": "99999"})
    stored = http_service.bulk.job("ACME", job.id)

    assert isinstance(job, JobInfo)
    assert (job.filename, job.status, job.outcome) == ("march.csv", JobStatus.PENDING, None)
    assert (job.total_rows, job.processed_rows, job.failure_count, job.refused_count) == (3, 1, 1, 1)
    assert (job.created_at, job.created_by) == (stored.created_at, "bea")
    assert [(error.row, error.code) for error in job.error_log] == [(2, "no_such_day")]
    assert stored.defaults == {"payer_id": "99999"}


def test_a_file_goes_by_its_own_name(client, claims, tmp_path):
    """A path, an open file and a nameless stream are taken, from their beginning, and called what they are called."""
    path = tmp_path / "claims of March.csv"
    path.write_bytes(claims(2).read())
    nameless = claims(2)
    nameless.read(50)
    with path.open("rb") as opened:
        opened.read(50)
        jobs = [client.upload(file) for file in (path, str(path), opened, nameless)]

    assert [job.filename for job in jobs] == [path.name, path.name, path.name, "claims.csv"]
    assert {job.total_rows for job in jobs} == {2}


def test_a_packed_file(client, claims, tmp_path):
    """What Python unpacks as it reads is sent unpacked."""
    with gzip.open(tmp_path / "claims.csv.gz", "wb") as packed:
        packed.write(claims(200).read())
    with gzip.open(tmp_path / "claims.csv.gz") as unpacked:
        job = client.upload(unpacked)

    assert job.total_rows == 200


def test_a_name_that_no_text_can_hold(client, claims):
    """A file name in an encoding of long ago is sent as well as may be."""
    assert client.upload(claims(1), filename="cl\udce4ms.csv").filename == "cl?ms.csv"


def test_an_upload_that_is_lost_becomes_one_job(client, claims, http_service, naps):
    """Whether its answer is lost, it never arrives or the service is down: it is sent again, and there is one job."""
    http_service.faults = ["lose", "drop", BUSY]
    job = client.upload(claims(2))

    assert [found.id for found in client.jobs()] == [job.id]
    assert len({headers["idempotency_key"] for *_, headers in http_service.heard[:4]}) == 1
    assert len(naps) == 3
    assert naps[2] == 7


def test_an_upload_under_way_is_waited_for(client, claims, http_service, naps):
    """While the service says that the same upload is still under way, it is asked again."""
    problem = {"code": "upload_in_flight", "detail": "Under way.", "at_fault": "request", "retry_helps": True}
    headers = {"Content-Type": "application/problem+json", "Retry-After": "5"}
    http_service.faults = [(409, headers, json.dumps(problem).encode())]

    assert client.upload(claims(2)).total_rows == 2
    assert naps == [5]


def test_a_service_that_stays_away(client, claims, http_service, naps):
    """After five tries a sentence says so, and the client's own waits grow, but not beyond a minute."""
    http_service.faults = [(503, {"Retry-After": "999"}, b""), *["drop"] * 4]
    with pytest.raises(ServerUnreachable, match=r"broke the connection off; try again later\. Whether") as error:
        client.upload(claims(2))

    assert error.value.retry_helps
    assert naps[0] == 60
    assert len(naps) == 4
    assert all(nap <= most for nap, most in zip(naps[1:], (2, 4, 8), strict=True))


def test_a_key_of_ones_own(client, claims):
    """The same file under the same key is the same job, and another file under it is refused."""
    first, second = (client.upload(claims(2), key="march") for _ in range(2))
    with pytest.raises(ApiProblem) as error:
        client.upload(claims(3), key="march")

    assert first.id == second.id
    assert (error.value.status, error.value.code) == (422, "key_reused")


def test_a_file_that_is_none(client, tmp_path):
    """What the service refuses is told in its words: whose fault it is, and that a repeat is no use."""
    path = tmp_path / "claims.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ApiProblem) as error:
        client.upload(path)

    assert error.value.status == 422
    assert (error.value.at_fault, error.value.retry_helps) == ("file", False)
    assert error.value.detail == str(error.value) != ""


def test_a_pipe_is_refused(client):
    """What cannot be read twice is refused before anything is sent."""

    class Pipe(io.BytesIO):
        def seek(self, *_):
            raise io.UnsupportedOperation

    with pytest.raises(UploadRejected) as error:
        client.upload(Pipe())

    assert error.value.code == "read_once"


def test_a_file_that_grows(client, claims, http_service):
    """A file that is not as long as it was when it was measured is refused, and does not become a job."""

    class Growing(io.BytesIO):
        def read(self, size=-1):
            return super().read(size) + b"x"

    class Shrinking(io.BytesIO):
        def read(self, size=-1):
            return super().read(size)[:-1]

    for kind in (Growing, Shrinking):
        with pytest.raises(UploadRejected) as error:
            client.upload(kind(claims(2).read()))
        assert error.value.code == "file_changed"
    assert not http_service.repository.find("ACME").jobs


def test_a_check_stores_nothing(client, claims, http_service):
    """The report counts and locates what is wrong; it is asked for again like all that does no harm."""
    http_service.faults = ["drop"]
    report = client.check(claims(4, bad=(2, 3)), filename="march.csv")

    assert isinstance(report, CheckInfo)
    assert (report.filename, report.total_rows, report.good_rows, report.bad_rows) == ("march.csv", 4, 2, 2)
    assert (report.encoding, report.delimiter, report.columns[0]) == ("utf-8", ",", "claim_number")
    assert [(problem.column, problem.count, problem.rows) for problem in report.problems] == [
        ("date_of_birth", 2, (2, 3))
    ]
    assert not http_service.repository.find("ACME").jobs


# Jobs


def test_a_job_that_does_not_exist(client, http_service):
    """It is a 404 for each method, and what is no id at all is not even sent."""
    for ask in (client.job, client.progress, client.wait, client.retry, client.cancel, client.delete):
        with pytest.raises(ApiProblem) as error:
            ask(UNKNOWN)
        assert (error.value.status, error.value.code) == (404, "job_not_found")
    heard = len(http_service.heard)
    with pytest.raises(ApiProblem) as error:
        client.job("PCN000001")

    assert (error.value.status, error.value.code) == (404, "job_not_found")
    assert len(http_service.heard) == heard


def test_jobs_come_page_by_page(client, claims, http_service, monkeypatch):
    """All are found, the newest first, whatever the address of the next page says beside its query."""
    monkeypatch.setattr(client_module, "_JOBS_A_PAGE", 2)
    made = [client.upload(claims(1)).id for _ in range(5)]
    http_service.heard.clear()
    found = list(client.jobs())

    assert [job.id for job in found] == made[::-1]
    assert asked(http_service) == [
        "GET csv-jobs/?page_size=2",
        "GET csv-jobs/?page_size=2&page=2",
        "GET csv-jobs/?page_size=2&page=3",
    ]


def test_the_token_goes_nowhere_else(client, claims, http_service):
    """A next page on another server is asked of the client's own service."""
    body = {"count": 1, "next": "http://elsewhere.example/csv-jobs/?page=9", "previous": None, "results": []}
    http_service.faults = [(200, {"Content-Type": "application/json"}, json.dumps(body).encode())]

    assert list(client.jobs()) == []
    assert asked(http_service)[-1] == "GET csv-jobs/?page=9"


def test_jobs_by_what_is_known_of_them(client, claims, http_service):
    """Status, name and age narrow the list."""
    old = client.upload(claims(1), filename="march.csv")
    http_service.run()
    new = client.upload(claims(1), filename="april.csv")
    now = datetime.now(UTC)

    assert [job.id for job in client.jobs(status=JobStatus.COMPLETED)] == [old.id]
    assert [job.id for job in client.jobs(search="apr")] == [new.id]
    assert len(list(client.jobs(created_after=now - timedelta(hours=1)))) == 2
    assert list(client.jobs(created_after=datetime.now().astimezone().replace(tzinfo=None))) == []


def test_progress(client, ended):
    """It tells how the job moves."""
    progress = client.progress(ended.id)

    assert isinstance(progress, ProgressInfo)
    assert (progress.job_id, progress.status, progress.outcome) == (ended.id, JobStatus.COMPLETED, Outcome.PARTIAL)
    assert (progress.processed_rows, progress.success_rate, progress.notice) == (3, 66.7, "")
    assert progress.worker_seen_at.tzinfo


def test_waiting_looks_without_asking_for_what_is_known(client, claims, http_service, looks):
    """The watcher hears of every move once; looks in between bring no body; the service's pace is kept."""
    job = client.upload(claims(5))
    http_service.heard.clear()
    seen, pauses = [], []

    def between(seconds):
        pauses.append(seconds)
        if len(pauses) % 2 == 0:
            http_service.run(chunks=1)

    looks(between)
    ended = client.wait(job.id, watch=lambda progress: seen.append((progress.status, progress.processed_rows)))
    tags = [headers.get("if_none_match") for *_, headers in http_service.heard]

    assert (ended.status, ended.outcome, ended.processed_rows) == (JobStatus.COMPLETED, Outcome.ALL_SUCCEEDED, 5)
    assert seen == [("PENDING", 0), ("PROCESSING", 2), ("PROCESSING", 4), ("COMPLETED", 5)]
    assert pauses == [2] * 6
    assert len(tags) == 4 + 3 + 1
    assert tags[0] is tags[-1] is None
    assert all(tags[1:-1])


def test_waiting_without_a_watcher(client, ended):
    """A job that has ended is returned at once."""
    assert client.wait(ended.id).status is JobStatus.COMPLETED


def test_waiting_has_an_end(client, claims, looks, monkeypatch):
    """When the time is over the job goes on; the last wait is cut to what is left."""
    now, pauses = [100.0], []
    monkeypatch.setattr(client_module, "monotonic", lambda: now[0])

    def between(seconds):
        pauses.append(seconds)
        now[0] += seconds

    looks(between)
    job = client.upload(claims(1))
    with pytest.raises(WaitedTooLong) as error:
        client.wait(job.id, timeout=5)

    assert isinstance(error.value, TimeoutError)
    assert error.value.retry_helps
    assert pauses == [2, 2, 1]


def test_waiting_outlasts_a_restart(client, ended, http_service):
    """A look that fails is repeated, and a service that names no pace is asked every two seconds."""
    http_service.faults = ["drop", (503, {}, b""), "drop"]

    assert client.wait(ended.id).id == ended.id


def test_a_job_that_fails(client, claims, http_service, looks):
    """Waiting returns it with the reason why."""
    job = client.upload(claims(2))
    looks(lambda _: http_service.repository.fail(job.id, "The payer refuses our credentials."))
    failed = client.wait(job.id)

    assert (failed.status, failed.outcome) == (JobStatus.FAILED, Outcome.NONE_SUCCEEDED)
    assert failed.problem == "The payer refuses our credentials."


def test_cancelling_retrying_and_deleting(client, claims, http_service):
    """Each does what it says, and is refused at the wrong time."""
    job = client.upload(claims(2))
    with pytest.raises(ApiProblem) as error:
        client.delete(job.id)
    cancelled = client.cancel(job.id)
    retried = client.retry(job.id)
    http_service.run()
    client.delete(job.id)

    assert (error.value.status, error.value.retry_helps) == (409, False)
    assert cancelled.status is JobStatus.CANCELLED
    assert (retried.status, retried.run) == (JobStatus.PENDING, 2)
    assert list(client.jobs()) == []


@pytest.mark.parametrize("method", ["retry", "cancel", "delete"])
def test_what_may_not_be_done_twice_is_sent_once(client, claims, http_service, naps, method):
    """When its answer is lost, the sentence says that nobody knows whether it was carried out."""
    job = client.upload(claims(2))
    http_service.faults = ["drop"]
    http_service.heard.clear()
    with pytest.raises(ServerUnreachable, match="Whether the request was carried out is not known"):
        getattr(client, method)(job.id)

    assert (len(http_service.heard), naps) == (1, [])


# Rows and results


def test_rows(client, ended, monkeypatch):
    """They come in the file's order, page by page, as the values they were made of."""
    monkeypatch.setattr(client_module, "_ROWS_A_PAGE", 2)
    rows = list(client.rows(ended.id))

    assert [(row.row, row.status, row.success, row.source) for row in rows] == [
        (1, "Finalized", True, Source.PAYER),
        (2, "Error", False, Source.UPLOAD),
        (3, "Finalized", True, Source.PAYER),
    ]
    assert all(isinstance(row, RowResult) for row in rows)
    assert "TESTER" not in repr(rows)


def test_rows_that_are_wanted(client, ended):
    """Success and status word narrow them."""
    assert [row.row for row in client.rows(ended.id, success=True)] == [1, 3]
    assert [row.row for row in client.rows(ended.id, success=False)] == [2]
    assert [row.row for row in client.rows(ended.id, status="Finalized")] == [1, 3]
    assert [row.row for row in client.rows(ended.id, success=False, status="Finalized")] == []


def test_amounts_and_days_of_rows(client, http_service):
    """They are numbers and days, and what a later version adds is left out."""
    result = RowResult(
        1, "PCN1", "Finalized", True, "A T", Decimal("7.50"), payer="87726", answered_at=NOON, seconds=0.5,
        effective_date=NOON.date(),
    )  # fmt: skip
    row = bodies.row_body(ResultLine(Row(1, (), ()), result, Earlier("Pending", changed=True, days_in_status=3)))
    row |= {"processed_date": "2026-03-04", "next_action": "Post it.", "added_later": 1}
    page = {"count": 1, "next": None, "previous": None, "results": [row]}
    http_service.faults = [(200, {"Content-Type": "application/json"}, json.dumps(page).encode())]
    (found,) = client.rows(UNKNOWN)

    assert (found.total_charged, found.total_paid) == (Decimal("7.50"), None)
    assert found.processed_date.isoformat() == "2026-03-04"
    assert found.next_action == "Post it."
    assert (found.payer, found.answered_at, found.seconds) == ("87726", NOON, 0.5)
    assert found.effective_date == NOON.date()
    assert (found.previous_status, found.changed, found.days_in_status) == ("Pending", True, 3)


def test_rows_of_an_older_service(client, http_service):
    """What it does not tell yet is blank."""
    row = bodies.row_body(ResultLine(Row(1, (), ()), RowResult(1, "PCN1", "Finalized", True, payer="87726")))
    for name in ("payer", "answered_at", "seconds", "effective_date", "previous_status", "changed", "days_in_status"):
        del row[name]
    page = {"count": 1, "next": None, "previous": None, "results": [row]}
    http_service.faults = [(200, {"Content-Type": "application/json"}, json.dumps(page).encode())]

    assert list(client.rows(UNKNOWN)) == [RowInfo(1, "PCN1", "Finalized", True)]


def test_results(client, ended, http_service):
    """The pieces make the service's own file; a service that is away is asked again before the first."""
    http_service.faults = ["drop", BUSY]

    assert b"".join(client.results(ended.id)) == b"".join(http_service.bulk.results("ACME", ended.id))


def test_results_are_saved(client, ended, http_service, tmp_path):
    """The file is whole, its owner's alone, in the place of what was there, and nothing is left beside it."""
    path = tmp_path / "results.csv"
    path.write_text("old")
    client.save_results(ended.id, path)

    assert path.read_bytes() == b"".join(http_service.bulk.results("ACME", ended.id))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_partial_results(client, claims, tmp_path):
    """They are refused while the job runs, unless a part is enough; the part has a line for every row."""
    job, path = client.upload(claims(3)), tmp_path / "results.csv"
    for ask in (lambda: list(client.results(job.id)), lambda: client.save_results(job.id, path)):
        with pytest.raises(ApiProblem) as error:
            ask()
        assert (error.value.status, error.value.code) == (409, "not_ended")
    assert not list(tmp_path.iterdir())
    client.save_results(job.id, path, partial=True)
    text = b"".join(client.results(job.id, partial=True)).decode()

    assert path.read_bytes().decode() == text
    assert [row["error"][:13] for row in csv.DictReader(io.StringIO(text, newline=""))] == ["Not asked yet"] * 3


@pytest.mark.parametrize(
    "cut",
    [
        lambda whole: b"",
        lambda whole: whole[: whole.index(b"\n") + 1],
        lambda whole: whole[: whole.rindex(b"\r\n", 0, -2) + 2],
        lambda whole: whole[:-2],
        lambda whole: whole[: whole.rindex(b",True")] + b"\r\n",
        lambda whole: whole[: whole.rindex(b",True")] + "é".encode()[:1],
        lambda whole: whole[: whole.rindex(b"ALMA")] + b'"AL',
    ],
    ids=["empty", "header", "line", "line end", "cells", "letter", "quotes"],
)
def test_results_that_break_off_are_asked_for_again(client, ended, http_service, tmp_path, cut):
    """Where a proxy lets half a file look whole, the lines are counted, and the file comes once more."""
    whole = b"".join(http_service.bulk.results("ACME", ended.id))
    http_service.faults = [None, (200, {"Content-Type": "text/csv"}, cut(whole))]
    client.save_results(ended.id, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == whole
    assert asked(http_service).count(f"GET csv-jobs/{ended.id}/results/") == 2


def test_results_that_always_break_off(client, ended, http_service, tmp_path):
    """In the end there is no file at all, and a sentence."""
    http_service.faults = [None, *[(200, {"Content-Type": "text/csv"}, b"row,")] * 5]
    with pytest.raises(ServerUnreachable, match="broke off before their end"):
        client.save_results(ended.id, tmp_path / "results.csv")

    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written(client, ended, tmp_path):
    """A folder that is not there and a place that is no file are sentences."""
    for path in (tmp_path / "nowhere" / "results.csv", tmp_path):
        with pytest.raises(SettingsWrong) as error:
            client.save_results(ended.id, path)
        assert error.value.code == "output_unwritable"


@pytest.mark.slow
def test_ten_megabytes_pass_through(claims, naps, tmp_path):
    """Neither an upload nor results are ever held whole."""
    rows = 160_000
    path, saved = tmp_path / "claims.csv", tmp_path / "results.csv"
    with path.open("wb") as file:
        file.writelines(claims_csv(rows))
    received = 0

    def app(environ, start_response):
        nonlocal received
        left = int(environ.get("CONTENT_LENGTH") or 0)
        while left and (piece := environ["wsgi.input"].read(min(left, 65536))):
            left -= len(piece)
            received += len(piece)
        if environ["PATH_INFO"].endswith("results/"):
            start_response("200 OK", [("Content-Type", "text/csv")])
            with path.open("rb") as file:
                yield from iter(lambda: file.read(65536), b"")
            return
        start_response("200 OK", [("Content-Type", "application/json")])
        yield json.dumps(JOB | {"total_rows": rows}).encode()

    with served(app) as url, Client(url, "t") as client:
        client.job(UNKNOWN)
        tracemalloc.start()
        client.upload(path)
        client.save_results(UNKNOWN, saved)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert path.stat().st_size > 8_000_000
    assert received > path.stat().st_size
    assert saved.read_bytes() == path.read_bytes()
    assert peak < 2_000_000


JOB = dict.fromkeys(attrs.fields_dict(JobInfo), 0) | {
    "id": UNKNOWN,
    "status": "PENDING",
    "outcome": None,
    "created_at": "2026-01-01T00:00:00Z",
    "started_at": None,
    "ended_at": None,
    "deadline_at": None,
    "waiting_until": None,
    "error_log": [],
    "notes": [],
    "headings": [],
    "warnings": [],
    "plan": [],
}


# What the client promises as a whole


def test_the_values_hold_what_the_api_says():
    """Each key of a body is an attribute, but for what tells the same in Celery's words."""
    told_twice = {"celery_status", "celery_info"}

    assert attrs.fields_dict(JobInfo).keys() == bodies.JobBody.__annotations__.keys()
    assert attrs.fields_dict(ProgressInfo).keys() == bodies.ProgressBody.__annotations__.keys() - told_twice
    assert attrs.fields_dict(CheckInfo).keys() == bodies.CheckBody.__annotations__.keys()
    assert attrs.fields_dict(RowInfo).keys() - {"fingerprint"} == bodies.RowBody.__annotations__.keys()


def test_a_token_that_is_refused(http_service, naps):
    """It is told at once, in the service's words."""
    with Client(http_service.url, Secret("CANARY-WRONG")) as client, pytest.raises(ApiProblem) as error:
        client.job(UNKNOWN)

    assert (error.value.status, error.value.code) == (401, "token_unknown")
    assert naps == []


@pytest.mark.parametrize("token", ["", "two words", "line\n", "clé"])
def test_what_is_no_token(token):
    """It is refused before anything is sent, and not quoted."""
    with pytest.raises(SettingsWrong, match=r"^The token is to be visible ASCII characters") as error:
        Client("https://claims.example", token)

    assert not token or token not in str(error.value)


def test_what_is_no_key(client, claims):
    """A key that cannot stand in a header is refused likewise."""
    with pytest.raises(SettingsWrong, match=r"^The key is to be"):
        client.upload(claims(1), key="the March upload")


def test_an_address_in_the_clear():
    """Nothing is ever sent over plain http to another machine."""
    with pytest.raises(SettingsWrong, match="The setting url is to begin with https://"):
        Client("http://claims.example", "x")


def test_nothing_is_told(client, claims, http_service, caplog, naps):
    """Whatever goes wrong, no text of an exception and no log line at any level holds a token or a cell."""
    texts = []
    with caplog.at_level(logging.DEBUG):
        for fault in ("drop", (500, {}, b"TESTER CANARY-TOKEN"), (400, {"Content-Type": "text/html"}, b"TESTER")):
            http_service.faults = [fault] * 5
            with pytest.raises((ApiProblem, ServerUnreachable)) as error:
                client.upload(claims(2))
            texts.append(repr(error.value))
            http_service.faults.clear()
        client.upload(claims(2))

    told = caplog.text + "".join(texts)
    assert "CANARY" not in told + repr(client)
    assert "TESTER" not in told
    assert all("PCN" not in query for _, _, query, _ in http_service.heard)


# Columns


OWN_NAMES = b"Fall,first,lst_name,dob,member id\nZE1,ALMA,TESTER,03/04/1972,ZX0001"


def test_columns_go_with_a_file(client, http_service):
    """They are told with it, remembered if so wished, and taken back with None."""
    said = {"Fall": "claim_number", "lst_name": "last_name"}
    report = client.check(io.BytesIO(OWN_NAMES), columns=said, sheet="Open")
    job = client.upload(io.BytesIO(OWN_NAMES), columns=said, remember_columns=True, compare_with="last", sheet="Open")
    assert job.headings == report.headings
    assert job.headings[0] == Heading("Fall", "claim_number", Known.GIVEN)
    assert client.check(io.BytesIO(OWN_NAMES)).headings[0].known is Known.SAVED
    with pytest.raises(ApiProblem):
        client.check(io.BytesIO(OWN_NAMES), columns={"Fall": None})
    assert http_service.bulk.columns("ACME") == said


def test_guesses_can_be_confirmed(client, http_service):
    """A refusal brings them as data; of a service that says something else under that name, nothing is taken."""
    with pytest.raises(ApiProblem) as refused:
        client.upload(io.BytesIO(OWN_NAMES.replace(b"Fall", b"claim")))
    assert refused.value.guesses == {"lst_name": "last_name"}
    http_service.faults = [(422, {"Content-Type": "application/problem+json"}, b'{"guesses": ["lst_name"]}')]
    with pytest.raises(ApiProblem) as refused:
        client.upload(io.BytesIO(OWN_NAMES))
    assert refused.value.guesses == {}
