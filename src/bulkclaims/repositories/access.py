"""Access tokens of payers kept in this process: the reference member of `AccessStore`."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bulkclaims.records import SealedAccess

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen
class _Access:
    serial: int = 0
    payload: bytes = b""
    good_until: float = 0.0
    fetched_until: float = 0.0
    """Until then somebody fetches the next one."""


class MemoryAccess:
    """
    An `AccessStore` in a plain dictionary.

    Args:
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._access: dict[str, _Access] = {}
        self._access_clock = now
        self._access_lock = RLock()

    def find_access(self, account: str) -> SealedAccess | None:  # noqa: D102 -- the contract stands in `interfaces.AccessStore`
        with self._access_lock:
            kept = self._kept_access(account)
            return (
                SealedAccess(kept.serial, kept.payload, kept.good_until - self._access_clock()) if kept.serial else None
            )

    def begin_access(self, account: str, after: int, seconds: float) -> bool:  # noqa: D102
        with self._access_lock:
            kept, now = self._kept_access(account), self._access_clock()
            if kept.serial != after or kept.fetched_until > now:
                return False
            self._access[account] = evolve(kept, fetched_until=now + seconds)
            return True

    def keep_access(self, account: str, after: int, payload: bytes, seconds: float) -> None:  # noqa: D102
        with self._access_lock:
            if self._kept_access(account).serial == after:
                self._access[account] = _Access(after + 1, payload, self._access_clock() + seconds)

    def leave_access(self, account: str, after: int) -> None:  # noqa: D102
        with self._access_lock:
            if (kept := self._kept_access(account)).serial == after:
                self._access[account] = evolve(kept, fetched_until=0.0)

    def _kept_access(self, account: str) -> _Access:
        return self._access.get(account, _Access())
