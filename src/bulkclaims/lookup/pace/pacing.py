"""Keeps a worker's look-ups to the slots that the shared limiter grants."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from attrs import evolve

from bulkclaims.errors import QuotaSpent
from bulkclaims.lookup.pace.retrying import Stopped, pause
from bulkclaims.planning import HEADROOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.interfaces import Limiter
    from bulkclaims.records import Rate

RESERVE_SECONDS = 0.02
"""How much time's worth of slots to reserve in one call: only rates above 100 a second take several at a time."""
_STALE_SECONDS = 0.25
"""A slot that was left over is no good for longer: others are close behind it."""


class Pacer:
    """
    Hands the slots of one payer account to look-ups, in the order they come.

    Belongs to one event loop. The limiter may block, so it is called on a thread.
    """

    def __init__(self, limiter: Limiter, account: str, rate: Rate) -> None:
        self._limiter = limiter
        self._account = account
        self._rate = evolve(rate, per_second=HEADROOM * rate.per_second)
        self._most = max(1, int(rate.per_second * RESERVE_SECONDS))
        self._lock = asyncio.Lock()
        self._slots: deque[float] = deque()
        self._waiting = 0

    async def turn(self, go_on: Callable[[], bool]) -> None:
        """
        Wait for the next slot.

        Raises:
            Stopped: *go_on* said no meanwhile.
            QuotaSpent: No slot is left today.
        """
        self._waiting += 1
        try:
            # Held until the slot has come: whoever waits behind has none yet, to lose when it is told to stop.
            async with self._lock:
                while not await self._came(go_on):
                    pass
        finally:
            self._waiting -= 1

    async def postpone(self, seconds: float) -> None:
        """Make all workers wait, and give up the slots that were reserved ahead."""
        self._slots.clear()
        await asyncio.to_thread(self._limiter.postpone, self._account, seconds)

    async def _came(self, go_on: Callable[[], bool]) -> bool:
        """Wait for the next slot; whether it still is one, since everyone may have been told to wait meanwhile."""
        if not go_on():
            raise Stopped
        loop = asyncio.get_running_loop()
        while self._slots and self._slots[0] < loop.time() - _STALE_SECONDS:
            self._slots.popleft()
        if not self._slots:
            await self._reserve()
        moment = self._slots[0]
        await pause(moment - loop.time(), go_on)
        if self._slots and self._slots[0] == moment:
            self._slots.popleft()
            return True
        return False

    async def _reserve(self) -> None:
        count = min(self._most, self._waiting)
        try:
            delay = await asyncio.to_thread(self._limiter.reserve, self._account, count, self._rate)
        except QuotaSpent:
            if count == 1:
                raise
            count = 1  # fewer than that many are left, but perhaps one
            delay = await asyncio.to_thread(self._limiter.reserve, self._account, count, self._rate)
        first = asyncio.get_running_loop().time() + delay
        self._slots.extend(first + number / self._rate.per_second for number in range(count))
