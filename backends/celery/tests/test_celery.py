"""Chunks on real brokers and real Celery workers."""

import base64
import json
import os
import queue
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest
from attrs import define, field
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from redis import Redis

from bulkclaims.errors import DispatchFailed
from bulkclaims.jobs import Chunk, JobId
from bulkclaims.testing.contracts import DispatcherContract
from bulkclaims_celery import RUN_CHUNK, SWEEP, CeleryDispatcher, register, sweep_schedule

JOB = JobId("5b1f6f0e-7d6b-4b6c-9b1e-0c5d7f0a4c11")
LAST = Chunk(JobId("last"), 0)

HOST_MODULE = """
import os, signal, threading
from celery import Celery
from redis import Redis
from bulkclaims_celery import register

app = Celery("host", broker=os.environ["BROKER"])

class Service:
    stopped = threading.Event()

    def run(self, chunk):
        valkey = Redis.from_url(os.environ["NOTES"])
        valkey.rpush("deliveries", chunk.number)
        if valkey.incr("count") > 1:
            return True
        if chunk.number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return not self.stopped.wait(60)

    def stand_by(self):
        Redis.from_url(os.environ["NOTES"]).rpush("standing", os.getpid())

    def stop(self):
        self.stopped.set()

register(app, Service())
"""


@pytest.fixture
def broker(valkey_url):
    """What stands on the broker, which is empty at first."""
    with Redis.from_url(valkey_url, socket_timeout=60) as client:
        client.flushall()
        yield client


@pytest.fixture
def app(broker, valkey_url):
    """A host's Celery application, whose worker leaves the logging of this process alone."""
    setup_logging.connect(leave_logging_alone)
    with Celery("host", broker=valkey_url, set_as_current=False) as app:
        yield app
    setup_logging.disconnect(leave_logging_alone)


def leave_logging_alone(**_):
    """Take Celery's place in setting up logs, and do nothing."""


@define
class Remembering:
    """Runs nothing, and keeps what it was to run."""

    ran: queue.Queue = field(factory=queue.Queue)
    sweeps: queue.Queue = field(factory=queue.Queue)

    def run(self, chunk):
        """Keep it."""
        self.ran.put(chunk)
        return True

    def stand_by(self):
        """Have nothing to begin."""

    def sweep(self):
        """Count it."""
        self.sweeps.put(True)

    def stop(self):
        """Have nothing to stop."""


@contextmanager
def working(app):
    """A worker of *app* on a thread of this process."""
    with start_worker(app, pool="solo", concurrency=1, perform_ping_check=False, shutdown_timeout=30):
        yield


class TestCeleryDispatcher(DispatcherContract):
    """The contract, with a worker that takes messages in order."""

    @pytest.fixture
    def dispatcher(self, app):
        """The dispatcher of the web process."""
        return CeleryDispatcher(app)

    @pytest.fixture
    def arrived(self, app, dispatcher):
        """Ring once more and wait for it: what rang before it has arrived by then."""
        service = Remembering()
        register(app, service)
        so_far = []

        def arrived():
            dispatcher.dispatch([LAST])
            so_far.extend(iter(lambda: service.ran.get(timeout=30), LAST))
            return so_far

        with working(app):
            yield arrived


def test_a_message_holds_ids_and_nothing_else(app, broker):
    """On the broker stand the task's name, the job's id and the chunk's number, in the queue that was asked for."""
    CeleryDispatcher(app, queue="claims").dispatch([Chunk(JOB, 7)])

    (message,) = map(json.loads, broker.lrange("claims", 0, -1))
    arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
    assert arguments == [JOB, 7]
    assert keywords == {}
    assert message["headers"]["task"] == RUN_CHUNK
    assert message["headers"]["argsrepr"] == f"('{JOB}', 7)"


@contextmanager
def worker_process(folder, broker_url, notes_url, pool):
    """A worker as a host starts it, of the host's module above."""
    (folder / "host_claims.py").write_text(HOST_MODULE)
    command = [sys.executable, "-m", "celery", "--app=host_claims", "worker", "--concurrency=1", "--loglevel=error"]
    environment = os.environ | {"BROKER": broker_url, "NOTES": notes_url}
    with subprocess.Popen([*command, f"--pool={pool}"], cwd=folder, env=environment) as worker:
        try:
            yield worker
        finally:
            worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=20)
            worker.kill()


@pytest.mark.slow
def test_a_killed_process_gives_its_message_back(app, broker, valkey_url, tmp_path):
    """A chunk whose pool process is killed in the midst of it is delivered again."""
    CeleryDispatcher(app).dispatch([Chunk(JOB, 13)])

    with worker_process(tmp_path, valkey_url, valkey_url, "prefork"):
        deliveries = [broker.blpop("deliveries", timeout=30) for _ in range(2)]

    assert deliveries == [(b"deliveries", b"13")] * 2


@pytest.fixture(params=["valkey_url", "rabbitmq_url"])
def url(request, broker):
    """Where either kind of broker is; *broker*, which is empty now, may be the one."""
    return request.getfixturevalue(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_that_is_to_end_gives_its_chunk_back(url, pool, broker, valkey_url, tmp_path):
    """Long before a chunk is done, a worker that was told to end has stopped it and put it back for the next one."""
    with Celery("host", broker=url, set_as_current=False) as app:
        CeleryDispatcher(app).dispatch([Chunk(JOB, 7)])

    with worker_process(tmp_path, url, valkey_url, pool) as first:
        assert broker.blpop("deliveries", timeout=30) == (b"deliveries", b"7")
        first.terminate()
        with worker_process(tmp_path, url, valkey_url, pool):
            assert broker.blpop("deliveries", timeout=30) == (b"deliveries", b"7")


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_stands_by_before_a_chunk_comes(pool, broker, valkey_url, tmp_path):
    """It does so once: in the process that will run chunks, and with processes of a pool not in the one that forks."""
    with worker_process(tmp_path, valkey_url, valkey_url, pool) as worker:
        (_, standing) = broker.blpop("standing", timeout=30)
        CeleryDispatcher(Celery("host", broker=valkey_url, set_as_current=False)).dispatch([Chunk(JOB, 7)])
        assert broker.blpop("deliveries", timeout=30) == (b"deliveries", b"7")

        assert (int(standing) == worker.pid) is (pool == "threads")
        assert broker.llen("standing") == 0


def test_beat_has_a_worker_sweep(app):
    """The schedule's entry sends a task that workers have, and it expires before the next one comes."""
    service = Remembering()
    register(app, service)
    (entry,) = sweep_schedule(30.0).values()
    app.conf.beat_schedule = sweep_schedule(30.0)

    with working(app):
        app.send_task(entry["task"], **entry["options"])
        assert service.sweeps.get(timeout=30)
    assert (entry["schedule"], entry["options"]) == (30.0, {"expires": 30.0})


def test_other_applications_of_the_process_stay_as_they_are(app):
    """Only the application that was registered with has the task."""
    register(app, Remembering())

    with Celery("other", set_as_current=False) as other:
        assert {RUN_CHUNK, SWEEP} <= set(app.tasks)
        assert not {RUN_CHUNK, SWEEP} & set(other.tasks)


def test_a_broker_that_is_gone_is_a_failed_dispatch():
    """When nobody listens at the broker's address the caller learns it as `DispatchFailed`."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        app = Celery("host", broker=f"redis://127.0.0.1:{unused.getsockname()[1]}", set_as_current=False)

        with app, pytest.raises(DispatchFailed, match="broker"):
            CeleryDispatcher(app).dispatch([Chunk(JOB, 0)])
