"""What Optum Real answers: claims by the page, or errors, which may come with status 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from attrs import field, frozen

from bulkclaims.errors import AccessExpired, AccessRefused, AnswerNotUnderstood, InquiryRefused, PayerUnavailable
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, json_of, object_of, text_of
from bulkclaims.lookup.wire.claim_parts import codes_of, reasons_of
from bulkclaims.lookup.wire.http_status import Said
from bulkclaims.lookup.wire.scrub import code, scrub
from bulkclaims.records import ClaimStatus

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from bulkclaims.lookup.wire.transport import Reply
    from bulkclaims.records import ClaimInquiry

_DATES = ("%m/%d/%Y",)
_ROOTS = ("searchClaim", "searchClaimResponse")
"""The second one is what a client of theirs has seen."""
_BAD_REQUEST = 400
_ROW_WRONG = "GRAPHQL_VALIDATION_FAILED"
_QUERY_WRONG = "GRAPHQL_PARSE_FAILED"
"""The query is the same for every row."""
_DOCUMENTED = frozenset({_ROW_WRONG, _QUERY_WRONG, "AUTH_FAILURE", "INTERNAL_SERVER_ERROR"})


@frozen
class Page:
    """Some of the claims, and how to ask for the next ones; "" after the last."""

    claims: tuple[ClaimStatus, ...]
    next_token: str = field(default="", repr=False)


def read_page(body: object, inquiry: ClaimInquiry | None, not_found_codes: Collection[str]) -> Page:
    """
    Read the body of an answer whose HTTP status is a success.

    Args:
        body: As parsed from JSON.
        inquiry: What was asked; nothing of it gets into an exception. None for a window, which asked for everyone:
            then no word of the payer's own gets there.
        not_found_codes: Codes of errors that mean that there is no such claim.

    Raises:
        InquiryRefused: The payer found the request wanting.
        AccessExpired: The token is not good any more.
        PayerUnavailable: The payer failed, perhaps in the midst of its answer.
        AnswerNotUnderstood: The body is not what the API promises, least of all "not found".
    """
    answer = object_of(body, "the answer")
    # Looked at first: there may be some claims beside them, but not all.
    if errors := answer.get("errors"):
        listed = errors if isinstance(errors, list) else []
        codes = [_shown(_code_of(error), inquiry, not_found_codes) for error in listed]
        if codes and set(codes) <= set(not_found_codes):
            return Page(())
        _raise(codes)
    data = object_of(answer.get("data"), "data")
    found = object_of(next((data[root] for root in _ROOTS if root in data), None), "searchClaim")
    claims = found.get("claims")
    if not isinstance(claims, list):
        raise AnswerNotUnderstood("The payer's answer has no list of claims.")
    pages = object_of(found.get("pagination") or {}, "pagination")
    next_token = text_of(pages.get("nextPageToken"), "nextPageToken")
    if pages.get("hasMoreRecords") and not next_token:
        raise AnswerNotUnderstood("The payer's answer has more pages and does not say how to ask for them.")
    return Page(tuple(map(_claim, claims)), next_token if pages.get("hasMoreRecords") else "")


def told(reply: Reply, inquiry: ClaimInquiry | None) -> Said:
    """
    What the body of an error status says: its first code and, scrubbed, its text; as for `read_page`.

    Raises:
        AccessRefused: It is a 400 that says that our query cannot be read.
    """
    if reply.status == _BAD_REQUEST and _code_of(_first_error(reply)) == _QUERY_WRONG:
        _raise([_QUERY_WRONG])
    error = _first_error(reply)
    text = error.get("description") or error.get("message")
    says = scrub(text, inquiry) if inquiry and isinstance(text, str) else ""
    return Said(_shown(_code_of(error), inquiry), says)


def _first_error(reply: Reply) -> dict[str, Any]:
    try:
        body = json_of(reply.body)
    except AnswerNotUnderstood:
        return {}
    errors = body.get("errors") if isinstance(body, dict) else None
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}


def _shown(told: object, inquiry: ClaimInquiry | None, known: Collection[str] = ()) -> str:
    """A code that may be shown: one that tells nothing of the row or, where any row may be meant, one that is known."""
    if inquiry:
        return code(told, inquiry)
    return told if isinstance(told, str) and told in {*_DOCUMENTED, *known} else ""


def _code_of(error: object) -> object:
    if not isinstance(error, dict):
        return None
    extensions = error.get("extensions")
    return error.get("code") or (extensions.get("code") if isinstance(extensions, dict) else None)


def _raise(codes: list[str]) -> NoReturn:
    said = f" [{' '.join(filter(None, codes))}]" if any(codes) else ""
    if "AUTH_FAILURE" in codes:
        raise AccessExpired(f"The payer no longer takes our token.{said}")
    if _QUERY_WRONG in codes:
        raise AccessRefused(f"The payer cannot read our query, nor would it any further one.{said}")
    if _ROW_WRONG in codes:
        raise InquiryRefused(f"The payer refused this row's data; correct the row.{said}")
    raise PayerUnavailable(f"The payer could not answer; try again later.{said}")


def _claim(entry: object) -> ClaimStatus:
    claim = object_of(entry, "a claim")
    member, events, info, totals = (
        object_of(claim.get(name) or {}, name)
        for name in ("member", "claimEvents", "claimLevelInfo", "claimLevelTotalAmount")
    )
    word = text_of(claim.get("claimStatus"), "claimStatus")
    parts = claim.get("claimStatusCrosswalkData")
    codes = codes_of(parts, "claimStatusCrosswalkData", "claim507Code", "claim508Code")
    if not word and not codes:
        raise AnswerNotUnderstood("In the payer's answer, a claim has neither a status nor a code.")
    (category, status), *others = codes or [("", "")]
    return ClaimStatus(
        category_code=category,
        status_code=status,
        reported_status=word,
        reasons=reasons_of(others),
        payer_claim_number=text_of(claim.get("claimNumber"), "claimNumber"),
        patient_account_number=text_of(info.get("patientAccountNumber"), "patientAccountNumber"),
        first_name=text_of(member.get("firstName"), "firstName"),
        last_name=text_of(member.get("lastName"), "lastName"),
        date_of_birth=_date(member, "dateOfBirth"),
        subscriber_id=text_of(member.get("subscriberId"), "subscriberId"),
        total_charged=amount_of(totals.get("totalBilledChargeAmount"), "totalBilledChargeAmount"),
        total_paid=amount_of(totals.get("totalPaidAmount"), "totalPaidAmount"),
        processed_date=_date(events, "processedDate"),
        effective_date=_date(events, "statusEffectiveDate"),
        service_dates=_service_dates(events),
    )


def _service_dates(events: dict[str, Any]) -> tuple[date, date] | None:
    first, last = _date(events, "serviceStartDate"), _date(events, "serviceEndDate")
    return (first, last or first) if first else None


def _date(holder: dict[str, Any], name: str) -> date | None:
    return date_of(holder.get(name), name, _DATES)
