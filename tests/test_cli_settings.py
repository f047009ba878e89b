"""Tests of `bulkclaims.cli.settings`, `tables` and `payer`: what `bulkclaims.toml` may say."""

from __future__ import annotations

import pytest
from attrs import evolve

from bulkclaims.cli.payer import connector_of
from bulkclaims.cli.settings import CommandSettings, read_settings
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import (
    AvailityConnector,
    BreakerPolicy,
    HttpConnector,
    OptumRealConnector,
    StediConnector,
    UhcConnector,
)
from bulkclaims.lookup.x12 import Party
from bulkclaims.records import Rate

DESCRIPTION = """
account = "sample"

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


@pytest.fixture
def read(tmp_path):
    """Read settings that say what is given."""

    def read(text):
        path = tmp_path / "bulkclaims.toml"
        path.write_text(text)
        return read_settings(path)

    return read


def test_no_file_means_the_defaults():
    """Without a file a command has the embedded database, no deadline and no sweeper."""
    settings = read_settings(None)
    assert settings == CommandSettings()
    assert settings.database == "sqlite:///bulkclaims.db"
    assert (settings.jobs.deadline_seconds, settings.jobs.sweep_seconds) == (None, None)


def test_every_key_arrives(read, tmp_path):
    """What the file says is what the command gets, numbers and texts alike."""
    settings = read(
        """
        database = "sqlite:///x.db"
        organisation = "ACME"
        max_megabytes = 2.5
        [payer]
        connector = "stedi"
        [retry]
        attempts = 2
        base_seconds = 0.5
        [breaker]
        rows = 3
        first_seconds = 1.5
        [answers]
        hours = 12
        [defaults]
        payer_id = "0099"
        tin = "12-3456789"
        [jobs]
        chunk_rows = 7
        deadline_seconds = 60
        """
    )
    assert (settings.database, settings.organisation, settings.max_megabytes) == ("sqlite:///x.db", "ACME", 2.5)
    assert settings.payer == {"connector": "stedi"}
    assert (settings.retry.attempts, settings.retry.base_seconds, settings.retry.max_seconds) == (2, 0.5, 60)
    assert settings.breaker == BreakerPolicy(rows=3, first_seconds=1.5)
    assert settings.answers == {"hours": 12}
    assert settings.defaults == {"payer_id": "0099", "tin": "123456789"}
    assert settings.jobs == evolve(CommandSettings().jobs, chunk_rows=7, deadline_seconds=60)
    assert settings.folder == tmp_path


def test_the_tables_of_several_payers_arrive(read):
    """By the names that they have in the file."""
    settings = read("[payers.one]\nconnector = 'stedi'\n[payers.two]\nconnector = 'uhc'\npayer_ids = ['87726']")
    assert settings.payers == {"one": {"connector": "stedi"}, "two": {"connector": "uhc", "payer_ids": ["87726"]}}
    assert settings.payer == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("databse = 'x'", "There is no setting databse. Did you mean database?"),
        ("zzzzz = 'x'", "There is no setting zzzzz. Known are database, organisation,"),
        ("[jobs]\nchunk_row = 1", "There is no setting jobs.chunk_row. Did you mean jobs.chunk_rows?"),
        ("[retry]\nattempt = 1", "There is no setting retry.attempt. Did you mean retry.attempts?"),
        ("[defaults]\npayer = '1'", "There is no setting defaults.payer."),
        ("jobs = 1", r"The setting jobs is to be a table, \[jobs\]."),
        ("payer = 1", r"The setting payer is to be a table, \[payer\]."),
        ("payers = 1", r"The setting payers is to be a table, \[payers\]."),
        ("answers = 1", r"The setting answers is to be a table, \[answers\]."),
        ("breaker = 1", r"The setting breaker is to be a table, \[breaker\]."),
        ("[breaker]\nrow = 1", "There is no setting breaker.row. Did you mean breaker.rows?"),
        ("[breaker]\nrows = 1.5", "The setting breaker.rows is to be a whole number above zero."),
        ("[breaker]\npatience_seconds = 0", "The setting breaker.patience_seconds is to be a number above zero."),
        ("[breaker]\nfirst_seconds = '1'", "The setting breaker.first_seconds is to be a number above zero."),
        ("database = 1", "The setting database is to be text, in quotes."),
        ("max_megabytes = '1'", "The setting max_megabytes is to be a number above zero."),
        ("max_megabytes = inf", "The setting max_megabytes is to be a number above zero."),
        ("max_megabytes = nan", "The setting max_megabytes is to be a number above zero."),
        ("max_megabytes = true", "The setting max_megabytes is to be a number above zero."),
        ("[jobs]\nlease_seconds = 0", "The setting jobs.lease_seconds is to be a number above zero."),
        ("[jobs]\nrenew_seconds = 10", "renew_seconds is to be at most half of lease_seconds, and is 10 of 15"),
        ("[jobs]\nchunk_rows = 2.5", "The setting jobs.chunk_rows is to be a whole number above zero."),
        ("[retry]\nattempts = true", "The setting retry.attempts is to be a whole number above zero."),
        ("[retry]\nattempts = 0", "The setting retry.attempts is to be a whole number above zero."),
        ("[defaults]\nnpi = 1999999984", "The setting defaults.npi cannot be used. It is to be text, in quotes: zeros"),
        ("[defaults]\nnpi = '12'", "The setting defaults.npi cannot be used. The npi must be 10 digits."),
        (
            "[defaults]\nfirst_service_date = '2026-13-01'",
            "The setting defaults.first_service_date cannot be used. .* looks like day and month are swapped.",
        ),
        ("[jobs", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(read, text, sentence):
    """A misspelt key, a wrong type or broken TOML is one sentence that names the place."""
    with pytest.raises(SettingsWrong, match=sentence):
        read(text)


@pytest.mark.parametrize(
    ("text", "lease", "renewal"),
    [("lease_seconds = 3", 3, 1), ("lease_seconds = 3\nrenew_seconds = 0.5", 3, 0.5), ("renew_seconds = 2", 15, 2)],
)
def test_a_lease_brings_its_renewal(read, text, lease, renewal):
    """A file that sets the lease alone has it renewed thrice in its time; what it sets itself is kept."""
    jobs = read(f"[jobs]\n{text}").jobs

    assert (jobs.lease_seconds, jobs.renew_seconds) == (lease, renewal)


def test_a_file_that_is_not_there(tmp_path):
    """Settings that were asked for and cannot be read are not passed over."""
    with pytest.raises(SettingsWrong, match=r"nowhere\.toml cannot be read: No such file"):
        read_settings(tmp_path / "nowhere.toml")


STEDI = {"connector": "stedi", "organization_name": "Sample Clinic PC", "api_key_env": "KEY"}
X12 = {"sender": "SENDERID", "receiver": "RECEIVERID", "submitter_name": "SAMPLE BILLING LLC", "submitter_id": "SB0001"}
OPTUM_REAL = {"connector": "optum-real", "client_id": "me", "client_secret_file": "key"}
AVAILITY = {
    "connector": "availity",
    "client_id": "me",
    "client_secret_file": "key",
    "provider_name": "Sample Clinic PC",
}
UHC = {"connector": "uhc", "client_id": "me", "client_secret_file": "key"}
OPTUM = {"connector": "optum", "organization_name": "Sample Clinic PC", "client_id": "me"}


def test_a_stedi_payer(tmp_path, monkeypatch):
    """The table makes the connector, with its rate and its secret from the environment."""
    monkeypatch.setenv("KEY", "s3cret")
    limits = {"rate_per_second": 2, "rate_per_day": 50, "max_in_flight": 3, "in_flight_in_all": 8, "account": "north"}
    connector = connector_of(STEDI | limits, tmp_path)
    assert isinstance(connector, StediConnector)
    assert (connector.capabilities.account, connector.capabilities.max_in_flight) == ("north", 3)
    assert (connector.capabilities.rate, connector.capabilities.in_flight_in_all) == (Rate(2, 50), 8)


def test_a_payer_asked_by_x12(tmp_path, monkeypatch):
    """A table of its own chooses the route."""
    monkeypatch.setenv("KEY", "s3cret")
    line = X12 | {"receiver_qualifier": "30", "usage": "T"}
    settings = connector_of(STEDI | {"x12": line}, tmp_path)._settings
    assert settings.x12.sender == Party("SENDERID")
    assert settings.x12.receiver == Party("RECEIVERID", "30")
    assert (settings.x12.usage, settings.url.path) == ("T", "/2024-04-01/change/medicalnetwork/claimstatus/v2/raw-x12")


def test_an_optum_payer_with_its_secret_in_a_file(tmp_path):
    """The secret's file is looked for beside the settings."""
    (tmp_path / "key").write_text("s3cret\n")
    connector = connector_of(OPTUM | {"client_secret_file": "key"}, tmp_path)
    assert connector.capabilities.rate is None


