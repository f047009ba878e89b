"""Chunks on a real server and real RQ workers."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from redis import Redis
from rq import Queue
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from bulkclaims.errors import DispatchFailed, SettingsWrong
from bulkclaims.jobs import Chunk, JobId
from bulkclaims.testing.contracts import DispatcherContract
from bulkclaims_rq import FAILURE_TTL, RqDispatcher, chunk_function, schedule_sweep, sweep_function

JOB = JobId("5b1f6f0e-7d6b-4b6c-9b1e-0c5d7f0a4c11")

HOST_MODULE = """
import os, threading
from redis import Redis
from bulkclaims_rq import chunk_function, sweep_function

class Service:
    stopped = threading.Event()

    def run(self, chunk):
        valkey = Redis.from_url(os.environ["NOTES"])
        valkey.rpush("ran", f"{chunk.job_id} {chunk.number}")
        return chunk.number != 13 or valkey.incr("count") > 1 or not self.stopped.wait(60)

    def stop(self):
        self.stopped.set()

    def sweep(self):
        Redis.from_url(os.environ["NOTES"]).rpush("swept", "yes")

run_chunk = chunk_function(Service())
sweep = sweep_function(Service())
"""
FUNCTION = "host_claims.run_chunk"


@pytest.fixture
def rq_queue(valkey_url):
    """An empty queue that uses JSON."""
    with Redis.from_url(valkey_url, socket_timeout=60) as connection:
        connection.flushall()
        yield Queue("claims", connection=connection, serializer=JSONSerializer)


class TestRqDispatcher(DispatcherContract):
    """The contract, with RQ's own worker and its work-horses."""

    @pytest.fixture
    def dispatcher(self, rq_queue):
        """The dispatcher of the web process."""
        return RqDispatcher(rq_queue, FUNCTION)

    @pytest.fixture
    def arrived(self, rq_queue, worker):
        """Let a worker empty the queue; the host's function has noted what it was called with."""

        def arrived():
            with worker("--burst") as process:
                assert process.wait(timeout=60) == 0
            lines = [line.decode().split() for line in rq_queue.connection.lrange("ran", 0, -1)]
            return [Chunk(JobId(job_id), int(number)) for job_id, number in lines]

        return arrived


@pytest.fixture
def worker(valkey_url, tmp_path):
    """Start a worker as a host does, of the host's module above."""
    (tmp_path / "host_claims.py").write_text(HOST_MODULE)
    command = [sys.executable, "-m", "rq.cli", "worker", "--url", valkey_url, "claims"]
    serializer = ["--serializer", "rq.serializers.JSONSerializer"]
    environment = os.environ | {"NOTES": valkey_url}

    @contextmanager
    def start(*options):
        with subprocess.Popen([*command, *serializer, *options], cwd=tmp_path, env=environment) as process:
            try:
                yield process
            finally:
                process.terminate()

    return start


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rq.Worker", "rq.SimpleWorker"])
def test_a_worker_that_is_to_end_gives_its_chunk_back(rq_queue, worker, kind):
    """Long before a chunk is done, a worker that was told to end has stopped it and put it back for the next one."""
    RqDispatcher(rq_queue, FUNCTION, timeout=1234).dispatch([Chunk(JOB, 13)])
    began = lambda: rq_queue.connection.blpop("ran", timeout=30)[1]  # noqa: E731 -- waits, and says what for

    with worker("--worker-class", kind) as first:
        assert began() == f"{JOB} 13".encode()
        first.terminate()
        assert first.wait(timeout=30) == 0
    (message,) = rq_queue.jobs
    with worker("--burst"):
        assert began() == f"{JOB} 13".encode()

    assert message.description == f"bulkclaims chunk 13 of job {JOB}"
    assert (message.timeout, message.result_ttl, message.failure_ttl) == (1234, 0, FAILURE_TTL)


@pytest.mark.slow
def test_a_scheduler_has_workers_sweep_again_and_again(rq_queue, worker):
    """However many hosts ask for it, of one time there is one sweep; each makes the next."""
    for _ in range(3):
        schedule_sweep(rq_queue, "host_claims.sweep", 1)
    scheduled = ScheduledJobRegistry(queue=rq_queue).count

    with worker("--with-scheduler"):
        swept = [rq_queue.connection.blpop("swept", timeout=30) for _ in range(3)]

    assert 1 <= scheduled <= 2  # the second one, where a second ended meanwhile
    assert swept == [(b"swept", b"yes")] * 3


def test_a_sweep_without_a_queue_is_a_plain_function():
    """Called by a host's own code it sweeps once."""
    swept = []

    class Service:
        def sweep(self):
            swept.append(True)

    sweep_function(Service())()

    assert swept == [True]


def test_without_a_queue_it_is_a_plain_function():
    """Called by a host's own code it runs the chunk, and asks no server about an end."""
    chunks = []

    class Service:
        def run(self, chunk):
            chunks.append(chunk)
            return True

    chunk_function(Service())(JOB, 3)

    assert chunks == [Chunk(JOB, 3)]


def test_a_job_holds_ids_and_says_how_long_it_may_take(rq_queue):
    """The queue's record has the id and number as its only arguments, a plain description and its own time limits."""
    RqDispatcher(rq_queue, FUNCTION, timeout=1234).dispatch([Chunk(JOB, 7)])

    (job,) = rq_queue.jobs
    assert (list(job.args), job.kwargs) == ([JOB, 7], {})
    assert job.description == f"bulkclaims chunk 7 of job {JOB}"
    assert (job.timeout, job.result_ttl, job.failure_ttl) == (1234, 0, FAILURE_TTL)


def test_a_queue_that_pickles_is_refused(valkey_url):
    """RQ's default serializer would let a writer of the queue run code, so it is refused when the host starts."""
    with Redis.from_url(valkey_url) as connection, pytest.raises(SettingsWrong, match="JSONSerializer"):
        RqDispatcher(Queue("claims", connection=connection), FUNCTION)


def test_a_queue_that_is_gone_is_a_failed_dispatch():
    """When nobody listens at the queue's address the caller learns it as `DispatchFailed`."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Redis(port=unused.getsockname()[1]) as connection:
            queue = Queue("claims", connection=connection, serializer=JSONSerializer)

            with pytest.raises(DispatchFailed, match="RQ queue"):
                RqDispatcher(queue, FUNCTION).dispatch([Chunk(JOB, 0)])
