"""Leaves a payer alone that is away, and finds out when it is back."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import PayerAway, RepositoryUnavailable, SettingsWrong
from bulkclaims.lookup.pace.retrying import LOOK_SECONDS, Stopped
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.errors import ConnectorError
    from bulkclaims.interfaces import Limiter
    from bulkclaims.jobs import Job

_log = logging.getLogger(__name__)

_WORTH_A_PARK = 5.0
"""Seconds of a hold on the account, by whichever worker, for which a chunk is put aside instead of waiting in line."""
_JITTER = 0.2
"""Workers that were told to wait for the same time come back this much later, at random, each at another moment."""


@frozen
class BreakerPolicy:
    """
    When a payer is taken to be away, and how long it is left alone.

    Raises:
        SettingsWrong: A number is not above zero.
    """

    rows: int = 10
    """So many different rows, one after the other, bring no answer: nobody asks any more."""
    first_seconds: float = 30.0
    """How long the payer is left alone first; each time after that in vain it is twice as long ..."""
    longest_seconds: float = 300.0
    """... but never longer than this."""
    patience_seconds: float = 1800.0
    """When the payer has been away for so long, rows are asked all the same, and fail one by one."""

    def __attrs_post_init__(self) -> None:
        """Check that a payer is left alone for some time, and not for ever."""
        for name in ("rows", "first_seconds", "longest_seconds", "patience_seconds"):
            if getattr(self, name) <= 0:
                raise SettingsWrong(f"The setting breaker.{name} is to be above zero.")


class Breaker:
    """
    Watches what comes back of one payer account, for all look-ups of one event loop.

    While the payer is away nobody asks: rows are put aside with their chunks, and other payers' go on. When the time is
    over, one row asks first. Only once it has an answer do the others ask, so that a payer that has just come back is
    not overrun. What one worker finds out is told to the others through the limiter.

    Args:
        policy: When, and for how long.
        account: Of which payer account.
        limiter: Tells other workers; None where there are none.
    """

    def __init__(self, policy: BreakerPolicy, account: str, limiter: Limiter | None) -> None:
        self._policy = policy
        self._account = account
        self._limiter = limiter
        self._failing: set[bytes] = set()
        self._until = 0.0
        self._in_vain = 0
        self._away_since: float | None = None
        self._failed_at = 0.0
        self._is_new = True
        self._heard_of = False
        self._probe: bytes | None = None

    @property
    def closed(self) -> bool:
        """Whether anybody may ask, if only to find out whether the payer is back."""
        return not self._until or asyncio.get_running_loop().time() >= self._until

    def away(self) -> PayerAway:
        """What to say of rows that are put aside, and for how long."""
        left = max(0.0, self._until - asyncio.get_running_loop().time())
        sentence = f"The payer ({self._account}) does not answer. Its rows wait, and are asked again by themselves."
        return PayerAway(sentence, left * random.uniform(1, 1 + _JITTER))  # noqa: S311 -- jitter, no secret

    async def heed(self, job: Job) -> None:
        """
        Begin with a chunk of *job* as others have found the payer to be.

        Raises:
            PayerAway: It is left alone just now.
        """
        if not self.closed:
            raise self.away()
        if self._is_new:
            # In a worker that has just begun, nothing else tells that the job's rows were put aside.
            self._is_new, self._heard_of = False, job.waiting_until is not None
        if self._limiter is None:
            return
        held = await asyncio.to_thread(self._limiter.postponed, self._account)
        if held > _WORTH_A_PARK:
            self._until, self._heard_of = asyncio.get_running_loop().time() + held, True
            raise self.away()

    async def admit(self, mark: bytes, go_on: Callable[[], bool]) -> None:
        """
        Wait while another row finds out whether the payer is back.

        Args:
            mark: The row's inquiry.
            go_on: Whether the chunk is still to go on.

        Raises:
            PayerAway: It is not.
            Stopped: *go_on* said no.
        """
        while self._suspects and self._probe != mark:
            if not self.closed:
                raise self.away()
            if self._probe is None:
                self._probe = mark
                return
            if not go_on():
                raise Stopped
            await asyncio.sleep(LOOK_SECONDS)

    def leave(self, mark: bytes) -> None:
        """The row asks no more, and perhaps found out nothing: another may."""
        if self._probe == mark:
            self._probe = None

    def answered(self) -> None:
        """The payer is there."""
        if self._failing or self._heard_of or self._away_since is not None:
            self._forget()

    async def failed(self, mark: bytes, error: ConnectorError) -> None:
        """A row brought no answer; enough of them, and the payer is away."""
        now = asyncio.get_running_loop().time()
        if now - self._failed_at > self._policy.patience_seconds + self._policy.longest_seconds:
            self._forget()  # that was another time
        self._failed_at = now
        self._failing.add(mark)
        if self._probe != mark and len(self._failing) < self._policy.rows:
            return
        if not self.closed:
            return  # one of those that were under way when it was found out
        self._away_since = self._away_since or now
        self._failing.clear()
        self._probe = None
        if now - self._away_since < self._policy.patience_seconds:
            await self._open(now, getattr(error, "retry_after", None) or 0.0)

    @property
    def _suspects(self) -> bool:
        """Whether one row is to ask first: the payer was away, and patience has not run out."""
        if self._away_since is None:
            return self._heard_of
        return asyncio.get_running_loop().time() - self._away_since < self._policy.patience_seconds

    def _forget(self) -> None:
        self._failing.clear()
        self._until, self._in_vain, self._away_since, self._heard_of = 0.0, 0, None, False

    async def _open(self, now: float, retry_after: float) -> None:
        policy = self._policy
        seconds = min(policy.longest_seconds, max(retry_after, policy.first_seconds * 2**self._in_vain))
        self._until = now + seconds
        self._in_vain += 1
        _log.warning("The payer %s does not answer and is left alone for %.0f seconds.", self._account, seconds)
        if self._limiter is not None:
            try:
                await asyncio.to_thread(self._limiter.postpone, self._account, seconds)
            except RepositoryUnavailable as failure:
                _log.warning("Other workers were not told that the payer is away. %s", describe(failure))
