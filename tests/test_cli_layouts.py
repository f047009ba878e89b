"""Tests of `bulkclaims.cli.layouts`: what the command line and its settings say of a file's columns."""

from __future__ import annotations

import json
import shlex

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.cli.layouts import words_of
from bulkclaims.records import Layout
from bulkclaims.testing.simulator import PayerSimulator

FILE = "Fall = Nr,first,last,dob,Mitglied\nPCN1-PAID,ALMA,TESTER,03/04/1972,ZX1"
COLUMNS = ("--column", "fall = nr=claim_number", "--column", "Mitglied=subscriber_id")


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run a command in a folder that holds the file, and perhaps settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.csv").write_text(FILE)

    def invoke(*words, settings=""):
        (tmp_path / "bulkclaims.toml").write_text(settings)
        return CliRunner().invoke(main, list(words))

    return invoke


def test_check_by_columns_from_the_command_line(invoke):
    """The last equals sign parts a heading from its column; the report says what each heading was read as."""
    done = invoke("check", "claims.csv", *COLUMNS, "--json")
    assert done.exit_code == 0
    headings = json.loads(done.stdout)["facts"]["headings"]
    assert headings[0] == {"text": "Fall = Nr", "column": "claim_number", "known": "given"}


def test_check_by_columns_from_the_settings(invoke):
    """The command line goes before them; a heading that a file lacks does no harm."""
    settings = '[columns]\n"FALL NR" = "npi"\nMitglied = "subscriber_id"\nVersicherer = "payer_id"\nNotiz = ""'
    assert invoke("check", "claims.csv", settings=settings).exit_code == 2
    done = invoke("check", "claims.csv", *COLUMNS[:2], "--json", settings=settings)
    assert [heading["known"] for heading in json.loads(done.stdout)["facts"]["headings"]][::4] == ["given", "saved"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('columns = "Fall"', "is to be a table"),
        ("[columns]\nFall = 1", "columns.Fall is to be text"),
        ('[columns]\nFall = "colour"', "The table [columns] cannot be used. A heading is mapped to a column"),
    ],
)
def test_settings_that_cannot_be_used(invoke, settings, said):
    """Said before anything is read."""
    done = invoke("check", "claims.csv", settings=settings)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("given", ["claim_number", "=claim_number", ""])
def test_a_column_without_a_heading(invoke, given):
    """The sentence shows how to write it."""
    done = invoke("check", "claims.csv", "--column", given)
    assert done.exit_code == 2
    assert "HEADING=COLUMN" in done.stderr


def test_a_refusal_says_how_to_go_on(invoke, tmp_path):
    """Its sentence holds the option that confirms a guess, and JSON the guesses as data."""
    (tmp_path / "claims.csv").write_text(FILE.replace("Fall = Nr", "claim_numbr").replace("Mitglied", "member id"))
    assert '--column "claim_numbr=claim_number"' in invoke("check", "claims.csv").stderr
    told = json.loads(invoke("check", "claims.csv", "--json").stdout)
    assert told["error"]["guesses"] == {"claim_numbr": "claim_number"}
    assert invoke("check", "claims.csv", "--column", "claim_numbr=claim_number").exit_code == 0


def test_run_by_columns(invoke, tmp_path):
    """From the command line and from the settings."""
    with PayerSimulator() as payer:
        settings = f"""
[payer]
connector = "stedi"
base_url = "{payer.url}"
organization_name = "Sample Clinic PC"
api_key_file = "payer.key"

[defaults]
payer_id = "99999"
npi = "1999999984"

[columns]
Mitglied = "subscriber_id"
"""
        (tmp_path / "payer.key").write_text("try-me")
        done = invoke("run", "claims.csv", *COLUMNS[:2], settings=settings)
    assert done.exit_code == 0, done.output
    assert "PCN1-PAID" in (tmp_path / "claims.results.csv").read_text(encoding="utf-8-sig")


def test_a_layout_can_be_typed_again():
    """As the advice of a command that was stopped does."""
    layout = Layout(columns={"Fall = Nr": "claim_number", "Notiz": ""}, sheet="Open claims")
    assert shlex.join(words_of(layout)) == ("--column 'Fall = Nr=claim_number' --column Notiz= --sheet 'Open claims'")
    assert list(words_of(Layout())) == []


@pytest.fixture
def remote(http_service, invoke, monkeypatch):
    """Ask a service."""
    monkeypatch.setenv("BULKCLAIMS_URL", http_service.url)
    monkeypatch.setenv("BULKCLAIMS_TOKEN", http_service.token)
    return lambda *words: invoke("remote", *words)


def test_remote_check_and_upload(remote, http_service):
    """The service reads the file by them, and remembers them if asked to."""
    assert remote("check", "claims.csv").exit_code == 2
    assert remote("check", "claims.csv", *COLUMNS, "--sheet", "Open").exit_code == 0
    assert remote("upload", "claims.csv", *COLUMNS, "--sheet", "Open").exit_code == 0
    assert http_service.bulk.columns("ACME") == {}
    assert remote("upload", "claims.csv", *COLUMNS, "--remember-columns", "--compare-with", "last").exit_code == 0
    assert remote("check", "claims.csv").exit_code == 0
    assert http_service.bulk.columns("ACME") == {"fall = nr": "claim_number", "Mitglied": "subscriber_id"}
