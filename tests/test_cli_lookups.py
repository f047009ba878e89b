"""Tests of `bulkclaims.cli.lookups`: one payer or several, and answers kept for other jobs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.cli.lookups import processor_of
from bulkclaims.cli.settings import read_settings
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import tickets
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings
from bulkclaims.testing.simulator.scenarios import answers

STEDI = """
connector = "stedi"
organization_name = "Sample Clinic PC"
api_key_file = "key"
"""
UHC = """
connector = "uhc"
client_id = "simulator"
client_secret_file = "key"
"""
AVAILITY = """
connector = "availity"
client_id = "simulator"
client_secret_file = "key"
provider_name = "SAMPLE CLINIC PC"
"""
DESCRIPTION = """
account = "described"

[request]
method = "POST"
url = "http://127.0.0.1:1/claims"

[request.json]
claim = "{claim_number}"

[answer]
claims = "claims"

[answer.claim]
category_code = "category"
payer_claim_number = "number"
"""
ANSWERS = '[answers]\nkey_file = "answers.key"'
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"


@pytest.fixture
def made(tmp_path):
    """Make the processor of settings that say what is given, beside the files that they name."""

    def made(text):
        (tmp_path / "key").write_text("s3cret")
        (tmp_path / "answers.key").write_text("s3cret of sixteen characters")
        (tmp_path / "short.key").write_text("s3cret")
        (tmp_path / "api.toml").write_text(DESCRIPTION)
        path = tmp_path / "bulkclaims.toml"
        path.write_text(text)
        return processor_of(read_settings(path))(MemoryRepository())

    return made


def accounts(processor, *payer_ids):
    """Who is asked for rows of each payer id; None for nobody."""
    asked = map(processor.capabilities_for, payer_ids)
    return [can and can.account for can in asked]


def test_one_payer_is_asked_for_all_rows(made):
    """Whatever payer id a row has."""
    assert accounts(made(f"[payer]{STEDI}"), "87726", "99999", "") == ["stedi"] * 3


def test_each_payer_has_its_ids_and_one_has_the_rest(made):
    """The table's name names the account, unless the table or a description says another."""
    processor = made(
        f'[payers.big]\npayer_ids = ["87726", "03432"]{UHC}'
        f'[payers.north]\npayer_ids = ["11111"]\naccount = "northern"{UHC}'
        '[payers.own]\npayer_ids = ["22222"]\nconnector = "http"\ndescription = "api.toml"\n'
        f"[payers.house]{STEDI}"
    )
    asked = accounts(processor, "87726", "03432", "11111", "22222", "99999", "")
    assert asked == ["big", "big", "northern", "described", "house", "house"]


