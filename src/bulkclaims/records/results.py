"""What comes out: the one answer to each row."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from bulkclaims.records.rows import Row

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
    payer: str = ""
    """Who was asked: the payer id, or the account's name where the row has none; "" where nobody was."""
    answered_at: datetime | None = None
    """When the answer was there, by the worker's clock; None where there is none."""
    seconds: float | None = None
    """How long the look-up took, waiting between tries included; None where the answer came from elsewhere."""
    effective_date: date | None = field(default=None, repr=False)
    """The day the claim entered this status, where the payer says."""
    next_action: str = ""
    """What billing staff do next, in plain words; "" where the row lacks what its payer needs, or was never asked."""


@frozen
class Earlier:
    """
    What earlier jobs say of the same claim.

    They are the job that this one is compared with, the one which that is compared with, and so on. The last answer
    among them counts.
    """

    status: str
    """The status word of that answer; `ERROR` where there is none, "" where none of them has such a row."""
    changed: bool
    """Whether status word, amounts or day of adjudication are others now; False where there is no answer now or none
    before, as of a row that is new: it has no status to change from."""
    days_in_status: int | None
    """Days from when the claim entered its present status, by the payer's word, to this job's answer; where the payer
    says nothing of it, from the first of the earlier answers that have the same word without another between. None
    where neither tells."""


@frozen
class ResultLine:
    """A row of an upload with what became of it: a line of a results file."""

    row: Row
    result: RowResult
    earlier: Earlier | None = None
    """None where the job is not compared with another."""


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
