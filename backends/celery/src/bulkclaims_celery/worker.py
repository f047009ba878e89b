"""The side that answers: the tasks of a Celery worker, and what its end means for the chunks under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.exceptions import Reject

from bulkclaims.jobs import Chunk, JobId
from bulkclaims_celery.life import live_with_the_worker
from bulkclaims_celery.names import RUN_CHUNK, SWEEP

if TYPE_CHECKING:
    from celery import Celery

    from bulkclaims.interfaces import ChunkWorker

MOST_SECONDS = 60 * 60
"""After which Celery ends a chunk that hangs, whatever limit the host has for its own tasks. Deadlines come sooner."""


def register(app: Celery, service: ChunkWorker) -> None:
    """
    Make the workers of *app* run chunks, with any of Celery's pools.

    A message is acknowledged once its chunk was run. When a worker is told to end, what is in flight is recorded, and
    chunks go back to the queue at once. When it is killed, its leases run out, and the next sweep rings for their
    chunks again, however long the broker keeps the messages of a worker that is gone.

    Args:
        app: The Celery application that the workers start from.
        service: What runs them: this process's `bulkclaims.BulkClaims`, or in a Django project the module
            `bulkclaims_django.service`. Used in the processes that run chunks, and not before these were forked.
    """

    def run_chunk(job_id: str, number: int) -> None:
        if not service.run(Chunk(JobId(job_id), number)):
            raise Reject("This worker is ending.", requeue=True)

    def sweep() -> None:
        service.sweep()

    # Not shared: Celery would otherwise give the tasks to every other application of the process, too.
    app.task(
        name=RUN_CHUNK,
        shared=False,
        acks_late=True,
        reject_on_worker_lost=True,
        ignore_result=True,
        soft_time_limit=MOST_SECONDS,
        time_limit=MOST_SECONDS + 60,
    )(run_chunk)
    app.task(name=SWEEP, shared=False, ignore_result=True)(sweep)
    live_with_the_worker(service)


def sweep_schedule(seconds: float = 30.0) -> dict[str, dict[str, Any]]:
    """
    Make the entry of `app.conf.beat_schedule` that has some worker sweep.

    Web processes and busy workers sweep by themselves. With this, chunks that were left behind also come back when all
    workers are idle and no web process runs.

    Args:
        seconds: How often.
    """
    # A sweep that waits in the queue longer than until the next one comes is of no use.
    return {"bulkclaims-sweep": {"task": SWEEP, "schedule": seconds, "options": {"expires": seconds}}}
