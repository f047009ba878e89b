"""One job, several payers: each row goes to whoever answers for its payer id."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

from bulkclaims.errors import AccessRefused, BulkClaimsError, PayerAway, QuotaSpent, SettingsWrong
from bulkclaims.lookup.inquiries import not_asked

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from bulkclaims.interfaces import RunContext
    from bulkclaims.lookup.processor import LookupProcessor
    from bulkclaims.records import Capabilities, Row, RowResult

    Batches = AsyncIterator[Sequence[RowResult]]

_MOST_REFUSED = 100
"""So many runs are remembered in which a payer cannot be asked; another finds it out anew."""


class PayerRouter:
    """
    A `RowProcessor` for jobs whose rows belong to several payers.

    Each route has its own pace, slots and watch, and all look-ups of a chunk are under way at a time, so that a payer
    that is slow or away does not hold up the others. Nor does one that refuses our credentials, or whose budget is
    spent: in a job of several payers only its own rows fail, with its sentence, and a retry asks for them again. Two
    payer ids may share one processor.

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
        # By run and processor: what its rows fail with, since it was found out that none can succeed.
        self._refused: dict[object, str] = {}

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
                await held.enter_async_context(aclosing(self._own(processor, some, context)))
                for processor, some in routed.items()
            ]
            async with aclosing(_merged(ways)) as batches:
                async for batch in batches:
                    yield batch

    async def aclose(self) -> None:  # noqa: D102
        for processor in {*self._routes.values(), *([self._otherwise] if self._otherwise else [])}:
            await processor.aclose()

    async def _own(
        self, processor: LookupProcessor, rows: Sequence[Row], context: RunContext
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        """Results of one payer's rows; all that are left fail when it turns out that none of them can succeed."""
        left = {row.number: row for row in rows}
        run = (context.job.id, context.job.queued_at, processor)
        try:
            if run not in self._refused:
                async with aclosing(processor.process(rows, context)) as batches:
                    async for batch in batches:
                        for result in batch:
                            left.pop(result.row, None)
                        yield batch
        except (AccessRefused, QuotaSpent) as refusal:
            if len(context.job.upload.plan) == 1:
                raise  # all rows of the job are this payer's
            account = processor.capabilities_for("").account
            self._refused[run] = f"Not asked at {account}: {refusal.message}"
            while len(self._refused) > _MOST_REFUSED:
                del self._refused[next(iter(self._refused))]
        if left and run in self._refused:
            yield [not_asked(row, self._refused[run]) for row in left.values()]

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
