"""Claims that a payer has split into parts, each with codes of its own: which of them stands for the claim."""

from __future__ import annotations

from bulkclaims.errors import AnswerNotUnderstood
from bulkclaims.lookup.status_codes import CATEGORY_STATUS, DENIED, FINALIZED, INFO_REQUESTED, PENDING, REJECTED
from bulkclaims.lookup.wire.answer_values import object_of, text_of

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


def _urgency(codes: tuple[str, str]) -> tuple[int, bool]:
    """How soon a code comes before others; one that is not known is shown as pending, and those known go before it."""
    word = CATEGORY_STATUS.get(codes[0])
    rank = _BY_URGENCY.index(word or PENDING) if word in {None, *_BY_URGENCY} else len(_BY_URGENCY)
    return rank, word is None
