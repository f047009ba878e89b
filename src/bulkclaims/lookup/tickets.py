"""Inquiries that a payer takes first and answers later: sent once, then asked for by their id."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import (
    BulkClaimsError,
    ConnectorError,
    InquiryRefused,
    PayerAway,
    PayerUnavailable,
    RepositoryUnavailable,
    StillAtWork,
    TicketGone,
)
from bulkclaims.lookup.inquiries import fingerprint
from bulkclaims.lookup.pace.retrying import Stopped, pause
from bulkclaims.privacy import describe
from bulkclaims.records import Answer, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkclaims.interfaces import TicketConnector
    from bulkclaims.lookup.course import Course
    from bulkclaims.lookup.kept import Kept
    from bulkclaims.lookup.outcomes import Finding
    from bulkclaims.records import ClaimInquiry, RowResult

_log = logging.getLogger(__name__)

WAITS = (1.0, 2.0, 5.0, 10.0, 10.0, 15.0)
"""Seconds before each poll, the last one again and again: Availity's own client waits 1, 2, 5 and 10."""
PATIENCE_SECONDS = 120.0
"""How long an answer is waited for before the row is put aside, so that it does not hold a worker ..."""
AGAIN_SECONDS = 60.0
"""... and after how long it is asked for again ..."""
LONGEST_SECONDS = 1800.0
"""... until so long after it was sent, or after a retry of its job, the row ends without an answer."""


@frozen
class Tickets:
    """
    Asks a payer that answers later.

    The ticket is kept for all workers, under the job, before its first poll: a look-up that outlives its worker is
    polled on by the next one. Only one whose worker dies between the payer's word and that moment is sent again.
    """

    connector: TicketConnector
    kept: Kept

    async def discard(self, course: Course, batch: Sequence[RowResult]) -> None:
        """Have the payer delete what it keeps of answers that are recorded by now; in time it will by itself."""
        done = [each for result in batch for each in course.tickets.pop(result.row, ())]
        await asyncio.gather(*(self.delete(course, ticket) for _, ticket in done))
        if done:
            await self.forget(course, [mark for mark, _ in done])

    async def forget(self, course: Course, marks: Iterable[bytes]) -> None:
        """Keep the tickets under *marks* no longer."""
        try:
            await self.kept.drop(course.context.job.id, marks)
        except RepositoryUnavailable as failure:
            _log.warning("A ticket is kept until its time is over. %s", describe(failure))

    async def delete(self, course: Course, ticket: Ticket) -> None:
        """Have the payer delete what it keeps under the ticket, if it will."""
        try:
            await course.lanes.turn(course.go_on)
            with course.lanes.bug_watch:
                await self.connector.discard(ticket)
        except (BulkClaimsError, Stopped) as failure:
            _log.debug("The payer keeps an answer until its time is over. %s", describe(failure))


@frozen
class TicketedAsk:
    """
    One inquiry to a payer that answers later.

    Args:
        tickets: How to reach it.
        course: The chunk's.
        row: The first row that asks, under which the ticket is remembered until its answer is recorded.
        asked: What is asked.
        read: What an answer comes to.
        sent: Called when the inquiry is sent, not when it is only polled.
    """

    tickets: Tickets
    course: Course
    row: int
    asked: ClaimInquiry
    read: Callable[[Answer], Finding]
    sent: Callable[[], None]

    async def find(self) -> Finding:
        """
        Ask until there is an answer.

        Raises:
            PayerAway: The payer is still at work; the ticket is kept.
            Stopped: The job is not to go on; likewise.
            ConnectorError: As the connector does.
        """
        ticket, sent_at = await self._known()
        waits: Sequence[float] = (0.0, *WAITS)
        for _ in range(2):
            if ticket is None:
                started = await self.course.lanes.request(self._mark, self.course.go_on, self._start)
                if not isinstance(started, Ticket):
                    return started
                ticket, sent_at, waits = started, time.time(), WAITS
                await self._keep(ticket, sent_at)
            try:
                finding = await self._polled(ticket, sent_at, waits)
            except TicketGone:
                await self._forget()
                ticket = None
            else:
                self.course.tickets.setdefault(self.row, []).append((self._mark, ticket))
                return finding
        raise PayerUnavailable("The payer forgot this inquiry twice before it answered; try again later.")

    @property
    def _mark(self) -> bytes:
        return fingerprint(self.asked, self.course.context.salt)

    async def _start(self) -> Ticket | Finding:
        self.sent()
        started = await self.tickets.connector.start(self.asked)
        return started if isinstance(started, Ticket) else self.read(started)

    async def _polled(self, ticket: Ticket, sent_at: float, waits: Iterable[float]) -> Finding:
        clock, waiting = asyncio.get_running_loop().time, chain(waits, repeat(WAITS[-1]))
        give_up = clock() + PATIENCE_SECONDS
        while clock() + (seconds := next(waiting)) <= give_up:
            await pause(seconds, self.course.go_on)
            finding = await self.course.lanes.request(self._mark, self.course.go_on, partial(self._poll, ticket))
            if finding is not None:
                return finding
        if time.time() - max(sent_at, self.course.context.job.queued_at.timestamp()) > LONGEST_SECONDS:
            minutes = round(LONGEST_SECONDS / 60)
            raise StillAtWork(
                f"The payer has not answered in {minutes} minutes and is still at work; retry the job later."
            )
        account = self.course.lanes.account
        sentence = f"The payer ({account}) is still at work on some rows, which are asked for again by themselves."
        raise PayerAway(sentence, AGAIN_SECONDS)

    async def _poll(self, ticket: Ticket) -> Finding | None:
        try:
            answer = await self.tickets.connector.poll(ticket, self.asked)
        except InquiryRefused:
            await self._forget()
            raise
        if answer is None:
            return None
        try:
            return self.read(answer)
        except ConnectorError:
            # It says that a system is down, say. Whoever asks again is to have a new answer.
            await self._forget()
            await self.tickets.delete(self.course, ticket)
            raise

    async def _known(self) -> tuple[Ticket | None, float]:
        """The ticket that is kept, and when its inquiry was sent."""
        found = await self.tickets.kept.find(self.course.context.job.id, [self._mark])
        kept = found.get(self._mark)
        return (Ticket(kept["id"], kept["until"] - time.time()), kept["sent"]) if kept else (None, 0.0)

    async def _keep(self, ticket: Ticket, sent_at: float) -> None:
        value = {"id": ticket.id, "sent": sent_at, "until": sent_at + ticket.seconds}
        await self.tickets.kept.keep(self.course.context.job.id, {self._mark: value}, ticket.seconds)

    async def _forget(self) -> None:
        await self.tickets.forget(self.course, [self._mark])
