"""From rows to the distinct questions that they ask of a payer."""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import field, fields, frozen

from bulkclaims.planning.needs import named
from bulkclaims.records import ERROR, ClaimInquiry, RowResult, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkclaims.records import Row

FINGERPRINT_BYTES = 16

_asked_for = attrgetter(*(each.name for each in fields(ClaimInquiry)))
_UNREADABLE = "Not asked: a required cell is blank or a date is not MM/DD/YYYY, in this row or in the job's defaults"


@frozen
class Question:
    """One inquiry, and the rows that all ask it."""

    fingerprint: bytes = field(repr=False)
    inquiry: ClaimInquiry = field(repr=False)
    rows: list[int]
    """Their numbers, in file order."""


def questions(
    rows: Iterable[Row], defaults: Mapping[str, str], salt: bytes, needs: Sequence[frozenset[str]]
) -> tuple[dict[bytes, Question], list[RowResult]]:
    """
    Group *rows* by what they ask.

    Args:
        rows: Rows without errors.
        defaults: The job's values for optional columns.
        salt: The job's key for fingerprints, at most 64 bytes.
        needs: What the connector cannot do without.

    Returns:
        The distinct questions by fingerprint, in file order; and results for rows that cannot be asked.
    """
    asked: dict[bytes, Question] = {}
    hopeless: list[RowResult] = []
    for row in rows:
        try:
            inquiry = ClaimInquiry.from_row(row, defaults)
        except (ValueError, KeyError):
            hopeless.append(not_asked(row, _UNREADABLE))
            continue
        if missing := _missing(inquiry, needs):
            hopeless.append(not_asked(row, missing))
            continue
        mark = fingerprint(inquiry, salt)
        if mark in asked:
            asked[mark].rows.append(row.number)
        else:
            asked[mark] = Question(mark, inquiry, [row.number])
    return asked, hopeless


def fingerprint(inquiry: ClaimInquiry, salt: bytes) -> bytes:
    """A keyed digest of every field of the inquiry: equal for equal inquiries, and telling nothing without the key."""
    return blake2b(repr(_asked_for(inquiry)).encode(), key=salt, digest_size=FINGERPRINT_BYTES).digest()


def not_asked(row: Row, problem: str) -> RowResult:
    """The result of a row that cannot be put to a payer at all."""
    cells = row.cells
    return RowResult(
        row=row.number,
        claim_number=cells.get("claim_number", ""),
        status=ERROR,
        success=False,
        patient_name=f"{cells.get('first_name', '')} {cells.get('last_name', '')}".strip(),
        error=problem,
        source=Source.WORKER,
    )


def _missing(inquiry: ClaimInquiry, needs: Sequence[frozenset[str]]) -> str:
    for choice in needs:
        if not any(getattr(inquiry, column) for column in choice):
            return f"Not asked: this payer needs {named(choice)}; add the column or set it for the whole job"
    return ""
