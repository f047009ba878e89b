"""Answers many rows of one provider from a few searches of all its claims in some days of service."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from bulkclaims.errors import (
    AccessRefused,
    BulkClaimsError,
    ConnectorError,
    PageGone,
    PayerAway,
    WindowIncomplete,
    WindowTooFull,
)
from bulkclaims.lookup.course import results_of
from bulkclaims.lookup.matching import Match, match_claim, normal_id
from bulkclaims.lookup.outcomes import Exchange, Finding, answered
from bulkclaims.lookup.pace.retrying import LOOK_SECONDS, Stopped, ask_persistently
from bulkclaims.planning.windows import WORTH_A_WINDOW, halves, provider_of, service_days, spans, stretched
from bulkclaims.records import Source, Window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence

    from bulkclaims.interfaces import WindowConnector
    from bulkclaims.lookup.course import Course
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.lookup.matching import MatchRules
    from bulkclaims.lookup.pace.retrying import RetryPolicy
    from bulkclaims.lookup.status_codes import StatusTable
    from bulkclaims.records import ClaimInquiry, ClaimStatus, RowResult, WindowPage

_log = logging.getLogger(__name__)

MOST_BOOKS = 8
"""Providers whose claims are remembered at a time, the latest used ones."""


@define
class _Book:
    """A provider's claims, as far as they were searched for: in this process alone, and for one run of one job."""

    read: set[int] = field(factory=set)
    """Days of service whose claims are all in here, as ordinals."""
    claims: dict[str, list[ClaimStatus]] = field(factory=dict)
    """By payer's claim number and by patient account number, as they are compared."""
    lock: asyncio.Lock = field(factory=asyncio.Lock)
    """Held while it is read: of several chunks one reads, and the others find it read."""

    def add(self, window: Window, claims: Sequence[ClaimStatus]) -> None:
        self.read.update(range(window.first.toordinal(), window.last.toordinal() + 1))
        for claim in claims:
            for number in {_key(claim.payer_claim_number), _key(claim.patient_account_number)} - {""}:
                known = self.claims.setdefault(number, [])
                if claim not in known:  # two windows may list what was treated on days of both
                    known.append(claim)

    def candidates(self, inquiry: ClaimInquiry) -> list[ClaimStatus]:
        numbers = {_key(inquiry.claim_number), _key(inquiry.patient_account_number)}
        return [claim for number in sorted(numbers) for claim in self.claims.get(number, ())]


@define
class _Budget:
    """How many requests a window search may still send: as many as its rows would need by themselves."""

    left: int

    def spend(self) -> None:
        if not self.left:
            raise _TooDear
        self.left -= 1


class _TooDear(Exception):
    """The provider has so many other claims that its rows are asked for more cheaply by themselves."""


