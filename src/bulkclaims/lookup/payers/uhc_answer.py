"""
What UnitedHealthcare's API Marketplace answers: claims by the page, or codes, beside whatever HTTP status.

Sources: the vendor's own pages on the API, and programs that ask it; its OpenAPI description is not public. Which HTTP
status stands beside which code is written nowhere, so that the code decides wherever there is a known one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulkclaims.errors import (
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PageGone,
    PayerUnavailable,
    WindowIncomplete,
    WindowTooFull,
)
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, json_of, object_of, text_of
from bulkclaims.lookup.wire.claim_parts import codes_of, reasons_of
from bulkclaims.lookup.wire.http_status import NOTHING_SAID, Said, class_of, error_of
from bulkclaims.lookup.wire.scrub import code, scrub
from bulkclaims.outgoing import retry_after
from bulkclaims.records import ClaimStatus, WindowPage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from bulkclaims.lookup.wire.transport import Reply
    from bulkclaims.records import ClaimInquiry


class DatesConflict(AccessRefused):
    """The payer does not take what was sent side by side: dates, and the number of a page."""


_DATES = ("%m/%d/%Y",)
_NOT_FOUND = "LCLM_PS_201"
_REQUEST_WRONG = "The payer finds our requests wrong, as it would each further one; check the connector's settings."
_NOT_ALLOWED = "The payer does not let this account see the claims of this payer id; check both with the payer."
_SYSTEM = "The payer's system could not answer; try again later."
_MEANINGS: Mapping[str, tuple[type[ConnectorError], str]] = {
    "LCLM_PS_105": (AccessRefused, _NOT_ALLOWED),
    "LCLM_PS_202": (AccessRefused, _NOT_ALLOWED),
    "LCLM_PS_302": (AccessRefused, "The payer does not take questions from users of this kind; check the account."),
    "LCLM_PS_106": (DatesConflict, _REQUEST_WRONG),
    "LCLM_PS_102": (AccessRefused, _REQUEST_WRONG),
    "LCLM_PS_108": (AccessRefused, _REQUEST_WRONG),
    "LCLM_PS_111": (AccessRefused, _REQUEST_WRONG),
    "LCLM_PS_112": (AccessRefused, "The payer takes fewer days at a time; set window_days to less, such as 30."),
    "LCLM_PS_306": (WindowTooFull, "There are more claims in these days than the payer lists."),
    "LCLM_PS_203": (PageGone, "The payer has forgotten this search before its last page."),
    "LCLM_PS_107": (InquiryRefused, "The dates of service lie further back than the payer looks, which is 24 months."),
    "LCLM_PS_113": (InquiryRefused, "The payer does not take the last date of service; correct the row."),
    "LCLM_PS_307": (InquiryRefused, "The dates of service do not match the claim that the payer has."),
    "LCLM_PS_305": (WindowIncomplete, "The payer could not bring all the claims together; try again later."),
    "LCLM_PS_301": (PayerUnavailable, "The payer's system took too long; try again later."),
    "LCLM_PS_303": (PayerUnavailable, _SYSTEM),
    "LCLM_PS_304": (PayerUnavailable, _SYSTEM),
    "LCLM_PS_500": (PayerUnavailable, _SYSTEM),
    "LCLM_PA_500": (PayerUnavailable, _SYSTEM),
}
"""What each code of the vendor's table comes to. Of several the first one counts."""
_IN_TROUBLE = frozenset({"throttled", "payer_down", "payer_unavailable"})


def read_page(reply: Reply, inquiry: ClaimInquiry | None) -> WindowPage:
    """
    Read an answer, whatever its HTTP status; only 401 is not for here.

    Args:
        reply: What came.
        inquiry: What was asked; nothing of it gets into an exception. None for a window, which asked for everyone: then
            no word of the payer's own gets there.

    Raises:
        ConnectorError: The class that fits the code or, without one that is known, the status.
        AnswerNotUnderstood: The body is not what the API promises, least of all "not found".
    """
    # Not raised in there: some services keep the variables of whatever an exception passed through.
    outcome = _come_to(reply, inquiry)
    if isinstance(outcome, WindowPage):
        return outcome
    raise outcome


def told(reply: Reply, inquiry: ClaimInquiry | None) -> Said:
    """
    What the body beside a 401 says, as for `read_page`.

    Raises:
        ConnectorError: It holds a known code, so that it is no matter of tokens.
    """
    outcome = _told(reply, inquiry)
    if isinstance(outcome, Said):
        return outcome
    raise outcome


