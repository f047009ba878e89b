"""
Finds what was left behind, and clears away what need not be kept. Any process may do it, as often as it likes.

Chunks whose worker died, messages that a broker lost, jobs whose deadline passed while nobody watched: one look at the
active jobs finds all of them, because the repository holds the truth and rings again for whatever is not out.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.errors import JobNotFound, RepositoryUnavailable
from bulkclaims.forks import forget_in_children, process_name
from bulkclaims.jobs import Settings
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.dispatch import Doorbell
    from bulkclaims.interfaces import WorkStore

log = logging.getLogger(__name__)

_BEAT_SECONDS = 5.0
"""A process that beat so lately need not again: chunks may be short, and each beat is a write."""


class Heart:
    """
    Shows the others that this process runs chunks and lives; silent in one that never began to.

    Args:
        repository: Whom it shows.
        now: The clock, in seconds.
    """

    def __init__(self, repository: WorkStore, now: Callable[[], float] = time.monotonic) -> None:
        self._repository = repository
        self._now = now
        self._forget()
        # A child is another process, and a worker only if it begins, too.
        forget_in_children(self._forget)

    def _forget(self) -> None:
        self._began = False
        self._beat_at: float | None = None

    def begin(self) -> None:
        """Be a worker from now on."""
        self._began = True

    def beat(self) -> None:
        """Beat, unless it did within the last few seconds. A beat that cannot be noted is told to the log alone."""
        now = self._now()
        if not self._began or (self._beat_at is not None and now - self._beat_at < _BEAT_SECONDS):
            return
        try:
            self._repository.beat(process_name())
        except RepositoryUnavailable as failure:
            log.warning("That this worker lives could not be noted. %s", describe(failure))
        else:
            self._beat_at = now


@frozen
class Upkeep:
    """The care of all jobs, whoever's they are."""

    repository: WorkStore
    doorbell: Doorbell
    settings: Settings = field(factory=Settings)
    heart: Heart | None = None

    def sweep(self) -> None:
        """
        See to every active job: end it if it is over, ring again for what was left behind. Then `purge`.

        A worker shows first that it lives.

        Raises:
            RepositoryUnavailable: Try again later; nothing is lost.
        """
        if self.heart is not None:
            self.heart.beat()
        for job_id in self.repository.active():
            with suppress(JobNotFound):  # deleted between the two looks
                self.doorbell.ring(job_id)
        self.purge()

    def purge(self) -> int:
        """
        Delete jobs past their retention and uploads that were abandoned.

        Returns:
            How many were deleted.
        """
        return self.repository.purge(self.settings.retention_seconds, self.settings.abandoned_seconds)


class Sweeper:
    """
    Sweeps every few seconds, on a thread of its own, until it is stopped.

    Args:
        upkeep: What it does.
        seconds: How long it rests in between.
    """

    def __init__(self, upkeep: Upkeep, seconds: float) -> None:
        self._upkeep = upkeep
        self._seconds = seconds
        self._begin()
        # Threads do not come along, and their locks may be held.
        forget_in_children(self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun in this process, or was stopped. Callable from any thread."""
        with self._lock:
            if not self._stop.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._work, name="bulkclaims-sweeper", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End after the sweep under way, if any."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._upkeep.sweep()
            except Exception as failure:  # noqa: BLE001 -- a host's part that fails is not to end all sweeping
                log.warning("A sweep was cut short; the next one goes on. %s", describe(failure))
