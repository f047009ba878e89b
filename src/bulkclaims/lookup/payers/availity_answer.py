"""
What Availity answers: a look-up that goes on, the claims of one that is over, or what is wrong.

Source: the vendor's published Swagger description of claim statuses; what the states of a look-up mean, its clients
report.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import httpx

from bulkclaims.errors import AnswerNotUnderstood, InquiryRefused, PayerUnavailable
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, json_of, object_of, text_of
from bulkclaims.lookup.wire.claim_parts import verdicts_of
from bulkclaims.lookup.wire.http_status import NOTHING_SAID, Said
from bulkclaims.lookup.wire.scrub import code, scrub
from bulkclaims.records import Answer, ClaimStatus, Ticket

if TYPE_CHECKING:
    from bulkclaims.lookup.payers.availity_request import AvailitySettings
    from bulkclaims.lookup.wire.transport import Reply
    from bulkclaims.records import ClaimInquiry

LOOK_UP_FAILED = "look_up_failed"
"""The code of `PayerUnavailable` where a look-up is over, and an answer can only come of another one."""

_DAY_SECONDS = 24 * 60 * 60.0
_AT_WORK = re.compile(r"0|1|R.*")
"""States of a look-up in progress, or being sent to the payer once more."""
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.~-]*")
_PATH = re.compile(rf"{_ID.pattern}(?:/{_ID.pattern})*")
"""What may follow the base path: nothing percent-encoded, and no dots that lead elsewhere."""


def lists_look_ups(body: object) -> bool:
    """Whether an answer only names look-ups, with their ids, and has no claims in it."""
    if not isinstance(body, dict) or "statusCode" in body:
        return False
    first = _first(body)
    return first is not None and "statusDetails" not in first and not {"id", "links"}.isdisjoint(first)


def ticket_of(body: object, location: str, url: httpx.URL) -> Ticket:
    """
    The look-up to ask for, named by its path below the base path.

    Args:
        body: As parsed from JSON.
        location: The header of that name; "" when there is none.
        url: Where inquiries are sent; its path, without the last part, is the base path.

    Raises:
        AnswerNotUnderstood: No look-up is named, or one elsewhere: our token is for no other place.
    """
    answer = object_of(body, "the answer")
    look_up = answer if "statusCode" in answer else _first(answer) or answer
    link = object_of(object_of(look_up.get("links") or {}, "links").get("self") or {}, "links.self")
    href = text_of(link.get("href"), "href") or location
    return Ticket(_below(href, url) if href else _by_id(look_up, url), _seconds(look_up))


def read_answer(body: object, inquiry: ClaimInquiry, settings: AvailitySettings, trace: str = "") -> Answer | None:
    """
    Read the body of an answer whose HTTP status says that the look-up is over.

    Args:
        body: As parsed from JSON.
        inquiry: What was asked; nothing of it gets into an exception.
        settings: Say what the look-up's states mean.
        trace: The payer's id for the exchange.

    Returns:
        The claims. Where only the submitter or the provider has a status, such as that the system is down, that status
        is the only "claim". None where the look-up goes on all the same.

    Raises:
        InquiryRefused: The request was found wanting, or submitter or provider were rejected.
        PayerUnavailable: There is no answer; with the code `LOOK_UP_FAILED` where none will come of this look-up.
        AnswerNotUnderstood: The body is not what the API promises, least of all "not found".
    """
    answer = object_of(body, "the answer")
    claims = answer.get("claimStatuses")
    if claims is not None and not isinstance(claims, list):
        raise AnswerNotUnderstood("In the payer's answer, claimStatuses is not a list.")
    if claims:
        patient = _patient(answer)
        return Answer(tuple(_claim(entry, patient) for entry in claims), trace)
    if statuses := _without_claim(answer, inquiry):
        return Answer(statuses, trace)
    state = text_of(answer.get("statusCode"), "statusCode").upper()
    if claims is not None and state in settings.complete_codes:
        return Answer((), trace)
    _check_state(state, inquiry, settings)
    return None


def told(reply: Reply, inquiry: ClaimInquiry) -> Said:
    """What the body of an error status says: its first code, and what is wrong with which field, scrubbed."""
    try:
        body = json_of(reply.body)
    except AnswerNotUnderstood:
        return NOTHING_SAID
    if not isinstance(body, dict):
        return NOTHING_SAID
    listed = body.get("errors")
    errors = [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []
    texts = [_joined(error.get("field"), error.get("errorMessage")) for error in errors]
    codes = (code(error.get("code"), inquiry) for error in errors)
    said = "; ".join(filter(None, texts)) or _joined(body.get("userMessage"))
    return Said(next(filter(None, codes), ""), scrub(said, inquiry))


def _joined(*texts: object) -> str:
    return ": ".join(text for text in texts if isinstance(text, str) and text)


def _first(answer: dict[str, Any]) -> dict[str, Any] | None:
    listed = answer.get("claimStatuses")
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else None


def _below(href: str, url: httpx.URL) -> str:
    try:
        link = url.join(href)
    except httpx.InvalidURL:
        raise AnswerNotUnderstood("The payer's answer names its look-up by a link that is none.") from None
    root, path = _raw_path(url).rpartition("/")[0] + "/", _raw_path(link)
    if link.netloc != url.netloc or not path.startswith(root) or not _PATH.fullmatch(path, len(root)):
        raise AnswerNotUnderstood(
            "The payer's answer links to another place than base_url, where no token is sent; check base_url."
        )
    return path.removeprefix(root)


def _raw_path(url: httpx.URL) -> str:
    return url.raw_path.decode("ascii").partition("?")[0]


def _by_id(look_up: dict[str, Any], url: httpx.URL) -> str:
    number = text_of(look_up.get("id"), "id")
    if not _ID.fullmatch(number):
        raise AnswerNotUnderstood("The payer's answer holds no claims, and names no look-up to ask for them.")
    return f"{_raw_path(url).rpartition('/')[2]}/{number}"


def _seconds(look_up: dict[str, Any]) -> float:
    """How long the payer keeps it: a day unless it says something else that can be."""
    try:
        begins, ends = (datetime.fromisoformat(str(look_up.get(name))) for name in ("createdDate", "expirationDate"))
        seconds = (ends - begins).total_seconds()
    except (ValueError, TypeError):
        return _DAY_SECONDS
    return seconds if seconds > 0 else _DAY_SECONDS


def _check_state(state: str, inquiry: ClaimInquiry, settings: AvailitySettings) -> None:
    """Let pass a look-up that goes on; of any other state without claims, none means "not found"."""
    if not state or state in settings.complete_codes:
        raise AnswerNotUnderstood("The payer's answer has no list of claims.")
    if _AT_WORK.fullmatch(state):
        return
    said = _in_brackets([code(state, inquiry)])
    if state in settings.refused_codes:
        raise InquiryRefused(f"The payer refused this row's data; correct the row.{said}")
    failed = LOOK_UP_FAILED if state in settings.failed_codes else None
    raise PayerUnavailable(f"The payer could not answer; try again later.{said}", code=failed)


def _without_claim(answer: dict[str, Any], inquiry: ClaimInquiry) -> tuple[ClaimStatus, ...]:
    """What is said of submitter and provider where there is no claim: that nothing was found, or why nobody looked."""
    listed = answer.get("providers") or []
    people = [answer.get("submitter") or {}, *(listed if isinstance(listed, list) else [listed])]
    details = [detail for person in people for detail in _details(object_of(person, "a submitter or provider"))]
    statuses = [ClaimStatus(**_codes(detail)) for detail in details]
    return verdicts_of(statuses, lambda each: code(each, inquiry)) if statuses else ()


def _in_brackets(codes: list[str]) -> str:
    joined = ":".join(filter(None, codes))
    return f" [{joined}]" if joined else ""


def _patient(answer: dict[str, Any]) -> dict[str, Any]:
    subscriber = object_of(answer.get("subscriber") or {}, "subscriber")
    person = object_of(answer.get("patient") or subscriber, "patient")
    return {
        "first_name": text_of(person.get("firstName"), "firstName"),
        "last_name": text_of(person.get("lastName"), "lastName"),
        "date_of_birth": _date(person, "birthDate"),
        "subscriber_id": text_of(subscriber.get("memberId"), "memberId"),
    }


def _claim(entry: object, patient: dict[str, Any]) -> ClaimStatus:
    claim = object_of(entry, "a claim")
    details = _details(claim)
    if not details:
        raise AnswerNotUnderstood("In the payer's answer, a claim has no status.")
    counts = max(details, key=lambda detail: _date(detail, "effectiveDate") or date.min)
    first = _date(claim, "fromDate")
    return ClaimStatus(
        **_codes(counts),
        reasons=_reasons(details, counts),
        payer_claim_number=text_of(claim.get("claimControlNumber"), "claimControlNumber"),
        patient_account_number=text_of(claim.get("patientControlNumber"), "patientControlNumber"),
        total_charged=amount_of(counts.get("claimAmount"), "claimAmount"),
        total_paid=amount_of(counts.get("paymentAmount"), "paymentAmount"),
        processed_date=_date(counts, "finalizedDate"),
        effective_date=_date(counts, "effectiveDate"),
        service_dates=(first, _date(claim, "toDate") or first) if first else None,
        **patient,
    )


def _details(holder: dict[str, Any]) -> list[dict[str, Any]]:
    """The statuses of something that have a category."""
    listed = holder.get("statusDetails")
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise AnswerNotUnderstood("In the payer's answer, statusDetails is not a list.")
    return [detail for each in listed if _codes(detail := object_of(each, "statusDetails"))["category_code"]]


def _codes(detail: dict[str, Any]) -> dict[str, Any]:
    names = {"category_code": "categoryCode", "status_code": "statusCode", "entity_code": "entityCode"}
    return {ours: text_of(detail.get(theirs), theirs).upper() for ours, theirs in names.items()}


def _reasons(details: list[dict[str, Any]], counts: dict[str, Any]) -> tuple[str, ...]:
    """The codes of the other statuses, each once."""
    said, *others = (
        f"{codes['category_code']}:{codes['status_code']}".rstrip(":") for codes in map(_codes, [counts, *details])
    )
    return tuple(each for each in dict.fromkeys(others) if each != said)


def _date(holder: dict[str, Any], name: str) -> date | None:
    """A day, which some payers give with a time behind it."""
    return date_of(text_of(holder.get(name), name).partition("T")[0], name)
