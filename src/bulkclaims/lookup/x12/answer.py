"""What may come back for a 276: a 277 with the claims, or a 999 or TA1 that says why there is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, InquiryRefused
from bulkclaims.lookup.x12.claims_277 import read_277
from bulkclaims.lookup.x12.segments import take_apart

if TYPE_CHECKING:
    from bulkclaims.lookup.x12.segments import Interchange, Segment
    from bulkclaims.records import Answer

_REJECTED = frozenset("RMWX")
"""Acknowledgement codes of 999 that say the request went no further; A and E mean accepted."""
_CODE = re.compile(r"[A-Z0-9]{1,5}")
_AN_ACKNOWLEDGEMENT = "005010X214"
"""The guide of the 277CA, which acknowledges claims that were sent and answers no inquiry."""


def read_answer(raw: bytes) -> Answer:
    """
    Read the answer to one 276.

    Args:
        raw: The whole interchange. Nothing of it gets into an exception but codes.

    Returns:
        The claims of a 277. Where only the payer, the receiver or the provider has a status, such as that the system is
        down, that status is the only "claim".

    Raises:
        InquiryRefused: A 999 rejects what was made from the row, or a 277 who asks.
        AccessRefused: A TA1 rejects the envelope, which is alike for every row.
        AnswerNotUnderstood: It is something else, breaks off, or says nothing of a claim.
    """
    interchange = take_apart(raw)
    sets = {segment[1] for segment in interchange.segments if segment.name == "ST"}
    if "277" in sets:
        _check_guide(interchange)
        return read_277(interchange)
    if "999" in sets:
        _refuse(interchange)
    for segment in interchange.segments:
        if segment.name == "TA1" and segment[4] == "R":
            raise AccessRefused(
                f"The clearinghouse refuses the envelope of every request.{_in_brackets('TA1', [segment[5]])}"
            )
    raise AnswerNotUnderstood("The payer's X12 answer holds no 277 and no 999.")


def _check_guide(interchange: Interchange) -> None:
    for segment in interchange.segments:
        if segment.name == "ST" and segment[3].startswith(_AN_ACKNOWLEDGEMENT):
            raise AnswerNotUnderstood("The payer answered with a 277CA, which is no answer to an inquiry.")


def _refuse(interchange: Interchange) -> NoReturn:
    verdicts = [segment[1] for segment in interchange.segments if segment.name in {"IK5", "AK9"}]
    if _REJECTED.isdisjoint(verdicts):
        raise AnswerNotUnderstood("The payer acknowledged the request and did not answer it.")
    codes = [code for segment in interchange.segments for code in _complaints(segment)]
    raise InquiryRefused(f"The clearinghouse rejected the request made from this row.{_in_brackets('999', codes)}")


def _complaints(segment: Segment) -> list[str]:
    """What a 999 complains of: segments, and codes of errors. Never a copy of what it found wrong (IK404)."""
    places = {"IK3": (1, 4), "IK4": (3,), "IK5": (1, 2), "AK9": ()}
    return [segment[number] for number in places.get(segment.name, ())]


def _in_brackets(kind: str, codes: list[str]) -> str:
    return f" [{':'.join([kind, *filter(_CODE.fullmatch, codes)])}]"
