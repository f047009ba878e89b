"""From what a payer said to the line of the results file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import InquiryRefused, PayerUnavailable
from bulkclaims.lookup.matching import Match, MatchRules, NoMatch, match_claim
from bulkclaims.lookup.status_codes import (
    DATA_REFUSED,
    DENIED,
    FINALIZED,
    NOT_ADJUDICATED,
    PENDING,
    SEARCH_FOUND_NOTHING,
    SYSTEM_DOWN,
    WORD_STATUS,
    StatusTable,
)
from bulkclaims.records import ERROR, NOT_FOUND, ClaimStatus, RowResult

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from bulkclaims.errors import ConnectorError
    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.records import Answer, ClaimInquiry

_NOT_CLAIMS = SYSTEM_DOWN | DATA_REFUSED | {SEARCH_FOUND_NOTHING}
_NO_MATCH = {
    "nothing": "Claim not found",
    "other_claims": "Claim not found: the payer returned other claims",
    "other_patient": "Claim not found: the claim number belongs to a different patient",
}


@frozen
class Finding:
    """What an answer says about the claim that was asked for."""

    match: Match | NoMatch
    codes: str = ""
    """The codes of a search that found nothing, for brackets."""
    trace: str = ""
    second_search: bool = False
    """Whether it was found by a second search, without the number."""


@frozen
class Exchange:
    """How a payer was asked for a row."""

    account: str
    """Stands for the payer in rows without a payer id."""
    asked: int
    """How often."""
    at: datetime
    """When the outcome was there, by the worker's clock."""
    seconds: float | None = None
    """From the first try to the outcome; None where it was not the row alone that was asked for."""


def find(inquiry: ClaimInquiry, answer: Answer, rules: MatchRules) -> Finding:
    """
    Find the claim in the answer.

    Raises:
        PayerUnavailable: There is none, and the payer says that its system is down (E1, E2).
        InquiryRefused: There is none, and the payer says that this row's data are wrong (E0, E3, E4).
    """
    claims = [claim for claim in answer.claims if not _is_none(claim)]
    match = match_claim(inquiry, claims, rules)
    if isinstance(match, Match) or len(claims) == len(answer.claims):
        return Finding(match, trace=answer.trace)
    others = sorted(filter(_is_none, answer.claims), key=_codes)
    _refuse_unanswered(others)
    return Finding(NoMatch("nothing"), _codes(others[0]), answer.trace)


def answered(question: Question, finding: Finding, table: StatusTable, exchange: Exchange) -> RowResult:
    """The result of a question's first row when the payer answered: its claim's status, or that there is none."""
    inquiry = question.inquiry
    if isinstance(finding.match, NoMatch):
        return _not_found(question, finding, finding.match, table, exchange)
    claim = finding.match.claim
    word = table.word(claim)
    if word == NOT_FOUND:
        unfound = Finding(finding.match, _codes(claim), finding.trace)
        return _not_found(question, unfound, NoMatch("nothing"), table, exchange)
    final = _is_final(claim)
    return RowResult(
        row=question.rows[0],
        claim_number=inquiry.claim_number,
        status=word or PENDING,
        success=True,
        patient_name=_name(claim.first_name, claim.last_name) or _name(inquiry.first_name, inquiry.last_name),
        total_charged=_amount(claim.total_charged, final=final),
        total_paid=_amount(claim.total_paid, final=final),
        processed_date=claim.processed_date or (claim.effective_date if final else None),
        note=_notes(finding.match, known=word is not None, second_search=finding.second_search),
        payer_claim_number=claim.payer_claim_number,
        category_code=claim.category_code,
        status_code=claim.status_code,
        trace=finding.trace,
        asked=exchange.asked,
        fingerprint=question.fingerprint,
        payer=inquiry.payer_id or exchange.account,
        answered_at=exchange.at,
        seconds=exchange.seconds,
        effective_date=claim.effective_date,
        next_action=table.next_action(word or PENDING, claim.category_code, claim.status_code),
    )


def failed(question: Question, error: ConnectorError, exchange: Exchange, table: StatusTable) -> RowResult:
    """The result of a question's first row when its look-up brought no answer; no other row may share it later."""
    inquiry = question.inquiry
    return RowResult(
        row=question.rows[0],
        claim_number=inquiry.claim_number,
        status=ERROR,
        success=False,
        patient_name=_name(inquiry.first_name, inquiry.last_name),
        error=error.message,
        asked=exchange.asked,
        payer=inquiry.payer_id or exchange.account,
        answered_at=exchange.at,
        seconds=exchange.seconds,
        next_action=table.after(error),
    )


def _is_none(entry: ClaimStatus) -> bool:
    """Whether an entry says only that there is no claim, or no answer."""
    return entry.category_code in _NOT_CLAIMS or (
        entry.category_code == NOT_ADJUDICATED and not entry.payer_claim_number
    )


def _is_final(claim: ClaimStatus) -> bool:
    """Whether the payer has decided, by its code or, where it gives none, by its word."""
    word = WORD_STATUS.get(claim.reported_status.strip().lower())
    return claim.category_code.startswith("F") or (not claim.category_code and word in {FINALIZED, DENIED})


def _refuse_unanswered(entries: list[ClaimStatus]) -> None:
    for entry in entries:
        if entry.category_code in SYSTEM_DOWN:
            sentence = f"The payer's system did not respond; try again later. [{_codes(entry)}]"
            raise PayerUnavailable(sentence, code="payer_down")
    for entry in entries:
        if entry.category_code in DATA_REFUSED:
            raise InquiryRefused(f"The payer cannot answer with this row's data; correct the row. [{_codes(entry)}]")


def _not_found(question: Question, finding: Finding, why: NoMatch, table: StatusTable, exchange: Exchange) -> RowResult:
    inquiry = question.inquiry
    category, status_code, *_ = (*finding.codes.split(":"), "")
    return RowResult(
        row=question.rows[0],
        claim_number=inquiry.claim_number,
        status=NOT_FOUND,
        success=False,
        patient_name=_name(inquiry.first_name, inquiry.last_name),
        error=_NO_MATCH[why.reason] + (f" [{finding.codes}]" if finding.codes else ""),
        category_code=category,
        status_code=status_code,
        trace=finding.trace,
        asked=exchange.asked,
        fingerprint=question.fingerprint,
        payer=inquiry.payer_id or exchange.account,
        answered_at=exchange.at,
        seconds=exchange.seconds,
        next_action=table.next_action(NOT_FOUND, category, status_code),
    )


def _amount(amount: Decimal | None, *, final: bool) -> Decimal | None:
    """Payers send 0 for what they do not know yet; only of a finalized claim is it an amount."""
    return amount if amount or final else None


def _notes(match: Match, *, known: bool, second_search: bool) -> str:
    notes = ["found by a second search, without its number"] if second_search else []
    if match.versions > 1:
        notes.append(f"the payer has {match.versions} versions of this claim; the latest is shown")
    if match.claim.reasons:
        notes.append(f"further reasons: {', '.join(match.claim.reasons)}")
    if match.by == "demographics":
        notes.append("found by patient and dates of service, not by its number")
    if not known:
        notes.append(f"the payer's status is not known here and is shown as Pending{_in_brackets(match.claim)}")
    return "; ".join(notes)


def _in_brackets(claim: ClaimStatus) -> str:
    return f" [{_codes(claim)}]" if claim.category_code else ""


def _codes(claim: ClaimStatus) -> str:
    return ":".join(code for code in (claim.category_code, claim.status_code, claim.entity_code) if code)


def _name(first: str, last: str) -> str:
    return f"{first} {last}".strip()
