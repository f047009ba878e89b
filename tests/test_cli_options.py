"""Tests of `bulkclaims.cli.options`: what all commands have in common."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.cli.options import common_options
from bulkclaims.errors import PayloadUnreadable


def command(error):
    """Make a command that fails so."""

    @click.command()
    @common_options
    def fails(terminal):
        raise error

    return fails


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_bug_is_a_sentence_without_the_row():
    """An unexpected exception, whose text may quote a row, is told by its class and place alone."""
    done = CliRunner().invoke(command(KeyError("ALMA TESTER")), [])
    assert done.exit_code == 2
    assert "This is a bug of bulkclaims" in done.stderr
    assert "KeyError at test_cli_options.py" in done.stderr
    assert "ALMA" not in done.output
    assert "Traceback" not in done.output


def test_a_bug_is_json_for_a_program():
    """A program gets the same as one value, with a code."""
    done = CliRunner().invoke(command(KeyError("ALMA TESTER")), ["--json"])
    assert json.loads(done.stdout)["error"]["code"] == "bug"
    assert done.stderr == ""


def test_errors_of_the_library_are_shown_literally():
    """A sentence with brackets or colons is neither markup nor emoji, and is not broken into lines."""
    sentence = f"[bold]In [/] {'a long sentence ' * 20}:warning: [HTTP 503]."
    done = CliRunner().invoke(command(PayloadUnreadable(sentence)), [])
    assert done.stderr == f"{sentence}\n"


def test_ctrl_c_anywhere_is_130():
    """An interruption outside of a run has no traceback either."""
    done = CliRunner().invoke(command(KeyboardInterrupt()), [])
    assert (done.exit_code, done.stderr) == (130, "Stopped.\n")


def test_the_settings_are_found(folder, monkeypatch):
    """bulkclaims.toml of this folder, unless the environment or the option names another file; options win."""
    seen = []

    @click.command()
    @common_options
    def look(terminal):
        seen.append((terminal.settings.organisation, terminal.settings.database))

    for name in ("bulkclaims", "other"):
        (folder / f"{name}.toml").write_text(f'organisation = "{name}"\ndatabase = "sqlite:///{name}.db"')
    CliRunner().invoke(look, [])
    CliRunner().invoke(look, ["--config", "other.toml"])
    for option in ("--organisation", "--org"):
        CliRunner().invoke(look, [option, "ACME", "--database", "sqlite:///x.db"])
    monkeypatch.setenv("BULKCLAIMS_CONFIG", "other.toml")
    monkeypatch.setenv("BULKCLAIMS_DATABASE", "sqlite:///env.db")
    CliRunner().invoke(look, [])

    assert seen == [
        ("bulkclaims", "sqlite:///bulkclaims.db"),
        ("other", "sqlite:///other.db"),
        ("ACME", "sqlite:///x.db"),
        ("ACME", "sqlite:///x.db"),
        ("other", "sqlite:///env.db"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "bulkclaims run 'my claims.csv'"),
        (["--json", "--organisation", "A C"], "bulkclaims run 'my claims.csv' --organisation 'A C' --json"),
        (
            ["--database", "postgresql://me:s3:c/ret@db/claims"],
            "bulkclaims run 'my claims.csv' --database 'postgresql://me:***@db/claims'",
        ),
        (["--database", "sqlite:///a:b@c.db"], "bulkclaims run 'my claims.csv' --database sqlite:///a:b@c.db"),
    ],
)
def test_a_command_is_said_with_the_options_given(given, said, monkeypatch):
    """What stood on the command line is repeated as a shell reads it, but no password; the environment is not."""
    monkeypatch.setenv("BULKCLAIMS_CONFIG", "other.toml")
    Path("other.toml").touch()
    told = []

    @click.command()
    @common_options
    def tell(terminal):
        told.append(terminal.command("run", "my claims.csv"))

    CliRunner().invoke(tell, given)
    assert told == [said]


def test_wrong_settings_are_json_for_a_program(folder):
    """Also what is wrong before a command begins is told as JSON when asked for."""
    (folder / "bulkclaims.toml").write_text("[jobs]\nchunk_row = 1")
    done = CliRunner().invoke(main, ["jobs", "--json"])
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["code"] == "settings_wrong"
