"""What every `Dispatcher` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.jobs import Chunk, JobId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bulkclaims.interfaces import Dispatcher

JOB = JobId("7b0f1b52-59a5-4c0c-9d0e-0f5d0d2b6f11")
OTHER = JobId("1e4f0c9a-3c1f-4a55-8a34-0b1d6c0a7e22")


class DispatcherContract:
    """
    What `bulkclaims.interfaces.Dispatcher` promises while its queue is there.

    A subclass, named `Test…`, has a fixture `dispatcher` with an empty queue, and a fixture `arrived`: a function
    without arguments that lets a worker empty the queue and returns all chunks that have reached it so far. That a
    queue which is not there raises `DispatchFailed` is for the subclass to test, since only it can take it away.
    """

    def test_every_chunk_reaches_a_worker(
        self, dispatcher: Dispatcher, arrived: Callable[[], Collection[Chunk]]
    ) -> None:
        """Each chunk handed over arrives, of whichever job, with its id and number as they were."""
        chunks = [Chunk(JOB, 0), Chunk(JOB, 1), Chunk(OTHER, 0), Chunk(OTHER, 12_345)]
        dispatcher.dispatch(chunks)
        assert set(arrived()) == set(chunks)

    def test_no_chunk_is_no_message(self, dispatcher: Dispatcher, arrived: Callable[[], Collection[Chunk]]) -> None:
        """An empty call is allowed and brings nothing."""
        dispatcher.dispatch([])
        assert list(arrived()) == []

    def test_a_chunk_can_be_dispatched_again(
        self, dispatcher: Dispatcher, arrived: Callable[[], Collection[Chunk]]
    ) -> None:
        """A bell that was answered can be rung anew: nothing takes the second message for a copy of the first."""
        dispatcher.dispatch([Chunk(JOB, 0)])
        first = len(arrived())
        dispatcher.dispatch([Chunk(JOB, 0)])
        assert first >= 1
        assert len(arrived()) > first
