"""How a chunk reaches a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.jobs import Chunk


class Dispatcher(Protocol):
    """Tells workers that chunks are there. A doorbell: the repository holds the truth."""

    def dispatch(self, chunks: Sequence[Chunk], /) -> None:
        """
        Hand the chunks to the queue; return when it has them.

        May deliver late, twice, or never: the lease sorts out twice, the sweep sorts out never. Carries job id and
        chunk number, nothing else.

        Raises:
            DispatchFailed: The queue did not take them.
        """


class ChunkWorker(Protocol):
    """
    Where a queue's worker takes what it hears: a `BulkClaims`, or a host's stand-in that makes one when it is needed.

    Called in worker processes, from any thread.
    """

    def run(self, chunk: Chunk, /) -> bool:
        """
        Run one chunk.

        Returns:
            False when this process is stopping, and the message is to go back to the queue.
        """

    def stand_by(self) -> None:
        """Be a worker from now on, also before the first chunk comes: show that this process lives, and sweep."""

    def sweep(self) -> None:
        """Bring back what was left behind."""

    def stop(self) -> None:
        """Begin no further look-up in this process; return at once."""
