"""
X12 from the payer's side: the 276 read strictly, the 277 and 999 that answer it.

Sources: guides 005010X212 and 005010X231A1, as far as claim status inquiries of one patient go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from bulkclaims.errors import AnswerNotUnderstood
from bulkclaims.lookup.x12.segments import Segment, put_together, take_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkclaims.testing.simulator.scenarios import Said

_WHEN = r"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_BIRTH = rf"DMG\*D8\*(?P<birth>{_WHEN})(?:\*(?P<gender>[FMU]))?"


class Malformed(Exception):
    """
    A 276 that breaks its guide.

    Args:
        segment: The name of what is wrong or missing.
        place: Which segment of the transaction set it is, from 1 for ST.
    """

    def __init__(self, segment: str, place: int) -> None:
        super().__init__(segment)
        self.segment = segment
        self.place = place


@frozen
class _Step:
    """What may stand at one place of a 276."""

    name: str
    shape: re.Pattern[str]
    required: bool = True


def _must(shape: str) -> _Step:
    return _Step(shape.partition("\\")[0], re.compile(shape + "~"))


def _may(shape: str) -> _Step:
    return _Step("", re.compile(shape + "~"), required=False)


_STEPS = (
    _must(
        r"ISA\*00\* {10}\*00\* {10}\*\w\w\*(?P<sender>.{15})\*\w\w\*(?P<receiver>.{15})"
        r"\*\d{6}\*\d{4}\*.\*00501\*(?P<control>\d{9})\*[01]\*[PT]\*."
    ),
    _must(r"GS\*HR\*[^*]{2,15}\*[^*]{2,15}\*\d{8}\*\d{4,8}\*(?P<group>\d{1,9})\*X\*005010X212"),
    _must(r"ST\*276\*(?P<set>\w{4,9})\*005010X212"),
    _must(rf"BHT\*0010\*13\*[^*]{{1,50}}\*{_WHEN}\*\d{{4,8}}"),
    _must(r"HL\*1\*\*20\*1"),
    _must(r"NM1\*PR\*2\*[^*]{1,60}\*{5}PI\*(?P<payer>[^*]{2,80})"),
    _must(r"HL\*2\*1\*21\*1"),
    _must(r"NM1\*41\*[12]\*[^*]{1,60}\*(?:[^*]*\*){4}46\*[^*]{2,80}"),
    _must(r"HL\*3\*2\*19\*1"),
    _must(r"NM1\*1P\*2\*(?P<clinic>[^*]{1,60})\*{5}(?:XX\*(?P<npi>\d{10})|FI\*(?P<tin>\d{9}))"),
    _must(r"HL\*4\*3\*22\*(?P<parts>[01])"),
    _may(_BIRTH),
    _must(r"NM1\*IL\*1\*(?P<last>[^*]{1,60})\*(?P<first>[^*]{1,35})\*{4}MI\*(?P<member>[^*]{2,80})"),
    _may(r"HL\*5\*4\*(?P<dependent>23)"),
    _may(_BIRTH.replace("birth", "dependent_birth").replace("gender", "dependent_gender")),
    _may(r"NM1\*QC\*1\*(?P<dependent_last>[^*]{1,60})\*(?P<dependent_first>[^*]{1,35})"),
    _must(r"TRN\*1\*(?P<trace>[^*]{1,50})"),
    _may(r"REF\*1K\*(?P<number>[^*]{1,50})"),
    _may(r"REF\*EJ\*(?P<account>[^*]{1,50})"),
    _may(r"AMT\*T3\*(?P<amount>\d{1,18}(?:\.\d{1,2})?)"),
    _may(rf"DTP\*472\*(?:D8\*(?P<day>{_WHEN})|RD8\*(?P<begin>{_WHEN})-(?P<end>{_WHEN}))"),
    _must(r"SE\*(?P<count>\d{1,10})\*(?P<set_again>\w{4,9})"),
    _must(r"GE\*1\*(?P<group_again>\d{1,9})"),
    _must(r"IEA\*1\*(?P<control_again>\d{9})"),
)
_ENVELOPE = 2
"""ISA and GS come before the transaction set."""


def read_276(message: str) -> dict[str, Any]:
    """
    Read what a 276 asks, as the same request would be in JSON.

    Raises:
        Malformed: It is no 276 of one patient, to the letter of its guide.
    """
    try:
        segments = take_apart(message.encode("ascii")).segments
    except (AnswerNotUnderstood, UnicodeEncodeError):
        raise Malformed("ISA", 1) from None
    found = _found(segments)
    body = len(segments) - len(("ISA", "GS", "GE", "IEA"))
    is_dependent = "dependent" in found
    agree = (
        ("IEA", found["control"] == found["control_again"]),
        ("GE", found["group"] == found["group_again"]),
        ("HL", (found["parts"] == "1") is is_dependent),
        ("NM1", ("dependent_last" in found) is is_dependent),
        ("DMG", ("birth" in found, "dependent_birth" in found) == (not is_dependent, is_dependent)),
        ("SE", found["set"] == found["set_again"] and int(found["count"]) == body),
    )
    for name, is_right in agree:
        if not is_right:
            raise Malformed(name, body)
    return _request(found)


def _found(segments: Sequence[Segment]) -> dict[str, str]:
    """What stands where in *segments*, which follow each other as they have to."""
    found: dict[str, str] = {}
    at = 0
    for step in _STEPS:
        match = step.shape.fullmatch(str(segments[at])) if at < len(segments) else None
        if match:
            found |= {name: text for name, text in match.groupdict().items() if text is not None}
            at += 1
        elif step.required:
            raise Malformed(step.name, max(1, at + 1 - _ENVELOPE))
    if at < len(segments):
        raise Malformed("IEA", at - _ENVELOPE)
    return found


def _request(found: Mapping[str, str]) -> dict[str, Any]:
    person = {"firstName": found["first"], "lastName": found["last"], "memberId": found["member"]}
    encounter = {
        "tradingPartnerClaimNumber": found.get("number"),
        "patientAccountNumber": found.get("account"),
        "trackingNumber": found["trace"],
        "submittedAmount": found.get("amount"),
        "beginningDateOfService": found.get("begin") or found.get("day"),
        "endDateOfService": found.get("end") or found.get("day"),
    }
    provider = {"npi": found["npi"]} if "npi" in found else {"taxId": found["tin"]}
    request: dict[str, Any] = {
        "controlNumber": found["control"],
        "tradingPartnerServiceId": found["payer"],
        "providers": [{"providerType": "BillingProvider", "organizationName": found["clinic"], **provider}],
        "subscriber": person | ({"dateOfBirth": found["birth"]} if "birth" in found else {}),
        "encounter": {name: text for name, text in encounter.items() if text},
    }
    if "dependent" in found:
        names = {"firstName": found["dependent_first"], "lastName": found["dependent_last"]}
        request["dependent"] = {**names, "dateOfBirth": found["dependent_birth"]}
    return request


def write_277(request: Mapping[str, Any], claims: Sequence[tuple[Said, Mapping[str, str]]]) -> str:
    """Answer *request*, which came as X12, with what is said of *claims*, each beside the encounter that it is of."""
    subscriber, dependent = request["subscriber"], request.get("dependent")
    body = [
        _segment("BHT", "0010", "08", request["controlNumber"], "20260105", "0931", "DG"),
        _segment("HL", 1, "", 20, 1),
        _segment("NM1", "PR", 2, "EXAMPLE HEALTH PLAN", "", "", "", "", "PI", request["tradingPartnerServiceId"]),
        _segment("HL", 2, 1, 21, 1),
        _segment("NM1", 41, 2, "SAMPLE BILLING LLC", "", "", "", "", 46, "SB0001"),
        _segment("HL", 3, 2, 19, 1),
        _segment("NM1", "1P", 2, request["providers"][0]["organizationName"], "", "", "", "", "SV", "SIM"),
        _segment("HL", 4, 3, 22, int(dependent is not None)),
        _segment("NM1", "IL", 1, *_names(subscriber), "", "", "", "MI", subscriber["memberId"]),
    ]
    if dependent:
        body += [_segment("HL", 5, 4, 23), _segment("NM1", "QC", 1, *_names(dependent))]
    body += [segment for one, encounter in claims for segment in _said(one, encounter)]
    return _interchange("HN", "005010X212", "277", body, request["controlNumber"])


def _names(person: Mapping[str, str]) -> tuple[str, str]:
    return person["lastName"], person["firstName"]


def _said(said: Said, encounter: Mapping[str, str]) -> Iterator[Segment]:
    """One claim: what it is known by, its status, its numbers and its day of service."""
    decided = f"{said.day:%Y%m%d}" if said.finalized else ""
    check = (f"{said.check_day:%Y%m%d}", said.check_number) if said.paid else ("", "")
    codes = ":".join(filter(None, (said.category, said.code, said.entity)))
    yield _segment("TRN", 2, encounter["trackingNumber"])
    money = (f"{said.day:%Y%m%d}", "", said.charged, said.paid, decided, "", *check)
    yield _segment("STC", codes, *money, ":".join(said.second_reason or ()))
    if said.found:
        number = "" if said.is_other else encounter.get("tradingPartnerClaimNumber", "")
        yield _segment("REF", "1K", number or said.payer_claim_number)
        if encounter.get("patientAccountNumber") and not said.is_other:
            yield _segment("REF", "EJ", encounter["patientAccountNumber"])
        yield _segment("DTP", 472, "D8", f"{said.service_day:%Y%m%d}")


def write_999(wrong: Malformed) -> str:
    """Reject a 276 for what is *wrong* with it."""
    body = [
        _segment("AK1", "HR", 1, "005010X212"),
        _segment("AK2", "276", "0001", "005010X212"),
        _segment("IK3", wrong.segment, wrong.place, "", 8),
        _segment("IK5", "R", 5),
        _segment("AK9", "R", 1, 1, 0),
    ]
    return _interchange("FA", "005010X231A1", "999", body, "000000130")


def _interchange(group: str, guide: str, kind: str, body: Sequence[Segment], control: str) -> str:
    blank, day = " " * 10, ("20260105", "0931")
    ends = ("ZZ", "SIMULATED".ljust(15), "ZZ", "SENDERID".ljust(15))
    head = [
        _segment("ISA", "00", blank, "00", blank, *ends, day[0][2:], day[1], "^", "00501", control, 0, "T", ":"),
        _segment("GS", group, "SIMULATED", "SENDERID", *day, 1, "X", guide),
        _segment("ST", kind, "0001", guide),
    ]
    tail = [_segment("SE", len(body) + 2, "0001"), _segment("GE", 1, 1), _segment("IEA", 1, control)]
    return put_together([*head, *body, *tail]).decode()


def _segment(name: str, *elements: object) -> Segment:
    return Segment(name, tuple(map(str, elements)))
