"""
Optum Real's Claim Inquiry, the GraphQL API of UnitedHealthcare and the payers that joined it.

Source: the vendor's published OpenAPI description of `claim/inquiry/v1`. What it leaves open is a setting here: the
production host, and which error means that there is no such claim.
"""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from bulkclaims.errors import AnswerNotUnderstood, InquiryRefused
from bulkclaims.lookup.payers.optum_real_answer import Page, read_page, told
from bulkclaims.lookup.wire.answer_values import json_of
from bulkclaims.lookup.wire.inquiry_rules import check_kind, dates_of_service, tax_id
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.tokens import ClientCredentials
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.outgoing import check_url
from bulkclaims.records import DATE_FORMAT, Answer, Capabilities, WindowPage

if TYPE_CHECKING:
    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import ClientFactory
    from bulkclaims.privacy import Secret
    from bulkclaims.records import ClaimInquiry, Rate, Window

OPTUM_REAL_URL = "https://apigw.optum.com"
_MOST_PAGES = 20
"""A search by claim number brings one page; what goes on for longer than this is no answer to it."""
_PAGE_SIZE = 50
"""How many claims a page of a window search is taken to hold: not published, and no more than a guide to its cost."""
_WINDOW_DAYS = 90
_SEARCHES_BY = (
    frozenset({"claim_number"}),
    frozenset({"subscriber_id", "date_of_birth", "first_service_date"}),
)
_QUERY = (
    "query SearchClaim($searchClaimInput: SearchClaimInput!) { searchClaim(searchClaimInput: $searchClaimInput) {"
    " claims { claimNumber claimStatus member { subscriberId firstName lastName dateOfBirth }"
    " claimEvents { processedDate serviceStartDate serviceEndDate statusEffectiveDate }"
    " claimLevelInfo { patientAccountNumber } claimLevelTotalAmount { totalBilledChargeAmount totalPaidAmount }"
    " claimStatusCrosswalkData { claim507Code claim508Code } } pagination { hasMoreRecords nextPageToken } } }"
)
"""Asks for what the results file has, and for no more of the patient."""


@frozen(kw_only=True)
class OptumRealSettings:
    """
    How to speak to Optum Real.

    Raises:
        SettingsWrong: A setting is not usable; the sentence names it.
    """

    client_id: str
    client_secret: Secret
    sandbox: bool = False
    """Whether made-up answers are asked for, of the sandbox's own host unless *base_url* names one."""
    base_url: str = ""
    """The vendor's own when blank."""
    account: str = "optum-real"
    """Names the payer account in the limiter."""
    claim_number_kind: Literal["payer", "patient_account"] = field(default="payer", validator=check_kind)
    """Whether the claim number column holds the payer's numbers or the provider's own."""
    not_found_codes: frozenset[str] = frozenset()
    """Codes of errors that mean that there is no such claim, where a payer sends one in place of an empty list."""
    max_in_flight: int = 10
    """Look-ups at a time in one worker process."""
    in_flight_in_all: int | None = None
    """By all workers together, where they share a limiter."""
    rate: Rate | None = None
    """None is published."""

    @property
    def base(self) -> str:
        """Where the API is."""
        host = "https://sandbox-apigw.optum.com" if self.sandbox else OPTUM_REAL_URL
        return (self.base_url or host).rstrip("/")


class OptumRealConnector:
    """
    Asks Optum Real for one claim, by its number or its patient, or for all of a provider's claims in some days.

    Args:
        settings: Whom to ask, and as whom.
        client: Makes the HTTP client, on the event loop that will use it.
        access: Where all workers keep the token; without it each process fetches its own.

    Raises:
        SettingsWrong: A setting is not usable; the sentence names it.
    """

    def __init__(
        self, settings: OptumRealSettings, client: ClientFactory = make_client, access: SharedAccess | None = None
    ) -> None:
        self._settings = settings
        credentials = ClientCredentials(
            url=check_url(f"{settings.base}/apip/auth/sntl/v1/token", "base_url"),
            client_id=settings.client_id,
            client_secret=settings.client_secret,
        )
        url = check_url(f"{settings.base}/oihub/claim/inquiry/v1", "base_url")
        self._line = PayerLine(url, client, credentials, access=access)
        self.capabilities = Capabilities(
            account=settings.account,
            needs=(frozenset({"payer_id"}), frozenset({"tin"})),
            max_in_flight=settings.max_in_flight,
            rate=settings.rate,
            in_flight_in_all=settings.in_flight_in_all,
            searches_by=_SEARCHES_BY,
            window_days=_WINDOW_DAYS,
            page_size=_PAGE_SIZE,
        )

    async def prepare(self) -> None:  # noqa: D102
        await self._line.prepare()

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:  # noqa: D102 -- the contract stands in `interfaces.Connector`
        trace = str(uuid.uuid4())
        body = _body({"payerId": inquiry.payer_id, **self._searched(inquiry)})
        page = await self._page(inquiry, self._headers(inquiry, trace), body)
        claims = list(page.claims)
        for _ in range(_MOST_PAGES):
            if not page.next_token:
                return Answer(tuple(claims), trace)
            page = await self._page(inquiry, self._headers(inquiry, trace, page.next_token), body)
            claims += page.claims
        raise AnswerNotUnderstood("The payer's answer to a question about one claim has no end.")

    async def inquire_window(self, window: Window, page: str = "") -> WindowPage:
        """Ask once for one page, as `interfaces.WindowConnector` has it."""
        headers = self._headers(window, str(uuid.uuid4()), page)
        body = _body({"payerId": window.payer_id, **_days(window.first, window.last)})
        found = await self._page(None, headers, body)
        return WindowPage(found.claims, found.next_token)

    async def aclose(self) -> None:  # noqa: D102
        await self._line.aclose()

    def _searched(self, inquiry: ClaimInquiry) -> dict[str, str]:
        """The claim's number or, where none is known, the patient and the dates of service."""
        if inquiry.claim_number:
            key = "claimNumber" if self._settings.claim_number_kind == "payer" else "patientAccountNumber"
            return {key: inquiry.claim_number}
        window = dates_of_service(inquiry, date.today(), _WINDOW_DAYS)  # noqa: DTZ011 -- where the claims are handled
        if window is None:
            raise InquiryRefused("Not sent: this payer is asked for a claim by its number, or by its dates of service.")
        born = inquiry.date_of_birth.strftime(DATE_FORMAT)
        return {"memberId": inquiry.subscriber_id, "memberDateOfBirth": born, **_days(*window)}

    def _headers(self, asked: ClaimInquiry | Window, trace: str, page: str = "") -> dict[str, str]:
        # Without the tax id every answer is said to be an empty list: "not found" for a whole file.
        headers = {"providerTaxId": tax_id(asked), "x-optum-consumer-correlation-id": trace}
        headers |= {"environment": "sandbox"} if self._settings.sandbox else {}
        return headers | ({"nextPageToken": page} if page else {})

    async def _page(self, inquiry: ClaimInquiry | None, headers: dict[str, str], body: dict[str, Any]) -> Page:
        reply = await self._line.ask("POST", headers, {"json": body}, lambda reply: told(reply, inquiry))
        return read_page(json_of(reply.body), inquiry, self._settings.not_found_codes)


def _days(first: date, last: date) -> dict[str, str]:
    return {"serviceStartDate": first.strftime(DATE_FORMAT), "serviceEndDate": last.strftime(DATE_FORMAT)}


def _body(searched: dict[str, str]) -> dict[str, Any]:
    return {"operationName": "SearchClaim", "query": _QUERY, "variables": {"searchClaimInput": searched}}
