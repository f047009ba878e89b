"""
Which of the claims in an answer is the one that was asked for.

Pure functions. Two rules stand above all others: the first of several claims is never taken for want of a better one,
and another patient's amounts are never shown. The order of an answer's claims plays no part.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Literal

from attrs import astuple, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.records import ClaimInquiry, ClaimStatus

MatchedBy = Literal["claim_number", "patient_account_number", "demographics"]
Reason = Literal["nothing", "other_claims", "other_patient"]

_FILLERS = re.compile(r"[\s.\-–—]+")  # noqa: RUF001 -- dashes as spreadsheets write them
_DEPENDENT_TAIL = re.compile(r"-\d\d$")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_APOSTROPHES = str.maketrans("", "", "'’`´")  # noqa: RUF001 -- as typed by people and word processors
_SUFFIXES = frozenset({"JR", "SR", "II", "III", "IV"})
_PREFIX_LETTERS = 3
_PAID_OR_REVISED = frozenset({"F1", "F3", "F3F", "F3N"})


@frozen
class MatchRules:
    """How far a match may reach."""

    allow_demographic_match: bool = False
    """Take the only claim with this birth date, name, member id and service dates, though its number is another."""


@frozen
class Match:
    """The claim that was asked for."""

    claim: ClaimStatus
    by: MatchedBy
    versions: int = 1
    """How many claims of the answer carry the number; the latest was taken."""


@frozen
class NoMatch:
    """No claim of the answer is the one that was asked for."""

    reason: Reason


def match_claim(inquiry: ClaimInquiry, claims: Sequence[ClaimStatus], rules: MatchRules) -> Match | NoMatch:
    """
    Find the claim that *inquiry* asks for.

    Args:
        inquiry: What was asked.
        claims: What came back, except entries that say only that nothing was found or nothing could be answered.
        rules: How far to reach.
    """
    same_patient = [claim for claim in claims if not contradicts(inquiry, claim)]
    if found := _with_number([inquiry.claim_number], same_patient, "payer_claim_number"):
        return Match(latest(found), "claim_number", len(found))
    confirmed = [claim for claim in same_patient if _is_confirmed(inquiry, claim)]
    # Staff paste either the payer's number or their own account number into the claim number column.
    if found := _with_number(
        [inquiry.patient_account_number, inquiry.claim_number], confirmed, "patient_account_number"
    ):
        return Match(latest(found), "patient_account_number", len(found))
    if rules.allow_demographic_match:
        found = [claim for claim in confirmed if _is_same_visit(inquiry, claim)]
        if len(found) == 1:
            return Match(found[0], "demographics")
    if _with_number([inquiry.claim_number], claims, "payer_claim_number"):
        return NoMatch("other_patient")
    return NoMatch("other_claims" if claims else "nothing")


def contradicts(inquiry: ClaimInquiry, claim: ClaimStatus) -> bool:
    """Whether birth date or last name say that *claim* is another patient's; what is not told contradicts nothing."""
    if claim.date_of_birth is not None and claim.date_of_birth != inquiry.date_of_birth:
        return True
    asked, told = normal_name(inquiry.last_name), normal_name(claim.last_name)
    return bool(asked and told) and asked != told


def latest(versions: Sequence[ClaimStatus]) -> ClaimStatus:
    """
    The version of a claim that counts.

    The latest; of one day the one whose details the payer has, and of these a paid or revised one rather than a denied.
    """
    return versions[0] if len(versions) == 1 else max(versions, key=_recency)


def normal_id(text: str) -> str:
    """An id as it is compared: upper case, without spaces, dashes and dots."""
    return (text if text.isalnum() else _FILLERS.sub("", text)).upper()


def normal_member_id(text: str) -> str:
    """A member id as it is compared: also without a dependent's `-01` and without leading zeros."""
    return normal_id(_DEPENDENT_TAIL.sub("", text.strip())).lstrip("0")


def normal_name(text: str) -> str:
    """A name as it is compared: upper case, letters only, without marks and without `Jr`, `Sr`, `II` to `IV`."""
    if text.isascii() and text.isalpha():
        return text.upper()  # nearly every name, and all the rest of this is slow
    words = [word for word in _NOT_LETTERS.split(without_marks(text).translate(_APOSTROPHES).upper()) if word]
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return "".join(words)


def without_marks(text: str) -> str:
    """*text* in compatibility forms, without accents and other combining marks."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _with_number(numbers: Sequence[str], claims: Sequence[ClaimStatus], name: str) -> list[ClaimStatus]:
    """Claims whose number is one of *numbers*: exactly, or failing that but for leading zeros."""
    asked = {normal_id(number) for number in numbers} - {""}
    told = [(normal_id(getattr(claim, name)), claim) for claim in claims]
    exactly = [claim for number, claim in told if number in asked]
    if exactly:
        return exactly
    stripped = {number.lstrip("0") for number in asked} - {""}
    return [claim for number, claim in told if number.lstrip("0") in stripped]


def _is_confirmed(inquiry: ClaimInquiry, claim: ClaimStatus) -> bool:
    return claim.date_of_birth == inquiry.date_of_birth or _has_same_member_id(inquiry, claim)


def _has_same_member_id(inquiry: ClaimInquiry, claim: ClaimStatus) -> bool:
    told = normal_member_id(claim.subscriber_id)
    return bool(told) and told == normal_member_id(inquiry.subscriber_id)


def _is_same_visit(inquiry: ClaimInquiry, claim: ClaimStatus) -> bool:
    return (
        claim.date_of_birth == inquiry.date_of_birth
        and _has_same_member_id(inquiry, claim)
        and bool(normal_name(claim.last_name))
        and _is_same_first_name(normal_name(inquiry.first_name), normal_name(claim.first_name))
        and _overlaps(inquiry, claim)
    )


def _is_same_first_name(asked: str, told: str) -> bool:
    if asked == told:
        return bool(asked)
    shorter, longer = sorted((asked, told), key=len)
    return len(shorter) >= _PREFIX_LETTERS and longer.startswith(shorter)


def _overlaps(inquiry: ClaimInquiry, claim: ClaimStatus) -> bool:
    first = inquiry.first_service_date or inquiry.last_service_date
    last = inquiry.last_service_date or inquiry.first_service_date
    if first is None or last is None or claim.service_dates is None:
        return False
    return first <= claim.service_dates[1] and claim.service_dates[0] <= last


def _recency(claim: ClaimStatus) -> tuple[date, bool, int, str]:
    day = max(claim.effective_date or date.min, claim.processed_date or date.min)
    rank = 2 if claim.category_code in _PAID_OR_REVISED else 0 if claim.category_code == "F2" else 1
    tie = repr(astuple(claim, recurse=False))  # so that none is broken by the answer's order
    return day, claim.complete, rank, tie
