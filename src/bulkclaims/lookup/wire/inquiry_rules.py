"""What every claim status request carries alike, whatever it is written in."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from bulkclaims.errors import InquiryRefused, SettingsWrong
from bulkclaims.records import Capabilities

if TYPE_CHECKING:
    from attrs import Attribute

    from bulkclaims.lookup.payers.availity_request import AvailitySettings
    from bulkclaims.lookup.payers.stedi_request import StediSettings
    from bulkclaims.lookup.x12.inquiry_276 import X12Settings
    from bulkclaims.records import ClaimInquiry, Window

WINDOW_DAYS = 30
"""Stedi advises dates of service in a window of 30 days at most ..."""
PAD_DAYS = 7
"""... and at least a week to either side of the day."""

_RESERVED = frozenset("~*:^")
_LENGTHS = (
    ("payer_id", 2, 80),
    ("first_name", 1, 35),
    ("last_name", 1, 60),
    ("subscriber_id", 2, 80),
    ("claim_number", 0, 50),
    ("patient_account_number", 0, 50),
)
_NPI = re.compile(r"\d{10}")
_TAX_ID = re.compile(r"\d{9}")


def check_kind(_: object, attribute: Attribute[Any], kind: str) -> None:
    """Check the setting that says whose numbers the claim number column holds."""
    if kind not in {"payer", "patient_account"}:
        raise SettingsWrong(f"The setting {attribute.name} is to be payer or patient_account.")


def capabilities_of(settings: AvailitySettings | StediSettings | X12Settings, account: str) -> Capabilities:
    """
    What can be asked where it is made into an X12 276: one claim, by its number, or by patient and dates of service.

    Args:
        settings: Those of the connector.
        account: Names the payer account in the limiter.

    Raises:
        SettingsWrong: It may have no look-up at a time.
    """
    return Capabilities(
        account=account,
        needs=(frozenset({"payer_id"}), frozenset({"npi", "tin"})),
        max_in_flight=settings.max_in_flight,
        rate=settings.rate,
        in_flight_in_all=settings.in_flight_in_all,
        searches_by=(
            frozenset({"claim_number"}),
            frozenset({"subscriber_id", "first_name", "last_name", "date_of_birth", "first_service_date"}),
        ),
        window_days=WINDOW_DAYS,
    )


def check_cells(inquiry: ClaimInquiry) -> None:
    """
    Check that cells fit into the elements of an X12 276, which the JSON APIs of clearinghouses are made into.

    Raises:
        InquiryRefused: One is too short or too long, or holds what separates in X12; nothing is to be sent.
    """
    for name, shortest, longest in _LENGTHS:
        text = getattr(inquiry, name)
        if not shortest <= len(text) <= longest:
            raise InquiryRefused(f"Not sent: {name} is to have {shortest} to {longest} characters for this payer.")
        if not _RESERVED.isdisjoint(text):
            raise InquiryRefused(f"Not sent: {name} holds one of ~ * : ^, which claim messages cannot carry.")


def provider_id(inquiry: ClaimInquiry) -> tuple[Literal["npi", "tin"], str]:
    """
    The billing provider's NPI or, without one, tax id, in digits.

    Raises:
        InquiryRefused: It is none.
    """
    if inquiry.npi:
        if not _NPI.fullmatch(inquiry.npi):
            raise InquiryRefused("Not sent: npi is to be ten digits.")
        return "npi", inquiry.npi
    return "tin", tax_id(inquiry)


def tax_id(inquiry: ClaimInquiry | Window) -> str:
    """
    The billing provider's tax id, in nine digits.

    Raises:
        InquiryRefused: It is none.
    """
    digits = inquiry.tin.replace("-", "")
    if not _TAX_ID.fullmatch(digits):
        raise InquiryRefused("Not sent: tin is to be nine digits.")
    return digits


def dates_of_service(inquiry: ClaimInquiry, today: date, longest: int = WINDOW_DAYS) -> tuple[date, date] | None:
    """
    The window to search: the dates of service and some days around them; None where the inquiry has none.

    Args:
        inquiry: With or without dates of service.
        today: The window ends no later.
        longest: The longest window that the payer takes, in days.

    Raises:
        InquiryRefused: They lie after *today*, or end before they begin.
    """
    first = inquiry.first_service_date or inquiry.last_service_date
    last = inquiry.last_service_date or inquiry.first_service_date
    if first is None or last is None:
        return None
    if last < first or first > today:
        raise InquiryRefused("Not sent: the dates of service lie in the future, or end before they begin.")
    days = (last - first).days + 1
    pad = timedelta(days=max(0, min(PAD_DAYS, (longest - days) // 2)))
    begin = first - pad
    return begin, min(last + pad, begin + timedelta(days=longest - 1), today)
