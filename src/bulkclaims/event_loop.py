"""The one event loop on which a worker process does its look-ups."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from bulkclaims.forks import forget_in_children

if TYPE_CHECKING:
    from collections.abc import Coroutine

Returned = TypeVar("Returned")


class EventLoopThread:
    """
    An event loop in a thread of its own, made when it is first needed.

    Nothing exists before then, so a process that forks its workers (Celery's prefork, RQ's work-horses, a web server
    that preloads) hands them nothing half alive: each child makes a loop of its own.
    """

    def __init__(self) -> None:
        self._forget()
        forget_in_children(self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, Returned]) -> Returned:
        """
        Do *work* on the loop and wait for what it returns or raises. Callable from any other thread.

        Work whose waiting thread is interrupted, as a task queue's time limit does, is cancelled.
        """
        done = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return done.result()
        finally:
            done.cancel()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._loop,), name="bulkclaims-loop", daemon=True
                )
                self._thread.start()
            return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    @property
    def started(self) -> bool:
        """Whether this process has made its loop."""
        return self._loop is not None

    def close(self) -> None:
        """End the loop and its thread, if this process made any. Work must have ended before."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
