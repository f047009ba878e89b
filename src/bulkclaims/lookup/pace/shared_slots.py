"""Look-ups at a time, shared with all workers that ask the same payer account."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.forks import process_name
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from bulkclaims.interfaces import Limiter

_log = logging.getLogger(__name__)

SHARE_SECONDS = 9.0
"""How long the share of a worker that was killed is kept from the others. It is renewed after a third of that."""
ASK_AGAIN_SECONDS = 0.5
"""How soon a worker asks again that has no share, or has more under way than its share."""


class SharedSlots:
    """
    Slots of one event loop, as `asyncio.Semaphore` has them, of which there are as many as the limiter grants.

    Whoever waits longest gets the next slot. The share is asked for when somebody first waits, renewed while anybody
    waits or holds a slot, and given back when nobody does. Once it has lapsed, because the limiter's store could not be
    reached for so long, no slot is given any more: others may have them.

    Belongs to one event loop. The limiter may block, so it is called on a thread.

    Args:
        limiter: Who grants shares.
        account: Of which payer account.
        most: Slots here, whatever is granted.
        most_in_all: Slots in all.
        seconds: How long a share is kept.
        again_seconds: How soon to ask for more.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- the last two are for tests
        self,
        limiter: Limiter,
        account: str,
        most: int,
        most_in_all: int,
        seconds: float = SHARE_SECONDS,
        again_seconds: float = ASK_AGAIN_SECONDS,
    ) -> None:
        self._limiter = limiter
        self._account = account
        # Another loop of this process is another holder, and so is a process that has the same number elsewhere.
        self._holder = f"{process_name()}:{token_hex(4)}"
        self._most = most
        self._most_in_all = most_in_all
        self._seconds = seconds
        self._again_seconds = again_seconds
        self._taken = 0
        self._limit = 0
        self._lapses_at = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._keeper: asyncio.Task[None] | None = None
        self._unwanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._out_of_reach = False
        self._closed = False

    async def acquire(self) -> None:
        """Wait for a slot."""
        self._settled.set()
        if not self._waiters and self._is_free():
            self._taken += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        try:
            await waiter
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def release(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._hand_out()
        self._note_unwanted()

    async def settled(self) -> None:
        """Wait until a share that nobody wants is given back, or somebody wants it after all."""
        if self._keeper is not None and not self._is_wanted():
            await self._settled.wait()

    async def aclose(self) -> None:
        """Give the share back, though somebody may wait for a slot."""
        self._closed = True
        for waiter in self._waiters:
            waiter.cancel()
        self._unwanted.set()
        if self._keeper is not None:
            await asyncio.wait([self._keeper])

    def _is_free(self) -> bool:
        return self._taken < self._limit and asyncio.get_running_loop().time() < self._lapses_at

    def _is_wanted(self) -> bool:
        return not self._closed and bool(self._taken or self._waiters)

    def _hand_out(self) -> None:
        while self._waiters and self._is_free():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._taken += 1
                waiter.set_result(None)

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        """See to a waiter that was cancelled, perhaps after it had got its slot."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._note_unwanted()
        elif not waiter.cancelled() and waiter.exception() is None:
            self.release()

    def _note_unwanted(self) -> None:
        if self._keeper is not None and not self._is_wanted():
            self._unwanted.set()
            self._settled.clear()

    async def _keep(self) -> None:
        """Hold the share for as long as anybody wants it."""
        try:
            while self._is_wanted():
                await self._renew()
                self._hand_out()
                await self._pause()
                if not self._is_wanted():
                    await self._give_back()
        except Exception as error:  # noqa: BLE001 -- whoever waits is to hear of it
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_exception(error)
            self._waiters.clear()
        finally:
            self._limit = 0
            self._keeper = None
            self._settled.set()

    async def _renew(self) -> None:
        began, under_way = asyncio.get_running_loop().time(), self._taken
        # What began while the limiter counts would be promised to others as well.
        self._limit = min(self._limit, under_way)
        asked = (self._account, self._holder, under_way, self._most_in_all, self._seconds)
        try:
            granted = await asyncio.to_thread(self._limiter.occupy, *asked)
        except RepositoryUnavailable as failure:
            if not self._out_of_reach:
                _log.warning("How many look-ups %s takes from here is not known. %s", self._account, describe(failure))
            self._out_of_reach = True
        else:
            self._limit, self._lapses_at = min(self._most, granted), began + self._seconds
            self._out_of_reach = False

    async def _pause(self) -> None:
        hungry = not self._limit or self._taken > self._limit or self._out_of_reach
        self._unwanted.clear()
        if self._is_wanted():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._again_seconds if hungry else self._seconds / 3):
                    await self._unwanted.wait()

    async def _give_back(self) -> None:
        self._limit = 0
        try:
            await asyncio.to_thread(self._limiter.vacate, self._account, self._holder)
        except RepositoryUnavailable as failure:
            _log.warning("A share of %s was not given back; it lapses by itself. %s", self._account, describe(failure))
        self._settled.set()
