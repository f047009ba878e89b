"""One question put to the payer by itself, as often as it takes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, ConnectorError, PayerAway
from bulkclaims.lookup.course import results_of
from bulkclaims.lookup.inquiries import fingerprint
from bulkclaims.lookup.matching import Match
from bulkclaims.lookup.outcomes import Exchange, answered, failed, find
from bulkclaims.lookup.pace.retrying import Stopped, ask_persistently
from bulkclaims.lookup.tickets import TicketedAsk

if TYPE_CHECKING:
    from bulkclaims.interfaces import Connector
    from bulkclaims.lookup.course import Course
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.lookup.matching import MatchRules
    from bulkclaims.lookup.outcomes import Finding
    from bulkclaims.lookup.pace.retrying import RetryPolicy
    from bulkclaims.lookup.status_codes import StatusTable
    from bulkclaims.lookup.tickets import Tickets
    from bulkclaims.records import Answer, ClaimInquiry, RowResult


@frozen
class SingleLookup:
    """How a question is asked by itself."""

    connector: Connector
    retry: RetryPolicy
    match: MatchRules
    statuses: StatusTable
    tickets: Tickets | None
    """For a payer that answers later."""
    second_search: bool
    """Whether to search once more, without the number, when it found nothing."""

    async def results(self, course: Course, question: Question) -> list[RowResult] | None:
        """Results for all rows of the question; None when it is not to be asked now."""
        ask = _Ask(self, course, question)
        try:
            first = await ask_persistently(ask.once, self.retry, course.go_on)
        except Stopped:
            return None
        except PayerAway as away:
            course.put_aside(away)
            return None
        except AccessRefused:
            raise
        except ConnectorError as error:
            if self.tickets is not None and isinstance(error, AnswerNotUnderstood):
                # A retry of the job is to have a new answer.
                await self.tickets.forget(course, [fingerprint(asked, course.context.salt) for asked in ask.inquiries])
            first = failed(question, error, ask.exchange(ask.tries), self.statuses)
        course.take(question)
        return results_of(question, first)


class _Ask:
    """The tries of one question."""

    def __init__(self, look_up: SingleLookup, course: Course, question: Question) -> None:
        self._look_up = look_up
        self._course = course
        self._question = question
        self._nothing: Finding | None = None
        self.inquiries = [question.inquiry]
        """What was asked: with the number and, in a second search, without it."""
        self.tries = 0
        """How often the payer was asked, polls for an answer under way not counted."""
        self._began: float | None = None

    async def once(self) -> RowResult:
        """Ask once, and once more by patient and dates if that is wanted and found nothing."""
        finding = self._nothing or await self._find(self._question.inquiry)
        if self._may_search_again(finding):
            self._nothing = finding  # were it to be tried again, this much is known
            # What the claim is said to be is looked for with its number; only the question goes without.
            numberless = evolve(self._question.inquiry, claim_number="", patient_account_number="")
            self.inquiries = [self._question.inquiry, numberless]
            second = await self._find(numberless)
            if isinstance(second.match, Match):
                finding = evolve(second, second_search=True)
        with self._course.lanes.bug_watch:
            return answered(self._question, finding, self._look_up.statuses, self.exchange(self.tries or 1))

    def exchange(self, asked: int) -> Exchange:
        """How the payer was asked so far: of an inquiry that another worker sent, nobody knows how long it took."""
        seconds = None if self._began is None else time.monotonic() - self._began
        return Exchange(self._course.lanes.account, asked, datetime.now(UTC), seconds)

    def _may_search_again(self, finding: Finding) -> bool:
        return (
            self._look_up.second_search
            and not isinstance(finding.match, Match)
            and finding.match.reason == "nothing"
            and self._question.inquiry.first_service_date is not None
            and self._look_up.connector.capabilities.searches_without_number
        )

    async def _find(self, asked: ClaimInquiry) -> Finding:
        course, look_up, mark = self._course, self._look_up, self._question.fingerprint
        if look_up.tickets is not None:
            row = self._question.rows[0]
            return await TicketedAsk(look_up.tickets, course, row, asked, self._read, self._sent).find()

        async def send() -> Finding:
            self._sent()
            return self._read(await look_up.connector.inquire(asked))

        return await course.lanes.request(mark, course.go_on, send)

    def _read(self, answer: Answer) -> Finding:
        return find(self._question.inquiry, answer, self._look_up.match)

    def _sent(self) -> None:
        if not self.tries:
            self._began = time.monotonic()
        self.tries += 1
