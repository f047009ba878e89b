"""
Stedi's real-time claim status, and Optum's Medical Network (once Change Healthcare), whose dialect is the same.

Sources: both vendors' published OpenAPI descriptions of `claimstatus/v2`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from bulkclaims.errors import AnswerNotUnderstood, InquiryRefused
from bulkclaims.lookup.payers.stedi_request import StediSettings, request_body
from bulkclaims.lookup.payers.stedi_x12 import x12_body
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, json_of, object_of, period_of, text_of, trace_of
from bulkclaims.lookup.wire.http_status import NOTHING_SAID, Said
from bulkclaims.lookup.wire.inquiry_rules import capabilities_of
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.scrub import code, scrub
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.lookup.x12 import read_answer as read_x12
from bulkclaims.privacy import Masked
from bulkclaims.records import Answer, ClaimStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import ClientFactory, Reply
    from bulkclaims.records import ClaimInquiry

__all__ = ["StediConnector", "StediSettings", "read_answer", "read_x12_answer"]

_REJECTED = frozenset("RMWX")
"""999 acknowledgement codes that say the request went no further; A and E mean accepted."""
_FURTHER_REASONS = tuple(
    tuple(f"{rank}{code}" for code in ("StatusCategoryCode", "StatusCode", "EntityCode"))
    for rank in ("secondary", "tertiary")
)
"""The fields of Optum's second and third reason."""


class StediConnector:
    """
    Asks Stedi or Optum's Medical Network.

    Args:
        settings: Whom to ask, and as whom.
        client: Makes the HTTP client, on the event loop that will use it.
        access: Where all workers keep Optum's token; without it each process fetches its own.
    """

    def __init__(
        self, settings: StediSettings, client: ClientFactory = make_client, access: SharedAccess | None = None
    ) -> None:
        self._settings = settings
        self._x12 = settings.x12_settings
        self._read = read_x12_answer if self._x12 else read_answer
        self._line = PayerLine(settings.url, client, settings.credentials, access=access)
        self._headers = Masked({"Authorization": settings.api_key.reveal()} if settings.api_key else {})
        self.capabilities = capabilities_of(settings, settings.account or settings.face)

    async def prepare(self) -> None:  # noqa: D102
        await self._line.prepare()

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:  # noqa: D102 -- the contract stands in `interfaces.Connector`
        body = {"json": self._body(inquiry)}
        reply = await self._line.ask("POST", self._headers, body, lambda reply: _told(reply, inquiry))
        return self._read(json_of(reply.body), inquiry)

    async def aclose(self) -> None:  # noqa: D102
        await self._line.aclose()

    def _body(self, inquiry: ClaimInquiry) -> dict[str, Any]:
        """The request, as of the day where the claims are handled."""
        if self._x12:
            return x12_body(inquiry, self._x12, datetime.now())  # noqa: DTZ005
        return request_body(inquiry, self._settings, date.today())  # noqa: DTZ011


def read_answer(body: object, inquiry: ClaimInquiry) -> Answer:
    """
    Read the body of an answer whose HTTP status is a success.

    Args:
        body: As parsed from JSON.
        inquiry: What was asked; nothing of it gets into an exception.

    Raises:
        InquiryRefused: The clearinghouse found the request wanting.
        AnswerNotUnderstood: The body is not what the API promises, least of all "not found".
    """
    answer = _accepted(body, inquiry)
    if not isinstance(answer.get("claims"), list):
        raise AnswerNotUnderstood("The payer's answer has no list of claims.")
    patient = _patient(answer)
    return Answer(tuple(_claim(entry, patient) for entry in answer["claims"]), _trace(answer))


def read_x12_answer(body: object, inquiry: ClaimInquiry) -> Answer:
    """
    Read the body of an answer of the raw X12 route: its `x12`, and of the JSON beside it what `read_answer` refuses.

    Args:
        body: As parsed from JSON.
        inquiry: What was asked; nothing of it gets into an exception.

    Raises:
        InquiryRefused: The clearinghouse found the request wanting, or a 999 rejects it.
        AccessRefused: A TA1 rejects the envelope, which is alike for every row.
        AnswerNotUnderstood: The body is not what the API promises.
    """
    answer = _accepted(body, inquiry)
    told = read_x12(text_of(answer.get("x12"), "x12").encode())
    return evolve(told, trace=_trace(answer) or told.trace)


