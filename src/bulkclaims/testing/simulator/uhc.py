"""
UnitedHealthcare's API Marketplace from the payer's side: parameters in headers, claims by the page, codes for errors.

Sources: the vendor's own pages on the API, and programs that ask it. Its OpenAPI description is not public, and which
HTTP status stands beside which code is not known, so both are to be had.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from bulkclaims.records import DATE_FORMAT, Window, to_date
from bulkclaims.testing.simulator.book import days_of
from bulkclaims.testing.simulator.dialect import Question
from bulkclaims.testing.simulator.replies import Reply
from bulkclaims.testing.simulator.scenarios import Said, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.records import ClaimInquiry
    from bulkclaims.testing.simulator.book import Book
    from bulkclaims.testing.simulator.dialect import Call

_BY_PROVIDER = "/Claims/api/claim/summary/byprovider/v2.0"
_BY_NUMBER = {
    "/Claims/api/claim/summary/byicn/v2.0": "claimnumber",
    "/Claims/api/claim/summary/bypan/v2.0": "ptntacctnbr",
}
"""Which header names the claim on each route."""
_PAGE = 50
_MOST_CLAIMS = 500
_MOST_DAYS = 90
_FIRST_DAY = date(2020, 1, 1)
"""In place of "24 months ago": made-up claims do not grow older."""
_TIN = re.compile(r"[0-9]{9}")
_NOBODY = "00000"
"""A payer id that nobody may see the claims of."""
_STATUSES = {
    "LCLM_PS_102": 400,
    "LCLM_PS_105": 403,
    "LCLM_PS_106": 400,
    "LCLM_PS_107": 400,
    "LCLM_PS_108": 400,
    "LCLM_PS_111": 400,
    "LCLM_PS_112": 400,
    "LCLM_PS_113": 400,
    "LCLM_PS_201": 404,
    "LCLM_PS_202": 403,
    "LCLM_PS_203": 404,
    "LCLM_PS_301": 504,
    "LCLM_PS_302": 403,
    "LCLM_PS_303": 500,
    "LCLM_PS_304": 500,
    "LCLM_PS_305": 500,
    "LCLM_PS_306": 400,
    "LCLM_PS_307": 400,
    "LCLM_PS_500": 500,
    "LCLM_PA_500": 500,
}
"""Every code, and a status that could stand beside it."""
LCLM_ENDINGS: Mapping[str, tuple[str, int]] = {
    f"-{code.replace('_PS_', '').replace('_', '')}{mark}": (code, status if mark else 200)
    for code, status in _STATUSES.items()
    for mark in ("", "S")
}
"""Endings of claim numbers that bring one of the codes, such as `-LCLM301`: with an `S`, beside an error status too."""
_UNWELCOME = "-401"
"""The ending of claims that no token is good for."""
_TWICE = "-TWICE"
"""The ending of claims that the payer has in two places, of which one is out of date."""
_WORDS = {"F2": "Denied", "A3": "Rejected", "A0": "Misdirected", "F": "Finalized"}


@frozen
class _Page:
    """Where in the claims of a window to go on."""

    window: Window
    claims: tuple[dict[str, Any], ...]
    first: int = 0


class UhcDialect:
    """
    Requests and answers.

    Args:
        book: The claims that searches by days find.
    """

    token_path = "/v1/oauthtoken"  # noqa: S105 -- a route

    def __init__(self, book: Book) -> None:
        self._book = book
        self._pages: dict[str, _Page] = {}

    def token_asked(self, body: bytes) -> object:
        """What a request for a token holds, which is written as a form is."""
        return dict(parse_qsl(body.decode("latin-1")))

    def misrouted(self, call: Call) -> int:
        """The status that refuses a path or method which the API does not have; 0 for none."""
        if call.path not in {_BY_PROVIDER, *_BY_NUMBER}:
            return 404
        return 0 if call.method == "GET" else 405

    def denied(self, status: int) -> Reply:
        """Refuse the credentials, the route or the method."""
        return _error(str(status), status)

    def read(self, call: Call) -> Question | Reply:
        """What is asked by headers, or the code that the real API would refuse it with; a query is not looked at."""
        named = _BY_NUMBER.get(call.path)
        needed = ["tin", "payerid", *([named] if named else [])]
        if not all(map(call.headers.get, needed)) or not _TIN.fullmatch(call.headers["tin"]):
            return _refused("LCLM_PS_102")
        if call.headers["payerid"] == _NOBODY:
            return _refused("LCLM_PS_105")
        if named:
            return Question(call.headers[named], named)
        found = self._window_asked(call.headers)
        return _refused(found) if isinstance(found, str) else Question("", found, looks_up=False)

    def answer(self, question: Question, said: list[Said]) -> Reply:
        """Answer a good request."""
        if isinstance(question.request, _Page):
            return self._page(question.request)
        ending = _ending(question.claim_number)
        if ending == _UNWELCOME:
            return self.denied(401)
        if ending in LCLM_ENDINGS:
            code, status = LCLM_ENDINGS[ending]
            return _error(code, status)
        for one in said:
            if one.category.startswith("E"):
                return _error("LCLM_PS_303" if one.category == "E1" else "LCLM_PS_307", 200)
        return self._single(question, said)

    def trouble(self, trouble: Trouble) -> Reply:
        """Answer that something is wrong."""
        return _error("400", 400) if trouble is Trouble.SYNTAX else _error("LCLM_PS_500", int(trouble.value))

    def _window_asked(self, headers: Mapping[str, str]) -> _Page | str:
        """Where to go on, or where to begin; the code for what cannot be."""
        dates = [headers.get(name, "") for name in ("firstservicedt", "lastservicedt")]
        number = headers.get("transactionid")
        if number is None:
            days = _days_asked(dates)
            return days if isinstance(days, str) else self._search(headers, *days)
        page = self._pages.get(number)
        if page is None:
            return "LCLM_PS_203"
        began_with = [_day(page.window.first), _day(page.window.last)]
        return page if dates in (["", ""], began_with) else "LCLM_PS_106"

    def _search(self, headers: Mapping[str, str], first: date, last: date) -> _Page | str:
        window = Window(headers["payerid"], headers["tin"], first, last)
        claims = [
            entry
            for claim, said in self._book.within(window)
            if _ending(claim.claim_number) not in {*LCLM_ENDINGS, _UNWELCOME}
            for entry in _entries(said, claim, claim.claim_number, claim.patient_account_number)
        ]
        return "LCLM_PS_306" if len(claims) > _MOST_CLAIMS else _Page(window, tuple(claims))

    def _page(self, page: _Page) -> Reply:
        if not page.claims:
            return _refused("LCLM_PS_201")
        then = page.first + _PAGE
        body: dict[str, Any] = {"claims": page.claims[page.first : then]}
        if then < len(page.claims):
            body["transactionId"] = f"SIM-NEXT-PAGE-{len(self._pages) + 1}"
            self._pages[body["transactionId"]] = evolve(page, first=then)
        return Reply(200, json.dumps(body).encode())

    def _single(self, question: Question, said: list[Said]) -> Reply:
        number, known = question.claim_number, self._book.find(question.claim_number)
        claims: list[dict[str, Any]] = []
        for one in said:
            if one.is_other:
                claims.append(_claim(one, None, one.payer_claim_number, ""))
            elif one.found and question.request == "claimnumber":
                claims += _entries(one, known, number, known.patient_account_number if known else "")
            elif one.found:
                claims += _entries(one, known, one.payer_claim_number, number)
            elif one.code == "35":
                return _refused("LCLM_PS_201")
        return Reply(200, json.dumps({"claims": claims}).encode())


def _ending(claim_number: str) -> str:
    return claim_number[max(0, claim_number.rfind("-")) :]


def _days_asked(dates: list[str]) -> tuple[date, date] | str:
    """The first and the last day; the code for what cannot be."""
    if not all(dates):
        return "LCLM_PS_102"
    first, last = map(_read_day, dates)
    if first is None:
        return "LCLM_PS_108"
    if last is None:
        return "LCLM_PS_111"
    if last < first:
        return "LCLM_PS_113"
    if (last - first).days > _MOST_DAYS:
        return "LCLM_PS_112"
    return (first, last) if first >= _FIRST_DAY else "LCLM_PS_107"


def _read_day(text: str) -> date | None:
    with suppress(ValueError):
        day = to_date(text)
        return day if _day(day) == text else None
    return None


def _entries(said: Said, known: ClaimInquiry | None, number: str, account: str) -> list[dict[str, Any]]:
    """The claim as it is listed: of one that is in two places, what is out of date comes first."""
    entry = _claim(said, known, number, account)
    if _TWICE not in {_ending(number), _ending(account)}:
        return [entry]
    earlier = evolve(said, category="P1", code="46", second_reason=None, day=said.day - timedelta(days=14))
    return [_claim(earlier, known, number, account), entry]


def _claim(said: Said, known: ClaimInquiry | None, number: str, account: str) -> dict[str, Any]:
    first, last = days_of(known, said)
    codes = [(said.category, said.code), *([said.second_reason] if said.second_reason else [])]
    return {
        "claimNumber": number,
        "claimStatus": _WORDS.get(said.category) or _WORDS.get(said.category[0], "Acknowledgement"),
        "detailsAvailable": "T",
        "memberInfo": known and _member(known),
        "claimSummary": {
            "receivedDt": _day(first),
            "processedDt": _day(said.day) if said.finalized else None,
            "firstSrvcDt": _day(first),
            "lastSrvcDt": _day(last),
            "ptntAcctNbr": account or None,
            "claimType": "P",
            "statusEfctDt": _day(said.day),
            "totalChargedAmt": str(said.charged),
            "totalPaidAmt": str(said.paid),
            "clmXWalkData": [{"clm507Cd": one, "clm508Cd": other, "clmIcnSufxCd": "01"} for one, other in codes],
        },
    }


def _member(known: ClaimInquiry) -> dict[str, str]:
    return {
        "subscriberId": f"{known.subscriber_id.upper()}-00",
        "ptntFn": known.first_name.upper(),
        "ptntLn": known.last_name.upper(),
        "ptntDob": _day(known.date_of_birth),
    }


def _refused(code: str) -> Reply:
    """Refuse a request with a fitting status; "no data" is a success, as it is for the other dialects."""
    return _error(code, 200 if code == "LCLM_PS_201" else _STATUSES[code])


def _error(code: str, status: int) -> Reply:
    return Reply(status, json.dumps({"errors": [{"code": code, "message": "(payer text)"}]}).encode())


def _day(day: date) -> str:
    return day.strftime(DATE_FORMAT)
