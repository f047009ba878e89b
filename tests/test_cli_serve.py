"""`bulkclaims serve` answers over HTTP, with a token for whoever started it."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from bulkclaims.client import Client
from bulkclaims.jobs import JobStatus
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.simulator import PayerSimulator

SETTINGS = """
[payer]
connector = "stedi"
base_url = "{url}"
organization_name = "Sample Clinic PC"
api_key_file = "payer.key"

[defaults]
payer_id = "99999"
npi = "1999999984"
"""


@contextmanager
def serving(folder, *arguments, end=signal.SIGINT):
    """Start the command in a folder; gives the address and the token that it prints."""
    command = [sys.executable, "-m", "bulkclaims.cli", "serve", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        ready, url, named, token = server.stdout.readline().split()
        assert (ready, named) == ("ready", "token")
        yield url, token
        server.send_signal(end)
        assert (server.wait(timeout=60), server.stdout.read()) == (0, "")


def run(url, token):
    """Upload a file, wait, and return the job and the results."""
    with Client(f"{url}/api/v1/claims/", token) as client:
        job = client.upload(io.BytesIO(b"".join(claims_csv(3, suffixes=("-PAID",)))), filename="claims.csv")
        client.wait(job.id, timeout=60)
        return client.job(job.id), b"".join(client.results(job.id))


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_without_a_payer_a_simulated_one_answers(tmp_path, end):
    """A newcomer needs no settings; nothing is left in the folder, and Ctrl-C is no failure."""
    with serving(tmp_path, end=end) as (url, token):
        job, results = run(url, token)

    assert (job.status, job.success_count) == (JobStatus.COMPLETED, 3)
    assert results.count(b"Finalized") == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("table", ["[payer]", '[payers.one]\npayer_ids = ["99999"]'])
def test_with_a_payer_jobs_are_kept(tmp_path, table):
    """The settings of every other command hold, and what they list is what was uploaded here."""
    with PayerSimulator() as payer:
        (tmp_path / "bulkclaims.toml").write_text(SETTINGS.format(url=payer.url).replace("[payer]", table))
        (tmp_path / "payer.key").write_text("try-me")
        with serving(tmp_path) as (url, token):
            job, _ = run(url, token)
    listed = subprocess.run(
        [sys.executable, "-m", "bulkclaims.cli", "jobs"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert len(payer.requests) == 3
    assert job.id in listed.stdout


def test_a_port_that_is_taken_is_said(tmp_path):
    """With its number, and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "bulkclaims.cli", "serve", "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert f"Port {port} cannot be used: Address already in use." in done.stderr
