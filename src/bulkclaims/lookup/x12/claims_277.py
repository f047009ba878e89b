"""
The 277 read tolerantly, by the rules of guide 005010X212.

Loops are told by HL: payer (20), receiver (21), provider (19), subscriber (22), dependent (23). Within the last two,
each TRN begins what is said of one claim, and SVC what is said of one of its lines.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from bulkclaims.errors import AnswerNotUnderstood
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, period_of, trace_of
from bulkclaims.lookup.wire.claim_parts import verdicts_of
from bulkclaims.records import Answer, ClaimStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.lookup.x12.segments import Interchange, Segment

log = logging.getLogger(__name__)

_SUBSCRIBER, _DEPENDENT = "22", "23"
_CODE = re.compile(r"[A-Z0-9]{1,5}")
_REASONS = (1, 10, 11)
"""Elements of STC that hold codes."""


def read_277(interchange: Interchange) -> Answer:
    """
    Read the claims of all transaction sets.

    Raises:
        InquiryRefused: The receiver or the provider was rejected, so that no claim was looked for.
        AnswerNotUnderstood: It breaks off, says nothing of a claim, or a date or an amount in it is none.
    """
    reading = _Reading(interchange)
    for segment in interchange.segments:
        reading.read(segment)
    if not reading.is_whole:
        raise AnswerNotUnderstood("The payer's 277 breaks off before its end.")
    return Answer(tuple(reading.answers()), reading.trace)


@define
class _Claim:
    """What one TRN begins."""

    patient: dict[str, Any]
    statuses: list[Segment] = field(factory=list)
    numbers: dict[str, str] = field(factory=dict)
    service_dates: Any = None


@define
class _Reading:
    """Where the reader stands, and what it has found."""

    interchange: Interchange
    trace: str = ""
    is_whole: bool = False
    level: str = ""
    subscriber: dict[str, Any] = field(factory=dict)
    patient: dict[str, Any] = field(factory=dict)
    claim: _Claim | None = None
    claims: list[_Claim] = field(factory=list)
    without_claim: list[Segment] = field(factory=list)
    begun: int = 0
    """How many segments the transaction set has so far."""

    def read(self, segment: Segment) -> None:
        self.begun += 1
        if act := _ACTS.get(segment.name):
            act(self, segment)

    def answers(self) -> Iterator[ClaimStatus]:
        if not self.claims:
            yield from self._without_claim()
        yield from map(self._status, self.claims)

    def st(self, _: Segment) -> None:
        self.begun, self.is_whole = 1, False

    def se(self, segment: Segment) -> None:
        self.is_whole = True
        if segment[1] != str(self.begun):
            # Stedi's own sample says 34 for 22.
            log.warning("A payer's 277 has %d segments and says that it has another number.", self.begun)

    def bht(self, segment: Segment) -> None:
        self.trace = trace_of(segment[3])

    def hl(self, segment: Segment) -> None:
        self.level, self.claim = segment[3], None
        if self.level != _DEPENDENT:
            self.subscriber = {}
        self.patient = {"subscriber_id": self.subscriber.get("subscriber_id", "")}

    def nm1(self, segment: Segment) -> None:
        if segment[1] not in {"IL", "QC"} or self.claim is not None:
            return
        self.patient |= {"last_name": segment[3], "first_name": segment[4]}
        if segment[9]:
            self.patient["subscriber_id"] = segment[9]
        if self.level == _SUBSCRIBER:
            self.subscriber = self.patient

    def dmg(self, segment: Segment) -> None:
        self.patient["date_of_birth"] = date_of(segment[2], "DMG02")

    def trn(self, segment: Segment) -> None:
        if segment[1] == "2" and self.level in {_SUBSCRIBER, _DEPENDENT}:
            self.claim = _Claim(dict(self.patient))
            self.claims.append(self.claim)

    def stc(self, segment: Segment) -> None:
        (self.claim.statuses if self.claim else self.without_claim).append(segment)

    def ref(self, segment: Segment) -> None:
        if self.claim:
            self.claim.numbers.setdefault(segment[1], segment[2])

    def dtp(self, segment: Segment) -> None:
        if self.claim and segment[1] == "472":
            self.claim.service_dates = period_of(segment[3], "DTP03")

    def svc(self, _: Segment) -> None:
        # What follows is said of a line, which never changes what is said of the claim.
        self.claim = _Claim({})

    def _codes(self, segment: Segment, number: int) -> str:
        """A category, a status and perhaps an entity code, with colons between; "" where there is none."""
        return ":".join(part.strip() for part in self.interchange.parts(segment, number)[:3]).strip(":").upper()

    def _without_claim(self) -> tuple[ClaimStatus, ...]:
        askers = [ClaimStatus(**self._three(segment)) for segment in self.without_claim]
        return verdicts_of(askers, lambda code: code if _CODE.fullmatch(code) else "")

    def _three(self, segment: Segment) -> dict[str, Any]:
        category, code, entity = (*self._codes(segment, 1).split(":"), "", "")[:3]
        if not category:
            raise AnswerNotUnderstood("In the payer's 277, a status has no category code.")
        return {"category_code": category, "status_code": code, "entity_code": entity}

    def _status(self, claim: _Claim) -> ClaimStatus:
        if not claim.statuses:
            raise AnswerNotUnderstood("In the payer's 277, a claim has no status.")
        # The newest counts, and of several of one day the first.
        newest = max(claim.statuses, key=lambda segment: segment[2] or "0")
        others = [segment for segment in claim.statuses if segment is not newest]
        told = [(newest, number) for number in _REASONS[1:]]
        told += [(segment, number) for segment in others for number in _REASONS]
        reasons = dict.fromkeys(code for place in told if (code := self._codes(*place)))
        return ClaimStatus(
            **self._three(newest),
            payer_claim_number=claim.numbers.get("1K", ""),
            patient_account_number=claim.numbers.get("EJ", ""),
            effective_date=date_of(newest[2], "STC02"),
            total_charged=amount_of(newest[4], "STC04"),
            total_paid=amount_of(newest[5], "STC05"),
            processed_date=date_of(newest[6], "STC06"),
            service_dates=claim.service_dates,
            reasons=tuple(reasons),
            **claim.patient,
        )


_ACTS = {
    "ST": _Reading.st,
    "SE": _Reading.se,
    "BHT": _Reading.bht,
    "HL": _Reading.hl,
    "NM1": _Reading.nm1,
    "DMG": _Reading.dmg,
    "TRN": _Reading.trn,
    "STC": _Reading.stc,
    "REF": _Reading.ref,
    "DTP": _Reading.dtp,
    "SVC": _Reading.svc,
}
