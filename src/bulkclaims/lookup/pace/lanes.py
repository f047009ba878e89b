"""What all look-ups at one payer account share on one event loop, and the way that each request takes through it."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from attrs import Factory, field, frozen

from bulkclaims.errors import AnswerNotUnderstood, BulkClaimsError, ConnectorError, PayerUnavailable
from bulkclaims.lookup.pace.breaker import Breaker
from bulkclaims.lookup.pace.pacing import Pacer
from bulkclaims.lookup.pace.quiet import Quiet
from bulkclaims.lookup.pace.retrying import Stopped
from bulkclaims.lookup.pace.shared_slots import SharedSlots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkclaims.interfaces import Connector, Limiter
    from bulkclaims.lookup.pace.breaker import BreakerPolicy

T = TypeVar("T")

_log = logging.getLogger(__name__)


@frozen
class Lanes:
    """Slots, turns and the watch over one payer account, for all chunks of one event loop."""

    account: str
    slots: asyncio.Semaphore | SharedSlots
    quiet: Quiet
    pacer: Pacer | None
    breaker: Breaker
    prepare: Callable[[], Awaitable[None]]
    bug_watch: BugWatch = field(default=Factory(lambda lanes: BugWatch(lanes.account), takes_self=True), init=False)
    _beginning: WeakValueDictionary[str, asyncio.Lock] = field(factory=WeakValueDictionary, init=False)

    @classmethod
    def to(
        cls, connector: Connector, limiter: Limiter | None, policy: BreakerPolicy, retry_after_seconds: float
    ) -> Lanes:
        """
        Make those that lead to a payer; on the event loop that will use them.

        Args:
            connector: The payer's API.
            limiter: Grants slots and turns to all workers together.
            policy: When the payer is taken to be away.
            retry_after_seconds: The longest `Retry-After` that is waited for.
        """
        can = connector.capabilities
        slots: asyncio.Semaphore | SharedSlots = asyncio.Semaphore(can.max_in_flight)
        if limiter and can.in_flight_in_all is not None:
            slots = SharedSlots(limiter, can.account, can.max_in_flight, can.in_flight_in_all)
        return cls(
            can.account,
            slots,
            Quiet(retry_after_seconds),
            Pacer(limiter, can.account, can.rate) if limiter and can.rate else None,
            Breaker(policy, can.account, limiter),
            getattr(connector, "prepare", _prepare_nothing),
        )

    def beginning(self, job_id: str) -> asyncio.Lock:
        """Whose turn it is among the chunks of a job to begin look-ups."""
        return self._beginning.setdefault(job_id, asyncio.Lock())

    async def request(self, mark: bytes, go_on: Callable[[], bool], send: Callable[[], Awaitable[T]]) -> T:
        """
        Send one request in its turn, and tell whoever has to know what came of it.

        Args:
            mark: Of the inquiry that it is for.
            go_on: Whether it is still wanted.
            send: Sends it; reads the answer, too, so that a payer is heard that says in it that its system is down.

        Raises:
            Stopped: *go_on* said no before it was sent.
            PayerAway: The payer is left alone for a while.
            ConnectorError: As *send* does.
        """
        if not go_on():
            raise Stopped
        await self.breaker.admit(mark, go_on)
        began = asyncio.get_running_loop().time()
        try:
            with self.bug_watch:
                await self.prepare()
                began = await self.turn(go_on)
                answer = await send()
        except (PayerUnavailable, AnswerNotUnderstood) as error:
            if isinstance(error, PayerUnavailable) and error.throttled:
                await self._throttled(error, began)
            else:
                await self.breaker.failed(mark, error)
            raise
        except ConnectorError:
            self.breaker.answered()
            raise
        finally:
            self.breaker.leave(mark)
        self.breaker.answered()
        return answer

    async def settled(self) -> None:
        """Wait until nothing is kept from other workers that no chunk here wants."""
        if isinstance(self.slots, SharedSlots):
            await self.slots.settled()

    async def aclose(self) -> None:
        """Keep nothing from other workers."""
        if isinstance(self.slots, SharedSlots):
            await self.slots.aclose()

    async def turn(self, go_on: Callable[[], bool]) -> float:
        """Wait until a look-up may begin, and return the moment."""
        if self.pacer:
            await self.pacer.turn(go_on)
        return await self.quiet.turn(go_on)

    async def _throttled(self, error: PayerUnavailable, began: float) -> None:
        """Hold everyone back: a look-up that *began* then was refused, as coming too fast."""
        self.breaker.answered()
        seconds = self.quiet.throttled(error, began)
        if self.pacer and seconds is not None:
            await self.pacer.postpone(seconds)


async def _prepare_nothing() -> None:
    """What a connector does that needs nothing beforehand."""


@frozen
class BugWatch:
    """
    Has a bug in the connector of *account* cost its row, not the job; the log says where it is.

    One is for all look-ups: to make one for each, as `contextlib` does, costs as much as to enter it.
    """

    account: str

    def __enter__(self) -> None:
        """Begin what may run into a bug."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise `ConnectorError` in place of what this library does not know."""
        if isinstance(error, Exception) and not isinstance(error, (BulkClaimsError, Stopped)):
            _log.error("Connector %s failed: %s", self.account, _where(error))
            raise ConnectorError("The look-up failed within this service, whose log says where.") from None


def _where(error: Exception) -> str:
    """The class of *error* and where it was raised, without its text, which may quote the row."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name} ({frame.filename}, line {frame.lineno})"
