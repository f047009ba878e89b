"""
The frozen values that travel the path from upload to results: rows, what is asked of them, what is answered.

Nothing here does any work beyond its own arithmetic. Fields that hold patient data are left out of every `repr`, so
that a value may stand in a log line or a traceback without telling anyone's name.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from attrs import Attribute


REQUIRED_COLUMNS = ("claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id")
OPTIONAL_COLUMNS = (
    "payer_id",
    "npi",
    "tin",
    "first_service_date",
    "last_service_date",
    "gender",
    "patient_account_number",
)

DATE_FORMAT = "%m/%d/%Y"
"""The one form of a date in cells and results, once the parser has read any of the forms it accepts."""


NOT_FOUND = "Not Found"
"""The status of a row whose claim the payer does not have."""
ERROR = "Error"
"""The status of a row that has no answer."""


class Source(StrEnum):
    """Where a row's result comes from."""

    PAYER = "payer"
    SAME_INQUIRY = "same_inquiry"
    """Another row of the job asked exactly this; the payer was not asked twice."""
    WINDOW = "window"
    """Found in a search of all the provider's claims of some days of service."""
    KEPT = "kept"
    """As the payer answered an earlier job of the organisation; it was not asked again."""
    UPLOAD = "upload"
    """Refused at upload and never sent to a payer."""
    WORKER = "worker"
    """No payer was asked, or none we know of: the row lacks what the payer needs, or its chunk ended its workers again
    and again."""
    NOT_ASKED = "not_asked"
    """The job ended before the row's turn came; stands in the file but does not count as processed."""


@frozen
class CellError:
    """One thing wrong with one cell, said so that the person who typed it can mend it, without quoting it."""

    row: int
    """1 is the first data row."""
    column: str
    """The column's name, or "" where the row as a whole is wrong."""
    code: str
    message: str


@frozen
class Row:
    """
    One data row of an upload, in the file's own column order.

    Values are text: stripped, and dates brought to `MM/DD/YYYY`. A row with errors keeps its cells as typed, so that
    they can be given back to be mended.
    """

    number: int
    """1 is the first row below the header; blank rows are counted but never become rows."""
    columns: tuple[str, ...]
    """Our name for each known column, the file's own for others. One tuple is shared by all rows of a file."""
    values: tuple[str, ...] = field(repr=False)
    errors: tuple[CellError, ...] = ()

    @property
    def cells(self) -> dict[str, str]:
        """The row's cells by column name."""
        return dict(zip(self.columns, self.values, strict=False))


@frozen
class UploadFacts:
    """What reading a file brought to light beside its rows; complete once the last row is read."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    size: int
    """Bytes read."""
    sha256: str
    """Hexadecimal digest of the bytes read."""
    notes: tuple[str, ...] = ()
    """Sentences worth telling the user, such as that the file was read as Windows-1252."""


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


@frozen
class RowResult:
    """The one answer to one row: a line of the results file."""

    row: int
    claim_number: str = field(repr=False)
    status: str
    success: bool
    patient_name: str = field(default="", repr=False)
    total_charged: Decimal | None = field(default=None, repr=False)
    total_paid: Decimal | None = field(default=None, repr=False)
    processed_date: date | None = field(default=None, repr=False)
    error: str = field(default="", repr=False)
    """What went wrong and what to do; "" for a success."""
    note: str = field(default="", repr=False)
    """What is worth knowing of a success, such as that the payer holds several versions of the claim."""
    payer_claim_number: str = field(default="", repr=False)
    category_code: str = ""
    status_code: str = ""
    trace: str = ""
    source: Source = Source.PAYER
    asked: int = 0
    """How often the payer was asked for this row in the run that answered it."""
    fingerprint: bytes | None = field(default=None, repr=False)
    """Keyed digest of the inquiry when this answer may stand for an identical row; None when it may not."""
    next_action: str = ""
    """What billing staff do next, in plain words; "" where the row lacks what its payer needs, or was never asked."""


@frozen
class SealedResult:
    """A row's result as a repository keeps it: the few facts it must know, and an opaque payload."""

    row: int
    success: bool
    status: str
    payload: bytes = field(repr=False)
    asked: int = 0
    refused: bool = False
    """Refused at upload: a retry never reopens it."""
    fingerprint: bytes | None = field(default=None, repr=False)


@frozen
class Rate:
    """How fast a payer account may be asked, by all workers together."""

    per_second: float
    per_day: int | None = None


@frozen
class SealedAccess:
    """A payer account's access token as a store keeps it for all workers."""

    serial: int
    """1 for the first one; each that follows adds one."""
    payload: bytes = field(repr=False)
    seconds_left: float
    """How long it is still good; below zero once it is not."""


def _at_least_one(_: object, attribute: Attribute[Any], number: int | None) -> None:
    if number is not None and number < 1:
        raise SettingsWrong(f"The setting {attribute.name} is to be 1 or more.")


@frozen
class Capabilities:
    """
    What a connector can do and what it needs.

    Raises:
        SettingsWrong: It may have no look-up at a time.
    """

    account: str
    """Names the payer account in the limiter, such as `stedi`; never patient data."""
    needs: tuple[frozenset[str], ...] = ()
    """Optional columns it cannot do without; any one of each set is enough, from a cell or the job's defaults."""
    max_in_flight: int = field(default=10, validator=_at_least_one)
    """Look-ups at a time in one worker process."""
    rate: Rate | None = None
    in_flight_in_all: int | None = field(default=None, validator=_at_least_one)
    """Look-ups at a time by all workers together; None: each process keeps its own `max_in_flight` alone."""
    searches_by: tuple[frozenset[str], ...] = (frozenset({"claim_number"}),)
    """The ways it can search: the columns that each goes by."""
    window_days: int | None = field(default=None, validator=_at_least_one)
    """The longest range of dates of service that it takes; None where there is no limit, or no such search."""
    page_size: int | None = field(default=None, validator=_at_least_one)
    """How many claims a page of a window search holds; None for a connector that cannot search windows."""
    requests_each: int = field(default=1, validator=_at_least_one)
    """How many requests a look-up takes at the least: more than one where the payer answers later."""
    lookback_months: int | None = field(default=None, validator=_at_least_one)
    """How far back the payer knows claims, by their dates of service; None where nothing is known of it."""

    @property
    def searches_without_number(self) -> bool:
        """Whether a claim can be searched for by patient and dates of service alone."""
        return any("claim_number" not in columns for columns in self.searches_by)
