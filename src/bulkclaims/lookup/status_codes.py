"""
What a payer's codes mean to the person reading the results.

Categories are X12's external code list 507, stable since 2020; the labels are our own, X12's texts are theirs.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.records import ClaimStatus

FINALIZED = "Finalized"
DENIED = "Denied"
PENDING = "Pending"
INFO_REQUESTED = "Info Requested"
REJECTED = "Rejected"
NOT_FOUND = "Not Found"
ERROR = "Error"

STATUS_WORDS = (FINALIZED, DENIED, PENDING, INFO_REQUESTED, REJECTED, NOT_FOUND, ERROR)
"""Every word that can stand in the results' `status` column by default."""

_MORE_INFORMATION = {f"R{number}": INFO_REQUESTED for number in range(18) if number != 2}  # noqa: PLR2004 -- R2 is unused

CATEGORY_STATUS: Mapping[str, str] = MappingProxyType(
    {
        "A0": PENDING,
        "A1": PENDING,
        "A2": PENDING,
        "A3": REJECTED,
        "A4": NOT_FOUND,
        "A5": PENDING,
        "A6": REJECTED,
        "A7": REJECTED,
        "A8": REJECTED,
        "P0": PENDING,
        "P1": PENDING,
        "P2": PENDING,
        "P3": INFO_REQUESTED,
        "P4": INFO_REQUESTED,
        "P5": PENDING,
        "F0": FINALIZED,
        "F1": FINALIZED,
        "F2": DENIED,
        "F3": FINALIZED,
        "F3F": FINALIZED,
        "F3N": FINALIZED,
        "F4": FINALIZED,
        "F5": REJECTED,
        **_MORE_INFORMATION,
        "RQ": INFO_REQUESTED,
        "D0": NOT_FOUND,
        "E0": ERROR,
        "E1": ERROR,
        "E2": ERROR,
        "E3": ERROR,
        "E4": ERROR,
    }
)
"""The word for each category code. A copy with other words may be given to `LookupProcessor`."""

CATEGORY_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "A0": "forwarded to another entity",
        "A1": "received, not yet accepted",
        "A2": "accepted into adjudication",
        "A3": "returned as unprocessable",
        "A4": "not in the adjudication system",
        "A5": "split into several claims",
        "A6": "rejected: information is missing",
        "A7": "rejected: information is invalid",
        "A8": "rejected: information does not fit together",
        "P0": "pending",
        "P1": "pending: in process",
        "P2": "pending: under review by the payer",
        "P3": "pending: the provider was asked for information",
        "P4": "pending: the patient was asked for information",
        "P5": "pending: on hold at the payer",
        "F0": "finalized",
        "F1": "finalized: paid",
        "F2": "finalized: denied",
        "F3": "finalized: revised",
        "F3F": "finalized: revised and forwarded",
        "F3N": "finalized: revised, not forwarded",
        "F4": "finalized: no payment to come",
        "F5": "cannot be processed",
        **dict.fromkeys(_MORE_INFORMATION, "more information was requested"),
        "RQ": "questions to answer",
        "D0": "the search found nothing",
        "E0": "no answer: the request's data are wrong",
        "E1": "no answer: the payer's system is down",
        "E2": "no answer: the information holder does not respond",
        "E3": "no answer: the request's data do not fit together",
        "E4": "no answer: the payer demands something else",
    }
)
"""Our own short label for each category code."""

WORD_STATUS: Mapping[str, str] = MappingProxyType(
    {
        "finalized": FINALIZED,
        "denied": DENIED,
        "pending": PENDING,
        "in review": PENDING,
        "in process": PENDING,
        "acknowledged": PENDING,
        "acknowledgement": PENDING,
        "misdirected": PENDING,
        "info requested": INFO_REQUESTED,
        "rejected": REJECTED,
        "not found": NOT_FOUND,
    }
)
"""The word for each word of a payer that gives words instead of codes, looked up in lower case."""

SYSTEM_DOWN = frozenset({"E1", "E2"})
"""Categories that say: ask again later."""
DATA_REFUSED = frozenset({"E0", "E3", "E4"})
"""Categories that say: this row's data, or our settings, have to be mended."""
SEARCH_FOUND_NOTHING = "D0"


@frozen
class StatusTable:
    """How codes and words of payers become the words of the results file."""

    categories: Mapping[str, str] = CATEGORY_STATUS
    words: Mapping[str, str] = WORD_STATUS

    def word(self, claim: ClaimStatus) -> str | None:
        """The status word for *claim*; None when neither its code nor its word is known."""
        return self.categories.get(claim.category_code) or self.words.get(claim.reported_status.strip().lower())
