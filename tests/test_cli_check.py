"""Tests of `bulkclaims.cli.check`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main

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
    assert lines[3].startswith("7 rows date_of_birth: ")
    assert lines[3].endswith("(no_such_day; rows 2-8)")
    assert lines[4].startswith("1 row  ")
    assert lines[4].endswith("row 9)")
    assert "BENNO" not in done.output
    assert "PCN" not in done.output


def test_faults_for_a_program(check):
    """With --json the whole report is one value."""
    report = json.loads(check(HEADER, GOOD, BAD, options=["--json"]).stdout)
    assert (report["total_rows"], report["bad_rows"]) == (2, 1)
    assert [(problem["code"], problem["rows"]) for problem in report["problems"]] == [("no_such_day", [2])]
    assert report["facts"]["delimiter"] == ","


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