class WindowSearch:
    """
    Searches windows for the chunks of one event loop; what one chunk has found serves the others of its job.

    Args:
        connector: The payer's API.
        retry: How persistent to be with one page.
        match: How far a match may reach.
        statuses: The words of the results file.
    """

    def __init__(
        self, connector: WindowConnector, retry: RetryPolicy, match: MatchRules, statuses: StatusTable
    ) -> None:
        self._connector = connector
        self._retry = retry
        self._match = match
        self._statuses = statuses
        self._longest = connector.capabilities.window_days or 1
        self._books: dict[object, _Book] = {}

    async def results(self, course: Course) -> AsyncGenerator[list[RowResult], None]:
        """Yield results for questions that windows answer; those that are left are to be asked by themselves."""
        for provider, questions in self._by_provider(course).items():
            book, end = self._book(course, provider), None
            try:
                await self._fill(course, book, provider, questions)
            except (Stopped, BulkClaimsError) as error:
                end = error
            # Whatever ends the search, what was read by then has answers.
            if batch := [result for question in questions for result in self._matched(course, book, question)]:
                yield batch
            if isinstance(end, PayerAway):
                course.put_aside(end)
            elif isinstance(end, BulkClaimsError):
                raise end
            if end:
                return

    def _by_provider(self, course: Course) -> dict[tuple[str, str], list[Question]]:
        grouped: dict[tuple[str, str], list[Question]] = {}
        for question in course.left.values():
            provider = provider_of(question.inquiry)
            if provider and service_days(question.inquiry, self._longest):
                grouped.setdefault(provider, []).append(question)
        return grouped

    def _book(self, course: Course, provider: tuple[str, str]) -> _Book:
        # With the moment at which the run was queued: a retry is to have new answers.
        key = (course.context.job.id, course.context.job.queued_at, provider)
        book = self._books.pop(key, None) or _Book()
        self._books[key] = book
        while len(self._books) > MOST_BOOKS:
            del self._books[next(iter(self._books))]
        return book

    async def _fill(self, course: Course, book: _Book, provider: tuple[str, str], questions: list[Question]) -> None:
        await _acquired(book.lock.acquire, course.go_on)
        try:
            wanted = [days for question in questions if (days := self._days(question))]
            unread = [days for days in wanted if not book.read.issuperset(days)]
            if len(unread) < WORTH_A_WINDOW:
                return
            missing = {day for days in unread for day in days} - book.read
            windows = [Window(*provider, first, last) for first, last in spans(missing, self._longest)]
            if course.has_others:
                today = date.today()  # noqa: DTZ011 -- the day where the claims are handled
                read = book.read | {window.first.toordinal() for window in windows}
                windows = [stretched(window, self._longest, read, today) for window in windows]
            budget = _Budget(len(unread))
            await _all(self._search(course, book, window, budget) for window in windows)
        finally:
            book.lock.release()

    async def _search(self, course: Course, book: _Book, window: Window, budget: _Budget) -> None:
        for _ in range(2):
            try:
                claims = await self._pages(course, window, budget)
            except PageGone:
                continue
            except (WindowTooFull, WindowIncomplete):
                await _all(self._search(course, book, half, budget) for half in halves(window))
            except _TooDear:
                pass
            except AccessRefused:
                raise
            except ConnectorError as error:
                # Its rows are asked for by themselves, and say what is wrong if it still is.
                _log.info("A search of the payer %s for a provider's claims failed. %s", course.lanes.account, error)
            else:
                book.add(window, claims)
            return

    async def _pages(self, course: Course, window: Window, budget: _Budget) -> list[ClaimStatus]:
        claims: list[ClaimStatus] = []
        page = ""
        while True:
            budget.spend()
            found = await self._page(course, window, page)
            claims += found.claims
            page = found.next_page
            if not page:
                return claims

    async def _page(self, course: Course, window: Window, page: str) -> WindowPage:
        send = partial(self._connector.inquire_window, window, page)
        mark = f"{window.first} {window.last}".encode()
        request = partial(course.lanes.request, mark, course.go_on, send)
        await _acquired(course.lanes.slots.acquire, course.go_on)
        try:
            return await ask_persistently(request, self._retry, course.go_on)
        finally:
            course.lanes.slots.release()

    def _matched(self, course: Course, book: _Book, question: Question) -> list[RowResult]:
        days = self._days(question)
        if days is None or not book.read.issuperset(days):
            return []
        match = match_claim(question.inquiry, book.candidates(question.inquiry), self._match)
        if not isinstance(match, Match):
            return []
        course.take(question)
        exchange = Exchange(course.lanes.account, 1, datetime.now(UTC))
        first = answered(question, Finding(match), self._statuses, exchange)
        return results_of(question, evolve(first, source=Source.WINDOW))

    def _days(self, question: Question) -> range | None:
        return service_days(question.inquiry, self._longest)


def _key(number: str) -> str:
    return normal_id(number).lstrip("0")


async def _acquired(acquire: Callable[[], Awaitable[object]], go_on: Callable[[], bool]) -> None:
    """
    Wait for a lock or a slot, which others may hold for long.

    Raises:
        Stopped: *go_on* said no meanwhile.
    """
    while True:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await acquire()
        except TimeoutError:
            if not go_on():
                raise Stopped from None
        else:
            return


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all of them, whatever becomes of some, and raise what the first one raised."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
