"""
How the processes of a worker's pool begin, and how they learn that it is to end.

A process of the pool stands by from its start: it shows that it lives, and sweeps, also while no chunk comes.

Celery tells its main process alone, and waits until the tasks under way are done. That may take as long as a chunk
does, and after some seconds whoever wants the worker gone kills it. So the main process closes its end of a pipe, and
the pool's processes, which hold the other end, stop asking, record what is in flight, and hand their chunks back. The
end closes also when the main process dies.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from attrs import define
from celery.concurrency.prefork import TaskPool as ProcessPool
from celery.signals import worker_init, worker_process_init, worker_ready, worker_shutting_down

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

    from bulkclaims.interfaces import ChunkWorker


def live_with_the_worker(service: ChunkWorker) -> None:
    """Have *service* stand by in every process of a worker's pool, and stop there as soon as the worker is to end."""
    life = _Life(service)
    worker_init.connect(life.begin, weak=False)
    worker_process_init.connect(life.join, weak=False)
    worker_ready.connect(life.stand_by, weak=False)
    worker_shutting_down.connect(life.end, weak=False)


@define
class _Life:
    """The life of one worker, as its main process and those of its pool see it."""

    service: ChunkWorker
    main: int = 0
    """The process that may end it; 0 where no worker runs."""
    ends: tuple[int, int] | None = None
    """The pipe: the end that is read in the pool, and the one that the main process holds open."""

    def begin(self, **_: object) -> None:
        """In the main process, before it forks."""
        self.main, self.ends = os.getpid(), os.pipe()

    def join(self, **_: object) -> None:
        """In a process of the pool; one that was not forked has no pipe, and does its chunk to the end."""
        if self.ends is not None and os.getpid() != self.main:
            reading, held_open = self.ends
            os.close(held_open)
            self.ends = None
            threading.Thread(target=self._await, args=(reading,), name="bulkclaims-life", daemon=True).start()
        self.service.stand_by()

    def stand_by(self, sender: Consumer, **_: object) -> None:
        """In the main process, whose pool is there; where that has processes of its own, these do."""
        if not isinstance(sender.pool, ProcessPool):
            self.service.stand_by()

    def end(self, **_: object) -> None:
        """In the main process, in its signal handler; pools of threads have their chunks here."""
        self.service.stop()
        if self.ends is not None and os.getpid() == self.main:
            held_open = self.ends[1]
            self.ends = None
            os.close(held_open)

    def _await(self, reading: int) -> None:
        os.read(reading, 1)
        self.service.stop()