def test_an_optum_real_payer(tmp_path):
    """With what is of its own: a flag and a list."""
    (tmp_path / "key").write_text("s3cret\n")
    connector = connector_of(OPTUM_REAL | {"sandbox": True, "not_found_codes": ["NONE"]}, tmp_path)
    assert isinstance(connector, OptumRealConnector)
    assert connector._settings.sandbox
    assert connector._settings.not_found_codes == {"NONE"}


def test_an_availity_payer(tmp_path):
    """With its choices and its flag."""
    (tmp_path / "key").write_text("s3cret\n")
    connector = connector_of(AVAILITY | {"demo": True, "relationship": "19", "complete_codes": ["4", "5"]}, tmp_path)
    assert isinstance(connector, AvailityConnector)
    assert connector._settings.demo
    assert (connector._settings.relationship, connector._settings.complete_codes) == ("19", {"4", "5"})


def test_a_uhc_payer(tmp_path):
    """With a number, a flag and a path of its own."""
    (tmp_path / "key").write_text("s3cret\n")
    connector = connector_of(UHC | {"window_days": 60, "standard_errors": True, "by_claim_path": "/here"}, tmp_path)
    assert isinstance(connector, UhcConnector)
    assert connector.capabilities.window_days == 60
    assert (connector._settings.standard_errors, connector._settings.by_claim_path) == (True, "/here")


