"""Tests of `bulkclaims.cli.check`."""

from __future__ import annotations

import json

import pytest
import xlsxwriter
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Owner
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims_sqlalchemy import open_repository, upgrade

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
GOOD = "PCN1,ALMA,TESTER,03/04/1972,ZX1"
BAD = "PCN2,BENNO,TESTER,13/45/1972,ZX1"
SHORT = "PCN3,CARLA"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a file of these lines."""
    monkeypatch.chdir(tmp_path)

    def check(*lines, options=()):
        (tmp_path / "claims.csv").write_bytes("\n".join(lines).encode("cp1252"))
        return CliRunner().invoke(main, ["check", "claims.csv", *options])

    return check


def test_a_file_without_faults(check, tmp_path):
    """Exit 0, how the file was read, and nothing is stored."""
    done = check(HEADER.replace(",", ";"), GOOD.replace(",", ";"))
    assert done.exit_code == 0
    assert done.stdout == "1 row, 1 can be sent, 0 cannot.\nRead as utf-8, cells separated by semicolon.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]


def test_faults_are_grouped_and_located(check):
    """Exit 1; equal faults are one line with their number, their column and the rows where to find them; no cell."""
    done = check(HEADER, GOOD, *[BAD] * 7, SHORT, GOOD.replace("ALMA", "ÁLMA"))
    lines = done.stdout.splitlines()

    assert done.exit_code == 1
    assert lines[0] == "10 rows, 2 can be sent, 8 cannot."
    assert "Windows-1252" in lines[2]
    assert lines[3].startswith("7 rows: date_of_birth: ")
    assert lines[3].endswith("(no_such_day; rows 2-8; such as 99/99/9999)")
    assert lines[4].startswith("1 row: This row has ")
    assert lines[4].endswith("row 9)")
    assert len(lines) == 5
    assert "BENNO" not in done.output
    assert "PCN" not in done.output


def test_what_is_worth_a_look_stands_beneath(check):
    """Exit 0 all the same; of a whole file's finding without rows the sentence alone."""
    done = check(f"{HEADER},,", *[f"{GOOD},,"] * 102, f"{GOOD.replace('ALMA', 'ALMA Q')},,")
    assert done.exit_code == 0
    look, again, note, initial = done.stdout.splitlines()[2:]
    assert look == "Worth a look, though the rows are sent:"
    assert again.startswith("101 rows: The very same row stands further up;")
    assert again.endswith("(duplicate_row; rows 2-101 …)")
    assert note.startswith("The file ends with columns ")
    assert note.endswith("(trailing_empty_columns)")
    assert initial.endswith("(middle_initial; row 103; such as AAAA A)")


def test_the_report_as_a_file(check, tmp_path):
    """A line for each row, beside what is said; the file itself is never written over."""
    done = check(HEADER, GOOD, *[BAD] * 2, options=["--report", "report.csv"])
    assert done.exit_code == 1
    lines = (tmp_path / "report.csv").read_text().splitlines()
    assert [line.split(",")[:6] for line in lines[1:]] == [
        ["error", "no_such_day", "date_of_birth", "2", row, "99/99/9999"] for row in ("2", "3")
    ]
    assert check(HEADER, GOOD, options=["--report", "claims.csv"]).exit_code == 2
    assert check(HEADER, GOOD, options=["--report", "nowhere/report.csv"]).exit_code == 2


def test_faults_for_a_program(check):
    """With --json the whole report is one value."""
    report = json.loads(check(HEADER, GOOD, BAD, options=["--json"]).stdout)
    assert (report["total_rows"], report["bad_rows"]) == (2, 1)
    assert [(problem["code"], problem["rows"]) for problem in report["problems"]] == [("no_such_day", [2])]
    assert report["facts"]["delimiter"] == ","
    assert (report["warnings"], report["truncated"], report["duplicates"]) == ([], False, 0)
    assert "cells" not in report


def test_a_file_that_cannot_be_used(check):
    """Exit 2 and the sentence on standard error, or as JSON."""
    done, told = check("a,b,c", "1,2,3"), check("a,b,c", "1,2,3", options=["--json"])
    assert (done.exit_code, told.exit_code) == (2, 2)
    assert done.stdout == ""
    assert done.stderr.strip() == json.loads(told.stdout)["error"]["message"]


def test_what_the_payer_needs_is_checked_too(check, tmp_path):
    """With a payer in the settings, a file without what that payer must be told is refused as a run would refuse it."""
    (tmp_path / "bulkclaims.toml").write_text(
        '[payer]\nconnector = "stedi"\norganization_name = "Sample"\napi_key_file = "key"'
    )
    (tmp_path / "key").write_text("k")
    done = check(HEADER, GOOD)
    assert done.exit_code == 2
    assert "payer_id" in done.stderr


def test_a_file_over_the_limit(check, tmp_path):
    """The limit of the settings holds."""
    (tmp_path / "bulkclaims.toml").write_text("max_megabytes = 0.0001")
    done = check(HEADER, *[GOOD] * 10)
    assert done.exit_code == 2
    assert "larger" in done.stderr or "limit" in done.stderr


