"""
What Availity is told: whom we ask as, and the form of one inquiry.

Source: the vendor's published Swagger description of claim statuses, and what its clients report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from attrs import field, frozen

from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup.wire.inquiry_rules import check_cells, check_kind, dates_of_service, provider_id
from bulkclaims.outgoing import check_url

if TYPE_CHECKING:
    from datetime import date

    import httpx

    from bulkclaims.privacy import Secret
    from bulkclaims.records import ClaimInquiry, Rate

AVAILITY_URL = "https://api.availity.com/v1"

Relationship = Literal["18", "01", "19", "G8"]
_SELF: Final = "18"
_SCOPE = "healthcare-hipaa-transactions"
_NAME_LENGTH = 60
_RESERVED = frozenset("~*:^")
_PROVIDER_KEYS = {"npi": "providers.npi", "tin": "providers.taxId"}
_GENDERS = frozenset("MF")


@frozen(kw_only=True)
class AvailitySettings:
    """
    How to speak to Availity.

    Raises:
        SettingsWrong: Something is missing or does not fit together; the sentence names it.
    """

    client_id: str
    client_secret: Secret
    provider_name: str
    """The billing organisation's name, at most 60 characters and none of ~ * : ^."""
    submitter_name: str = ""
    """The name of the organisation that asks, where payers want it; left out when blank."""
    submitter_id: str = ""
    """Its id at Availity or the payer; left out when blank."""
    scope: str = ""
    """What the token is for, product and plan; when blank the documented one of live data or, with *demo*, of the
    demonstration."""
    demo: bool = False
    """Whether canned answers are welcome. Otherwise one ends the job, lest it be taken for a payer's."""
    mock_scenario: str = ""
    """Which canned answer is asked for, with *demo*."""
    base_url: str = AVAILITY_URL
    """The base path is part of it."""
    account: str = "availity"
    """Names the payer account in the limiter."""
    claim_number_kind: Literal["payer", "patient_account"] = field(default="payer", validator=check_kind)
    """Whether the claim number column holds the payer's numbers or the provider's own."""
    relationship: Relationship = _SELF
    """Who patients are to their subscribers, for all rows: 18 themselves, 01 spouses, 19 children, G8 others."""
    complete_codes: frozenset[str] = frozenset({"4"})
    """States of a look-up that say that it is over: an empty list is "not found" then."""
    failed_codes: frozenset[str] = frozenset({"7", "13", "14", "15"})
    """States of a look-up that say that the payer could not be reached: it is given up, and the inquiry sent anew."""
    refused_codes: frozenset[str] = frozenset({"19"})
    """States of a look-up that say that the request was wrong."""
    max_in_flight: int = 10
    """Look-ups at a time in one worker process."""
    in_flight_in_all: int | None = None
    """By all workers together, where they share a limiter."""
    rate: Rate | None = None
    """Published are 100 requests a second and 100,000 a day, polls included; for the demonstration 5 and 500."""

    def __attrs_post_init__(self) -> None:
        """Check what single fields cannot."""
        if not self.client_id:
            raise SettingsWrong("The setting client_id is missing: Availity is asked with a token.")
        if not self.provider_name:
            raise SettingsWrong("The setting provider_name is missing: the billing organisation's name.")
        for name in ("provider_name", "submitter_name", "submitter_id"):
            _check_text(getattr(self, name), name)
        if self.relationship not in get_args(Relationship):
            raise SettingsWrong("The setting relationship is to be 18, 01, 19 or G8.")
        if self.mock_scenario and not self.demo:
            raise SettingsWrong("The setting mock_scenario needs demo beside it: it asks for a canned answer.")
        if not (self.mock_scenario.isascii() and self.mock_scenario.isprintable()):
            raise SettingsWrong("The setting mock_scenario is to hold printable ASCII characters alone.")

    @property
    def url(self) -> httpx.URL:
        """Where inquiries are sent."""
        return check_url(f"{self.base_url.rstrip('/')}/claim-statuses", "base_url")

    @property
    def token_url(self) -> httpx.URL:
        """Where tokens are bought."""
        return check_url(f"{self.base_url.rstrip('/')}/token", "base_url")

    @property
    def token_scope(self) -> str:
        """What tokens are bought for."""
        return self.scope or f"{_SCOPE} {_SCOPE}-{'demo' if self.demo else 'standard'}"


def _check_text(text: str, name: str) -> None:
    if len(text) > _NAME_LENGTH or not _RESERVED.isdisjoint(text):
        raise SettingsWrong(f"The setting {name} is to hold at most {_NAME_LENGTH} characters, and none of ~ * : ^.")


def request_form(inquiry: ClaimInquiry, settings: AvailitySettings, today: date) -> dict[str, str]:
    """
    Write the form for one inquiry.

    Args:
        inquiry: What to ask.
        settings: Whom we ask as.
        today: No date of service asked for lies after it.

    Raises:
        InquiryRefused: A cell cannot be carried by this API; nothing is to be sent.
    """
    check_cells(inquiry)
    kind, provider = provider_id(inquiry)
    form = {
        "payer.id": inquiry.payer_id,
        "submitter.lastName": settings.submitter_name,
        "submitter.id": settings.submitter_id,
        "providers.lastName": settings.provider_name,
        _PROVIDER_KEYS[kind]: provider,
        **_subscriber(inquiry, settings),
        **_patient(inquiry, settings),
        **_dates(inquiry, today),
        **_numbers(inquiry, settings),
    }
    return {name: text for name, text in form.items() if text}


def _subscriber(inquiry: ClaimInquiry, settings: AvailitySettings) -> dict[str, str]:
    """The row knows the patient's name alone, which is the subscriber's only where the two are one."""
    member = {"subscriber.memberId": inquiry.subscriber_id}
    if settings.relationship != _SELF:
        return member
    return member | {"subscriber.lastName": inquiry.last_name, "subscriber.firstName": inquiry.first_name}


def _patient(inquiry: ClaimInquiry, settings: AvailitySettings) -> dict[str, str]:
    letter = inquiry.gender[:1].upper()
    return {
        "patient.lastName": inquiry.last_name,
        "patient.firstName": inquiry.first_name,
        "patient.birthDate": inquiry.date_of_birth.isoformat(),
        "patient.genderCode": letter if letter in _GENDERS else "",
        "patient.subscriberRelationshipCode": settings.relationship,
    }


def _dates(inquiry: ClaimInquiry, today: date) -> dict[str, str]:
    window = dates_of_service(inquiry, today)
    return {"fromDate": window[0].isoformat(), "toDate": window[1].isoformat()} if window else {}


def _numbers(inquiry: ClaimInquiry, settings: AvailitySettings) -> dict[str, str]:
    if settings.claim_number_kind == "patient_account":
        return {"patient.accountNumber": inquiry.claim_number}
    return {"claimNumber": inquiry.claim_number, "patient.accountNumber": inquiry.patient_account_number}
