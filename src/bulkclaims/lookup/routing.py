"""One job, several payers: each row goes to whoever answers for its payer id."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

from bulkclaims.errors import BulkClaimsError, PayerAway, SettingsWrong
from bulkclaims.lookup.inquiries import not_asked
from bulkclaims.records import Capabilities

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from bulkclaims.interfaces import RunContext
    from bulkclaims.lookup.processor import LookupProcessor
    from bulkclaims.records import Row, RowResult

    Batches = AsyncIterator[Sequence[RowResult]]

NOBODY = Capabilities("nobody")
"""What can be asked of a payer that no route leads to."""


class PayerRouter:
    """
    A `RowProcessor` for jobs whose rows belong to several payers.

    Each route has its own pace, slots and watch, and all look-ups of a chunk are under way at a time, so that a payer
    that is slow or away does not hold up the others. Two payer ids may share one processor.

    Args:
        routes: Who answers for which payer id, as it stands in the column `payer_id` or in the job's defaults.
        otherwise: Who answers for all others; None when rows of an unknown payer are to fail without being asked.

    Raises:
        SettingsWrong: There is no route at all.
    """

    def __init__(self, routes: Mapping[str, LookupProcessor], otherwise: LookupProcessor | None = None) -> None:
        if not routes and otherwise is None:
            raise SettingsWrong("A router needs at least one route.")
        self._routes = dict(routes)
        self._otherwise = otherwise

    def capabilities_for(self, payer_id: str) -> Capabilities | None:
        """What can be asked of whoever is asked for rows of *payer_id*; None when nobody is."""
        processor = self._routes.get(payer_id, self._otherwise)
        return processor.capabilities_for(payer_id) if processor else None

    async def process(  # noqa: D102 -- the contract stands in `interfaces.RowProcessor`
        self, rows: Sequence[Row], context: RunContext
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        routed, lost = self._sorted(rows, context)
        if lost:
            yield lost
        async with AsyncExitStack() as held:
            ways = [
                await held.enter_async_context(aclosing(processor.process(some, context)))
                for processor, some in routed.items()
            ]
            async with aclosing(_merged(ways)) as batches:
                async for batch in batches:
                    yield batch

    async def aclose(self) -> None:  # noqa: D102
        for processor in {*self._routes.values(), *([self._otherwise] if self._otherwise else [])}:
            await processor.aclose()

    def _sorted(
        self, rows: Sequence[Row], context: RunContext
    ) -> tuple[dict[LookupProcessor, list[Row]], list[RowResult]]:
        """Rows by who answers for them, and results for those for which nobody does."""
        routed: dict[LookupProcessor, list[Row]] = {}
        lost = []
        for row in rows:
            payer_id = row.cells.get("payer_id") or context.job.defaults.get("payer_id", "")
            processor = self._routes.get(payer_id, self._otherwise)
            if processor is None:
                lost.append(not_asked(row, "Not asked: no payer is set up for this row's payer_id; correct the row"))
            else:
                routed.setdefault(processor, []).append(row)
        return routed, lost


async def _merged(ways: Sequence[Batches]) -> AsyncGenerator[Sequence[RowResult], None]:
    """
    Yield the batches of all *ways* as they come; the next one of a way is asked for once the one before was taken.

    Raises:
        BulkClaimsError: What ended some of them, once all have ended; of several payers that are away, the one that is
            back first. Anything else at once.
    """
    ended: list[BulkClaimsError] = []
    waiting = {asyncio.ensure_future(anext(way)): way for way in ways}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                way = waiting.pop(each)
                try:
                    batch = each.result()
                except StopAsyncIteration:
                    continue
                except BulkClaimsError as error:
                    ended.append(error)
                    continue
                yield batch
                waiting[asyncio.ensure_future(anext(way))] = way
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    if ended:
        raise min(ended, key=lambda error: error.seconds if isinstance(error, PayerAway) else -1.0)
