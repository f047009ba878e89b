"""What Stedi's and Optum's `claimstatus/v2` is asked, by the rules of their published OpenAPI descriptions."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup.wire.inquiry_rules import check_cells, check_kind, dates_of_service, provider_id
from bulkclaims.lookup.wire.tokens import ClientCredentials
from bulkclaims.outgoing import check_url

if TYPE_CHECKING:
    from datetime import date
    from typing import Literal

    import httpx

    from bulkclaims.lookup.payers.stedi_x12 import X12Route
    from bulkclaims.lookup.x12 import X12Settings
    from bulkclaims.privacy import Secret
    from bulkclaims.records import ClaimInquiry, Rate

STEDI_URL = "https://healthcare.us.stedi.com/2024-04-01"
OPTUM_URL = "https://apigw.optum.com"

_ACCOUNT_LENGTH = 100
_NAME_LENGTH = 60
_RESERVED = frozenset("~*:^")
_PROVIDER_KEYS = {"npi": "npi", "tin": "taxId"}
_GENDERS = {"stedi": "MF", "optum": "MFU"}


@frozen(kw_only=True)
class StediSettings:
    """
    How to speak to Stedi, or to Optum's Medical Network, whose API is nearly the same.

    Raises:
        SettingsWrong: Something is missing or does not fit together; the sentence names it.
    """

    organization_name: str
    """The billing provider's name, at most 60 characters and none of ~ * : ^."""
    face: Literal["stedi", "optum"] = "stedi"
    account: str = ""
    """Names the payer account in the limiter; the face when blank. Two accounts of one payer need a name each."""
    base_url: str = ""
    """The face's own address when blank."""
    api_key: Secret | None = None
    """For Stedi."""
    client_id: str = ""
    client_secret: Secret | None = None
    """For Optum, with *client_id*."""
    claim_number_kind: Literal["payer", "patient_account"] = field(default="payer", validator=check_kind)
    """Whether the claim number column holds the payer's numbers or the provider's own."""
    max_in_flight: int = 10
    """Look-ups at a time in one worker process."""
    in_flight_in_all: int | None = None
    """By all workers together, where they share a limiter; Stedi allows 50 at a time for a whole account."""
    rate: Rate | None = None
    x12: X12Route | None = None
    """Asks by X12, on the vendor's route for it, so that second reasons come along; by JSON when None."""

    def __attrs_post_init__(self) -> None:
        """Check what single fields cannot."""
        if self.face not in {"stedi", "optum"}:
            raise SettingsWrong("The setting face is to be stedi or optum.")
        check_url(self._base, "base_url")
        if len(self.account) > _ACCOUNT_LENGTH or not _is_plain(self.account):
            raise SettingsWrong(f"The setting account is to hold at most {_ACCOUNT_LENGTH} printable ASCII characters.")
        name = self.organization_name
        if not 0 < len(name) <= _NAME_LENGTH or not _RESERVED.isdisjoint(name):
            raise SettingsWrong(
                f"The setting organization_name is to hold 1 to {_NAME_LENGTH} characters, and none of ~ * : ^."
            )
        _check_secret(self.api_key, "api_key")
        _check_secret(self.client_secret, "client_secret")
        if self.face == "stedi" and self.api_key is None:
            raise SettingsWrong("The setting api_key is missing: Stedi is asked with an API key.")
        if self.face == "optum" and not (self.client_id and self.client_secret):
            raise SettingsWrong("The settings client_id and client_secret are missing: Optum is asked with a token.")
        _ = self.x12_settings

    @property
    def url(self) -> httpx.URL:
        """Where look-ups go."""
        path = "/change/medicalnetwork/claimstatus/v2" if self.face == "stedi" else "/medicalnetwork/claimstatus/v2/"
        return check_url(self._base + (f"{path.rstrip('/')}/raw-x12" if self.x12 else path), "base_url")

    @property
    def x12_settings(self) -> X12Settings | None:
        """What a 276 is written with; None where JSON is asked."""
        return self.x12.settings(self.organization_name, self.claim_number_kind) if self.x12 else None

    @property
    def credentials(self) -> ClientCredentials | None:
        """What Optum's tokens are bought with; None for Stedi."""
        if self.face == "stedi" or self.client_secret is None:
            return None
        return ClientCredentials(
            url=check_url(f"{self._base}/apip/auth/v2/token", "base_url"),
            client_id=self.client_id,
            client_secret=self.client_secret,
            body="json",
        )

    @property
    def _base(self) -> str:
        return (self.base_url or (STEDI_URL if self.face == "stedi" else OPTUM_URL)).rstrip("/")


def _check_secret(secret: Secret | None, name: str) -> None:
    if secret is not None and not _is_plain(secret.reveal()):
        raise SettingsWrong(
            f"The setting {name} holds a character that is not printable ASCII, which no key has; copy it anew."
        )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def request_body(inquiry: ClaimInquiry, settings: StediSettings, today: date) -> dict[str, Any]:
    """
    Write the request for one inquiry.

    Args:
        inquiry: What to ask.
        settings: Whom we ask as.
        today: No date of service asked for lies after it.

    Raises:
        InquiryRefused: A cell cannot be carried by this API; nothing is to be sent.
    """
    check_cells(inquiry)
    kind, provider = provider_id(inquiry)
    body: dict[str, Any] = {
        "tradingPartnerServiceId": inquiry.payer_id,
        "providers": [
            {
                "providerType": "BillingProvider",
                "organizationName": settings.organization_name,
                _PROVIDER_KEYS[kind]: provider,
            }
        ],
        "subscriber": {
            "memberId": inquiry.subscriber_id,
            "firstName": inquiry.first_name,
            "lastName": inquiry.last_name,
            "dateOfBirth": f"{inquiry.date_of_birth:%Y%m%d}",
            **_gender(inquiry, settings.face),
        },
        "encounter": _dates_of_service(inquiry, today) | _numbers(inquiry, settings),
    }
    if settings.face == "optum":
        body["controlNumber"] = f"{secrets.randbelow(10**9):09d}"
    return body


def _gender(inquiry: ClaimInquiry, face: str) -> dict[str, str]:
    letter = inquiry.gender[:1].upper()
    return {"gender": letter} if letter and letter in _GENDERS[face] else {}


def _numbers(inquiry: ClaimInquiry, settings: StediSettings) -> dict[str, str]:
    """Those that are known; without any, the patient's claims of these days are searched for."""
    numbers = {"patientAccountNumber": inquiry.claim_number}
    if settings.claim_number_kind == "payer":
        numbers = {
            "tradingPartnerClaimNumber": inquiry.claim_number,
            "patientAccountNumber": inquiry.patient_account_number,
        }
    return {name: number for name, number in numbers.items() if number}


def _dates_of_service(inquiry: ClaimInquiry, today: date) -> dict[str, str]:
    window = dates_of_service(inquiry, today)
    if window is None:
        return {}
    begin, end = window
    return {"beginningDateOfService": f"{begin:%Y%m%d}", "endDateOfService": f"{end:%Y%m%d}"}
