"""What payers let us in with, and whose claims these are, is in nothing that the command line says, keeps or logs."""

from __future__ import annotations

import json
import logging

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.lookup import tickets
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

SECRET = "c4nary-s3cret"
MARKS = "c4nary-of-sixteen-characters"
TOKEN = "SIMTOKEN"
"""How the tokens begin that the simulated payer gives out."""
PATIENT = "CANARY"
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id,first_service_date"
ROWS = [
    f"{PATIENT}1-PAID,{PATIENT}FIRST,{PATIENT}LAST,03/04/1972,{PATIENT}7,11/14/2025",
    f"{PATIENT}2-NF,{PATIENT}FIRST,{PATIENT}LAST,03/04/1972,{PATIENT}7,11/15/2025",
    f"{PATIENT}3-500,{PATIENT}FIRST,{PATIENT}LAST,03/04/1972,{PATIENT}7,11/16/2025",
    f"{PATIENT}4-PAID,{PATIENT}FIRST,{PATIENT}LAST,13/45/1972,{PATIENT}7,11/17/2025",
]
CLIENT = 'client_id = "simulator"\nclient_secret_file = "key"\n'
PAYERS = {
    "stedi": 'organization_name = "Sample"\napi_key_file = "key"\n',
    "optum": f'organization_name = "Sample"\n{CLIENT}',
    "optum-real": CLIENT,
    "availity": f'provider_name = "Sample"\nsecond_search = true\n{CLIENT}',
    "uhc": CLIENT,
}
SETTINGS = """
[payer]
connector = "{dialect}"
base_url = "{url}"
{table}
[retry]
attempts = 2
base_seconds = 0.01
down_seconds = 0.01

[answers]
key_file = "marks.key"

[defaults]
payer_id = "87726"
npi = "1999999984"
tin = "123456789"
"""


@pytest.fixture(params=PAYERS)
def dialect(request, tmp_path, monkeypatch):
    """Each connector's, with its secrets in files of a folder to stand in, and claims of a patient."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tickets, "WAITS", (0.0,))
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / "marks.key").write_text(MARKS)
    (tmp_path / "claims.csv").write_text("\n".join([HEADER, *ROWS]))
    return request.param


@pytest.mark.parametrize(("knows", "status"), [(SECRET, "COMPLETED"), ("another", "FAILED")])
def test_secrets_and_patients_get_nowhere(dialect, knows, status, tmp_path, caplog):
    """Whether the payer takes the secret or refuses it: no output, file or log holds it, nor a token bought with it."""
    said = []

    def run(*arguments):
        done = CliRunner().invoke(main, arguments)
        assert "This is a bug" not in done.output
        said.append(done.output)
        return done.stdout

    settings = SimulatorSettings(dialect=dialect, api_key=knows, claims=tmp_path / "claims.csv")
    with caplog.at_level(logging.DEBUG), PayerSimulator(settings) as payer:
        url = f"{payer.url}/v1" if dialect == "availity" else payer.url
        text = SETTINGS.format(dialect=dialect, url=url, table=PAYERS[dialect])
        (tmp_path / "bulkclaims.toml").write_text(text)
        for command in (["check", "claims.csv"], ["run", "claims.csv", "-o", "out.csv"], ["jobs"]):
            run(*command)
            told = run(*command, "--json")
        jobs = json.loads(told)
        for job in jobs:
            run("show", job["id"])
            run("show", job["id"], "--json")

    assert [job["status"] for job in jobs] == [status] * 2
    shown = "".join(said) + caplog.text
    assert {"DEBUG", "WARNING"} & {record.levelname for record in caplog.records}
    assert PATIENT not in shown
    assert not [secret for secret in (SECRET, MARKS, TOKEN) if secret in shown]
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("key")}
    assert {"bulkclaims.db", "out.csv", "bulkclaims.toml", "claims.csv"} <= written.keys()
    assert not [
        (name, secret)
        for name, content in written.items()
        for secret in (SECRET, MARKS, TOKEN)
        if secret.encode() in content
    ]
