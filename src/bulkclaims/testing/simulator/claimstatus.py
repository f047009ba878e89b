"""
The `claimstatus/v2` dialect of Stedi and Optum, from the payer's side: how answers look.

Sources: both vendors' published OpenAPI descriptions.
"""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from bulkclaims.records import Window
from bulkclaims.testing.simulator.claimstatus_x12 import Malformed, read_276, write_277, write_999
from bulkclaims.testing.simulator.dialect import Question
from bulkclaims.testing.simulator.replies import Reply
from bulkclaims.testing.simulator.request_rules import refusal
from bulkclaims.testing.simulator.scenarios import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkclaims.records import ClaimInquiry
    from bulkclaims.testing.simulator.book import Book
    from bulkclaims.testing.simulator.dialect import Call
    from bulkclaims.testing.simulator.scenarios import Said

STEDI_PATH = "/change/medicalnetwork/claimstatus/v2"
OPTUM_PATH = "/medicalnetwork/claimstatus/v2/"
TOKEN_PATH = "/apip/auth/v2/token"  # noqa: S105 -- a route

_HEALTH_PATH = f"{OPTUM_PATH}healthcheck"
_REMEMBERED = 100
"""So many control numbers may not come again; of all that ever came, some would by chance."""
_CONTROL_NUMBER = re.compile(r"[A-Za-z0-9]{9}")


class ClaimStatusDialect:
    """
    Requests and answers of one of the two faces.

    Args:
        face: `stedi` or `optum`.
        book: The claims that searches by patient and days find.
    """

    def __init__(self, face: str, book: Book) -> None:
        self._face = face
        self._book = book
        self._path = STEDI_PATH if face == "stedi" else OPTUM_PATH
        self._x12_path = f"{self._path.rstrip('/')}/raw-x12"
        self._control_numbers: deque[str] = deque(maxlen=_REMEMBERED)
        self.token_path = TOKEN_PATH if face == "optum" else ""

    def token_asked(self, body: bytes) -> object:
        """What a request for a token holds; None when it cannot be read."""
        try:
            return json.loads(body)
        except ValueError:
            return None

    def misrouted(self, call: Call) -> int:
        """The status that refuses a path or method which the API does not have; 0 for none."""
        if self._face == "optum" and call.path == _HEALTH_PATH:
            return 0 if call.method == "GET" else 405
        if call.path not in {self._path, self._x12_path}:
            return 404
        return 0 if call.method == "POST" else 405

    def denied(self, status: int) -> Reply:
        """Refuse the credentials, the route or the method."""
        says = {404: ("NOT_FOUND", "no such route"), 405: ("FORBIDDEN", "this route takes POST only")}
        code, message = says.get(status, ("FORBIDDEN", "the credentials are not good"))
        return Reply(403 if status == 405 else status, complaint(code, message))

    def read(self, call: Call) -> Question | Reply:
        """What is asked, or what the real API would refuse it with."""
        if call.path == _HEALTH_PATH:
            return Reply(200, json.dumps({"status": "UP", "version": "V2"}).encode())
        try:
            request = json.loads(call.body)
        except ValueError:
            return Reply(400, complaint("VALIDATION", "the body must be JSON"))
        if call.path == self._x12_path:
            return self._read_x12(request)
        if self._face == "optum" and isinstance(request, dict) and self._lacks_control_number(request):
            return Reply(200, missing_input())
        if sentence := refusal(request, self._face):
            return Reply(400, complaint("VALIDATION", sentence))
        return self._question(request)

    def answer(self, question: Question, said: list[Said]) -> Reply:
        """Answer a good request; one that came as X12 also in X12."""
        claims = _told_of(question, said)
        told = answer(question.request, claims, self._face)
        if "x12" in question.request:
            told["x12"] = write_277(question.request, claims)
        return Reply(200, json.dumps(told).encode())

    def trouble(self, trouble: Trouble) -> Reply:
        """Answer that something is wrong."""
        return Reply(*_STATUS_OF[trouble])

    def _read_x12(self, request: object) -> Question | Reply:
        message = request.get("x12") if isinstance(request, dict) else None
        if not isinstance(message, str):
            return Reply(400, complaint("VALIDATION", "the body must be an object with x12"))
        try:
            asked = read_276(message)
        except Malformed as wrong:
            return Reply(200, syntax_rejection(write_999(wrong)))
        if sentence := refusal(asked, self._face):
            return Reply(400, complaint("VALIDATION", sentence))
        return self._question({**asked, "x12": message})

    def _lacks_control_number(self, request: Mapping[str, Any]) -> bool:
        """Whether Optum would miss the number, which must differ from request to request."""
        number = str(request.get("controlNumber", ""))
        if not _CONTROL_NUMBER.fullmatch(number) or number in self._control_numbers:
            return True
        self._control_numbers.append(number)
        return False

    def _question(self, request: Mapping[str, Any]) -> Question:
        number = claim_number_of(request)
        return Question(number, request, () if number else self._found(request))

    def _found(self, request: Mapping[str, Any]) -> Sequence[tuple[ClaimInquiry, Said]]:
        """The patient's claims of the days asked for; none where there is no telling which days."""
        encounter = request.get("encounter") or {}
        first, last = (_day(encounter.get(name)) for name in ("beginningDateOfService", "endDateOfService"))
        if first is None:
            return ()
        subscriber = request["subscriber"]
        patient = request.get("dependent") or subscriber
        (tax_id,) = (one.get("taxId", "") for one in request["providers"] if one["providerType"] == "BillingProvider")
        window = Window(request["tradingPartnerServiceId"], tax_id, first, last or first)
        return self._book.of_patient(window, subscriber["memberId"], _day(patient.get("dateOfBirth")))


