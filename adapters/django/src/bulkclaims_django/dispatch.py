"""How chunks leave a process of the project: after the commit that makes them visible, or not at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attrs import frozen
from django.db import connections, transaction

from bulkclaims.dispatch import LocalDispatcher
from bulkclaims.errors import DispatchFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkclaims.interfaces import Dispatcher
    from bulkclaims.jobs import Chunk

log = logging.getLogger(__name__)


@frozen
class OnCommit:
    """
    Rings once the host's transaction is committed: before that no worker would find the chunks.

    Outside an atomic block it rings at once. A block that is rolled back takes its jobs with it, and nothing rings.

    Args:
        dispatcher: What rings.
        using: The alias of the jobs' database.
    """

    dispatcher: Dispatcher
    using: str

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102 -- stated in `bulkclaims.interfaces.Dispatcher`
        _ring_on_commit(self.dispatcher.dispatch, chunks, self.using)


class LocalOnCommit(LocalDispatcher):
    """
    Runs chunks on threads of this process, likewise.

    Args:
        run: Runs one chunk to its end.
        using: The alias of the jobs' database.
    """

    def __init__(self, run: Callable[[Chunk], object], using: str) -> None:
        super().__init__(run)
        self._using = using

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102
        _ring_on_commit(super().dispatch, chunks, self._using)


def _ring_on_commit(ring: Callable[[Sequence[Chunk]], None], chunks: Sequence[Chunk], using: str) -> None:
    def ring_late() -> None:
        try:
            ring(chunks)
        except DispatchFailed as failure:
            # The host's work is committed, and is not to fail over this.
            log.warning("Chunks wait to be rung for again. %s", failure)

    if connections[using].in_atomic_block:
        transaction.on_commit(ring_late, using=using)
    else:
        ring(chunks)


class LeftToWorkers:
    """
    Rings for nobody: processes that `manage.py bulkclaims_run` started look for chunks by themselves.

    For projects without a task queue whose web processes are to run none themselves.
    """

    def dispatch(self, chunks: Sequence[Chunk]) -> None:
        """Leave the chunks where they are."""