def test_without_a_payer_for_the_rest_nobody_is_asked_for_it(made):
    """A row of another payer id is to fail without being asked."""
    assert accounts(made(f'[payers.big]\npayer_ids = ["87726"]{UHC}'), "87726", "99999") == ["big", None]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No payer is set."),
        (f"[payer]{STEDI}[payers.big]{UHC}", r"Say \[payer\] for one payer or \[payers.NAME\] .*, not both"),
        ("[payers]\nbig = 1", r"payers.big is to be a table, \[payers.big\]"),
        (f"[payers.a]{STEDI}[payers.b]{STEDI}", r"Only one of \[payers.NAME\] can be without payer_ids"),
        (
            f'[payers.a]\npayer_ids = ["87726"]{STEDI}[payers.b]\npayer_ids = ["1", "87726"]{UHC}',
            "The payer id 87726 stands in payer_ids twice",
        ),
        (f'[payers.a]\npayer_ids = "87726"{STEDI}', "payers.a.payer_ids is to be a list"),
        (f"[payers.a]\npayer_ids = [87726]{STEDI}", "payers.a.payer_ids is to be text"),
        (f"[payers.a]\npayer_ids = []{STEDI}", "A router needs at least one route"),
        (f"[payers.a]\npayerids = ['1']{STEDI}", "There is no setting payer.payerids"),
        ("[payers.a]\naccount = 'x'", "No payer is set."),
        (f"[payer]\nsecond_search = 1{STEDI}", "payer.second_search is to be true or false"),
        (f"[payer]\nallow_demographic_match = 'yes'{STEDI}", "payer.allow_demographic_match is to be true or false"),
        (f"[payer]{STEDI}[answers]\nhours = 2", "answers.key_env or answers.key_file is missing"),
        (f"[payer]{STEDI}[answers]\nkey_env = 'K'\nkey_file = 'answers.key'", "Say answers.key_env or answers.key_f"),
        (f"[payer]{STEDI}[answers]\nkey_env = 'NOT_SET'", "variable NOT_SET is to hold a secret"),
        (f"[payer]{STEDI}[answers]\nkey_file = 5", "answers.key_file is to be text"),
        (f"[payer]{STEDI}[answers]\nkey_file = 'nowhere'", "nowhere cannot be read"),
        (f"[payer]{STEDI}[answers]\nkey_file = 'short.key'", "is to have 16 characters or more"),
        (f"[payer]{STEDI}{ANSWERS}\nhours = 0", "answers.hours is to be a number above zero"),
        (f"[payer]{STEDI}{ANSWERS}\nhour = 1", "Did you mean answers.hours?"),
    ],
)
def test_wrong_settings_are_refused_by_name(made, text, sentence):
    """One sentence names the key, and never a secret."""
    with pytest.raises(SettingsWrong, match=sentence) as refusal:
        made(text)
    assert "s3cret" not in str(refusal.value)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into the folder that commands are run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("try-me")

    def write(name, *lines):
        (tmp_path / name).write_text("\n".join(lines))

    return write


def run(*arguments):
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments)


def statuses():
    """Claim numbers and statuses of the results file."""
    with Path("claims.results.csv").open(newline="") as file:
        return [(row["claim_number"], row["status"]) for row in csv.DictReader(file)]


def test_one_file_is_asked_of_two_payers(write, tmp_path):
    """Each row goes to its own payer in that payer's way, and the results are in the file's order."""
    of_uhc = [
        f"PCN{number}-PAID,ALMA,TESTER,03/04/1972,ZX1,87726,123456789,11/1{number}/2025" for number in range(1, 5)
    ]
    of_others = [
        "PCN5-DENY,BENNO,TESTER,03/04/1972,ZX2,99999,,",
        "PCN6-NF,CARLA,TESTER,03/04/1972,ZX3,88888,,11/15/2025",
    ]
    rows = [of_others[0], *of_uhc, of_others[1]]
    write("claims.csv", f"{HEADER},payer_id,tin,first_service_date", *rows)
    settings = SimulatorSettings(dialect="uhc", claims=tmp_path / "claims.csv", log=tmp_path / "calls")
    with PayerSimulator() as house, PayerSimulator(settings) as big:
        write(
            "bulkclaims.toml",
            f'[payers.big]\nbase_url = "{big.url}"\npayer_ids = ["87726"]{UHC}',
            f'[payers.house]\nbase_url = "{house.url}"{STEDI}',
            '[defaults]\nnpi = "1999999984"',
        )
        told = json.loads(run("check", "claims.csv", "--json").stdout)
        done = run("run", "claims.csv")

    assert done.exit_code == 1, done.output
    assert statuses() == [
        ("PCN5-DENY", "Denied"),
        *((f"PCN{number}-PAID", "Finalized") for number in range(1, 5)),
        ("PCN6-NF", "Not Found"),
    ]
    assert sorted(house.requests) == ["PCN5-DENY", "PCN6-NF"]
    assert (tmp_path / "calls").read_text().count("byprovider") == 1
    assert big.requests == ()
    plans = {plan["account"]: (plan["rows"], plan["calls"], plan["searches"]) for plan in told["plan"]}
    assert plans == {"big": (4, 1, 1), "house": (2, 2, 0)}


