"""
The side that answers: what RQ's workers call, and what their end means for the chunk under way.

RQ lets a work-horse finish before its worker ends, which may take as long as a chunk does, and does not tell it. The
worker notes in Redis that it was asked to end, and there the work-horse looks.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rq import Queue, Worker, get_current_job

from bulkclaims.jobs import Chunk, JobId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rq.job import Job

    from bulkclaims.interfaces import ChunkWorker

_LOOK_SECONDS = 1.0
"""How often a work-horse looks whether its worker is to end."""


def chunk_function(service: ChunkWorker) -> Callable[[str, int], None]:
    """
    Make the function that RQ's workers call for each chunk.

    When a worker is told to end, what is in flight is recorded, and the chunk goes back to the queue at once. When it
    or its work-horse is killed, the lease that it held runs out, and the next sweep rings for the chunk again.

    Args:
        service: What runs chunks: this process's `bulkclaims.BulkClaims`, or in a Django project the module
            `bulkclaims_django.service`.

    Returns:
        What the host keeps under the name that its `RqDispatcher` was given.
    """

    def run_chunk(job_id: str, number: int) -> None:
        message = get_current_job()
        with _stopping_with_its_worker(service, message):
            is_done = service.run(Chunk(JobId(job_id), number))
        if message is not None and not is_done:
            _put_back(message)

    return run_chunk


def sweep_function(service: ChunkWorker) -> Callable[[], None]:
    """
    Make the function that `schedule_sweep` has called. Each call has RQ's scheduler make the next one.

    Args:
        service: As for `chunk_function`.
    """

    def sweep() -> None:
        message = get_current_job()
        if message is not None:  # first of all: whoever is killed in the midst of a sweep has seen to the next one
            queue = Queue(message.origin, connection=message.connection, serializer=message.serializer)
            schedule_sweep(queue, str(message.func_name), message.meta["seconds"])
        service.sweep()

    return sweep


def schedule_sweep(queue: Queue, function: str, seconds: int = 10) -> None:
    """
    Have some worker sweep every few seconds, for as long as one runs with `--with-scheduler`.

    A lease is over after 15 seconds; with this a killed worker's chunk goes on within 30.

    Call it when the host starts, in any number of processes: of one time there is one sweep.

    Args:
        queue: The host's queue.
        function: Dotted path of what the host made with `sweep_function`.
        seconds: How often.
    """
    number = int(time.time() / seconds) + 1
    queue.enqueue_at(
        datetime.fromtimestamp(number * seconds, UTC),
        function,
        job_id=f"bulkclaims-sweep-{number}",
        description="bulkclaims sweep",
        meta={"seconds": seconds},
        result_ttl=0,
        failure_ttl=seconds,
    )


@contextmanager
def _stopping_with_its_worker(service: ChunkWorker, message: Job | None) -> Iterator[None]:
    is_over = threading.Event()

    def watch(message: Job) -> None:
        while not is_over.wait(_LOOK_SECONDS):
            if _is_to_end(message):
                service.stop()
                return

    if message is not None:
        threading.Thread(target=watch, args=(message,), name="bulkclaims-life", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _is_to_end(message: Job) -> bool:
    worker = f"{Worker.redis_worker_namespace_prefix}{message.worker_name}"
    try:
        return bool(message.connection.hexists(worker, "shutdown_requested_date"))
    except RedisError:
        return False  # then nobody could say


def _put_back(message: Job) -> None:
    """Queue the same anew: a job that is being run cannot itself go back."""
    Queue(message.origin, connection=message.connection, serializer=message.serializer).enqueue_call(
        str(message.func_name),
        args=message.args,
        description=message.description,
        timeout=int(message.timeout or -1),
        result_ttl=message.result_ttl,
        failure_ttl=message.failure_ttl,
    )
