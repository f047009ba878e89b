"""
What `claimstatus/v2` refuses in a request.

Sources: Stedi's and Optum's published OpenAPI descriptions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RESERVED = re.compile(r"[~*:^]")
_DATE = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
UNKNOWN_PAYER = "00000"
"""A payer id that no payer has: such a request is refused."""


@frozen
class _Rule:
    shape: re.Pattern[str]
    says: str
    required: bool = False


def _text(longest: int, shortest: int = 1, *, required: bool = False) -> _Rule:
    shape = re.compile(f".{{{shortest},{longest}}}", re.DOTALL)
    return _Rule(shape, f"text of {shortest} to {longest} characters", required)


def _shape(pattern: str, says: str, *, required: bool = False) -> _Rule:
    return _Rule(re.compile(pattern, re.ASCII), says, required)


_DAY = _shape(_DATE, "a date as YYYYMMDD")
_GENDERS = {"stedi": _shape("[MF]", "M or F"), "optum": _shape("[MFU]", "M, F or U")}
_TOP = {"tradingPartnerServiceId": _text(80, 2, required=True), "controlNumber": _text(9, 9)}
_PROVIDER = {
    "providerType": _shape("BillingProvider|ServiceProvider", "BillingProvider or ServiceProvider", required=True),
    "npi": _shape(r"\d{10}", "ten digits"),
    "taxId": _shape(r"\d{9}", "nine digits"),
    "etin": _text(80, 2),
    "tin": _text(80, 2),
    "organizationName": _text(60),
    "firstName": _text(35),
    "lastName": _text(60),
}
_PERSON = {
    "firstName": _text(35, required=True),
    "lastName": _text(60, required=True),
    "suffix": _text(10),
    "groupNumber": _text(50),
    "dateOfBirth": _DAY,
}
_DEPENDENT = {face: {**_PERSON, "gender": gender} for face, gender in _GENDERS.items()}
_SUBSCRIBER = {face: {**rules, "memberId": _text(80, 2, required=True)} for face, rules in _DEPENDENT.items()}
_PATIENT = {face: {**rules, "dateOfBirth": evolve(_DAY, required=True)} for face, rules in _SUBSCRIBER.items()}
"""The subscriber, unless a dependent is the patient."""
_PROVIDER_IDS = ("npi", "taxId", "etin", "tin")
_ENCOUNTER = {
    "beginningDateOfService": _DAY,
    "endDateOfService": _DAY,
    "submittedAmount": _text(18),
    **dict.fromkeys(
        (
            "tradingPartnerClaimNumber",
            "patientAccountNumber",
            "clearingHouseClaimNumber",
            "trackingNumber",
            "billingType",
            "locationIdentifier",
            "pharmacyPrescriptionNumber",
        ),
        _text(50),
    ),
}
_LINE = {
    "productOrServiceIDQualifier": _shape("AD|ER|HC|HP|IV|N4|NU|WK", "a qualifier of the list", required=True),
    **dict.fromkeys(
        ("procedureCode", "lineItemChargeAmount", "unitsOfServiceCount", "serviceLineDate"), _text(50, required=True)
    ),
}


def refusal(request: object, face: str) -> str:
    """
    Say what the real API would refuse about a request's body, first of all; "" when nothing.

    Args:
        request: The body, as parsed from JSON.
        face: `stedi` or `optum`.
    """
    if not isinstance(request, dict):
        return "the body must be a JSON object"
    return next(_problems(request, face), "")


def _problems(request: Mapping[str, Any], face: str) -> Iterator[str]:
    yield from _fields("", request, _TOP)
    if request.get("tradingPartnerServiceId") == UNKNOWN_PAYER:
        yield "tradingPartnerServiceId is no payer we know"
    yield from _providers(request.get("providers"))
    yield from _people(request, face)
    yield from _optional_object("encounter", request.get("encounter"), _ENCOUNTER)
    yield from _dates_of_service(request.get("encounter") or {})
    if (lines := request.get("serviceLinesInformation")) is not None:
        yield from _lines(lines)
    if _has_reserved(request):
        yield "the characters ~ * : ^ are reserved and may stand in no value"


def _providers(providers: object) -> Iterator[str]:
    if not isinstance(providers, list) or not all(isinstance(provider, dict) for provider in providers):
        yield "providers must be a list of objects"
    elif [provider.get("providerType") for provider in providers].count("BillingProvider") != 1:
        yield "providers must hold exactly one BillingProvider"
    else:
        for provider in providers:
            yield from _provider(provider)


def _provider(provider: Mapping[str, Any]) -> Iterator[str]:
    yield from _fields("providers.", provider, _PROVIDER)
    if not any(map(provider.get, _PROVIDER_IDS)):
        yield "a provider needs one of npi, taxId, etin and tin"
    if not (provider.get("organizationName") or (provider.get("firstName") and provider.get("lastName"))):
        yield "a provider needs organizationName, or firstName and lastName"


def _people(request: Mapping[str, Any], face: str) -> Iterator[str]:
    """Check the subscriber, and the dependent if one is sent."""
    dependent = request.get("dependent")
    yield from _object("subscriber", request.get("subscriber"), (_PATIENT if dependent is None else _SUBSCRIBER)[face])
    yield from _optional_object("dependent", dependent, _DEPENDENT[face])


def _dates_of_service(encounter: Mapping[str, Any]) -> Iterator[str]:
    begin, end = encounter.get("beginningDateOfService"), encounter.get("endDateOfService")
    if begin and end and end < begin:
        yield "endDateOfService must not be before beginningDateOfService"


def _lines(lines: object) -> Iterator[str]:
    if not isinstance(lines, list):
        yield "serviceLinesInformation must be a list"
    else:
        for line in lines:
            yield from _object("serviceLinesInformation", line, _LINE)


def _optional_object(name: str, value: object, rules: Mapping[str, _Rule]) -> Iterator[str]:
    if value is not None:
        yield from _object(name, value, rules)


def _object(name: str, value: object, rules: Mapping[str, _Rule]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _fields(f"{name}.", value, rules)
    else:
        yield f"{name} must be an object"


def _fields(prefix: str, value: Mapping[str, Any], rules: Mapping[str, _Rule]) -> Iterator[str]:
    for name, rule in rules.items():
        text = value.get(name)
        if text is None:
            if rule.required:
                yield f"{prefix}{name} is missing"
        elif not isinstance(text, str) or not rule.shape.fullmatch(text):
            yield f"{prefix}{name} must be {rule.says}"


def _has_reserved(value: object) -> bool:
    if isinstance(value, str):
        return _RESERVED.search(value) is not None
    if isinstance(value, dict):
        return any(map(_has_reserved, value.values()))
    return isinstance(value, list) and any(map(_has_reserved, value))
