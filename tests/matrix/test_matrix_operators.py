"""What the tools of those who run workers show of a job, beside what it tells of itself."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from celery import Celery
from programs import HERE, environment, payer, program, web, worker

from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.server_process import free_ports
from bulkclaims_celery import RUN_CHUNK

pytestmark = pytest.mark.slow


@contextmanager
def host(kind, broker, folder):
    """Run a host with a worker of it and a payer that takes its time; gives a client, and what programs are told."""
    with payer("--latency", "0.5") as payer_url:
        database = f"sqlite:///{folder}/jobs.db"
        told = environment(FRAMEWORK="flask", QUEUE=kind, BROKER=broker, DATABASE=database, PAYER_URL=payer_url)
        with (
            web(told) as (url, token),
            worker(told, ["--loglevel=error", "--task-events"], ["--quiet"]),
            httpx.Client(base_url=f"{url}/api/v1/claims/", headers={"Authorization": f"Bearer {token}"}) as client,
        ):
            yield client, told


@contextmanager
def tool(told, *command):
    """Run an operator's tool, which listens at some port; gives a browser."""
    (port,) = free_ports(1)
    with (
        program("-m", *command, f"--port={port}", cwd=HERE, env=told | {"FLOWER_UNAUTHENTICATED_API": "yes"}),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as browser,
    ):
        yield browser


def shown(look):
    """Look until there is something to see."""
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with suppress(httpx.TransportError):  # the tool has not yet begun to listen
            if seen := look():
                return seen
        time.sleep(0.1)
    raise TimeoutError("Nothing is shown.")


def submit(client):
    """Upload a file that takes ten seconds; gives the address of its job, and its id."""
    file = b"".join(claims_csv(200, suffixes=("-PAID",)))
    job_id = client.post("bulk/upload/", files={"file": ("claims.csv", file)}).raise_for_status().json()["id"]
    return f"csv-jobs/{job_id}/progress/", job_id


def test_celery_and_flower_show_what_the_job_tells(valkey_url, tmp_path):
    """A worker has the chunk while the job is in progress; when it has succeeded, so has the chunk."""
    with (
        Celery(broker=valkey_url, set_as_current=False) as app,
        host("celery", valkey_url, tmp_path) as (client, told),
        tool(told, "celery", "--app=combined", "flower", "--address=127.0.0.1") as flower,
    ):
        assert shown(lambda: flower.get("/api/workers", params={"status": "true"}).json())
        progress, job_id = submit(client)

        assert shown(lambda: client.get(progress).json()["celery_status"] == "PROGRESS")
        (active,) = shown(lambda: [task for tasks in (app.control.inspect().active() or {}).values() for task in tasks])
        assert (active["name"], active["args"]) == (RUN_CHUNK, [job_id, 0])
        assert shown(lambda: flower.get("/api/tasks", params={"state": "STARTED"}).json())[active["id"]]

        assert shown(lambda: client.get(progress).json()["celery_status"] == "SUCCESS")
        task = shown(lambda: flower.get("/api/tasks", params={"state": "SUCCESS"}).json())[active["id"]]
        assert (task["name"], task["args"]) == (RUN_CHUNK, f"('{job_id}', 0)")


def test_rq_dashboard_shows_what_the_job_tells(valkey_url, tmp_path):
    """While the job is in progress a worker has the chunk, under a name that says which, and then no more."""
    with (
        host("rq", valkey_url, tmp_path) as (client, told),
        tool(told, "rq_dashboard", "--json", "--bind=127.0.0.1", f"--redis-url={valkey_url}") as dashboard,
    ):
        assert shown(lambda: dashboard.get("/0/data/workers.json").json()["workers"])
        progress, job_id = submit(client)

        assert shown(lambda: client.get(progress).json()["celery_status"] == "PROGRESS")
        started = "/0/data/jobs/claims/started/8/asc/1.json"
        (chunk,) = dashboard.get(started).json()["jobs"]
        assert chunk["description"] == f"bulkclaims chunk 0 of job {job_id}"

        assert shown(lambda: client.get(progress).json()["celery_status"] == "SUCCESS")
        assert shown(lambda: not dashboard.get(started).json()["jobs"])
