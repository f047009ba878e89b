"""
What a payer's codes mean to the person reading the results.

Categories are X12's external code list 507, stable since 2020; the labels are our own, X12's texts are theirs.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.errors import ConnectorError
from bulkclaims.records import ERROR, NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.records import ClaimStatus

FINALIZED = "Finalized"
DENIED = "Denied"
PENDING = "Pending"
INFO_REQUESTED = "Info Requested"
REJECTED = "Rejected"

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
        "X0": PENDING,
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
        "X0": "supplemental information",
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

_WAIT = "Nothing to do yet. Ask again in a week."
_RESUBMIT = "Correct the claim and submit it again."
_SEND = "Send the payer what it asked for, by its deadline."
_POST = "Post the payment from the remittance advice."
_CHECK = "Check the claim number, member ID, birth date and dates of service, then ask again."
_CORRECT = "Correct the row and upload it again."
_LATER = "Retry the job later."
_ASK_FOR_HELP = "Retry the job. If the row fails so again, tell your administrator."
_REVISED = "Look for the adjusted claim and post it in place of the first one."
_BILL_OTHER = "Find out which payer covers these dates and bill it."

NEXT_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "A0": "Ask the payer that the claim was forwarded to.",
        "A1": _WAIT,
        "A2": _WAIT,
        "A3": _RESUBMIT,
        "A4": "Make sure that the payer accepted the claim. If it did not, submit it.",
        "A5": "Nothing to do yet. Expect more than one claim for this visit.",
        "A6": "Add what is missing and submit the claim again.",
        "A7": _RESUBMIT,
        "A8": "Correct what does not fit together and submit the claim again.",
        "P0": _WAIT,
        "P1": _WAIT,
        "P2": _WAIT,
        "P3": _SEND,
        "P4": "Ask the patient to send the payer what it asked for.",
        "P5": "Nothing to do yet. Call the payer if the claim is still on hold in two weeks.",
        "F0": "Look for the remittance advice and post it.",
        "F1": _POST,
        "F2": "Read the reasons in the remittance advice. Correct the claim, appeal, or bill whoever owes it.",
        "F3": _REVISED,
        "F3F": "Look for the adjusted claim, and for the answer of the payer that it was forwarded to.",
        "F3N": _REVISED,
        "F4": "Expect no payment. Bill the patient or write off what the remittance advice says.",
        "F5": _RESUBMIT,
        **dict.fromkeys(_MORE_INFORMATION, _SEND),
        "RQ": "Answer the payer's questions.",
        "X0": _WAIT,
        "D0": _CHECK,
        "E0": _CORRECT,
        "E1": _LATER,
        "E2": _LATER,
        "E3": _CORRECT,
        "E4": "Correct the row. If many rows fail so, have the payer account's settings checked.",
        "A3:54": "Do not submit again. Follow the claim that this one repeats.",
        "A3:78": "Do not submit again. Follow the claim that this one repeats.",
        "A3:116": "Find the right payer and submit the claim there.",
        "F0:3": "Nothing to do yet. The payer has decided; expect the remittance advice.",
        "F2:27": _BILL_OTHER,
        "F2:54": "Do not submit again. Follow the claim that this one repeats.",
        "F2:84": "Look for an authorization. Appeal with it, or ask for one afterwards.",
        "F2:85": "Bill the patient's primary payer first.",
        "F2:88": _BILL_OTHER,
        "F2:90": _BILL_OTHER,
        "F2:91": _BILL_OTHER,
        "F2:95": "Send what was asked for, and have the claim looked at again.",
        "F2:116": "Find the right payer and submit the claim there.",
        "F4:98": "Bill the patient for the deductible.",
        "D0:97": "Check that this payer covers the patient, and how name, birth date and member ID stand on the card.",
        FINALIZED: "Look for the remittance advice and post it.",
        DENIED: "Read the reasons in the remittance advice. Correct the claim, appeal, or bill whoever owes it.",
        PENDING: _WAIT,
        INFO_REQUESTED: _SEND,
        REJECTED: _RESUBMIT,
        NOT_FOUND: _CHECK,
        ERROR: _LATER,
        "payer_unavailable": _LATER,
        "still_at_work": _LATER,
        "payer_down": _LATER,
        "inquiry_refused": _CORRECT,
        "access_expired": "Retry the job. If rows fail so again, have the payer account's credentials checked.",
        "answer_not_understood": _ASK_FOR_HELP,
        "connector_error": _ASK_FOR_HELP,
    }
)
"""
What billing staff do next, by category code, by category and status code with a colon between, or by status word; or,
where there was no answer, by the `code` of the `ConnectorError`.

The narrowest key counts: of an error, its own code before its class's, and that before the class's above. A
copy with other sentences may be given to `StatusTable`.
"""

SYSTEM_DOWN = frozenset({"E1", "E2"})
"""Categories that say: ask again later."""
DATA_REFUSED = frozenset({"E0", "E3", "E4"})
"""Categories that say: this row's data, or our settings, have to be mended."""
SEARCH_FOUND_NOTHING = "D0"
NOT_ADJUDICATED = "A4"
"""The payer has no such claim in its adjudication system; often without a claim of any number."""


@frozen
class StatusTable:
    """How codes and words of payers become the words of the results file."""

    categories: Mapping[str, str] = CATEGORY_STATUS
    words: Mapping[str, str] = WORD_STATUS
    actions: Mapping[str, str] = NEXT_ACTIONS

    def word(self, claim: ClaimStatus) -> str | None:
        """The status word for *claim*; None when neither its code nor its word is known."""
        return self.categories.get(claim.category_code) or self.words.get(claim.reported_status.strip().lower())

    def next_action(self, word: str, category_code: str = "", status_code: str = "") -> str:
        """What to do about a claim of these codes or, where they say nothing, of this status word; "" if unknown."""
        return self._first(f"{category_code}:{status_code}", category_code, word)

    def after(self, error: ConnectorError) -> str:
        """What to do about a row whose look-up brought no answer; "" if unknown."""
        classes = (kind for kind in type(error).__mro__ if issubclass(kind, ConnectorError))
        return self._first(error.code, *(kind.code for kind in classes), ERROR)

    def _first(self, *keys: str) -> str:
        return next((self.actions[key] for key in keys if key in self.actions), "")
