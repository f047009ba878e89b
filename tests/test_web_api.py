"""What a host may choose: who may do what, and an organisation's defaults."""

from __future__ import annotations

import io
import json
from wsgiref.handlers import SimpleHandler
from wsgiref.util import setup_testing_defaults

import pytest

from bulkclaims.access import Action, Principal, Role, by_role
from bulkclaims.errors import JobNotFound
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.contracts.host_scenes import claims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.testing.wsgi import wsgi_app
from bulkclaims.web import Request, WebApi
from bulkclaims.web.authenticators import HostUsers
from bulkclaims.web.calls import Call

BEA = Principal("ACME", "bea", Role.MANAGE)
FORM = (
    b'--X\r\nContent-Disposition: form-data; name="file"; filename="claims.csv"\r\n\r\n' + claims(1) + b"\r\n--X--\r\n"
)


class Everybody:
    """Knows everybody as Bea."""

    def authenticate(self, headers, native):
        """Let anybody in."""
        return BEA


@pytest.fixture
def bulk():
    """A service whose jobs live in memory."""
    with BulkClaims(MemoryRepository(), InstantProcessor(), dispatcher=RememberingDispatcher()) as bulk:
        yield bulk


def request(method, path, body=b"", **query):
    """Make a request as an adapter would."""
    headers = {"content-type": "multipart/form-data; boundary=X"}
    given = {name: [value] for name, value in query.items()}
    return Request(method, path, "http://host.example/", given, headers, io.BytesIO(body))


def uploaded(bulk):
    """Upload a file without any rule, and give the job's id."""
    WebApi(bulk, Everybody()).answer(request("POST", "bulk/upload/", FORM))
    return bulk.jobs("ACME").jobs[0].id


def test_a_host_may_hide_jobs(bulk):
    """What its own rule does not let somebody see is neither found nor listed nor counted, as if it did not exist."""
    hidden, seen = uploaded(bulk), [uploaded(bulk) for _ in range(3)]

    def rule(principal, action, job):
        return by_role(principal, action, job) and (job is None or job.id != hidden)

    api = WebApi(bulk, Everybody(), rule)
    pages = [json.loads(api.answer(request("GET", "csv-jobs/", page=page, page_size="2")).body) for page in ("1", "2")]

    assert api.answer(request("GET", f"csv-jobs/{hidden}/")).status == 404
    assert [page["count"] for page in pages] == [3, 3]
    assert [job["id"] for page in pages for job in page["results"]] == seen[::-1]
    assert pages[1]["next"] is None


@pytest.mark.parametrize(("allowed", "dry", "wet"), [(Action.CHECK, 200, 403), (Action.UPLOAD, 403, 201)])
def test_a_dry_run_is_an_action_of_its_own(bulk, allowed, dry, wet):
    """A host may allow one without the other."""
    api = WebApi(bulk, Everybody(), lambda _, action, __: action is allowed)

    assert api.answer(request("POST", "bulk/upload/", FORM, dry_run="true")).status == dry
    assert api.answer(request("POST", "bulk/upload/", FORM)).status == wet


def test_without_defaults_a_job_has_none(bulk):
    """Nothing is made up."""
    assert dict(bulk.job("ACME", uploaded(bulk)).defaults) == {}


def test_a_call_that_names_no_job_has_none(bulk):
    """A route that asks for one all the same answers 404."""
    call = Call(bulk, request("GET", "csv-jobs/"), BEA, lambda *_: True, {})

    with pytest.raises(JobNotFound):
        _ = call.job


def test_a_principal_of_no_organisation_is_the_hosts_mistake(bulk, caplog):
    """The log says what is wrong with it; the client hears whose fault it is, and gets nothing."""
    users = HostUsers(lambda _: Principal(4711, "bea", Role.MANAGE))

    answer = WebApi(bulk, users).answer(request("POST", "bulk/upload/", FORM))

    assert (answer.status, json.loads(answer.body)["code"]) == (500, "not_set_up")
    assert (json.loads(answer.body)["at_fault"], json.loads(answer.body)["retry_helps"]) == ("service", False)
    assert b"organisation" not in answer.body
    assert "it is of the type int" in caplog.text


def test_no_length_is_made_up_for_a_file_that_was_not_read(bulk):
    """Servers that count what there is count a file that `HEAD` leaves out as 0; so there is a piece of nothing."""
    path = f"csv-jobs/{uploaded(bulk)}/results/"
    sent = io.BytesIO()
    environ = {"REQUEST_METHOD": "HEAD", "PATH_INFO": f"/{path}", "QUERY_STRING": "partial=true"}
    setup_testing_defaults(environ)
    SimpleHandler(io.BytesIO(), sent, io.StringIO(), environ).run(wsgi_app(WebApi(bulk, Everybody()), "/"))

    assert sent.getvalue().startswith(b"HTTP/1.0 200 OK")
    assert b"text/csv" in sent.getvalue()
    assert b"Content-Length" not in sent.getvalue()
