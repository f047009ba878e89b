"""
Availity's claim statuses from the payer's side: an inquiry is taken under an id, and answered when it is asked for.

Source: the vendor's published Swagger description of claim statuses, and what its clients report.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from attrs import define, field

from bulkclaims.records import Window
from bulkclaims.testing.simulator.availity_form import fields_of, problems
from bulkclaims.testing.simulator.dialect import Question
from bulkclaims.testing.simulator.replies import Reply
from bulkclaims.testing.simulator.scenarios import Said, Trouble, answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkclaims.records import ClaimInquiry
    from bulkclaims.testing.simulator.book import Book
    from bulkclaims.testing.simulator.dialect import Call

_BASE = "/v1"
_PATH = f"{_BASE}/claim-statuses"
_PLANS = frozenset({"healthcare-hipaa-transactions-standard", "healthcare-hipaa-transactions-demo"})
_CREATED, _EXPIRES = "2026-01-05T09:30:00.000+0000", "2026-01-06T09:30:00.000+0000"
_REFUSED = {
    400: "The request has errors.",
    401: "The token is not valid or has expired.",
    403: "The token's scope does not allow this.",
    404: "There is no such resource.",
    405: "The method is not allowed; a POST needs X-HTTP-Method-Override: GET.",
    415: "The body is to be a form.",
}

AVAILITY_SCENARIOS: Mapping[str, str] = {
    "-IMMEDIATE": "Paid, and told at once.",
    "-SLOWPOLL": "In progress for ever.",
    "-R1": "Sent to the payer once more, then paid.",
    "-GONE": "Forgotten before the answer is asked for; paid when the inquiry is sent anew.",
    "-DOWN": "503 whenever the answer is asked for.",
    "-PROVREJ": "The provider is not approved, so no claim was looked for.",
}
"""By the end of the claim number, beside those of all payers."""


@define
class _LookUp:
    """An inquiry that was taken."""

    id: str
    host: str
    form: Mapping[str, str] = field(repr=False)
    ending: str
    """Of the claim number, where it chooses one of our own scenarios."""
    claims: Sequence[tuple[Said, Mapping[str, str]]] = field(repr=False)
    """What is said of each, beside the form that asks for it by its numbers."""
    polls: int = 0


class AvailityDialect:
    """
    Requests and answers, and the look-ups that go on.

    Args:
        book: The claims that searches by patient and days find.
    """

    token_path = f"{_BASE}/token"

    def __init__(self, book: Book) -> None:
        self._book = book
        self._look_ups: dict[str, _LookUp] = {}
        self._ids = count(900_000_001)
        self._forgotten: set[str] = set()

    def token_asked(self, body: bytes) -> object:
        """What a request for a token holds, which is written as a form is."""
        return dict(parse_qsl(body.decode("latin-1")))

    def misrouted(self, call: Call) -> int:
        """The status that refuses a path or method which the API does not have; 0 for none."""
        if call.path == _PATH:
            overridden = call.headers.get("x-http-method-override") == "GET"
            return 0 if call.method == "POST" and overridden else 405
        if not call.path.startswith(f"{_PATH}/"):
            return 404
        return 0 if call.method in {"GET", "DELETE"} else 405

    def denied(self, status: int) -> Reply:
        """Refuse the credentials, the route or the method."""
        return _complaint(status, _REFUSED[status])

    def read(self, call: Call) -> Question | Reply:
        """What is asked, or what the real API would refuse it with."""
        if _PLANS.isdisjoint(call.scope.split()):
            return self.denied(403)
        if call.method == "POST":
            return self._read_form(call)
        look_up = self._look_ups.get(call.path.removeprefix(f"{_PATH}/"))
        if look_up is None:
            return self.denied(404)
        return Question(_number_of(look_up.form), (call.method, look_up), looks_up=False)

    def answer(self, question: Question, said: list[Said]) -> Reply:
        """Take an inquiry, say how far a look-up has come, or delete it."""
        method, asked = question.request
        if method == "POST":
            form, host = asked
            found = [(one, {**form, **_numbers_of(claim)}) for claim, one in question.found]
            return self._take(form, host, found or [(one, form) for one in said])
        if method == "DELETE":
            del self._look_ups[asked.id]
            return Reply(200, b"{}")
        return self._poll(asked)

    def trouble(self, trouble: Trouble) -> Reply:
        """Answer that something is wrong."""
        if trouble is Trouble.SYNTAX:
            return self.denied(400)
        return _complaint(int(trouble.value), "The service failed.")

    def _read_form(self, call: Call) -> Question | Reply:
        if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self.denied(415)
        form = fields_of(call.body)
        if form is None:
            return self.denied(400)
        if wrong := list(problems(form)):
            return _complaint(400, _REFUSED[400], wrong)
        number = _number_of(form)
        return Question(number, ("POST", (form, call.headers.get("host", ""))), () if number else self._found(form))

    def _found(self, form: Mapping[str, str]) -> Sequence[tuple[ClaimInquiry, Said]]:
        """The patient's claims of the days asked for; none where there is no telling which days."""
        if not {"fromDate", "toDate"} <= form.keys():
            return ()
        days = (date.fromisoformat(form[name]) for name in ("fromDate", "toDate"))
        window = Window(form["payer.id"], form.get("providers.taxId", ""), *days)
        return self._book.of_patient(window, form["subscriber.memberId"], date.fromisoformat(form["patient.birthDate"]))

    def _take(self, form: Mapping[str, str], host: str, claims: Sequence[tuple[Said, Mapping[str, str]]]) -> Reply:
        number = _number_of(form)
        ending = next((each for each in AVAILITY_SCENARIOS if number.endswith(each)), "")
        if ending:
            said = cast("list[Said]", answers(f"{number}-PAID", 0))
            claims = [(one, form) for one in said]
        look_up = _LookUp(str(next(self._ids)), host, form, ending, claims)
        if ending == "-IMMEDIATE":
            return Reply(200, _whole(look_up, "4", _claims(look_up)))
        if ending == "-GONE" and number not in self._forgotten:
            self._forgotten.add(number)
        else:
            self._look_ups[look_up.id] = look_up
        return Reply(202, _listed(look_up))

    def _poll(self, look_up: _LookUp) -> Reply:
        look_up.polls += 1
        if look_up.ending == "-DOWN":
            return self.trouble(Trouble.DOWN)
        if look_up.polls == 1 or look_up.ending == "-SLOWPOLL":
            return Reply(202, _whole(look_up, "0", []))
        if look_up.ending == "-R1" and look_up.polls == 2:
            return Reply(200, _whole(look_up, "R1", []))
        if look_up.ending == "-PROVREJ":
            return Reply(200, _whole(look_up, "4", [], Said("E0", "24", "85")))
        return Reply(200, _whole(look_up, "4", _claims(look_up)))


