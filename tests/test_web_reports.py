"""The report of a dry run over real HTTP: as JSON, and as a file to work through."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from bulkclaims.client import Client
from bulkclaims.web.openapi import document

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
FILE = f"""{HEADER}
ZE1,ALMA Q,TESTER,03/04/1972,ZX0001
ZE2,BENNO,TESTER,03/04/72,ZX0002
ZE1,ALMA Q,TESTER,3/4/1972,ZX0001""".encode()


@pytest.fixture
def post(http_service):
    """Send the file, and give back the answer."""

    def post(query, accept=""):
        headers = {"Authorization": f"Bearer {http_service.token}", **({"Accept": accept} if accept else {})}
        url = f"{http_service.url}bulk/upload/{query}"
        return httpx.post(url, files={"file": ("claims.csv", FILE)}, headers=headers)

    return post


def test_a_report_says_all_that_was_found(post):
    """Errors and warnings by kind, with totals, rows, shapes and repairs; and the earlier job of the very same file."""
    job = post("").json()
    report = post("?dry_run=true").json()
    assert report["problems"] == [
        {
            "column": "date_of_birth",
            "code": "two_digit_year",
            "message": "The date_of_birth has a year of two digits; write all four, as in 03/04/1972.",
            "count": 1,
            "rows": [2],
            "seen": ["99/99/99"],
            "repair": "Write all four digits of the year.",
        }
    ]
    assert [(each["code"], each["rows"]) for each in report["warnings"]] == [
        ("middle_initial", [1, 3]),
        ("duplicate_row", [3]),
    ]
    assert (report["truncated"], report["duplicates"], report["same_as"]) == (False, 1, job["id"])

    assert job["warnings"] == report["warnings"]
    assert job["error_log"][0]["seen"] == "99/99/99"
    assert job["error_log"][0]["repair"] == "Write all four digits of the year."
    assert (job["same_as"], post("").json()["same_as"]) == (None, job["id"])


@pytest.mark.parametrize(
    ("query", "accept"),
    [("?dry_run=true&format=csv", ""), ("?dry_run=true", "text/csv"), ("?dry_run=true&format=csv", "text/*")],
)
def test_a_report_as_a_file(post, query, accept):
    """Where the query says so, or the client takes nothing else."""
    answer = post(query, accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="check-report.csv"'
    lines = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert [line[:5] for line in lines[1:]] == [
        ["error", "two_digit_year", "date_of_birth", "1", "2"],
        ["warning", "middle_initial", "first_name", "2", "1"],
        ["warning", "middle_initial", "first_name", "2", "3"],
        ["warning", "duplicate_row", "", "1", "3"],
    ]
    assert not {"ZE1", "ALMA", "TESTER", "ZX0001"} & set(answer.text.replace(",", " ").split())


@pytest.mark.parametrize(
    ("query", "accept", "told"),
    [
        ("?dry_run=true&format=json", "text/csv", (406, "not_acceptable")),
        ("?dry_run=true&format=csv", "application/json", (406, "not_acceptable")),
        ("?dry_run=true&format=xlsx", "", (400, "bad_parameter")),
        ("?format=csv", "", (400, "bad_parameter")),
        ("", "text/csv", (406, "not_acceptable")),
    ],
)
def test_what_cannot_be_answered(post, http_service, query, accept, told):
    """Nothing is stored then."""
    answer = post(query, accept)
    assert (answer.status_code, answer.json()["code"]) == told
    assert http_service.bulk.jobs("ACME").count == 0


def test_json_is_what_is_meant_without_a_word(post):
    """Also of a client that takes anything."""
    assert post("?dry_run=true", "*/*").json()["bad_rows"] == 1
    assert post("?dry_run=true&format=json", "application/json").json()["bad_rows"] == 1


def test_a_report_is_described():
    """Both of its kinds, and the parameter."""
    operation = document("https://claims.example/")["paths"]["/bulk/upload/"]["post"]
    assert operation["responses"]["200"]["content"].keys() == {"application/json", "text/csv"}
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Check")
    (parameter,) = (each for each in operation["parameters"] if each["name"] == "format")
    assert parameter["schema"]["enum"] == ["json", "csv"]


def test_the_client_reads_either(http_service):
    """As a value, and as the bytes of a file."""
    with Client(http_service.url, http_service.token) as client:
        report = client.check(io.BytesIO(FILE))
        lines = client.check_report(io.BytesIO(FILE)).splitlines()
    assert (report.duplicates, report.truncated, report.same_as) == (1, False, None)
    assert [warning.seen for warning in report.warnings] == [("AAAA A",), ()]
    assert len(lines) == 5
