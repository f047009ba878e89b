"""The 276 for one inquiry, by guide 005010X212."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from bulkclaims.errors import InquiryRefused, SettingsWrong
from bulkclaims.lookup.matching import without_marks
from bulkclaims.lookup.wire.inquiry_rules import check_cells, check_kind, dates_of_service, provider_id
from bulkclaims.lookup.x12.segments import COMPONENT, REPETITION, RESERVED, Segment, put_together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from attrs import Attribute

    from bulkclaims.records import ClaimInquiry, Rate

GUIDE = "005010X212"
_ID_LENGTH = 15
_NAME_LENGTH = 60
_PROVIDER_KINDS = {"npi": "XX", "tin": "FI"}


def _can_be_sent(_: object, attribute: Attribute[str], text: str) -> None:
    if not text or not _is_sendable(text) or len(text) > _NAME_LENGTH:
        raise SettingsWrong(
            f"The setting {attribute.name} is to hold 1 to {_NAME_LENGTH} printable ASCII characters, and none of "
            "~ * : ^."
        )


@frozen
class Party:
    """One end of the line, as the clearinghouse knows it: ISA05 and ISA06, or ISA07 and ISA08."""

    id: str = field(validator=_can_be_sent)
    qualifier: str = "ZZ"

    def __attrs_post_init__(self) -> None:
        """Refuse what the envelope has no room for."""
        if len(self.id) > _ID_LENGTH or len(self.qualifier) != len("ZZ"):
            raise SettingsWrong(f"An X12 party has an id of at most {_ID_LENGTH} characters and a qualifier of two.")


@frozen(kw_only=True)
class X12Settings:
    """
    Whom to ask, and as whom.

    Raises:
        SettingsWrong: Something cannot be sent, or does not fit.
    """

    sender: Party
    receiver: Party
    submitter_name: str = field(validator=_can_be_sent)
    """Who receives the answer, loop 2100B."""
    submitter_id: str = field(validator=_can_be_sent)
    organization_name: str = field(validator=_can_be_sent)
    """The billing provider's, loop 2100C."""
    payer_name: str = field(default="PAYER", validator=_can_be_sent)
    """Loop 2100A; payers go by the id, which each inquiry has."""
    usage: Literal["P", "T"] = "P"
    """Production or test, ISA15."""
    claim_number_kind: Literal["payer", "patient_account"] = field(default="payer", validator=check_kind)
    """Whether the claim number column holds the payer's numbers or the provider's own."""
    account: str = field(default="x12", validator=_can_be_sent)
    """Names the payer account in the limiter."""
    max_in_flight: int = 10
    """Look-ups at a time in one worker process."""
    in_flight_in_all: int | None = None
    """By all workers together, where they share a limiter."""
    rate: Rate | None = None


def write_276(inquiry: ClaimInquiry, settings: X12Settings, number: int, moment: datetime) -> bytes:
    """
    Write an interchange that asks for one claim. The patient is the subscriber.

    Args:
        inquiry: What to ask.
        settings: Whom we ask, and as whom.
        number: From 1 to 999,999,999: the control number, another for each message, and our reference in it.
        moment: Now, where the claims are handled; no date of service asked for lies after it.

    Raises:
        InquiryRefused: A cell cannot be carried by X12; nothing is to be sent.
    """
    check_cells(inquiry)
    body = list(_transaction(inquiry, settings, f"{number:09}", moment))
    control = f"{number:09}"
    return put_together(
        [
            _envelope(settings, control, moment),
            _segment(
                "GS",
                "HR",
                settings.sender.id,
                settings.receiver.id,
                f"{moment:%Y%m%d}",
                f"{moment:%H%M}",
                number,
                "X",
                GUIDE,
            ),
            *body,
            _segment("SE", len(body) + 1, "0001"),
            _segment("GE", 1, number),
            _segment("IEA", 1, control),
        ]
    )


def _envelope(settings: X12Settings, control: str, moment: datetime) -> Segment:
    """The only segment whose elements have fixed lengths; its last one says what separates components."""
    blank = " " * 10
    parties = (
        part for each in (settings.sender, settings.receiver) for part in (each.qualifier, each.id.ljust(_ID_LENGTH))
    )
    when = (f"{moment:%y%m%d}", f"{moment:%H%M}")
    return _segment(
        "ISA", "00", blank, "00", blank, *parties, *when, REPETITION, "00501", control, 0, settings.usage, COMPONENT
    )


def _transaction(inquiry: ClaimInquiry, settings: X12Settings, reference: str, moment: datetime) -> Iterator[Segment]:
    kind, provider = provider_id(inquiry)
    yield _segment("ST", "276", "0001", GUIDE)
    yield _segment("BHT", "0010", "13", reference, f"{moment:%Y%m%d}", f"{moment:%H%M}")
    yield _segment("HL", 1, "", "20", 1)
    yield _segment("NM1", "PR", 2, settings.payer_name, "", "", "", "", "PI", inquiry.payer_id)
    yield _segment("HL", 2, 1, "21", 1)
    yield _segment("NM1", "41", 2, settings.submitter_name, "", "", "", "", "46", settings.submitter_id)
    yield _segment("HL", 3, 2, "19", 1)
    yield _segment("NM1", "1P", 2, settings.organization_name, "", "", "", "", _PROVIDER_KINDS[kind], provider)
    yield _segment("HL", 4, 3, "22", 0)
    yield _segment("DMG", "D8", f"{inquiry.date_of_birth:%Y%m%d}", _gender(inquiry))
    last, first = _name(inquiry.last_name, "last_name"), _name(inquiry.first_name, "first_name")
    yield _segment("NM1", "IL", 1, last, first, "", "", "", "MI", _sendable(inquiry.subscriber_id, "subscriber_id"))
    yield _segment("TRN", 1, reference)
    yield from _numbers(inquiry, settings)
    yield from _dates(inquiry, moment.date())


def _numbers(inquiry: ClaimInquiry, settings: X12Settings) -> Iterator[Segment]:
    """Those that are known; without any, the patient's claims of these days are searched for."""
    numbers = {"claim_number": "EJ"}
    if settings.claim_number_kind == "payer":
        numbers = {"claim_number": "1K", "patient_account_number": "EJ"}
    for column, qualifier in numbers.items():
        if number := getattr(inquiry, column):
            yield _segment("REF", qualifier, _sendable(number, column))


def _dates(inquiry: ClaimInquiry, today: date) -> Iterator[Segment]:
    if window := dates_of_service(inquiry, today):
        begin, end = window
        yield _segment("DTP", "472", "RD8", f"{begin:%Y%m%d}-{end:%Y%m%d}")


def _gender(inquiry: ClaimInquiry) -> str:
    letter = inquiry.gender[:1].upper()
    return letter if letter in {"F", "M"} else ""


def _name(text: str, column: str) -> str:
    """In capitals and without accents, which X12's basic characters do not have."""
    return _sendable(without_marks(text).upper(), column)


def _sendable(text: str, column: str) -> str:
    if not _is_sendable(text):
        raise InquiryRefused(f"Not sent: {column} holds a character that X12 messages cannot carry.")
    return text


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and RESERVED.isdisjoint(text)


def _segment(name: str, *elements: object) -> Segment:
    return Segment(name, tuple(map(str, elements)))