PAYER = """
[payer]
connector = "stedi"
organization_name = "Sample"
api_key_file = "key"
{more}

[defaults]
payer_id = "87726"
npi = "1999999984"
tin = "123456789"
"""
RATE = "rate_per_second = 2"


@pytest.mark.parametrize(
    ("more", "rows", "sentence"),
    [
        ("", 3, "To ask stedi for 3 rows: 3 requests."),
        ('account = "north"', 1, "To ask north for 1 row: 1 request."),
        (RATE, 3, "To ask stedi for 3 rows: 3 requests; at its rate that takes 0:02."),
        (RATE, 1200, "To ask stedi for 1,200 rows: 1,200 requests; at its rate that takes 10:52."),
        ("rate_per_second = 50", 3, "To ask stedi for 3 rows: 3 requests; at its rate that takes 0:01."),
        (f"{RATE}\nrate_per_day = 3", 3, "To ask stedi for 3 rows: 3 requests; at its rate that takes 0:02."),
        (
            f"{RATE}\nrate_per_day = 2",
            5,
            (
                "To ask stedi for 5 rows: 5 requests; at its rate that takes 0:03; "
                "its budget of 2 a day spreads them over 3 days."
            ),
        ),
    ],
)
def test_what_it_takes_to_ask(check, tmp_path, more, rows, sentence):
    """The last line: requests, the time that they take at the payer's rate, and the days of its budget."""
    (tmp_path / "bulkclaims.toml").write_text(PAYER.format(more=more))
    (tmp_path / "key").write_text("k")
    done = check(HEADER, *[GOOD] * rows)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, sentence)


def test_bad_rows_are_not_part_of_the_plan(check, tmp_path):
    """They are never sent; where none is left, there is nothing to ask."""
    (tmp_path / "bulkclaims.toml").write_text(PAYER.format(more=""))
    (tmp_path / "key").write_text("k")
    assert "To ask stedi for 1 row: 1 request." in check(HEADER, GOOD, BAD).stdout
    assert "To ask" not in check(HEADER, BAD).stdout


def test_searches_by_days_of_service_are_told(check, tmp_path):
    """Three rows of one provider may be had with one request, a lone day's row beside them with its own."""
    payer = PAYER.replace('organization_name = "Sample"', 'client_id = "me"').replace("api_key", "client_secret")
    (tmp_path / "bulkclaims.toml").write_text(payer.replace("stedi", "uhc").format(more=RATE))
    (tmp_path / "key").write_text("k")
    days = ["11/14/2025", "11/15/2025", "11/16/2025", ""]
    done = check(f"{HEADER},first_service_date", *(f"{GOOD},{day}" for day in days))
    assert done.stdout.splitlines()[-1] == (
        "To ask uhc for 4 rows: 2 requests (at most 7), 1 of them searches by dates of service; "
        "at its rate that takes 0:01."
    )


def test_the_plan_for_a_program(check, tmp_path):
    """With --json it is a part of the report, by payer account."""
    (tmp_path / "bulkclaims.toml").write_text(PAYER.format(more=f"{RATE}\nrate_per_day = 2"))
    (tmp_path / "key").write_text("k")
    (plan,) = json.loads(check(HEADER, *[GOOD] * 5, options=["--json"]).stdout)["plan"]
    seconds = plan.pop("seconds")
    assert plan == {"account": "stedi", "rows": 5, "calls": 5, "most_calls": 5, "searches": 0, "per_day": 2}
    assert 2.5 < seconds < 3


def test_a_workbook_is_read_from_a_sheet(tmp_path):
    """Of a workbook neither encoding nor delimiter is told, but its sheet."""
    with xlsxwriter.Workbook(tmp_path / "claims.xlsx") as book:
        sheet = book.add_worksheet("May")
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write_row(1, 0, GOOD.split(","))
    done = CliRunner().invoke(main, ["check", str(tmp_path / "claims.xlsx")])
    assert done.stdout.splitlines()[:2] == [
        "1 row, 1 can be sent, 0 cannot.",
        "Read from the sheet May of a workbook.",
    ]


def test_a_file_that_became_a_job_is_known_again(check, tmp_path):
    """Where there is a database, the latest job of the very same bytes is named; the check itself stores nothing."""
    assert check(HEADER, GOOD).exit_code == 0
    upgrade("sqlite:///bulkclaims.db")
    store = open_repository("sqlite:///bulkclaims.db")
    with (tmp_path / "claims.csv").open("rb") as file:
        job = Intake(CsvParser(), store, PlainCipher()).submit(file, "claims.csv", Owner("local"), Told())
    assert f"uploaded before, on {job.created_at:%Y-%m-%d}: job {job.id}." in check(HEADER, GOOD).stdout
    assert store.find("local").count == 1
    store.close()


@pytest.mark.parametrize("database", ["sqlite:///notes.txt", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_a_database_out_of_reach_keeps_nobody_from_checking(check, tmp_path, database):
    """Earlier jobs are not looked for then."""
    (tmp_path / "notes.txt").write_text("This is no database. " * 50)
    assert check(HEADER, GOOD, options=["--database", database]).exit_code == 0