def _accepted(body: object, inquiry: ClaimInquiry) -> dict[str, Any]:
    """The answer, to a request that the clearinghouse found nothing wrong with."""
    answer = object_of(body, "the answer")
    if problem := answer.get("errorResponse"):
        raise InquiryRefused(f"The clearinghouse refused this row's data; correct the row.{_problem(problem, inquiry)}")
    acknowledged = answer.get("transactionSetAcknowledgement")
    if str(acknowledged) in _REJECTED or answer.get("status") == "ERROR":
        said = code(acknowledged, inquiry) or "ERROR"
        raise InquiryRefused(f"The clearinghouse rejected the request made from this row. [999:{said}]")
    return answer


def _patient(answer: dict[str, Any]) -> dict[str, Any]:
    """What the answer tells of the patient: the dependent, or else the subscriber."""
    subscriber = object_of(answer.get("subscriber") or {}, "subscriber")
    person = object_of(answer.get("dependent") or subscriber, "dependent")
    return {
        "first_name": text_of(person.get("firstName"), "firstName"),
        "last_name": text_of(person.get("lastName"), "lastName"),
        "date_of_birth": date_of(person.get("dateOfBirth"), "dateOfBirth"),
        "subscriber_id": text_of(subscriber.get("memberId"), "memberId"),
    }


def _claim(entry: object, patient: dict[str, Any]) -> ClaimStatus:
    told = object_of(object_of(entry, "a claim").get("claimStatus"), "claimStatus")
    category = text_of(told.get("statusCategoryCode"), "statusCategoryCode").upper()
    if not category:
        raise AnswerNotUnderstood("In the payer's answer, a claim has no statusCategoryCode.")
    return ClaimStatus(
        category_code=category,
        status_code=text_of(told.get("statusCode"), "statusCode"),
        entity_code=text_of(told.get("entityCode"), "entityCode"),
        payer_claim_number=text_of(told.get("tradingPartnerClaimNumber"), "tradingPartnerClaimNumber"),
        patient_account_number=text_of(told.get("patientAccountNumber"), "patientAccountNumber"),
        total_charged=amount_of(told.get("submittedAmount"), "submittedAmount"),
        total_paid=amount_of(told.get("amountPaid"), "amountPaid"),
        processed_date=date_of(told.get("paidDate"), "paidDate"),
        effective_date=date_of(told.get("effectiveDate"), "effectiveDate"),
        service_dates=period_of(told.get("claimServiceDate"), "claimServiceDate"),
        reasons=tuple(filter(None, (_reason(told, names) for names in _FURTHER_REASONS))),
        **patient,
    )


def _reason(told: dict[str, Any], names: Iterable[str]) -> str:
    """The codes of a further reason, "" when there is none."""
    return ":".join(filter(None, (text_of(told[name], name).upper() for name in names if name in told)))


def _trace(answer: dict[str, Any]) -> str:
    meta = answer.get("meta")
    return trace_of(meta.get("traceId")) if isinstance(meta, dict) else ""


def _problem(problem: object, inquiry: ClaimInquiry) -> str:
    """The codes of an `errorResponse`, and which fields it complains of, in brackets."""
    if not isinstance(problem, dict):
        return ""
    errors = problem.get("errors")
    fields = [error.get("field") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    said = [shown for each in (problem.get("code"), *fields) if (shown := code(each, inquiry))]
    return f" [{' '.join(said)}]" if said else ""


def _told(reply: Reply, inquiry: ClaimInquiry) -> Said:
    """What an error body says: its code and, scrubbed, its message."""
    try:
        told = json_of(reply.body)
    except AnswerNotUnderstood:
        return NOTHING_SAID
    if not isinstance(told, dict):
        return NOTHING_SAID
    message = told.get("message")
    return Said(
        code(told.get("code"), inquiry) or code(told.get("error"), inquiry),
        scrub(message, inquiry) if isinstance(message, str) else "",
    )
