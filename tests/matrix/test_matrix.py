"""The workflow of the user guide, with every framework, every queue on every broker, and every database."""

from __future__ import annotations

import csv
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from programs import environment, payer, web, worker

from bulkclaims.testing import servers

WORKFLOW = Path(__file__).parents[2] / "examples" / "workflow.sh"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def payer_url():
    """The address of a simulated payer."""
    with payer() as url:
        yield url


@pytest.fixture(scope="module")
def server_url():
    """Start a server of its own for this module when it is first asked for: other tests leave tables in theirs."""
    with ExitStack() as held:
        urls = {}

        def url(name):
            if name not in urls:
                urls[name] = held.enter_context(getattr(servers, name)())
            return urls[name]

        yield url


@pytest.fixture
def combination(framework, queue, database, server_url, payer_url, tmp_path):  # noqa: PLR0917 -- fixtures
    """The environment of web process and worker."""
    kind, broker = queue
    url = f"sqlite:///{tmp_path}/jobs.db" if database == "sqlite" else server_url(database)
    return environment(FRAMEWORK=framework, QUEUE=kind, BROKER=server_url(broker), DATABASE=url, PAYER_URL=payer_url)


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
@pytest.mark.parametrize("queue", [("celery", "valkey"), ("celery", "rabbitmq"), ("rq", "valkey")], ids="-".join)
@pytest.mark.parametrize("framework", ["django", "flask"])
def test_the_workflow_runs(combination, tmp_path):
    """A file goes in with curl, a worker in a process of its own looks it up, and the results are downloaded."""
    with web(combination) as (url, token), worker(combination, ["--loglevel=warning"], ["--quiet"]):
        done = subprocess.run(
            ["bash", WORKFLOW, url, token], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr

    (results,) = tmp_path.glob("claim-status-*.csv")
    with results.open(newline="") as file:
        assert [(row["claim_number"], row["success"]) for row in csv.DictReader(file)] == [("ZE59426195", "True")]
