"""
UnitedHealthcare's API Marketplace, Claims v2.0: claim summaries by provider and days of service, or by claim number.

Sources: the vendor's own pages on the API, and programs that ask it; its OpenAPI description is not public. What these
leave open, or contradict each other in, is a setting here. All that is asked stands in headers, never in the address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from bulkclaims.errors import AnswerNotUnderstood, InquiryRefused, PageGone, SettingsWrong, WindowTooFull
from bulkclaims.lookup.matching import without_marks
from bulkclaims.lookup.payers.uhc_answer import DatesConflict, read_page, told
from bulkclaims.lookup.wire.inquiry_rules import check_kind, tax_id
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.tokens import ClientCredentials
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.outgoing import check_url
from bulkclaims.records import DATE_FORMAT, Answer, Capabilities, WindowPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attrs import Attribute

    from bulkclaims.lookup.wire.http_status import ErrorClass
    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import ClientFactory
    from bulkclaims.privacy import Secret
    from bulkclaims.records import ClaimInquiry, Rate, Window

_PAGE_SIZE = 50
_LOOKBACK_MONTHS = 24
_MOST_DAYS = 90
_PATH = re.compile(r"/[^?#\s]*")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_CLASSES: Mapping[int, ErrorClass | None] = {401: "access_expired", **dict.fromkeys((400, *range(402, 600)))}
"""What a status says before the body is read: nothing, but for 401."""


def _check_days(_: object, attribute: Attribute[Any], days: int) -> None:
    if not 1 <= days <= _MOST_DAYS:
        raise SettingsWrong(f"The setting {attribute.name} is to be 1 to {_MOST_DAYS}.")


def _check_path(_: object, attribute: Attribute[Any], path: str) -> None:
    if not _PATH.fullmatch(path):
        raise SettingsWrong(f"The setting {attribute.name} is to be a path, such as /Claims/api/claim.")


def _check_header(_: object, attribute: Attribute[Any], name: str) -> None:
    if not _HEADER.fullmatch(name):
        raise SettingsWrong(f"The setting {attribute.name} is to be the name of a header.")


@frozen(kw_only=True)
class UhcSettings:
    """
    How to speak to UnitedHealthcare's API Marketplace.

    Raises:
        SettingsWrong: A setting is not usable; the sentence names it.
    """

    client_id: str
    client_secret: Secret
    base_url: str = "https://apimarketplace.uhc.com"
    token_path: str = field(default="/v1/oauthtoken", validator=_check_path)
    """Where a token is bought; `/oauth/token` has been seen too."""
    by_provider_path: str = field(default="/Claims/api/claim/summary/byprovider/v2.0", validator=_check_path)
    by_claim_path: str = field(default="/Claims/api/claim/summary/byicn/v2.0", validator=_check_path)
    """Not confirmed: made after version 1 of the same route."""
    by_account_path: str = field(default="/Claims/api/claim/summary/bypan/v2.0", validator=_check_path)
    """Not confirmed; asked where *claim_number_kind* is `patient_account`."""
    claim_number_header: str = field(default="claimNumber", validator=_check_header)
    """Not confirmed."""
    account_number_header: str = field(default="ptntAcctNbr", validator=_check_header)
    """Not confirmed."""
    standard_errors: bool = False
    """Whether errors are asked for in the vendor's other shape (`getStandardError`); both are read."""
    window_days: int = field(default=30, validator=_check_days)
    """The longest range of days to search. The vendor says less than 31 in one place, and 90 in another."""
    account: str = "uhc"
    """Names the payer account in the limiter."""
    claim_number_kind: Literal["payer", "patient_account"] = field(default="payer", validator=check_kind)
    """Whether the claim number column holds the payer's numbers or the provider's own."""
    max_in_flight: int = 10
    """Look-ups at a time in one worker process."""
    in_flight_in_all: int | None = None
    """By all workers together, where they share a limiter."""
    rate: Rate | None = None
    """None is published."""


