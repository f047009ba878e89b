"""How payers may be asked: the arithmetic of every `Limiter`, and the reference member, within this process."""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bulkclaims.errors import QuotaSpent

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from bulkclaims.records import Rate

_DAY = 24 * 3600


@frozen
class Allowance:
    """
    What is kept of a payer account: the generic cell rate algorithm, with reservation.

    One number, the time of the next free slot; time that nobody used is not saved up.
    """

    account: str
    free_at: float = 0.0
    """When the next slot may be used, in seconds since the epoch."""
    day: int = 0
    """The day that `spent` counts, since the epoch, UTC."""
    spent: int = 0
    postponed_until: float = 0.0
    """The latest moment that was asked for; `free_at` moves on with each reservation."""

    def reserved(self, count: int, rate: Rate, now: float) -> Allowance:
        """
        Take the next *count* slots.

        Raises:
            QuotaSpent: Fewer are left of today's budget.
        """
        today = int(now // _DAY)
        spent = (self.spent if self.day == today else 0) + count
        if rate.per_day is not None and spent > rate.per_day:
            sentence = f"Today's budget of {rate.per_day} look-ups at {self.account} is used up; retry tomorrow."
            raise QuotaSpent(sentence)
        return evolve(self, free_at=max(self.free_at, now) + count / rate.per_second, day=today, spent=spent)

    def postponed(self, seconds: float, now: float) -> Allowance:
        """Let no slot come sooner than *seconds* from now."""
        until = now + seconds
        return evolve(self, free_at=max(self.free_at, until), postponed_until=max(self.postponed_until, until))


@frozen
class Share:
    """What is kept for one who asks an account: so many look-ups at a time, until then."""

    holder: str
    slots: int
    """What it was granted; or what it has under way, where that is more: others cannot have it yet."""
    lapses_at: float
    """In seconds since the epoch."""


@frozen
class Occupancy:
    """Who may have how many look-ups at a time at one account: the arithmetic of `Limiter.occupy`."""

    shares: tuple[Share, ...] = ()

    def occupied(self, holder: str, under_way: int, most: int, seconds: float, now: float) -> tuple[Occupancy, int]:
        """
        Give *holder* its share, and drop those that have lapsed.

        Returns:
            What is kept from now on, and how many look-ups *holder* may have.
        """
        others = tuple(share for share in self.shares if share.holder != holder and share.lapses_at > now)
        fair = max(1, most // (len(others) + 1))
        granted = max(0, min(fair, most - sum(share.slots for share in others)))
        ours = Share(holder, max(under_way, granted), now + seconds)
        return Occupancy((*others, ours)), granted

    def vacated(self, holder: str) -> Occupancy:
        """Drop the share of *holder*."""
        return Occupancy(tuple(share for share in self.shares if share.holder != holder))

    @property
    def holders(self) -> AbstractSet[str]:
        """Whose shares they are."""
        return {share.holder for share in self.shares}

    def share_of(self, holder: str) -> Share:
        """The share of *holder*, who has one."""
        return next(share for share in self.shares if share.holder == holder)


class MemoryLimiter:
    """
    A `Limiter` in a plain dictionary under one lock.

    Args:
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._clock = now
        self._lock = RLock()
        self._allowances: dict[str, Allowance] = {}
        self._occupancies: dict[str, Occupancy] = {}

    def reserve(self, account: str, count: int, rate: Rate) -> float:  # noqa: D102 -- the contract stands in `interfaces.Limiter`
        with self._lock:
            now, kept = self._clock(), self._kept(account)
            self._allowances[account] = kept.reserved(count, rate, now)
            return max(kept.free_at, now) - now

    def postpone(self, account: str, seconds: float) -> None:  # noqa: D102
        with self._lock:
            self._allowances[account] = self._kept(account).postponed(seconds, self._clock())

    def postponed(self, account: str) -> float:  # noqa: D102
        with self._lock:
            return max(self._kept(account).postponed_until - self._clock(), 0.0)

    def occupy(self, account: str, holder: str, under_way: int, most: int, seconds: float) -> int:  # noqa: D102
        with self._lock:
            kept = self._occupancies.get(account, Occupancy())
            self._occupancies[account], granted = kept.occupied(holder, under_way, most, seconds, self._clock())
            return granted

    def vacate(self, account: str, holder: str) -> None:  # noqa: D102
        with self._lock:
            self._occupancies[account] = self._occupancies.get(account, Occupancy()).vacated(holder)

    def _kept(self, account: str) -> Allowance:
        return self._allowances.get(account, Allowance(account))
