"""Tests of `bulkclaims.cli.demo`: the simulated payer as a command, and the demo."""

from __future__ import annotations

import csv
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_payer_says_when_it_is_ready_and_ends_when_asked(folder):
    """One line names its address; SIGTERM ends it with 0 and without a word."""
    command = [sys.executable, "-m", "bulkclaims.cli", "simulate-payer", "--log", "log"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
    assert (folder / "log").exists()


def test_a_port_in_use_is_a_sentence():
    """A port that is taken, or a log that cannot be written: exit 2 and whose it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["simulate-payer", "--port", port])
    assert (done.exit_code, done.stderr) == (2, f"Port {port} cannot be used: Address already in use.\n")

    done = CliRunner().invoke(main, ["simulate-payer", "--log", "nowhere/log"])
    assert (done.exit_code, done.stderr) == (2, "nowhere/log cannot be used: No such file or directory.\n")


def test_claims_that_cannot_be_used_are_a_sentence(folder):
    """A payer that is to know a file's claims, and cannot read it: exit 2, and what is wrong with the file."""
    (folder / "claims.csv").write_text("a,b,c\n1,2,3")
    done = CliRunner().invoke(main, ["simulate-payer", "--dialect", "uhc", "--claims", "claims.csv"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("claims.csv cannot be used. The header lacks claim_number")


def test_the_demo_needs_no_settings_but_its_own(folder):
    """Payers and kept answers of the settings file are not asked for, nor missed."""
    (folder / "bulkclaims.toml").write_text(
        '[payers.one]\nconnector = "uhc"\npayer_ids = ["87726"]\n[answers]\nkey_file = "answers.key"\n'
    )
    done = CliRunner().invoke(main, ["demo", "--rows", "5", "--folder", "kept"])
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_the_demo_leaves_its_files(folder):
    """A made-up file goes the whole way; every row stands in the results, and bad ones are among them."""
    done = CliRunner().invoke(main, ["demo", "--rows", "40", "--folder", "a/b"])
    assert done.exit_code == 0, done.output
    assert "Made up 40 claims in a/b/claims.csv" in done.stderr
    with (folder / "a/b/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(1, 41))
    assert {row["status"] for row in rows} >= {"Finalized", "Pending", "Denied", "Not Found", "Error"}


@pytest.mark.slow
def test_the_demo_takes_its_payer_along(folder):
    """However the demo ends, its simulated payer ends too: also when it is killed and can see to nothing."""
    command = [sys.executable, "-m", "bulkclaims.cli", "demo", "--rows", "5000", "--folder", "kept"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while " rows, " not in demo.stderr.readline():
        assert demo.poll() is None
    demo.kill()
    # Both write to this pipe: it ends when both have ended.
    demo.communicate(timeout=20)


@pytest.mark.slow
def test_a_stopped_demo_says_how_to_begin_again(folder):
    """Its payer is gone with it, so that there is nothing to go on with."""
    command = [sys.executable, "-m", "bulkclaims.cli", "demo", "--rows", "5000"]
    demo = subprocess.Popen([*command, "--folder", "kept"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while " rows, " not in demo.stderr.readline():
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    _, told = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert told.endswith("is kept. Begin again with: bulkclaims demo --rows 5000 --folder kept\n")

    again = CliRunner().invoke(main, ["demo", "--rows", "5", "--folder", "kept"])
    assert again.exit_code == 0, again.output


def test_a_folder_that_cannot_be_made_is_a_sentence(folder):
    """A file in the folder's place: exit 2."""
    (folder / "file").touch()
    done = CliRunner().invoke(main, ["demo", "--folder", "file/demo"])
    assert done.exit_code == 2
    assert "The folder file/demo cannot be used: Not a directory." in done.stderr
