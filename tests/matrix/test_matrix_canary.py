"""Nothing of a row is in a queue's messages, in Celery's events, in RQ's records, or in any process's logs."""

from __future__ import annotations

import io

import pytest
from programs import environment, payer, web, worker
from wiretap import readings, tapped

from bulkclaims.client import Client

ROWS = [
    "claim_number,first_name,last_name,date_of_birth,subscriber_id",
    *(f"CANARY{number}{suffix},CANARYANN,CANARYBERG,03/04/1972,CANARYID{number}"
      for number, suffix in enumerate(["-PAID", "-DENY", "-NF", "-SIMILAR", "-E0", "-429", "-999", "-HTML", ""])),
    "CANARY9,CANARYANN,CANARYBERG,13/45/1972,CANARYID9",
]  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(params=[("celery", "valkey_url"), ("celery", "rabbitmq_url"), ("rq", "valkey_url")], ids="-".join)
def queue(request):
    """A kind of queue, and where its broker is."""
    kind, broker = request.param
    return kind, request.getfixturevalue(broker)


def test_no_queue_and_no_log_knows_a_row(queue, tmp_path):
    """All that passes between a broker and web process and worker is read, with events on and logs at their fullest."""
    kind, broker = queue
    log = tmp_path / "logs"
    with tapped(broker) as (url, said), log.open("wb") as logs:
        run_a_file(kind, url, tmp_path, logs)

    assert any(b"run_chunk" in reading for reading in readings(said)), "The wire was not tapped."
    assert not any(b"CANARY" in reading.upper() for reading in readings(said))
    assert b"CANARY" not in log.read_bytes().upper()


def run_a_file(kind, broker, folder, logs):
    """Upload a file of all sorts of rows, and see its job to its end."""
    with payer() as payer_url:
        told = environment(
            FRAMEWORK="flask",
            QUEUE=kind,
            BROKER=broker,
            DATABASE=f"sqlite:///{folder}/jobs.db",
            PAYER_URL=payer_url,
            LOG_ALL="1",
        )
        noted = {"stdout": logs, "stderr": logs}
        with (
            web(told, stderr=logs) as (url, token),
            worker(told, ["--loglevel=debug", "--task-events"], ["--verbose"], **noted),
        ):
            upload_and_wait(url + "/api/v1/claims/", token)


def upload_and_wait(url, token):
    """Do as a client does."""
    with Client(url, token) as client:
        job = client.upload(io.BytesIO("\n".join(ROWS).encode()), filename="CANARY.csv")
        ended = client.wait(job.id, timeout=60)
        assert ended.processed_rows == len(ROWS) - 1
