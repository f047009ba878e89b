"""Tests of `bulkclaims.cli.tokens`: tokens are issued, listed and revoked, and what is issued is good."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from bulkclaims.access import Principal, Role
from bulkclaims.cli.commands import main
from bulkclaims.errors import NotAuthenticated
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_sqlalchemy import open_repository

TOKEN = re.compile(r"bc_([A-Za-z0-9]{12})_[A-Za-z0-9_-]{43}\n")


def run(*arguments, **options):
    """Run a command in this process."""
    return CliRunner().invoke(main, ["tokens", *arguments], **options)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)


def principal(token, *, after=timedelta(0)):
    """Say who brings a token, as the HTTP API will."""
    store = open_repository("sqlite:///bulkclaims.db")
    try:
        authenticator = TokenAuthenticator(store, lambda: datetime.now(UTC) + after)
        return authenticator.authenticate({"authorization": f"Bearer {token}"}, None)
    finally:
        store.close()


def test_a_token_stands_alone_on_standard_output():
    """So that a shell can take it; the note on it goes beside, and the token opens the API."""
    script = f'TOKEN=$({sys.executable} -m bulkclaims.cli tokens create --org ACME --user "bea [1]"); echo "$TOKEN"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env={"COLUMNS": "20"})
    found = TOKEN.fullmatch(done.stdout)

    assert found is not None
    assert done.stderr.startswith(f"This is shown once; keep it where secrets are kept. Its id is {found[1]}, it is ")
    assert re.search(r"good until 20\d\d-\d\d-\d\d\.\n$", done.stderr)
    assert principal(done.stdout.strip()) == Principal("ACME", "bea [1]", Role.SUBMIT)


def test_a_token_is_good_for_ninety_days():
    """Unless told otherwise; 0 is for good."""
    usual, short, endless = (
        run("create", *options).stdout.strip()
        for options in ([], ["--expires-days", "1"], ["--expires-days", "0", "--role", "manage"])
    )
    days = timedelta(days=1)

    assert principal(usual, after=89 * days) == Principal("local", "api", Role.SUBMIT)
    assert principal(short, after=0.9 * days) == Principal("local", "api", Role.SUBMIT)
    assert principal(endless, after=50_000 * days) == Principal("local", "api", Role.MANAGE)
    for token, after in ((usual, 90 * days), (short, days)):
        with pytest.raises(NotAuthenticated, match="expired"):
            principal(token, after=after)


def test_a_program_gets_all_there_is_to_know():
    """As one value, the token in it."""
    done = run("create", "--org", "ACME", "--role", "read", "--json")
    told = json.loads(done.stdout)
    endless = run("create", "--expires-days", "0", "--json")

    assert TOKEN.fullmatch(told["token"] + "\n")[1] == told["id"]
    assert told | {"organisation": "ACME", "user": "api", "role": "read", "state": "good", "revoked_at": None} == told
    lifetime = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["created_at"])
    assert lifetime == timedelta(days=90)
    assert json.loads(endless.stdout)["expires_at"] is None
    assert endless.stderr.endswith("it is good until it is revoked.\n")


def test_tokens_are_listed_without_their_secrets():
    """Oldest first, each with its state, and none of another organisation."""
    assert run("list", "--org", "ACME").stdout == "There are no tokens yet.\n"
    texts = [run("create", "--org", "ACME", "--user", user).stdout.strip() for user in ("bea", "[red]night run[-]")]
    endless = run("create", "--org", "ACME", "--expires-days", "0").stdout.strip()
    run("create", "--org", "other")
    first, second, third = (text.split("_")[1] for text in (*texts, endless))
    run("revoke", first, "--org", "ACME")
    header, *lines = (line.split(maxsplit=7) for line in run("list", "--org", "ACME").stdout.splitlines())
    told = json.loads(run("list", "--org", "ACME", "--json").stdout)

    assert header == ["id", "role", "state", "created", "expires", "user"]
    assert [line[:3] for line in lines] == [
        [first, "submit", "revoked"],
        [second, "submit", "good"],
        [third, "submit", "good"],
    ]
    assert [lines[0][7], lines[1][7], lines[2][5:]] == ["bea", "[red]night run[-]", ["never", "api"]]
    assert [token["id"] for token in told] == [first, second, third]
    assert [token["revoked_at"] is None for token in told] == [False, True, True]
    assert not any(text.split("_", 2)[2] in json.dumps(told) for text in texts)
    assert "digest" not in told[0]


def test_an_expired_token_is_listed_as_such(monkeypatch):
    """Whoever looks for one that no longer works sees why."""
    run("create", "--expires-days", "1")

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr("bulkclaims.cli.tokens.datetime", Later)
    assert [token["state"] for token in json.loads(run("list", "--json").stdout)] == ["expired"]


def test_a_revoked_token_opens_nothing():
    """Revoking it again changes nothing; another organisation's is not there to be revoked."""
    token = run("create", "--org", "ACME").stdout.strip()
    token_id = token.split("_")[1]
    others = run("revoke", token_id)
    assert (others.exit_code, others.stderr) == (
        2,
        "The organisation local has no token with this id; see bulkclaims tokens list.\n",
    )
    assert principal(token) is not None
    assert run("revoke", token_id, "--org", "ACME").stdout == f"Token {token_id} is revoked.\n"
    assert json.loads(run("revoke", token_id, "--org", "ACME", "--json").stdout) == {"revoked": token_id}
    with pytest.raises(NotAuthenticated, match="revoked"):
        principal(token)
    assert json.loads(run("revoke", "x", "--json").stdout)["error"]["code"] == "token_not_found"


@pytest.mark.parametrize("action", [["create"], ["list"], ["revoke", "x"]])
@pytest.mark.parametrize("organisation", ["", " ", "ACME ", "A" * 256])
def test_an_organisation_that_nobody_can_have_is_refused(action, organisation):
    """Nor is it taken for the usual one."""
    done = run(*action, "--org", organisation)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("An organisation is a text of 1 to 255 characters without white space at its ends; ")
    assert run("list").stdout == "There are no tokens yet.\n"


@pytest.mark.parametrize("option", [["--role", "root"], ["--expires-days", "-1"], ["--expires-days", "36501"]])
def test_what_no_token_can_be_is_refused(option):
    """In words, before anything is made."""
    done = run("create", *option)
    assert done.exit_code == 2
    assert option[0] in done.stderr
    assert run("list").stdout == "There are no tokens yet.\n"
