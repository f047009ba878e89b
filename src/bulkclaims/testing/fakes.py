"""Parts that obey and remember, for tests of a host application or of other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.records import RowResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from bulkclaims.interfaces import RunContext
    from bulkclaims.jobs import Chunk
    from bulkclaims.records import Row


@define
class InstantProcessor:
    """
    Answers every row at once as Finalized, without asking anyone.

    Args:
        batch: Rows to a batch.
        before: Called before each row's answer; may wait, or raise what a row processor may raise.
    """

    batch: int = 50
    before: Callable[[Row], Awaitable[None]] | None = None
    asked: list[int] = field(factory=list)
    """Numbers of the rows that were looked up, in order."""
    closed: bool = False

    async def process(  # noqa: D102 -- stated in `interfaces.RowProcessor`
        self, rows: Sequence[Row], context: RunContext
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        answered = []
        for row in rows:
            if not context.go_on():
                break
            if self.before is not None:
                await self.before(row)
            self.asked.append(row.number)
            answered.append(found(row))
            if len(answered) == self.batch:
                yield answered
                answered = []
        if answered:
            yield answered

    async def aclose(self) -> None:  # noqa: D102
        self.closed = True


def found(row: Row) -> RowResult:
    """Make the result of a row whose claim is Finalized."""
    cells = row.cells
    return RowResult(
        row=row.number,
        claim_number=cells["claim_number"],
        status="Finalized",
        success=True,
        patient_name=f"{cells['first_name']} {cells['last_name']}",
        asked=1,
    )


@define
class RememberingDispatcher:
    """Delivers nothing by itself; keeps the chunks that it was given until a test delivers them."""

    dispatched: list[Chunk] = field(factory=list)

    def dispatch(self, chunks: Sequence[Chunk]) -> None:  # noqa: D102 -- stated in `interfaces.Dispatcher`
        self.dispatched += chunks

    def deliver(self, run: Callable[[Chunk], object]) -> None:
        """Run what was dispatched, and what that dispatches in turn, until nothing is left."""
        while self.dispatched:
            run(self.dispatched.pop(0))
