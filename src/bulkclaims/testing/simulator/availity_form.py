"""
What Availity's claim statuses refuse in a form.

Source: the vendor's published Swagger description of claim statuses; which fields cannot be left out, its clients
report.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from bulkclaims.testing.simulator.request_rules import UNKNOWN_PAYER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEXT = re.compile(r"[^~*:^\x00-\x1f]{1,60}")
_PERSON = ("lastName", "firstName", "middleName", "suffix")
_TEXTS = (
    "payer.id",
    *(f"{who}.{name}" for who in ("submitter", "providers", "subscriber", "patient") for name in _PERSON),
    "submitter.id",
    "providers.payerAssignedProviderId",
    "subscriber.memberId",
    "patient.accountNumber",
    "claimNumber",
)
_SHAPES = {
    "providers.npi": re.compile(r"[0-9]{10}"),
    "providers.taxId": re.compile(r"[0-9]{9}"),
    "patient.genderCode": re.compile("[MFU]"),
    "patient.subscriberRelationshipCode": re.compile("18|01|19|G8"),
    "claimAmount": re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?"),
    "facilityTypeCode": re.compile("[0-9A-Z]{2}"),
    "frequencyTypeCode": re.compile("[0-9A-Z]"),
    **dict.fromkeys(_TEXTS, _TEXT),
}
_DATES = ("patient.birthDate", "fromDate", "toDate")
_REQUIRED = (
    "payer.id",
    "providers.lastName",
    "subscriber.memberId",
    "patient.lastName",
    "patient.firstName",
    "patient.birthDate",
    "patient.subscriberRelationshipCode",
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def fields_of(body: bytes) -> dict[str, str] | None:
    """The fields of a form; None when it is none, or names a field twice."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None


def problems(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with which field."""
    for name, text in form.items():
        if says := _problem(name, text):
            yield name, says
    for name in _REQUIRED:
        if name not in form:
            yield name, "is required"
    if not {"providers.npi", "providers.taxId"} & form.keys():
        yield "providers.npi", "is required"
    if form.get("fromDate", "") > form.get("toDate", "9"):
        yield "toDate", "must not come before fromDate"
    if form.get("payer.id") == UNKNOWN_PAYER:
        yield "payer.id", "is no payer we know"


def _problem(name: str, text: str) -> str:
    if name in _DATES:
        return "" if _is_date(text) else "must be a date as YYYY-MM-DD"
    if name not in _SHAPES:
        return "is not known"
    return "" if _SHAPES[name].fullmatch(text) else "has a wrong form"


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
