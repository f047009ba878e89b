"""What this process does when a payer says that it is asked too often, whether or not a rate is set."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from bulkclaims.lookup.pace.retrying import pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.errors import PayerUnavailable

QUIET_SECONDS = 2.0
"""How long nobody asks after a 429 that does not say how long."""
DOUBLING_SECONDS = 3.0
"""In which time after a 429 the look-ups that may begin in a second become twice as many."""
_MEASURED_SECONDS = 1.0
_LEAST = 4.0
"""Look-ups in a second to begin with at the least: with each 429 of several they would become fewer for ever."""


class Quiet:
    """
    Holds all look-ups of one event loop back after a 429.

    Nobody asks until the time that the payer names is over. Then look-ups begin one by one, half as many in a second as
    before the 429, and soon more: were all that waited to begin at once, they would be refused at once.

    Args:
        longest: The longest `Retry-After` that is waited for.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._begun: deque[float] = deque()
        self._told_at = self._until = self._next = self._gap = 0.0

    async def turn(self, go_on: Callable[[], bool]) -> float:
        """
        Wait until a look-up may begin; at once, unless there was a 429.

        Returns:
            The moment, for `throttled`.

        Raises:
            Stopped: *go_on* said no meanwhile.
        """
        loop = asyncio.get_running_loop()
        while True:
            told_at, start = self._told_at, max(self._next, loop.time())
            self._next = start + self._gap * 0.5 ** ((start - self._until) / DOUBLING_SECONDS)
            if (seconds := start - loop.time()) > 0:
                await pause(seconds, go_on)
            if told_at == self._told_at:
                break  # otherwise there was another 429 while we waited
        self._begun.append(start)
        self._forget(start - _MEASURED_SECONDS)
        return start

    def throttled(self, error: PayerUnavailable, began: float) -> float | None:
        """
        Be quiet, as the payer wishes.

        Args:
            error: The 429.
            began: When the look-up began that brought it.

        Returns:
            For how many seconds; None when it was known already: of a hundred in flight all may hear the same.
        """
        now = asyncio.get_running_loop().time()
        seconds = min(QUIET_SECONDS if error.retry_after is None else error.retry_after, self._longest)
        if began > self._told_at:
            self._forget(now - _MEASURED_SECONDS)
            self._gap = 1 / max(_LEAST, len(self._begun) / 2)
        elif now + seconds <= self._until + QUIET_SECONDS / 2:
            return None
        self._begun.clear()
        self._told_at, self._until = now, max(self._until, now + seconds)
        self._next = self._until
        return seconds

    def _forget(self, before: float) -> None:
        while self._begun and self._begun[0] < before:
            self._begun.popleft()
