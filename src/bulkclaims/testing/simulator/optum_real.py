"""
Optum Real's Claim Inquiry from the payer's side: GraphQL with one query, claims by the page.

Source: the vendor's published OpenAPI description of `claim/inquiry/v1`, and what its clients report.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from bulkclaims.records import Window, to_date
from bulkclaims.testing.simulator.book import days_of
from bulkclaims.testing.simulator.dialect import Question
from bulkclaims.testing.simulator.replies import Reply
from bulkclaims.testing.simulator.scenarios import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from bulkclaims.records import ClaimInquiry
    from bulkclaims.testing.simulator.book import Book
    from bulkclaims.testing.simulator.dialect import Call
    from bulkclaims.testing.simulator.scenarios import Said

_PATH = "/oihub/claim/inquiry/v1"
_PAGE = 2
"""Of a search for one claim: so small that clients have to mind pages ..."""
_WINDOW_PAGE = 50
"""... and of a search by days alone."""
_MOST_DAYS = 90
_TAX_ID = re.compile(r"[0-9]{9}")
_PAGE_TOKEN = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ARGUMENTS = re.compile(r"\([^)]*\)")
_FIELDS = frozenset(
    _NAME.findall("""
    query SearchClaim searchClaim claims claimNumber claimStatus claimInventoryControlNumber hasClaimDetails
    member subscriberId policyNumber firstName lastName dateOfBirth relationshipCode memberId
    claimEvents receivedDate processedDate serviceStartDate serviceEndDate statusEffectiveDate
    claimLevelInfo patientAccountNumber claimType claimLevelTotalAmount totalBilledChargeAmount totalAllowedAmount
    totaldeductibleAmount totalPaidAmount totalPatientResponsibilityAmount payments paymentNumber paymentAmount
    paymentIssueDate claimStatusCrosswalkData claim507Code claim507CodeDesc claim508Code claim508CodeDesc
    pagination hasMoreRecords nextPageToken
    """)
)
_DAYS = frozenset({"serviceStartDate", "serviceEndDate"})
_SEARCHED = {
    frozenset({"claimNumber"}),
    frozenset({"patientAccountNumber"}),
    _DAYS | {"memberId", "memberDateOfBirth"},
    _DAYS,
}
"""What one may search by, beside the payer."""
_WORDS = {"F2": "Denied", "F": "Finalized", "P": "Pending", "A": "Acknowledged"}
_REFUSED = {
    400: ("GRAPHQL_PARSE_FAILED", "the body is not JSON"),
    401: ("AUTH_FAILURE", "token not valid or expired"),
    404: ("NOT_FOUND", "no such route"),
    405: ("NOT_ALLOWED", "this route takes POST only"),
}


OPTUM_REAL_SCENARIOS: Mapping[str, str] = {
    "-ROOT": "As claims of no special ending, under the other root of the answer.",
    "-WORD": "As claims of no special ending, with the payer's word and no codes.",
}
"""By the end of the claim number, beside those of all payers."""


class OptumRealDialect:
    """
    Requests and answers.

    Args:
        book: The claims that searches by days find.
    """

    token_path = "/apip/auth/sntl/v1/token"  # noqa: S105 -- a route

    def __init__(self, book: Book) -> None:
        self._book = book

    def token_asked(self, body: bytes) -> object:
        """What a request for a token holds, which is written as a form is."""
        return dict(parse_qsl(body.decode("latin-1")))

    def misrouted(self, call: Call) -> int:
        """The status that refuses a path or method which the API does not have; 0 for none."""
        if call.path != _PATH:
            return 404
        return 0 if call.method == "POST" else 405

    def denied(self, status: int) -> Reply:
        """Refuse the credentials, the route or the method."""
        return _errors(status, *_REFUSED[status])

    def read(self, call: Call) -> Question | Reply:
        """What is asked, or what the real API would refuse it with."""
        try:
            request = json.loads(call.body)
            searched = request["variables"]["searchClaimInput"]
            query = request["query"]
        except (ValueError, TypeError, KeyError):
            return self.denied(400)
        if problem := _problem(query, searched):
            return _errors(400, "GRAPHQL_VALIDATION_FAILED", problem)
        if "providertaxid" not in call.headers:
            return _page([], None)  # as a client of theirs reports: no error, and no claim
        if problem := _misshapen(call.headers):
            return _errors(400, "GRAPHQL_VALIDATION_FAILED", problem)
        number = str(searched.get("claimNumber") or searched.get("patientAccountNumber") or "")
        asked = {**searched, "tin": call.headers["providertaxid"], "page": int(call.headers.get("nextpagetoken", "0"))}
        by = frozenset(searched) - {"payerId"}
        return Question(number, asked, self._found(asked) if by >= _DAYS else (), looks_up=by != _DAYS)

    def answer(self, question: Question, said: list[Said]) -> Reply:
        """Answer a good request, a page at a time."""
        for one in said:
            if one.category.startswith("E"):
                return self._cannot_answer(one)
        known = self._book.find(question.claim_number)
        claims = [_claim(one, question.request, None if one.is_other else known) for one in said if one.found]
        if not question.claim_number:
            claims = [_claim(one, _numbers_of(claim), claim) for claim, one in question.found]
        root = "searchClaimResponse" if question.claim_number.endswith("-ROOT") else "searchClaim"
        return _page_of(claims, question.request["page"], _PAGE if question.looks_up else _WINDOW_PAGE, root)

    def trouble(self, trouble: Trouble) -> Reply:
        """Answer that something is wrong."""
        if trouble is Trouble.SYNTAX:
            return _errors(400, "GRAPHQL_VALIDATION_FAILED", "the request is not valid")
        return _errors(int(trouble.value), "INTERNAL_SERVER_ERROR", "the service failed")

    def _found(self, asked: Mapping[str, Any]) -> Sequence[tuple[ClaimInquiry, Said]]:
        days = (to_date(asked[name]) for name in ("serviceStartDate", "serviceEndDate"))
        window = Window(asked["payerId"], asked["tin"], *days)
        if "memberId" not in asked:
            return tuple(self._book.within(window))
        return self._book.of_patient(window, asked["memberId"], to_date(asked["memberDateOfBirth"]))

    def _cannot_answer(self, said: Said) -> Reply:
        """With status 200, as clients of theirs report."""
        if said.category == "E1":
            return _errors(200, "INTERNAL_SERVER_ERROR", "the payer's system is down")
        return _errors(200, "GRAPHQL_VALIDATION_FAILED", "the request's data are wrong")


def _problem(query: object, searched: object) -> str:
    """What the schema does not allow, in a sentence; "" for nothing."""
    if not isinstance(query, str) or not isinstance(searched, dict):
        return "query is to be text, and searchClaimInput an object"
    if unknown := set(_NAME.findall(_ARGUMENTS.sub("", query))) - _FIELDS:
        return f"Cannot query field {min(unknown)}"
    if not searched.get("payerId") or frozenset(searched) - {"payerId"} not in _SEARCHED:
        return "payerId is required, and one of the ways to search"
    return _too_long(searched)


def _misshapen(headers: Mapping[str, str]) -> str:
    """What is wrong with the headers, in a sentence; "" for nothing."""
    if not _TAX_ID.fullmatch(headers["providertaxid"]):
        return "providerTaxId is to be nine digits"
    return "" if _PAGE_TOKEN.fullmatch(headers.get("nextpagetoken", "0")) else "nextPageToken is not known"


def _too_long(searched: Mapping[str, Any]) -> str:
    if "serviceStartDate" not in searched:
        return ""
    try:
        to_date(searched.get("memberDateOfBirth", searched["serviceStartDate"]))
        days = (to_date(searched["serviceEndDate"]) - to_date(searched["serviceStartDate"])).days
    except (ValueError, TypeError):
        return "dates are written MM/DD/YYYY"
    return "" if 0 <= days <= _MOST_DAYS else "the range of dates is too long"


def _claim(said: Said, request: Mapping[str, Any], known: ClaimInquiry | None) -> dict[str, Any]:
    first, last = days_of(known, said)
    number = said.payer_claim_number if said.is_other else request.get("claimNumber") or said.payer_claim_number
    asked = str(request.get("claimNumber") or request.get("patientAccountNumber"))
    codes = [(said.category, said.code), *([said.second_reason] if said.second_reason else [])]
    parts = [{"claim507Code": one, "claim508Code": other} for one, other in codes]
    return {
        "claimNumber": number,
        "claimInventoryControlNumber": "ICN0000001",
        "claimStatus": _WORDS.get(said.category) or _WORDS.get(said.category[0], "In Review"),
        "hasClaimDetails": True,
        # The simulator knows no patients but those of its book, and the request does not tell of one.
        "member": known and _member(known),
        "claimEvents": {
            "receivedDate": _day(first),
            "processedDate": _day(said.day) if said.finalized else None,
            "serviceStartDate": _day(first),
            "serviceEndDate": _day(last),
            "statusEffectiveDate": _day(said.day),
        },
        "claimLevelInfo": {
            "patientAccountNumber": None if said.is_other else request.get("patientAccountNumber") or None,
            "claimType": "P",
        },
        "claimLevelTotalAmount": {
            "totalBilledChargeAmount": str(said.charged),
            "totaldeductibleAmount": "0.00",
            "totalPaidAmount": str(said.paid),
        },
        "claimStatusCrosswalkData": None if asked.endswith("-WORD") else parts,
    }


def _numbers_of(claim: ClaimInquiry) -> dict[str, str]:
    return {"claimNumber": claim.claim_number, "patientAccountNumber": claim.patient_account_number}


def _member(known: ClaimInquiry) -> dict[str, str]:
    return {
        "subscriberId": known.subscriber_id.upper(),
        "firstName": known.first_name.upper(),
        "lastName": known.last_name.upper(),
        "dateOfBirth": _day(known.date_of_birth),
    }


def _page_of(claims: list[dict[str, Any]], first: int, size: int, root: str) -> Reply:
    rest = claims[first + size :]
    return _page(claims[first : first + size], str(first + size) if rest else None, root)


def _page(claims: list[dict[str, Any]], next_token: str | None, root: str = "searchClaim") -> Reply:
    pages = {"hasMoreRecords": next_token is not None, "nextPageToken": next_token}
    return Reply(200, json.dumps({"data": {root: {"claims": claims, "pagination": pages}}}).encode())


def _errors(status: int, code: str, description: str) -> Reply:
    return Reply(status, json.dumps({"errors": [{"code": code, "description": description}]}).encode())


def _day(day: date) -> str:
    return f"{day:%m/%d/%Y}"
