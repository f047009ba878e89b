"""What workers keep for a while, in this process: the reference member of `KeptStore`."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


@frozen
class _Kept:
    payload: bytes
    lapses_at: float


class MemoryKept:
    """
    A `KeptStore` in a plain dictionary for each scope.

    Args:
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._scopes: dict[str, dict[bytes, _Kept]] = {}
        self._scopes_clock = now
        self._scopes_lock = RLock()

    def find_kept(self, scope: str, marks: Collection[bytes]) -> Mapping[bytes, bytes]:  # noqa: D102 -- the contract stands in `interfaces.KeptStore`
        with self._scopes_lock:
            of_scope, now = self._scopes.get(scope, {}), self._scopes_clock()
            found = {mark: of_scope[mark] for mark in marks if mark in of_scope}
            return {mark: kept.payload for mark, kept in found.items() if kept.lapses_at > now}

    def keep(self, scope: str, payloads: Mapping[bytes, bytes], seconds: float) -> None:  # noqa: D102
        with self._scopes_lock:
            lapses_at = self._scopes_clock() + seconds
            kept = {mark: _Kept(payload, lapses_at) for mark, payload in payloads.items()}
            self._scopes.setdefault(scope, {}).update(kept)

    def drop_kept(self, scope: str, marks: Collection[bytes]) -> None:  # noqa: D102
        with self._scopes_lock:
            for mark in marks:
                self._scopes.get(scope, {}).pop(mark, None)

    def _drop_scope(self, scope: str) -> None:
        with self._scopes_lock:
            self._scopes.pop(scope, None)

    def _forget_lapsed(self) -> None:
        with self._scopes_lock:
            now = self._scopes_clock()
            living = {
                scope: {mark: kept for mark, kept in of_scope.items() if kept.lapses_at > now}
                for scope, of_scope in self._scopes.items()
            }
            self._scopes = {scope: of_scope for scope, of_scope in living.items() if of_scope}
