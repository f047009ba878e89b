"""One chunk on its way through the row processor: what is still to be answered, and what is put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from bulkclaims.records import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkclaims.errors import PayerAway
    from bulkclaims.interfaces import RunContext
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.lookup.pace.lanes import Lanes
    from bulkclaims.records import RowResult, Ticket


@define
class Course:
    """What the ways to an answer work on, each taking out what it has answered."""

    context: RunContext
    lanes: Lanes
    left: dict[bytes, Question]
    """Questions without an answer, by fingerprint, in file order."""
    has_others: bool = False
    """Whether the job has rows in other chunks."""
    aside: PayerAway | None = None
    """Why some of them are to be asked later, the soonest of several reasons."""
    tickets: dict[int, list[tuple[bytes, Ticket]]] = field(factory=dict)
    """What payers keep of answers that are not recorded yet, by row."""

    def go_on(self) -> bool:
        """Whether another request may be sent."""
        return self.context.go_on() and self.lanes.breaker.closed

    def put_aside(self, why: PayerAway) -> None:
        """Leave a question for later."""
        if self.aside is None or why.seconds < self.aside.seconds:
            self.aside = why

    def take(self, question: Question) -> None:
        """Note that a question has its answer."""
        self.left.pop(question.fingerprint, None)

    def end(self) -> None:
        """
        End, once nothing more can be answered now.

        Raises:
            PayerAway: Questions are left that are to be asked later.
        """
        if self.left and self.context.go_on():
            raise self.aside or self.lanes.breaker.away()


def results_of(question: Question, first: RowResult) -> list[RowResult]:
    """The results of all rows that ask the same, given that of the first one."""
    return [first, *same_for(question.rows[1:], first)]


def same_for(rows: Iterable[int], result: RowResult) -> list[RowResult]:
    """The result of other rows that asked just the same; their claim number is the same too."""
    return [evolve(result, row=row, source=Source.SAME_INQUIRY, asked=0, seconds=None) for row in rows]
