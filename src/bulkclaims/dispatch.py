"""How workers hear of chunks: the doorbell, and the dispatcher that is the embedded default."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import DispatchFailed
from bulkclaims.forks import forget_in_children
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkclaims.interfaces import Dispatcher, WorkStore
    from bulkclaims.jobs import Chunk, Job, JobId, Settings

log = logging.getLogger(__name__)


@frozen
class Doorbell:
    """Rings for as many chunks of a job as may be out at once, and finds out when there are none left."""

    repository: WorkStore
    dispatcher: Dispatcher
    settings: Settings

    def ring(self, job_id: JobId) -> Job:
        """
        End the job if it is over, or else ring for those of its chunks whose turn it is.

        Raises:
            JobNotFound: It was deleted.
        """
        job = self.repository.settle(job_id)
        if not job.status.ended:
            chunks = self.repository.ring(job_id, self.settings.window, self.settings.ring_again_seconds)
            try:
                self.dispatcher.dispatch(chunks)
            except DispatchFailed as failure:
                log.warning("Chunks of job %s wait to be rung for again. %s", job_id, failure)
        return job


class LocalDispatcher:
    """
    Runs chunks on a few threads of this process, first come, first served.

    What it has not run when the process ends stays in the repository and is found by the next sweep.

    Args:
        run: Runs one chunk to its end; `BulkClaims.run` in practice.
        threads: How many chunks at a time. Look-ups of all of them share one event loop and its slots, so two are
            enough to keep these filled while one chunk ends and the next begins; more make batches smaller.
    """

    def __init__(self, run: Callable[[Chunk], object], threads: int = 2) -> None:
        self._run = run
        self._threads = threads
        self._begin()
        # A child begins with threads of its own; what waited for its parent's is the parent's affair.
        forget_in_children(self._begin)

    def _begin(self) -> None:
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="bulkclaims-chunk")

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102 -- stated in `interfaces.Dispatcher`
        try:
            for chunk in chunks:
                self._pool.submit(self._run, chunk).add_done_callback(_report)
        except RuntimeError as error:
            raise DispatchFailed("This process is ending and runs no more chunks.") from error

    def close(self) -> None:
        """Forget the chunks that have not begun and wait for those that have."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _report(done: Future[object]) -> None:
    """Nobody waits for the thread's result, so what went wrong is told here."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("A chunk ended early and will be run again. %s", describe(error))