def _number_of(form: Mapping[str, str]) -> str:
    return form.get("claimNumber") or form.get("patient.accountNumber") or ""


def _head(look_up: _LookUp, state: str) -> dict[str, Any]:
    return {
        "id": look_up.id,
        "customerId": "1194",
        "controlNumber": "310000001",
        "status": "Complete" if state == "4" else "In Progress",
        "statusCode": state,
        "createdDate": _CREATED,
        "updatedDate": _CREATED,
        "expirationDate": _EXPIRES,
        "payer": {"id": look_up.form["payer.id"]},
        "links": {"self": {"href": f"http://{look_up.host}{_PATH}/{look_up.id}"}},
    }


def _listed(look_up: _LookUp) -> bytes:
    links = {"self": {"href": f"http://{look_up.host}{_PATH}"}}
    head = {"totalCount": 1, "count": 1, "offset": 0, "limit": 50, "links": links}
    return json.dumps({**head, "claimStatuses": [_head(look_up, "0")]}).encode()


def _whole(look_up: _LookUp, state: str, claims: list[dict[str, Any]], of_provider: Said | None = None) -> bytes:
    provider: dict[str, Any] = _part(look_up.form, "providers")
    if of_provider:
        provider["statusDetails"] = [_status(of_provider)]
    body = {
        **_head(look_up, state),
        "claimCount": str(len(claims)),
        "submitter": _part(look_up.form, "submitter"),
        "providers": [provider],
        "subscriber": _part(look_up.form, "subscriber"),
        "patient": _part(look_up.form, "patient"),
        "claimStatuses": claims,
    }
    return json.dumps(body).encode()


def _part(form: Mapping[str, str], who: str) -> dict[str, str]:
    return {name.partition(".")[2]: text for name, text in form.items() if name.startswith(f"{who}.")}


def _claims(look_up: _LookUp) -> list[dict[str, Any]]:
    return [_claim(one, form) for one, form in look_up.claims]


def _numbers_of(claim: ClaimInquiry) -> dict[str, str]:
    return {"claimNumber": claim.claim_number, "patient.accountNumber": claim.patient_account_number}


def _claim(said: Said, form: Mapping[str, str]) -> dict[str, Any]:
    details = [_status(said)]
    if said.second_reason:
        details.append({**details[0], "categoryCode": said.second_reason[0], "statusCode": said.second_reason[1]})
    claim: dict[str, Any] = {"traceId": "SIMTRACE4", "statusDetails": details, "serviceLines": []}
    if not said.found:
        return claim
    number = said.payer_claim_number if said.is_other else form.get("claimNumber") or said.payer_claim_number
    claim |= {"claimControlNumber": number, "fromDate": f"{said.service_day}", "toDate": f"{said.service_day}"}
    account = form.get("patient.accountNumber")
    return claim | ({"patientControlNumber": account} if account and not said.is_other else {})


def _status(said: Said) -> dict[str, str]:
    status = {
        "categoryCode": said.category,
        "category": "(payer text)",
        "statusCode": said.code,
        "status": "(payer text)",
        "effectiveDate": said.day.isoformat(),
    }
    if said.entity:
        status |= {"entityCode": said.entity, "entity": "(payer text)"}
    if said.found:
        amounts = {"claimAmount": str(said.charged), "paymentAmount": str(said.paid)}
        status |= {**amounts, **dict.fromkeys(("claimAmountUnits", "paymentAmountUnits"), "USD")}
    if said.finalized:
        status["finalizedDate"] = said.day.isoformat()
    if said.paid:
        status |= {"remittanceDate": said.check_day.isoformat(), "checkNumber": said.check_number}
    return status


def _complaint(status: int, message: str, wrong: Iterable[tuple[str, str]] = ()) -> Reply:
    errors = [{"field": name, "code": "SIMCODE", "errorMessage": says, "index": 0} for name, says in wrong]
    body = {"statusCode": status, "reasonCode": 0, "userMessage": message, "developerMessage": message}
    return Reply(status, json.dumps({**body, "errors": errors}).encode())
