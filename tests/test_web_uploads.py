"""What a form says of its file beside the file, over real HTTP."""

from __future__ import annotations

import json

import httpx
import pytest
from attrs import define, field

from bulkclaims.access import Principal, Role
from bulkclaims.jobs import Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.testing.wsgi import served, wsgi_app
from bulkclaims.web import WebApi
from bulkclaims.web.openapi import document

FILE = b"Fall,first,last,dob,Mitglied-Nr\nZE1,ALMA,TESTER,03/04/1972,ZX0001"
SAID = {"Fall": "claim_number", "Mitglied Nr.": "subscriber_id"}
PREFIX = "/api/v1/claims/"


@pytest.fixture
def send(http_service):
    """Send a file with fields, and give back the status and what was answered."""
    return _sender(http_service.url, http_service.token)


def _sender(url, token):
    def send(content=FILE, query="", **fields):
        said = {name: (None, text if isinstance(text, str) else json.dumps(text)) for name, text in fields.items()}
        answer = httpx.post(
            f"{url}bulk/upload/{query}",
            files={**said, "file": ("claims.csv", content)},
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.status_code, answer.json()

    return send


def test_a_file_is_read_by_the_columns_that_come_with_it(send, http_service):
    """The job and the check report say what each heading was read as, and by what."""
    status, job = send(columns=SAID)
    _, report = send(query="?dry_run=true", columns=SAID)
    assert (status, job["failure_count"]) == (201, 0)
    assert job["headings"] == report["headings"]
    assert [list(heading.values()) for heading in job["headings"]][::2] == [
        ["Fall", "claim_number", "given"],
        ["last", "last_name", "name"],
        ["Mitglied-Nr", "subscriber_id", "given"],
    ]
    assert http_service.bulk.columns("ACME") == {}


def test_columns_are_remembered_once_the_file_was_taken(send, http_service):
    """And not after a dry run or a refusal; null takes one back."""
    assert send(query="?dry_run=true", columns=SAID, remember_columns="true")[0] == 200
    assert send(columns={"Fall": "claim_number"}, remember_columns="true")[0] == 422
    assert send(columns=SAID, remember_columns="false")[0] == 201
    assert http_service.bulk.columns("ACME") == {}

    assert send(columns=SAID, remember_columns="TRUE")[0] == 201
    assert send()[0] == 201
    assert send(query="?dry_run=true")[1]["headings"][0]["known"] == "saved"

    own = FILE.replace(b"Fall", b"claim")
    assert send(own, columns={"fall": None, "note": ""}, remember_columns="true")[0] == 201
    assert http_service.bulk.columns("ACME") == {"Mitglied Nr.": "subscriber_id", "note": ""}
    assert send()[0] == 422


def test_a_refusal_tells_its_guesses_as_data(send):
    """So that a program can ask whoever sent the file, and send it again."""
    file = FILE.replace(b"Fall", b"claim_numbr").replace(b"Mitglied-Nr", b"member id")
    status, problem = send(file)
    assert (status, problem["code"], problem["guesses"]) == (
        422,
        "missing_columns",
        {"claim_numbr": "claim_number"},
    )
    assert send(file, columns=problem["guesses"])[0] == 201
    assert "guesses" not in send(b"")[1]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"columns": {"Fall": "colour"}}, 422, "unknown_column"),
        ({"columns": {"Ref": "claim_number"}}, 422, "unknown_heading"),
        ({"columns": "Fall=claim_number"}, 400, "bad_field"),
        ({"columns": ["Fall"]}, 400, "bad_field"),
        ({"columns": {"Fall": 1}}, 400, "bad_field"),
        ({"columns": "[" * 8_000}, 400, "bad_field"),
        ({"columns": {"x" * 9_000: "npi"}}, 400, "request_wrong"),
        ({"columns": SAID, "remember_columns": "yes"}, 400, "bad_field"),
        ({"columns": SAID, "compare_with": "first"}, 422, "unknown_job"),
        ({"columns": SAID, "compare_with": "00000000-0000-4000-8000-000000000000"}, 422, "unknown_job"),
        ({"column": "Fall"}, 400, "unknown_field"),
    ],
)
def test_what_is_no_field_of_its_kind_is_refused(send, http_service, fields, status, code):
    """With a sentence, and no job."""
    answered, problem = send(**fields)
    assert (answered, problem["code"]) == (status, code)
    assert http_service.repository.find("ACME").count == 0


def test_columns_may_take_some_kilobytes(send):
    """As those of a wide file do."""
    many = {f"Heading {number} {'x' * 60}": "" for number in range(90)}
    assert len(json.dumps(many)) > 7_000
    assert send(columns={**many, **SAID})[0] == 201


@define
class Remembering:
    """A parser that remembers the layouts that it was given."""

    layouts: list = field(factory=list)

    def parse(self, upload, layout):
        """Read a CSV."""
        self.layouts.append(layout)
        return CsvParser().parse(upload, layout)


@pytest.fixture
def hidden():
    """Jobs that the host's own rule hides from the sender."""
    return set()


@pytest.fixture
def host(repository, hidden):
    """A host with a rule of its own for who may see what; gives its parser and a way to send."""
    parser = Remembering()

    class Anybody:
        def authenticate(self, _headers, _native):
            return Principal("ACME", "bea", Role.MANAGE)

    def authorize(_principal, _action, job):
        return job is None or job.id not in hidden

    settings = Settings(sweep_seconds=None)
    with BulkClaims(
        repository, InstantProcessor(), parser=parser, dispatcher=RememberingDispatcher(), settings=settings
    ) as bulk:
        api = WebApi(bulk, Anybody(), authorize)
        with served(wsgi_app(api, PREFIX)) as address:
            yield parser, _sender(address + PREFIX, "any")


def test_the_sheet_is_the_parsers_affair(host):
    """It is told which one is meant."""
    parser, send = host
    assert send(columns=SAID, sheet="Open claims")[0] == 201
    assert send(query="?dry_run=true", columns=SAID)[0] == 200
    assert [layout.sheet for layout in parser.layouts] == ["Open claims", ""]


def test_a_job_to_compare_with_must_be_one_that_the_sender_may_see(host, hidden):
    """One that a host's rule hides looks as if it did not exist; so the last one has to be named by its id."""
    _, send = host
    job = send(columns=SAID)[1]
    assert send(columns=SAID, compare_with=job["id"])[0] == 201
    hidden.add(job["id"])
    assert send(columns=SAID, compare_with=job["id"])[1]["code"] == "unknown_job"
    status, problem = send(columns=SAID, compare_with="last")
    assert (status, problem["code"]) == (422, "unknown_job")
    assert "by its id" in problem["detail"]


def test_the_last_job_may_be_compared_with(send):
    """Where whoever may upload may see all that the organisation has."""
    assert send(columns=SAID, compare_with="last")[0] == 201


def test_the_description_tells_of_fields_and_guesses():
    """The form's fields with their limits; guesses are there only sometimes."""
    described = document("http://127.0.0.1/")
    form = described["paths"]["/bulk/upload/"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    problem = described["components"]["schemas"]["Problem"]
    assert form["properties"]["columns"]["maxLength"] == 8192
    assert {"remember_columns", "sheet", "compare_with"} < form["properties"].keys()
    assert problem["properties"]["guesses"]["additionalProperties"] == {"type": "string"}
    assert "guesses" not in problem["required"]