def test_a_described_payer(tmp_path):
    """The connector `http` is made of the description that the table names."""
    (tmp_path / "api.toml").write_text(DESCRIPTION)
    assert isinstance(connector_of({"connector": "http", "description": "api.toml"}, tmp_path), HttpConnector)


@pytest.mark.parametrize(
    ("payer", "sentence"),
    [
        ({}, "No payer is set."),
        ({"connector": "fax"}, "payer.connector is to be stedi, optum, optum-real, availity, uhc or http"),
        ({"connector": ["stedi"]}, "payer.connector is to be stedi, optum, optum-real, availity, uhc or http"),
        (STEDI | {"api_key": "s3cret"}, "may not hold a secret: say payer.api_key_env or payer.api_key_file"),
        ({"connector": "http", "client_secret": "s3cret"}, "may not hold a secret"),
        (STEDI | {"organisation_name": "x"}, "Did you mean payer.organization_name?"),
        (STEDI | {"zzz": "x"}, "There is no setting payer.zzz."),
        ({"connector": "stedi"}, "payer.organization_name is missing"),
        ({"connector": "optum-real", "client_id": "me"}, "payer.client_secret_env or _file"),
        ({"connector": "availity", "client_id": "me"}, "payer.client_secret_env or _file"),
        ({"connector": "uhc", "client_id": "me"}, "payer.client_secret_env or _file"),
        (UHC | {"window_days": 91}, "window_days is to be 1 to 90"),
        ({"connector": "availity", "client_id": "me", "client_secret_file": "key"}, "payer.provider_name is missing"),
        (AVAILITY | {"relationship": "self"}, "relationship is to be 18, 01, 19 or G8"),
        (AVAILITY | {"base_url": "http://claims.example/v1"}, "base_url is to begin with https"),
        (OPTUM_REAL | {"sandbox": "yes"}, "payer.sandbox is to be true or false"),
        (OPTUM_REAL | {"not_found_codes": "NONE"}, "payer.not_found_codes is to be a list of texts"),
        ({"connector": "optum-real", "organization_name": "x"}, "There is no setting payer.organization_name"),
        (STEDI | {"x12": True}, r"payer.x12 is to be a table, \[payer.x12\]"),
        (STEDI | {"x12": {}}, "payer.x12.sender is missing"),
        (STEDI | {"x12": X12 | {"sendr": "x"}}, "Did you mean payer.x12.sender?"),
        (STEDI | {"x12": X12 | {"sender": 5}}, "payer.x12.sender is to be text"),
        (STEDI | {"x12": X12 | {"usage": "X"}}, "usage is to be P or T"),
        (STEDI | {"x12": X12 | {"submitter_name": "A~"}}, "submitter_name is to hold"),
        (STEDI | {"organization_name": 5}, "payer.organization_name is to be text"),
        (STEDI | {"account": 5}, "payer.account is to be text"),
        (STEDI | {"base_url": 5}, "payer.base_url is to be text"),
        (STEDI | {"api_key_env": 5}, "payer.api_key_env is to be text"),
        (STEDI | {"api_key_file": "key"}, "payer.api_key_env or payer.api_key_file, not both"),
        (STEDI | {"api_key_env": "NOT_SET"}, "variable NOT_SET is to hold a secret"),
        (STEDI | {"max_in_flight": "10"}, "payer.max_in_flight is to be a whole number above zero"),
        (STEDI | {"in_flight_in_all": 0}, "payer.in_flight_in_all is to be a whole number above zero"),
        (STEDI | {"rate_per_second": 0}, "payer.rate_per_second is to be a number above zero"),
        (STEDI | {"rate_per_day": 5}, "payer.rate_per_day needs payer.rate_per_second"),
        (STEDI | {"claim_number_kind": "own"}, "claim_number_kind is to be payer or patient_account"),
        (OPTUM, "client_id and client_secret are missing"),
        (OPTUM | {"client_secret_file": "nowhere"}, "nowhere cannot be read"),
        ({"connector": "http"}, "payer.description is missing"),
        ({"connector": "http", "description": 5}, "payer.description is to be text"),
        ({"connector": "http", "description": "nowhere.toml"}, "nowhere.toml"),
        ({"connector": "http", "desription": "x"}, "Did you mean payer.description?"),
    ],
)
def test_a_wrong_payer_is_refused_by_name(tmp_path, monkeypatch, payer, sentence):
    """Whatever is wrong with the table is one sentence that names its key and never a secret."""
    monkeypatch.setenv("KEY", "s3cret")
    (tmp_path / "key").write_text("s3cret")
    with pytest.raises(SettingsWrong, match=sentence) as refusal:
        connector_of(payer, tmp_path)
    assert "s3cret" not in str(refusal.value)
