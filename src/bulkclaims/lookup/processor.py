"""The row processor: the cheapest way to each row's answer, with every slot held until what it brought is recorded."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, cast

from bulkclaims.lookup.course import Course, same_for
from bulkclaims.lookup.in_flight import InFlight
from bulkclaims.lookup.inquiries import questions
from bulkclaims.lookup.kept import Kept
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.pace.breaker import BreakerPolicy
from bulkclaims.lookup.pace.lanes import Lanes
from bulkclaims.lookup.pace.per_loop import PerLoop
from bulkclaims.lookup.pace.retrying import RetryPolicy
from bulkclaims.lookup.singly import SingleLookup
from bulkclaims.lookup.status_codes import StatusTable
from bulkclaims.lookup.tickets import Tickets
from bulkclaims.lookup.window_search import WindowSearch
from bulkclaims.privacy import PlainCipher
from bulkclaims.repositories.kept import MemoryKept

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bulkclaims.interfaces import Connector, Limiter, RunContext, TicketConnector, WindowConnector
    from bulkclaims.lookup.kept_answers import KeptAnswers
    from bulkclaims.records import Capabilities, Row, RowResult

_BY_THE_RULES = MatchRules()
_PERSISTENT = RetryPolicy()
_OUR_WORDS = StatusTable()
_WATCHFUL = BreakerPolicy()


class LookupProcessor:
    """
    Looks rows up through a connector.

    An answer is had in the cheapest way there is: as another row of the job had it, as the payer gave it some hours
    ago, from a search of all the provider's claims of some days, or by asking for the row alone.

    Args:
        connector: The payer's API.
        limiter: Grants turns and slots to all workers together, and tells them that the payer is away; turns and slots
            only if the connector's capabilities name a rate, or how many look-ups at a time all may have.
        retry: How persistent to be with one row.
        breaker: When the payer is taken to be away.
        match: How far a match may reach.
        statuses: The words of the results file.
        second_search: Search once more, by patient and dates of service alone, for what is not found by its number,
            where the connector can; it may double what is asked.
        tickets: Where workers keep what a payer answers later; without it a look-up that outlives its worker is sent
            again.
        answers: Where answers are kept for other jobs of the same organisation; each payer is asked anew without it.
    """

    def __init__(  # noqa: PLR0913 -- one argument for each part that a host may choose
        self,
        connector: Connector,
        *,
        limiter: Limiter | None = None,
        retry: RetryPolicy = _PERSISTENT,
        breaker: BreakerPolicy = _WATCHFUL,
        match: MatchRules = _BY_THE_RULES,
        statuses: StatusTable = _OUR_WORDS,
        second_search: bool = False,
        tickets: Kept | None = None,
        answers: KeptAnswers | None = None,
    ) -> None:
        self._connector = connector
        self._answers = answers
        self._lanes = PerLoop(partial(Lanes.to, connector, limiter, breaker, retry.retry_after_seconds))
        self._tickets = None
        if hasattr(connector, "start"):
            kept = tickets or Kept(MemoryKept(time.time), PlainCipher())
            self._tickets = Tickets(cast("TicketConnector", connector), kept)
        self._single = SingleLookup(connector, retry, match, statuses, self._tickets, second_search)
        self._windows = None
        if connector.capabilities.page_size is not None:
            windows = cast("WindowConnector", connector)
            self._windows = PerLoop(partial(WindowSearch, windows, retry, match, statuses))

    def capabilities_for(self, payer_id: str) -> Capabilities:  # noqa: ARG002 -- one connector asks for all
        """What can be asked of whoever is asked for rows of *payer_id*, and what that needs."""
        return self._connector.capabilities

    async def process(  # noqa: D102 -- the contract stands in `interfaces.RowProcessor`
        self, rows: Sequence[Row], context: RunContext
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        asked, hopeless = questions(rows, context.job.defaults, context.salt, self._connector.capabilities.needs)
        course = Course(context, self._lanes.get(), asked, len(rows) < context.job.total_rows)
        if known := hopeless + await _recorded(course):
            yield known
        everything = tuple(course.left.values())
        async with aclosing(self._ways(course)) as batches:
            async for batch in batches:
                yield batch
                if self._answers:
                    await self._answers.keep(course, everything, batch)
        course.end()

    async def aclose(self) -> None:  # noqa: D102
        if lanes := self._lanes.drop():
            await lanes.aclose()
        await self._connector.aclose()

    async def _ways(self, course: Course) -> AsyncGenerator[Sequence[RowResult], None]:
        """Go every way to an answer, the cheapest first, each with what the one before has left."""
        if self._answers and (results := await self._answers.results(course)):
            yield results
        if not course.left:
            return
        await course.lanes.breaker.heed(course.context.job)
        for way in (self._by_window, self._singly):
            async with aclosing(way(course)) as batches:
                async for batch in batches:
                    yield batch

    async def _by_window(self, course: Course) -> AsyncGenerator[list[RowResult], None]:
        if self._windows is not None:
            async with aclosing(self._windows.get().results(course)) as batches:
                async for batch in batches:
                    yield batch

    async def _singly(self, course: Course) -> AsyncGenerator[list[RowResult], None]:
        lanes = course.lanes
        look_up = partial(self._single.results, course)
        under_way = InFlight(lanes.slots, lanes.beginning(course.context.job.id), look_up, course.go_on)
        tidying: set[asyncio.Task[None]] = set()
        under_way.start(tuple(course.left.values()))
        try:
            while batch := await under_way.next_batch():
                yield batch
                if self._tickets:
                    tidying.add(asyncio.create_task(self._tickets.discard(course, batch)))
        finally:
            await under_way.stop()
            await asyncio.gather(*tidying)
            # The process may end with its chunk.
            await lanes.settled()


async def _recorded(course: Course) -> list[RowResult]:
    """Results for questions that the job has an answer of already."""
    if not course.left:
        return []
    found = await course.context.recorded(list(course.left))
    return [result for mark, first in found.items() for result in same_for(course.left.pop(mark).rows, first)]