class UhcConnector:
    """
    Asks UnitedHealthcare for one claim by its number, or for all of a provider's claims in some days of service.

    Args:
        settings: Whom to ask, and as whom.
        client: Makes the HTTP client, on the event loop that will use it.
        access: Where all workers keep the token; without it each process fetches its own.

    Raises:
        SettingsWrong: A setting is not usable; the sentence names it.
    """

    def __init__(
        self, settings: UhcSettings, client: ClientFactory = make_client, access: SharedAccess | None = None
    ) -> None:
        self._settings = settings
        base = settings.base_url.rstrip("/")
        credentials = ClientCredentials(
            url=check_url(base + settings.token_path, "base_url"),
            client_id=settings.client_id,
            client_secret=settings.client_secret,
        )
        url = check_url(base + settings.by_provider_path, "base_url")
        self._line = PayerLine(url, client, credentials, _CLASSES, access)
        by_payers_number = settings.claim_number_kind == "payer"
        path = settings.by_claim_path if by_payers_number else settings.by_account_path
        self._path = check_url(base + path, "base_url").path
        self._header = settings.claim_number_header if by_payers_number else settings.account_number_header
        self._dates_with_pages = True
        self.capabilities = Capabilities(
            account=settings.account,
            needs=(frozenset({"payer_id"}), frozenset({"tin"})),
            max_in_flight=settings.max_in_flight,
            rate=settings.rate,
            in_flight_in_all=settings.in_flight_in_all,
            window_days=settings.window_days,
            page_size=_PAGE_SIZE,
            lookback_months=_LOOKBACK_MONTHS,
        )

    async def prepare(self) -> None:  # noqa: D102
        await self._line.prepare()

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:  # noqa: D102 -- the contract stands in `interfaces.Connector`
        headers = self._headers(inquiry) | {self._header: _header_text(inquiry.claim_number, "claim_number")}
        try:
            # More than a page cannot be of one number, and `transactionId` may stand for something else here.
            page = await self._ask(headers, inquiry, self._path)
        except (PageGone, WindowTooFull):
            raise AnswerNotUnderstood("The payer answered a question about one claim like a search of days.") from None
        return Answer(page.claims)

    async def inquire_window(self, window: Window, page: str = "") -> WindowPage:
        """Ask once for one page, as `interfaces.WindowConnector` has it."""
        days = {
            "firstServiceDt": window.first.strftime(DATE_FORMAT),
            "lastServiceDt": window.last.strftime(DATE_FORMAT),
        }
        headers = self._headers(window)
        if not page:
            return await self._ask(headers | days)
        headers |= {"transactionId": page}
        if self._dates_with_pages:
            try:
                return await self._ask(headers | days)
            except DatesConflict:
                # Its clients repeat the whole call; its table of errors says dates *or* a page. One of them is right.
                self._dates_with_pages = False
        return await self._ask(headers)

    async def aclose(self) -> None:  # noqa: D102
        await self._line.aclose()

    def _headers(self, asked: ClaimInquiry | Window) -> dict[str, str]:
        headers = {"tin": tax_id(asked), "payerId": _header_text(asked.payer_id, "payer_id")}
        return headers | ({"getStandardError": "true"} if self._settings.standard_errors else {})

    async def _ask(self, headers: dict[str, str], inquiry: ClaimInquiry | None = None, path: str = "") -> WindowPage:
        reply = await self._line.ask("GET", headers, {}, lambda reply: told(reply, inquiry), path)
        return read_page(reply, inquiry)


def _header_text(text: str, name: str) -> str:
    """
    A cell as a header can carry it: without accents.

    Raises:
        InquiryRefused: It still holds something else; nothing is to be sent.
    """
    plain = without_marks(text).strip()
    if not plain or not plain.isascii() or not plain.isprintable():
        raise InquiryRefused(f"Not sent: {name} is blank or holds a character that this payer's requests cannot carry.")
    return plain
