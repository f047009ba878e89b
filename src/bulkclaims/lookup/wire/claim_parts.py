"""Which of several codes stands for a claim: of its parts, or of who asks where there is no claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.errors import AnswerNotUnderstood, InquiryRefused
from bulkclaims.lookup.status_codes import CATEGORY_STATUS, DENIED, FINALIZED, INFO_REQUESTED, PENDING, REJECTED
from bulkclaims.lookup.wire.answer_values import object_of, text_of
from bulkclaims.records import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkclaims.records import ClaimStatus

_BY_URGENCY = (INFO_REQUESTED, REJECTED, DENIED, PENDING, FINALIZED)
"""Of parts of a claim whose statuses differ, that one counts which asks most for somebody's hand."""


def codes_of(parts: object, name: str, category: str, status: str) -> list[tuple[str, str]]:
    """
    Category and status code of each part of a claim, all different, the most urgent first.

    Args:
        parts: The list of parts, as it stands in the answer; None for a claim that has none.
        name: The list's.
        category: Of the field of a part with its category code.
        status: Of the field with its status code.

    Raises:
        AnswerNotUnderstood: It is no such list.
    """
    if parts is None:
        return []
    if not isinstance(parts, list):
        raise AnswerNotUnderstood(f"In the payer's answer, {name} is not a list.")
    named = [object_of(part, name) for part in parts]
    pairs = [tuple(text_of(part.get(field), field).upper() for field in (category, status)) for part in named]
    return sorted(dict.fromkeys((one, other) for one, other in pairs if one), key=_urgency)


def reasons_of(codes: list[tuple[str, str]]) -> tuple[str, ...]:
    """Pairs of codes as `ClaimStatus.reasons` has them."""
    return tuple(f"{category}:{status}".rstrip(":") for category, status in codes)


def verdicts_of(askers: Sequence[ClaimStatus], shown: Callable[[str], str]) -> tuple[ClaimStatus, ...]:
    """
    What stands for the claim where an answer has none: that nothing was found, or why nobody looked.

    Args:
        askers: What is said of those who ask: submitter, receiver, provider.
        shown: Gives a code back where it may be shown, else "".

    Raises:
        InquiryRefused: One of them was rejected.
        AnswerNotUnderstood: Nothing of this is said.
    """
    verdicts = tuple(one for one in askers if one.category_code[0] in "DE" or _word(one) == NOT_FOUND)
    if verdicts:
        return verdicts
    for one in askers:
        if _word(one) == REJECTED:
            codes = ":".join(filter(None, map(shown, (one.category_code, one.status_code, one.entity_code))))
            said = f" [{codes}]" if codes else ""
            raise InquiryRefused(f"The payer rejected who asks, so no claim was looked for; check provider ids.{said}")
    raise AnswerNotUnderstood("The payer's answer says nothing of a claim.")


def _word(status: ClaimStatus) -> str | None:
    return CATEGORY_STATUS.get(status.category_code)


def _urgency(codes: tuple[str, str]) -> tuple[int, bool]:
    """How soon a code comes before others; one that is not known is shown as pending, and those known go before it."""
    word = CATEGORY_STATUS.get(codes[0])
    rank = _BY_URGENCY.index(word or PENDING) if word in {None, *_BY_URGENCY} else len(_BY_URGENCY)
    return rank, word is None
