"""Answers kept for some hours, so that the same inquiry of the same organisation is not asked again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from bulkclaims.errors import RepositoryUnavailable, SettingsWrong
from bulkclaims.lookup.course import results_of
from bulkclaims.lookup.inquiries import fingerprint
from bulkclaims.payloads import open_result, seal_result
from bulkclaims.privacy import PlainCipher, describe
from bulkclaims.records import SealedResult, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attrs import Attribute

    from bulkclaims.lookup.course import Course
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.lookup.kept import Kept
    from bulkclaims.privacy import Secret
    from bulkclaims.records import RowResult

_log = logging.getLogger(__name__)

_PLAIN = PlainCipher()
_FEWEST_CHARACTERS = 16
_FRESH = (Source.PAYER, Source.WINDOW)


def _long_enough(_: object, __: Attribute[Any], key: Secret) -> None:
    if len(key.reveal()) < _FEWEST_CHARACTERS:
        raise SettingsWrong(f"The key of kept answers is to have {_FEWEST_CHARACTERS} characters or more.")


def _above_zero(_: object, __: Attribute[Any], hours: float) -> None:
    if hours <= 0:
        raise SettingsWrong("Answers are to be kept for more than zero hours.")


@frozen
class KeptAnswers:
    """
    Answers that a payer gave for a row, for other jobs of the same organisation.

    Only successes are kept: whoever retries a row that was not found wants the payer asked.

    Raises:
        SettingsWrong: The key is too short, or nothing would be kept.
    """

    kept: Kept
    key: Secret = field(validator=_long_enough)
    """Makes the marks, which without it tell nothing of an inquiry; the same in all workers."""
    hours: float = field(default=24.0, validator=_above_zero)
    """How long an answer is taken for fresh."""

    async def results(self, course: Course) -> list[RowResult]:
        """Results for questions of which an answer is kept; they are marked as such. None, when the store is away."""
        marks = {self._mark(course, question): question for question in course.left.values()}
        try:
            found = await self.kept.find(course.context.job.owner.organisation, marks)
        except RepositoryUnavailable as failure:
            _log.warning("The payer is asked anew: kept answers cannot be had. %s", describe(failure))
            return []
        return [result for mark, value in found.items() for result in _taken(course, marks[mark], value)]

    async def keep(self, course: Course, asked: Sequence[Question], batch: Sequence[RowResult]) -> None:
        """Keep the fresh successes of *batch*, whose questions are among *asked*."""
        first = {question.rows[0]: question for question in asked}
        fresh = [result for result in batch if result.success and result.source in _FRESH]
        values = {self._mark(course, first[result.row]): _packed(result) for result in fresh}
        if not values:
            return
        try:
            await self.kept.keep(course.context.job.owner.organisation, values, self.hours * 3600)
        except RepositoryUnavailable as failure:
            _log.warning("Some answers are not kept for other jobs. %s", describe(failure))

    def _mark(self, course: Course, question: Question) -> bytes:
        account = course.lanes.account.encode()
        key = blake2b(account, key=blake2b(self.key.reveal().encode()).digest()).digest()
        return fingerprint(question.inquiry, key)


def _packed(result: RowResult) -> dict[str, str]:
    sealed = seal_result(result, _PLAIN)  # the store's cipher seals the whole
    return {"at": datetime.now(UTC).isoformat(), "status": sealed.status, "payload": sealed.payload.decode()}


def _taken(course: Course, question: Question, value: dict[str, str]) -> list[RowResult]:
    course.take(question)
    return results_of(question, _opened(value, question))


def _opened(value: dict[str, str], question: Question) -> RowResult:
    payload = value["payload"].encode()
    result = open_result(SealedResult(question.rows[0], success=True, status=value["status"], payload=payload), _PLAIN)
    at = datetime.fromisoformat(value["at"])
    note = f"as the payer answered an earlier job on {at:%m/%d/%Y at %H:%M UTC}"
    told = f"{result.note}; {note}" if result.note else note
    mark = question.fingerprint
    return evolve(result, source=Source.KEPT, note=told, fingerprint=mark, answered_at=at, seconds=None)
