"""What is asked of payers, and what they answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bulkclaims.records.rows import Row


@frozen
class ClaimInquiry:
    """What is asked of a payer for one row: the row's cells, completed by the job's defaults."""

    claim_number: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)
    subscriber_id: str = field(repr=False)
    payer_id: str = ""
    npi: str = ""
    tin: str = field(default="", repr=False)
    first_service_date: date | None = field(default=None, repr=False)
    last_service_date: date | None = field(default=None, repr=False)
    gender: str = field(default="", repr=False)
    patient_account_number: str = field(default="", repr=False)

    @classmethod
    def from_row(cls, row: Row, defaults: Mapping[str, str]) -> ClaimInquiry:
        """
        Read the inquiry off a row without errors.

        Args:
            row: A row that the parser found nothing wrong with.
            defaults: The job's values for optional columns; a row's own non-blank cell wins.
        """
        given = {name: text for name, text in row.cells.items() if text}
        texts = {**defaults, **given}
        return cls(
            claim_number=texts["claim_number"],
            first_name=texts["first_name"],
            last_name=texts["last_name"],
            date_of_birth=to_date(texts["date_of_birth"]),
            subscriber_id=texts["subscriber_id"],
            payer_id=texts.get("payer_id", ""),
            npi=texts.get("npi", ""),
            tin=texts.get("tin", ""),
            first_service_date=_optional_date(texts, "first_service_date"),
            last_service_date=_optional_date(texts, "last_service_date"),
            gender=texts.get("gender", ""),
            patient_account_number=texts.get("patient_account_number", ""),
        )


def to_date(text: str) -> date:
    """Read a `MM/DD/YYYY` cell as the parser leaves it; anything else is a `ValueError`."""
    return date(int(text[6:]), int(text[:2]), int(text[3:5]))


def _optional_date(texts: Mapping[str, str], name: str) -> date | None:
    text = texts.get(name)
    return to_date(text) if text else None


@frozen
class ClaimStatus:
    """What a payer says of one claim, in the words of X12 277 whichever API it came through."""

    category_code: str
    """Claim status category code (X12 external code list 507), such as `F1`; "" when the payer gave only a word."""
    status_code: str = ""
    """Claim status code (list 508), such as `65`."""
    entity_code: str = ""
    payer_claim_number: str = field(default="", repr=False)
    patient_account_number: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    subscriber_id: str = field(default="", repr=False)
    total_charged: Decimal | None = field(default=None, repr=False)
    total_paid: Decimal | None = field(default=None, repr=False)
    processed_date: date | None = field(default=None, repr=False)
    """The day of adjudication, not of the cheque."""
    effective_date: date | None = field(default=None, repr=False)
    """The day the claim entered this status."""
    service_dates: tuple[date, date] | None = field(default=None, repr=False)
    """First and last day of service."""
    reported_status: str = ""
    """The payer's own word for the status, where it gives words instead of codes."""
    reasons: tuple[str, ...] = ()
    """Further codes of the payer, category and status with a colon between; they explain, and change nothing."""
    complete: bool = True
    """Whether the payer has the claim's details here: of several versions of one day, such a one counts."""


@frozen
class Answer:
    """All claims that one inquiry brought back; none, one, many, or only "similar" ones."""

    claims: tuple[ClaimStatus, ...]
    trace: str = ""
    """The payer's id for this exchange, to quote when calling them; never patient data."""


@frozen
class Ticket:
    """An inquiry that the payer has taken and not answered yet: asked for again by its id, never sent twice."""

    id: str = field(repr=False)
    seconds: float
    """How long the payer keeps it, from the moment it was taken."""


@frozen
class Window:
    """Days of service in which all claims of one provider are searched for."""

    payer_id: str
    tin: str = field(repr=False)
    first: date = field(repr=False)
    last: date = field(repr=False)

    @property
    def days(self) -> int:
        """How many there are, both ends included."""
        return (self.last - self.first).days + 1


@frozen
class WindowPage:
    """Some of the claims that a window search found."""

    claims: tuple[ClaimStatus, ...]
    next_page: str = field(default="", repr=False)
    """What the next page is asked for with; "" after the last."""
