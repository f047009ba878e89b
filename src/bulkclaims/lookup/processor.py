"""The row processor: many look-ups at a time, each holding its slot until its result is recorded."""

from __future__ import annotations

import asyncio
import logging
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from attrs import evolve, field, frozen

from bulkclaims.errors import AccessRefused, BulkClaimsError, ConnectorError, PayerUnavailable
from bulkclaims.lookup.in_flight import InFlight
from bulkclaims.lookup.inquiries import questions
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.outcomes import answered, failed, find
from bulkclaims.lookup.pacing import Pacer
from bulkclaims.lookup.per_loop import PerLoop
from bulkclaims.lookup.quiet import Quiet
from bulkclaims.lookup.retrying import RetryPolicy, Stopped, ask_persistently
from bulkclaims.lookup.shared_slots import SharedSlots
from bulkclaims.lookup.status_codes import StatusTable
from bulkclaims.records import Source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

    from bulkclaims.interfaces import Connector, Limiter, RunContext
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.records import Row, RowResult

_log = logging.getLogger(__name__)
_BY_THE_RULES = MatchRules()
_PERSISTENT = RetryPolicy()
_OUR_WORDS = StatusTable()


@frozen
class _Lanes:
    """What all chunks of one event loop share."""

    slots: asyncio.Semaphore | SharedSlots
    quiet: Quiet
    pacer: Pacer | None
    _beginning: WeakValueDictionary[str, asyncio.Lock] = field(factory=WeakValueDictionary, init=False)

    def beginning(self, job_id: str) -> asyncio.Lock:
        """Whose turn it is among the chunks of a job to begin look-ups."""
        return self._beginning.setdefault(job_id, asyncio.Lock())

    async def turn(self, go_on: Callable[[], bool]) -> float:
        """Wait until a look-up may begin, and return the moment."""
        if self.pacer:
            await self.pacer.turn(go_on)
        return await self.quiet.turn(go_on)

    async def settled(self) -> None:
        """Wait until nothing is kept from other workers that no chunk here wants."""
        if isinstance(self.slots, SharedSlots):
            await self.slots.settled()

    async def aclose(self) -> None:
        """Keep nothing from other workers."""
        if isinstance(self.slots, SharedSlots):
            await self.slots.aclose()

    async def throttled(self, error: PayerUnavailable, began: float) -> None:
        """Hold everyone back: a look-up that *began* then was refused, as coming too fast."""
        seconds = self.quiet.throttled(error, began)
        if self.pacer and seconds is not None:
            await self.pacer.postpone(seconds)


class LookupProcessor:
    """
    Looks rows up through a connector.

    Args:
        connector: The payer's API.
        limiter: Grants slots to all workers together; used only if the connector's capabilities name a rate, or how
            many look-ups at a time all may have.
        retry: How persistent to be with one row.
        match: How far a match may reach.
        statuses: The words of the results file.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        limiter: Limiter | None = None,
        retry: RetryPolicy = _PERSISTENT,
        match: MatchRules = _BY_THE_RULES,
        statuses: StatusTable = _OUR_WORDS,
    ) -> None:
        self._connector = connector
        self._prepare: Callable[[], Awaitable[None]] = getattr(connector, "prepare", _prepare_nothing)
        self._limiter = limiter
        self._retry = retry
        self._match = match
        self._statuses = statuses
        self._lanes = PerLoop(self._make_lanes)

    async def process(  # noqa: D102 -- the contract stands in `interfaces.RowProcessor`
        self, rows: Sequence[Row], context: RunContext
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        needs = self._connector.capabilities.needs
        asked, known = questions(rows, context.job.defaults, context.salt, needs)
        recorded = await context.recorded(list(asked)) if asked else {}
        for mark, result in recorded.items():
            known += _same_for(asked.pop(mark), result)
        if known:
            yield known
        lanes = self._lanes.get()
        look_up = partial(self._look_up, lanes, context.go_on)
        under_way = InFlight(lanes.slots, lanes.beginning(context.job.id), look_up, context.go_on)
        under_way.start(asked.values())
        try:
            while batch := await under_way.next_batch():
                yield batch
        finally:
            await under_way.stop()
            # The process may end with its chunk.
            await lanes.settled()

    async def aclose(self) -> None:  # noqa: D102
        if lanes := self._lanes.drop():
            await lanes.aclose()
        await self._connector.aclose()

    def _make_lanes(self) -> _Lanes:
        can = self._connector.capabilities
        pacer = Pacer(self._limiter, can.account, can.rate) if self._limiter and can.rate else None
        slots: asyncio.Semaphore | SharedSlots = asyncio.Semaphore(can.max_in_flight)
        if self._limiter and can.in_flight_in_all is not None:
            slots = SharedSlots(self._limiter, can.account, can.max_in_flight, can.in_flight_in_all)
        return _Lanes(slots, Quiet(self._retry.retry_after_seconds), pacer)

    async def _look_up(self, lanes: _Lanes, go_on: Callable[[], bool], question: Question) -> list[RowResult] | None:
        """Results for all rows of the question; None when the job is not to go on."""
        tries = 0

        async def ask() -> RowResult:
            nonlocal tries
            if not go_on():
                raise Stopped
            with self._bugs_blamed():
                await self._prepare()
            began = await lanes.turn(go_on)
            tries += 1
            try:
                return await self._ask(question, tries)
            except PayerUnavailable as error:
                if error.throttled:
                    await lanes.throttled(error, began)
                raise

        try:
            first = await ask_persistently(ask, self._retry, go_on)
        except Stopped:
            return None
        except AccessRefused:
            raise
        except ConnectorError as error:
            first = failed(question, error, tries)
        return [first, *(_same(first, row) for row in question.rows[1:])]

    async def _ask(self, question: Question, tries: int) -> RowResult:
        inquiry = question.inquiry
        with self._bugs_blamed():
            finding = find(inquiry, await self._connector.inquire(inquiry), self._match)
            return answered(question, finding, self._statuses, tries)

    @contextmanager
    def _bugs_blamed(self) -> Iterator[None]:
        try:
            yield
        except BulkClaimsError:
            raise
        except Exception as error:  # noqa: BLE001 -- a bug in a connector costs its row, not the job
            _log.error("Connector %s failed: %s", self._connector.capabilities.account, _where(error))
            raise ConnectorError("The look-up failed within this service, whose log says where.") from None


async def _prepare_nothing() -> None:
    """What a connector does that needs nothing beforehand."""


def _same_for(question: Question, result: RowResult) -> list[RowResult]:
    return [_same(result, row) for row in question.rows]


def _same(result: RowResult, row: int) -> RowResult:
    """The result of another row that asked just the same; its claim number is the same too."""
    return evolve(result, row=row, source=Source.SAME_INQUIRY, asked=0)


def _where(error: Exception) -> str:
    """The class of *error* and where it was raised, without its text, which may quote the row."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name} ({frame.filename}, line {frame.lineno})"
