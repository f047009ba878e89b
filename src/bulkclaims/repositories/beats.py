"""Signs of life of worker processes, kept in this process: a part of the reference member of `WorkStore`."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING

from bulkclaims.jobs import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY = 24 * 3600.0


def beats_kept(ended_before: float) -> float:
    """How many seconds old a beat may get before `WorkStore.purge` forgets it, the same in each repository."""
    return min(ended_before, _DAY)


class MemoryBeats:
    """
    Beats in a plain dictionary.

    Args:
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._beats: dict[str, float] = {}
        self._beats_clock = now
        self._beats_lock = RLock()

    def beat(self, worker: str) -> None:  # noqa: D102 -- the contract stands in `interfaces.WorkStore`
        with self._beats_lock:
            self._beats[worker] = self._beats_clock()

    def workers(self, within: float) -> Workers:  # noqa: D102
        with self._beats_lock:
            since = self._beats_clock() - within
            alive = sum(moment > since for moment in self._beats.values())
            seen_at = max(self._beats.values(), default=None)
        return Workers(alive, None if seen_at is None else datetime.fromtimestamp(seen_at, UTC))

    def _forget_beats(self, ended_before: float) -> None:
        with self._beats_lock:
            latest = max(self._beats.values(), default=0.0)
            since = self._beats_clock() - beats_kept(ended_before)
            self._beats = {worker: at for worker, at in self._beats.items() if at > since or at == latest}
