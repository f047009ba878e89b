"""What goes in and comes out of the HTTP API, whatever framework it came through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkclaims.interfaces import Readable

JSON = "application/json"
CSV = "text/csv; charset=utf-8"


@frozen
class Request:
    """One HTTP request, as an adapter hands it over."""

    method: str
    path: str
    """Below the prefix that the host chose, such as `csv-jobs/`."""
    root: str = field(repr=False)
    """The absolute address of that prefix, with a slash at its end."""
    query: Mapping[str, Sequence[str]] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: Readable = field(repr=False)
    """As it arrives; reading fails in the server's own way where the client left."""
    native: Any = field(repr=False, default=None)
    """The framework's own request, for who signed in there."""


@frozen
class Response:
    """One HTTP answer, for an adapter to send."""

    status: int
    body: bytes | Iterator[bytes] = field(default=b"", repr=False)
    """Whole, or in pieces to be sent as they come."""
    headers: Mapping[str, str] = field(factory=dict)


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON that no cache keeps, for it may tell of patients."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Response(status, body, {"Content-Type": JSON, "Cache-Control": "no-store", **(headers or {})})


def attachment(
    filename: str,
    body: bytes | Iterator[bytes],
    media_type: str = CSV,
    headers: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    """
    Answer with a file to be saved, which no cache keeps.

    Args:
        filename: What it is called unless its reader wishes otherwise.
        body: Whole, or in pieces.
        media_type: Of which kind it is.
        headers: What else is told of it.
        status: Another than 200 where only a part of it is sent.
    """
    told = {
        "Content-Type": media_type,
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "no-store",
    }
    return Response(status, body, {**told, **(headers or {})})
