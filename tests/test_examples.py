"""Each example is a whole host application, and the workflow with curl is the same on all of them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"
MARK = "BULKCLAIMS_EXAMPLE"


@contextmanager
def running(name, **settings):
    """Start an example as `make example` does; gives its address and a token, ends it as a terminal's Ctrl-C does."""
    mark = str(uuid4())
    environment = {**os.environ, "PORT": "0", MARK: mark, **settings}
    command = [sys.executable, "-m", name]
    with subprocess.Popen(
        command, cwd=EXAMPLES, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as host:
        ready, url, named, token = host.stdout.readline().split()
        assert (ready, named) == ("ready", "token")
        assert len(begun_by(host.pid, mark)) > 1
        try:
            yield url, token
        finally:
            os.killpg(host.pid, signal.SIGINT)
        rest = host.stdout.read()
        assert (host.wait(timeout=60), rest) == (0, "")
    assert begun_by(host.pid, mark) == []


def begun_by(session, mark):
    """Find what an example began: in its session, or in one of its own with what the environment was marked with."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            begun = os.getsid(process.pid) == session or process.environ().get(MARK) == mark
            if begun and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("django_embedded", {}),
        ("flask_embedded", {}),
        ("django_celery", {}),
        pytest.param("django_celery", {"BROKER": "rabbitmq"}, marks=pytest.mark.service("rabbitmq")),
        ("flask_rq", {}),
    ],
    ids=["django_embedded", "flask_embedded", "django_celery-valkey", "django_celery-rabbitmq", "flask_rq"],
)
def test_the_workflow_runs_on_every_host(name, settings, tmp_path):
    """Upload, watch and download with curl alone: only host and token differ; Ctrl-C ends the host and all it began."""
    with running(name, **settings) as (url, token):
        done = subprocess.run(
            ["bash", EXAMPLES / "workflow.sh", url, token],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    (results,) = tmp_path.glob("claim-status-*.csv")

    assert done.returncode == 0, done.stderr
    assert '"celery_status": "SUCCESS"' in done.stdout
    with results.open(newline="") as file:
        assert [(row["claim_number"], row["success"]) for row in csv.DictReader(file)] == [("ZE59426195", "True")]


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/compose.yaml")), ids=lambda file: file.parent.name)
def test_containers_run_the_same_programs(file):
    """What a compose file starts is what the example starts: the web process without the payer's key, and workers."""
    services = yaml.safe_load(file.read_text())["services"]

    assert {"web", "worker", "payer", "migrate"} <= services.keys()
    assert "PAYER_KEY" not in services["web"]["environment"]
    assert services["worker"]["environment"]["PAYER_KEY"] == "try-me"
    for other in services.values():
        assert set(other.get("depends_on", {})) <= services.keys()
