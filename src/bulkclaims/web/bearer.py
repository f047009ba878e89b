"""The token that a request brings in its `Authorization` header."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """Give what follows `Bearer`, whatever it is; None when the header is missing or its scheme is another."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None