def _come_to(reply: Reply, inquiry: ClaimInquiry | None) -> WindowPage | ConnectorError:
    answer = _parsed(reply)
    errors = _errors(answer)
    codes = [_code_of(error) for error in errors]
    if failure := _known(codes, reply):
        return failure
    claims = answer.get("claims")
    if codes and set(codes) == {_NOT_FOUND} and not claims:
        return WindowPage(())
    if kind := class_of(reply.status):
        return error_of(kind, reply, _said(errors, inquiry))
    # Looked at before the claims: there may be some of them beside it, but not all.
    if errors:
        said = _said(errors, inquiry)
        return PayerUnavailable(f"The payer could not answer; try again later.{f' [{said.code}]' if said.code else ''}")
    if not isinstance(claims, list):
        return AnswerNotUnderstood("The payer's answer has no list of claims.")
    return WindowPage(tuple(map(_claim, claims)), _next_page(answer) if claims else "")


def _told(reply: Reply, inquiry: ClaimInquiry | None) -> Said | ConnectorError:
    try:
        errors = _errors(json_of(reply.body))
    except AnswerNotUnderstood:
        return NOTHING_SAID
    return _known([_code_of(error) for error in errors], reply) or _said(errors, inquiry)


def _parsed(reply: Reply) -> dict[str, Any]:
    try:
        body = json_of(reply.body)
    except AnswerNotUnderstood:
        if kind := class_of(reply.status):
            raise error_of(kind, reply) from None
        raise
    return body if isinstance(body, dict) else {}


def _errors(body: object) -> list[object]:
    """What is wrong, in either shape: the vendor has a "standard" one beside that of its documents."""
    if not isinstance(body, dict):
        return []
    errors = body.get("errors") or body.get("error") or ([body] if "code" in body else [])
    return errors if isinstance(errors, list) else [errors]


def _code_of(error: object) -> object:
    return str(error.get("code")) if isinstance(error, dict) else ""


def _known(codes: list[object], reply: Reply) -> ConnectorError | None:
    """What the first code that is known comes to."""
    for known, (kind, sentence) in _MEANINGS.items():
        if known not in codes:
            continue
        beside = class_of(reply.status)
        if kind is not PayerUnavailable:
            return kind(f"{sentence} [{known}]")
        if beside in _IN_TROUBLE:
            return error_of(beside, reply, Said(known))
        return PayerUnavailable(f"{sentence} [{known}]", retry_after=retry_after(reply.headers))
    return None


def _said(errors: list[object], inquiry: ClaimInquiry | None) -> Said:
    """What may be shown of the first error."""
    first = errors[0] if errors else None
    if inquiry is None or not isinstance(first, dict):
        return NOTHING_SAID
    text = first.get("message") or first.get("description")
    return Said(code(first.get("code"), inquiry), scrub(text, inquiry) if isinstance(text, str) else "")


def _next_page(answer: dict[str, Any]) -> str:
    number = text_of(answer.get("transactionId"), "transactionId")
    if not number.isascii() or not number.isprintable():
        raise AnswerNotUnderstood("In the payer's answer, transactionId is nothing that can be sent back.")
    return number


def _claim(entry: object) -> ClaimStatus:
    claim = object_of(entry, "a claim")
    member, summary = (object_of(claim.get(name) or {}, name) for name in ("memberInfo", "claimSummary"))
    word = text_of(claim.get("claimStatus"), "claimStatus")
    codes = codes_of(summary.get("clmXWalkData"), "clmXWalkData", "clm507Cd", "clm508Cd")
    if not word and not codes:
        raise AnswerNotUnderstood("In the payer's answer, a claim has neither a status nor a code.")
    (category, status), *others = codes or [("", "")]
    return ClaimStatus(
        category_code=category,
        status_code=status,
        reported_status=word,
        reasons=reasons_of(others),
        payer_claim_number=text_of(claim.get("claimNumber"), "claimNumber"),
        patient_account_number=text_of(summary.get("ptntAcctNbr"), "ptntAcctNbr"),
        first_name=text_of(member.get("ptntFn"), "ptntFn"),
        last_name=text_of(member.get("ptntLn"), "ptntLn"),
        date_of_birth=_date(member, "ptntDob"),
        subscriber_id=text_of(member.get("subscriberId"), "subscriberId"),
        total_charged=amount_of(summary.get("totalChargedAmt"), "totalChargedAmt"),
        total_paid=amount_of(summary.get("totalPaidAmt"), "totalPaidAmt"),
        processed_date=_date(summary, "processedDt"),
        effective_date=_date(summary, "statusEfctDt"),
        service_dates=_service_dates(summary),
        complete=claim.get("detailsAvailable") != "F",
    )


def _service_dates(summary: dict[str, Any]) -> tuple[date, date] | None:
    first, last = _date(summary, "firstSrvcDt"), _date(summary, "lastSrvcDt")
    return (first, last or first) if first else None


def _date(holder: dict[str, Any], name: str) -> date | None:
    return date_of(holder.get(name), name, _DATES)
