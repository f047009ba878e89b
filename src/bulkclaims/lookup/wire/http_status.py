"""What an HTTP status says about a look-up, for every payer API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
)
from bulkclaims.outgoing import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.lookup.wire.transport import Reply

ErrorClass = Literal[
    "payer_unavailable",
    "payer_down",
    "throttled",
    "access_expired",
    "access_refused",
    "inquiry_refused",
    "answer_not_understood",
]

ERROR_CLASSES: Mapping[int, ErrorClass] = {
    400: "inquiry_refused",
    401: "access_expired",
    403: "access_refused",
    404: "access_refused",
    405: "access_refused",
    408: "payer_unavailable",
    422: "inquiry_refused",
    429: "throttled",
    503: "payer_down",
}
"""The class of each status that is an error; others from 500 up are `payer_unavailable`, the rest not understood."""

_ENDS_THE_JOB = frozenset({"access_expired", "access_refused"})


def class_of(status: int, classes: Mapping[int, ErrorClass | None] = ERROR_CLASSES) -> ErrorClass | None:
    """The error class of an HTTP status; None for an answer: what *classes* says is none, and 2xx it does not name."""
    if status in classes:
        return classes[status]
    if 200 <= status < 300:  # noqa: PLR2004 -- the range of success
        return None
    return "payer_unavailable" if status >= 500 else "answer_not_understood"  # noqa: PLR2004 -- server errors


@frozen
class Said:
    """What of an error's body may be shown."""

    code: str = ""
    message: str = ""
    """The payer's own words, scrubbed."""


NOTHING_SAID = Said()


def error_of(kind: ErrorClass, reply: Reply, told: Said = NOTHING_SAID) -> ConnectorError:
    """
    The exception for an error class.

    Args:
        kind: Decides the class and the sentence.
        reply: Its status stands in the sentence; its `Retry-After` is read.
        told: Stands in the sentence too, but for the message where the whole job may end: that sentence goes to logs
            and to everyone who sees the job, and what is scrubbed of one row could still name another patient.
    """
    message = "" if kind in _ENDS_THE_JOB else told.message
    said = "".join(f" {part}" for part in (f"[HTTP {reply.status}]", told.code and f"[{told.code}]", message) if part)
    wait = retry_after(reply.headers)
    match kind:
        case "payer_unavailable":
            return PayerUnavailable(f"The payer did not respond; try again later.{said}", retry_after=wait)
        case "payer_down":
            sentence = f"The payer is out of service for now; try again later.{said}"
            return PayerUnavailable(sentence, retry_after=wait, code="payer_down")
        case "throttled":
            sentence = f"The payer is being asked too often; try again later.{said}"
            return PayerUnavailable(sentence, retry_after=wait, throttled=True)
        case "access_expired":
            return AccessExpired(f"The payer no longer takes our token.{said}")
        case "access_refused":
            return AccessRefused(f"The payer refuses our credentials or address; check the connector's settings.{said}")
        case "inquiry_refused":
            return InquiryRefused(f"The payer refused this row's data; correct the row.{said}")
    return AnswerNotUnderstood(f"The payer's answer is not what its API promises.{said}")