def test_a_row_that_nobody_answers_for_is_never_sent(write):
    """It is the file's fault, said by `check` and in the results alike."""
    with PayerSimulator() as payer:
        write("bulkclaims.toml", f'[payers.a]\npayer_ids = ["11111"]\nbase_url = "{payer.url}"{STEDI}')
        cells = "ALMA,TESTER,03/04/1972,ZX1"
        write(
            "claims.csv", f"{HEADER},payer_id,npi", f"P1-PAID,{cells},11111,1999999984", f"P2-PAID,{cells},5,1999999984"
        )
        checked, done = run("check", "claims.csv"), run("run", "claims.csv")

    assert "unknown_payer; row 2" in checked.stdout
    assert "To ask a for 1 row: 1 request." in checked.stdout
    assert statuses() == [("P1-PAID", "Finalized"), ("P2-PAID", "Error")]
    assert (done.exit_code, payer.requests) == (1, ("P1-PAID",))


@pytest.mark.parametrize(("setting", "requests"), [("", 1), ("second_search = false", 1), ("second_search = true", 2)])
def test_a_second_search_is_made_where_it_is_wanted(write, monkeypatch, setting, requests):
    """By patient and days of service, for what is not found by its number."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))
    with PayerSimulator(SimulatorSettings(dialect="availity")) as payer:
        write("bulkclaims.toml", f'[payer]\nbase_url = "{payer.url}/v1"\n{setting}{AVAILITY}')
        row = "PCN1-NF,ALMA,TESTER,03/04/1972,ZX1,99999,1999999984,11/14/2025"
        write("claims.csv", f"{HEADER},payer_id,npi,first_service_date", row)
        run("run", "claims.csv")

    assert len(payer.requests) == requests


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        ("", "Not Found"),
        ("allow_demographic_match = false", "Not Found"),
        ("allow_demographic_match = true", "Finalized"),
    ],
)
def test_a_claim_of_another_number_is_taken_where_it_is_wanted(write, monkeypatch, setting, status):
    """When it is the only one, of the same patient and the same days."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))
    (said,) = answers("PCN1-SIMILAR", 0)
    with PayerSimulator(SimulatorSettings(dialect="availity")) as payer:
        write("bulkclaims.toml", f'[payer]\nbase_url = "{payer.url}/v1"\n{setting}{AVAILITY}')
        row = f"PCN1-SIMILAR,ALMA,TESTER,03/04/1972,ZX1,99999,1999999984,{said.service_day:%m/%d/%Y}"
        write("claims.csv", f"{HEADER},payer_id,npi,first_service_date", row)
        run("run", "claims.csv")

    assert statuses() == [("PCN1-SIMILAR", status)]


@pytest.mark.parametrize(
    ("table", "requests"),
    [
        ("", 2),
        (ANSWERS, 1),
        ('[answers]\nkey_env = "ANSWERS_KEY"', 1),
        (f"{ANSWERS}\nhours = 0.5", 1),
        (f"{ANSWERS}\nhours = 0.00001", 2),
    ],
)
def test_answers_are_kept_where_it_is_wanted(write, monkeypatch, table, requests):
    """The same claim in another job is not asked again, until its hours are over."""
    monkeypatch.setenv("ANSWERS_KEY", "sixteen characters or more")
    with PayerSimulator() as payer:
        write("answers.key", "sixteen characters or more")
        write("bulkclaims.toml", f'[payer]\nbase_url = "{payer.url}"{STEDI}{table}')
        for _ in range(2):
            write("claims.csv", f"{HEADER},payer_id,npi", "PCN1-PAID,ALMA,TESTER,03/04/1972,ZX1,99999,1999999984")
            assert run("run", "claims.csv").exit_code == 0

    assert len(payer.requests) == requests
    assert statuses() == [("PCN1-PAID", "Finalized")]


def test_a_secret_is_read_once(tmp_path):
    """It may come through a pipe, as from a password manager, which gives it once."""
    pipe = tmp_path / "key"
    os.mkfifo(pipe)
    (tmp_path / "bulkclaims.toml").write_text(
        '[payer]\nconnector = "stedi"\norganization_name = "Clinic"\napi_key_file = "key"\n'
    )
    (tmp_path / "claims.csv").write_text(f"{HEADER}\n")
    command = [sys.executable, "-m", "bulkclaims.cli", "run", "claims.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as started:
        pipe.write_text("try-me")
        _, said = started.communicate(timeout=30)
    assert "a header but no rows" in said
