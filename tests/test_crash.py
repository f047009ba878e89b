"""`kill -9` at any moment costs time and nothing else, checked from the payer's own log."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager, suppress

import pytest

from bulkclaims.testing.files import claims_csv
from bulkclaims_sqlalchemy import open_repository

ROWS = 5000
IN_FLIGHT = 50
KILLS = 10

SETTINGS = """
[payer]
connector = "stedi"
base_url = "{url}"
organization_name = "Sample Clinic PC"
api_key_file = "payer.key"
max_in_flight = {in_flight}

[defaults]
payer_id = "99999"
npi = "1999999984"

[jobs]
lease_seconds = 0.8
renew_seconds = 0.2
"""


@pytest.fixture
def payer(tmp_path):
    """A simulated payer in a process of its own: its address and its log."""
    log = tmp_path / "requests.jsonl"
    command = ["-m", "bulkclaims.cli", "simulate-payer", "--port", "0", "--latency", "0.03", "--api-key", "try-me"]
    with subprocess.Popen([sys.executable, *command, "--log", str(log)], stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[1], log
        process.terminate()


@pytest.fixture
def folder(tmp_path, payer):
    """A folder with settings, a key and a file of claims."""
    settings = SETTINGS.format(url=payer[0], in_flight=IN_FLIGHT)
    (tmp_path / "bulkclaims.toml").write_text(settings)
    (tmp_path / "payer.key").write_text("try-me")
    with (tmp_path / "claims.csv").open("wb") as file:
        file.writelines(claims_csv(ROWS, bad_every=33, suffixes=("-PAID", "-PEND", "-DENY", "-NF")))
    return tmp_path


@contextmanager
def started(folder, database, output):
    """Start a run that goes on from wherever an earlier one was killed."""
    command = [sys.executable, "-m", "bulkclaims.cli", "run", "claims.csv", "--resume", "-o", output]
    with (
        (folder / "said.txt").open("wb") as said,
        subprocess.Popen(
            [*command, "--database", f"sqlite:///{folder}/{database}"], cwd=folder, stdout=said, stderr=said
        ) as run,
    ):
        yield run


def finish(folder, database):
    """Run to the end and return the results."""
    with started(folder, f"{database}.db", f"{database}.csv") as run:
        assert run.wait(timeout=120) == 1, (folder / "said.txt").read_text()
    return (folder / f"{database}.csv").read_bytes()


class Tail:
    """Reads a growing log of JSON lines."""

    def __init__(self, path) -> None:
        self.file = path.open()
        self.asked = []
        self.rest = ""

    def read(self) -> int:
        """Read what is new; return how many requests there were so far."""
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        self.asked += [json.loads(line)["claim_number"] for line in lines]
        return len(self.asked)


def recorded(database):
    """What is recorded, by row."""
    repository = open_repository(f"sqlite:///{database}")
    (job,) = repository.find("local").jobs
    found = {r.row: r.payload for chunk in repository.chunks("local", job.id) for r in chunk.results}
    repository.close()
    return found


@pytest.mark.slow
def test_ten_kills_lose_nothing_and_repeat_only_what_was_in_flight(folder, payer):
    """A run killed ten times and resumed each time ends with the very file of an undisturbed run."""
    moments = sorted(random.sample(range(50, ROWS - 500), KILLS))
    claims = [line.split(",")[0] for line in (folder / "claims.csv").read_text().splitlines()[1:]]
    tail, kept, kills = Tail(payer[1]), {}, []

    for moment in moments:
        with started(folder, "killed.db", "killed.csv") as run:
            while tail.read() < moment:
                with suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"ended with {run.wait(timeout=0.002)}: {(folder / 'said.txt').read_text()}")
            run.kill()
        now = recorded(folder / "killed.db")
        assert kept.items() <= now.items()
        kept = now
        kills.append((tail.read(), {claims[row - 1] for row in now}))
    killed = finish(folder, "killed")
    tail.read()
    tail.file.close()

    begun = [0, *(at for at, _ in kills)]
    in_flight = [set(tail.asked[since:at]) - answered for since, (at, answered) in zip(begun, kills, strict=False)]
    repeated = {claim for claim, times in Counter(tail.asked).items() if times > 1}
    assert max(map(len, in_flight)) <= IN_FLIGHT
    assert repeated <= set().union(*in_flight)
    for at, answered in kills:
        assert answered.isdisjoint(tail.asked[at:])
    assert killed == finish(folder, "calm")


LATE = """
[payer]
connector = "availity"
base_url = "{url}"
client_id = "simulator"
client_secret_file = "payer.key"
provider_name = "Sample Clinic PC"

[defaults]
payer_id = "99999"
npi = "1999999984"

[jobs]
lease_seconds = 0.8
renew_seconds = 0.2
"""
LATE_ROWS = 8


@pytest.mark.slow
def test_an_inquiry_that_outlives_its_worker_is_never_sent_twice(tmp_path):
    """Killed while the payer is at work, and resumed: what was sent is polled on by its id."""
    log = tmp_path / "log.jsonl"
    simulator = [
        "simulate-payer",
        "--dialect",
        "availity",
        "--api-key",
        "try-me",
        "--latency",
        "0.1",
        "--log",
        str(log),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "bulkclaims.cli", *simulator], stdout=subprocess.PIPE, text=True
    ) as payer:
        (tmp_path / "bulkclaims.toml").write_text(LATE.format(url=f"{payer.stdout.readline().split()[1]}/v1"))
        (tmp_path / "payer.key").write_text("try-me")
        with (tmp_path / "claims.csv").open("wb") as file:
            file.writelines(claims_csv(LATE_ROWS, bad_every=None, suffixes=("-PAID",)))
        with started(tmp_path, "late.db", "late.csv") as run:
            while _calls(log)["GET"] < LATE_ROWS:
                with suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"ended with {run.wait(timeout=0.01)}: {(tmp_path / 'said.txt').read_text()}")
            run.kill()
        sent = _calls(log)["POST"]
        with started(tmp_path, "late.db", "late.csv") as run:
            assert run.wait(timeout=60) == 0, (tmp_path / "said.txt").read_text()
        payer.terminate()

    assert sent == LATE_ROWS
    assert _calls(log)["POST"] == LATE_ROWS
    assert _calls(log)["DELETE"] == LATE_ROWS
    assert (tmp_path / "late.csv").read_text().count("Finalized") == LATE_ROWS


def _calls(log):
    """How many requests of each method the payer has had."""
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter(json.loads(line)["call"].split()[0] for line in lines)
