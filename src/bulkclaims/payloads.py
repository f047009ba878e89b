"""Rows and results as the sealed bytes that a repository keeps, and back."""

from __future__ import annotations

import json
import zlib
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import astuple

from bulkclaims.errors import PayloadUnreadable
from bulkclaims.records import CellError, Row, RowResult, SealedResult, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.interfaces import Cipher

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Made once: to make it costs as much as to pack a result."""
_FAST = 1
"""zlib's quickest level: names and dates shrink to a third, and a higher level gains little."""

_TEXTS = (
    "claim_number",
    "patient_name",
    "error",
    "note",
    "payer_claim_number",
    "category_code",
    "status_code",
    "trace",
    "next_action",
    "payer",
)
_DAYS = ("processed_date", "effective_date")


def seal_rows(rows: Sequence[Row], cipher: Cipher) -> bytes:
    """Pack the rows of one chunk, which share their columns, compressed and sealed."""
    packed = {
        "columns": rows[0].columns,
        "rows": [(row.number, row.values) for row in rows],
        "errors": [astuple(error) for row in rows for error in row.errors],
    }
    return cipher.seal(zlib.compress(_dump(packed), _FAST))


def open_rows(payload: bytes, cipher: Cipher) -> list[Row]:
    """
    Unpack the rows of one chunk, in order.

    Raises:
        PayloadUnreadable: The payload was sealed with another key, or is damaged.
    """
    packed = _load(zlib.decompress, cipher.open(payload))
    columns = tuple(packed["columns"])
    errors: dict[int, list[CellError]] = {}
    for error in map(_cell_error, packed["errors"]):
        errors.setdefault(error.row, []).append(error)
    return [Row(number, columns, tuple(values), tuple(errors.get(number, ()))) for number, values in packed["rows"]]


def seal_result(result: RowResult, cipher: Cipher) -> SealedResult:
    """
    Pack one result; only what a repository must know stays readable.

    Raises:
        TypeError, ValueError, AttributeError: A field is not of its type, or holds half a character.
    """
    result.status.encode()  # a repository keeps it as it is
    packed: dict[str, Any] = {name: text for name in _TEXTS if (text := getattr(result, name))}
    if result.total_charged is not None:
        packed["total_charged"] = str(result.total_charged)
    if result.total_paid is not None:
        packed["total_paid"] = str(result.total_paid)
    packed |= {name: day.isoformat() for name in _DAYS if (day := getattr(result, name))}
    if result.answered_at is not None:
        packed["answered_at"] = result.answered_at.isoformat()
    if result.seconds is not None:
        packed["seconds"] = round(result.seconds, 3)
    if result.source is not Source.PAYER:
        packed["source"] = result.source
    return SealedResult(
        row=result.row,
        success=result.success,
        status=result.status,
        payload=cipher.seal(_dump(packed)),
        asked=result.asked,
        refused=result.source is Source.UPLOAD,
        fingerprint=result.fingerprint,
    )


def open_result(sealed: SealedResult, cipher: Cipher) -> RowResult:
    """
    Unpack one result.

    Raises:
        PayloadUnreadable: The payload was sealed with another key, or is damaged.
    """
    packed = _load(bytes, cipher.open(sealed.payload))
    texts = {name: packed.get(name, "") for name in _TEXTS}
    days: dict[str, Any] = {name: date.fromisoformat(packed[name]) for name in _DAYS if name in packed}
    return RowResult(
        row=sealed.row,
        status=sealed.status,
        success=sealed.success,
        total_charged=Decimal(packed["total_charged"]) if "total_charged" in packed else None,
        total_paid=Decimal(packed["total_paid"]) if "total_paid" in packed else None,
        answered_at=datetime.fromisoformat(packed["answered_at"]) if "answered_at" in packed else None,
        seconds=packed.get("seconds"),
        source=Source(packed.get("source", Source.PAYER)),
        asked=sealed.asked,
        fingerprint=sealed.fingerprint,
        **texts,
        **days,
    )


def _cell_error(packed: Sequence[Any]) -> CellError:
    return CellError(*packed)


def _dump(packed: dict[str, Any]) -> bytes:
    return _JSON.encode(packed).encode()


def _load(unpack: Any, plain: bytes) -> dict[str, Any]:  # noqa: ANN401 -- `bytes` and `decompress` have no common type
    try:
        return json.loads(unpack(plain))  # type: ignore[no-any-return]
    except (zlib.error, ValueError) as error:
        raise PayloadUnreadable("Stored rows or results are damaged and cannot be read.") from error