def claim_number_of(request: Mapping[str, Any]) -> str:
    """The number asked about: the payer's, or else the provider's own; "" when neither is given."""
    encounter = request.get("encounter") or {}
    return str(encounter.get("tradingPartnerClaimNumber") or encounter.get("patientAccountNumber") or "")


def _told_of(question: Question, said: list[Said]) -> list[tuple[Said, dict[str, Any]]]:
    """What is said of each claim, with the encounter that it is of: as it was asked, or as the book has it."""
    encounter = question.request.get("encounter") or {}
    if not question.found:
        return [(one, encounter) for one in said]
    return [(one, {**encounter, **_numbers_of(claim)}) for claim, one in question.found]


def _numbers_of(claim: ClaimInquiry) -> dict[str, str]:
    return {"tradingPartnerClaimNumber": claim.claim_number, "patientAccountNumber": claim.patient_account_number}


def _day(text: object) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(str(text))
    return None


def answer(request: Mapping[str, Any], claims: Sequence[tuple[Said, Mapping[str, Any]]], face: str) -> dict[str, Any]:
    """
    Write the answer to a good request, to be sent as JSON.

    Args:
        request: As it came.
        claims: What is said of each, and the encounter that it is of.
        face: `stedi` or `optum`.
    """
    subscriber = {name: request["subscriber"][name] for name in ("firstName", "lastName", "memberId")}
    dependent = request.get("dependent")
    body: dict[str, Any] = {
        "claims": [_claim(one, encounter, face) for one, encounter in claims],
        "controlNumber": request.get("controlNumber", "000000110"),
        "tradingPartnerServiceId": request["tradingPartnerServiceId"],
        "payer": {
            "organizationName": "EXAMPLE HEALTH PLAN",
            "payerIdentification": request["tradingPartnerServiceId"],
        },
        "providers": request["providers"],
        "subscriber": subscriber,
    }
    if dependent:
        body["dependent"] = {name: dependent[name] for name in ("firstName", "lastName")}
    return body


def _claim(said: Said, encounter: Mapping[str, Any], face: str) -> dict[str, Any]:
    status: dict[str, Any] = {
        "statusCategoryCode": said.category,
        "statusCode": said.code,
        "statusCategoryCodeValue": "(payer text)",
        "statusCodeValue": "(payer text)",
        "effectiveDate": _written(said.day, face),
        "submittedAmount": str(said.charged),
        "amountPaid": str(said.paid),
    }
    if said.entity:
        status |= {"entityCode": said.entity, "entity": "Insurer"}
    if "trackingNumber" in encounter:
        status["trackingNumber"] = encounter["trackingNumber"]
    if said.found:
        status["claimServiceDate"] = f"{said.service_day:%Y%m%d}"
        status |= _numbers(said, encounter)
    if said.finalized:
        status["paidDate"] = _written(said.day, face)
    if said.paid:
        status |= {"checkIssueDate": _written(said.check_day, face), "checkNumber": said.check_number}
    if said.second_reason and face == "optum":
        category, code = said.second_reason
        status |= {"secondaryStatusCategoryCode": category, "secondaryStatusCode": code}
    return {"claimStatus": status}


def _numbers(said: Said, encounter: Mapping[str, Any]) -> dict[str, str]:
    """The payer's number and, of the claim asked for and no other, the provider's own as it was sent."""
    if said.is_other:
        return {"tradingPartnerClaimNumber": said.payer_claim_number}
    number = encounter.get("tradingPartnerClaimNumber") or said.payer_claim_number
    account = encounter.get("patientAccountNumber")
    return {"tradingPartnerClaimNumber": number} | ({"patientAccountNumber": account} if account else {})


def _written(day: date, face: str) -> str:
    return day.isoformat() if face == "stedi" else f"{day:%Y%m%d}"


def syntax_rejection(x12: str) -> bytes:
    """Write the answer to a request that was rejected by a 999, which is *x12*."""
    return json.dumps(
        {
            "controlNumber": "000000130",
            "meta": {"applicationMode": "production", "traceId": "01SIMTRACE0000000000000002"},
            "status": "ERROR",
            "transactionSetAcknowledgement": "R",
            "implementationTransactionSetSyntaxError": "5",
            "x12": x12,
        }
    ).encode()


def missing_input() -> bytes:
    """Write Optum's answer, with status 200, to a request that lacks something."""
    return json.dumps(
        {
            "errorResponse": {
                "code": "INVALIDMISSINGINPUTDATA",
                "description": "input data missing or not valid",
                "errors": [
                    {"field": "controlNumber", "code": "SIMCODE", "location": "body", "followupAction": "correct"}
                ],
            },
            "meta": {"traceId": "SIMTRACE3", "applicationMode": "sandbox"},
        }
    ).encode()


def complaint(code: str, message: str) -> bytes:
    """Write the body of an error status."""
    return json.dumps({"code": code, "message": message}).encode()


_STATUS_OF = {
    Trouble.BUSY: (429, complaint("TOO_MANY_REQUESTS", "submission throttled: CUSTOMER_LIMIT")),
    Trouble.BROKEN: (500, complaint("INTERNAL", "internal error")),
    Trouble.DOWN: (503, complaint("UNAVAILABLE", "the payer's connection is down")),
    Trouble.TOO_LATE: (504, complaint("TIMEOUT", "the payer did not answer in time")),
    Trouble.SYNTAX: (200, syntax_rejection(write_999(Malformed("ST", 1)))),
}
