"""Results as the nine columns of CSV that billing staff know."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.records import DATE_FORMAT, RowResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

COLUMNS = (
    "row",
    "claim_number",
    "status",
    "patient_name",
    "total_charged",
    "total_paid",
    "processed_date",
    "success",
    "error",
)

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 -- spreadsheets take the full-width forms for formulas too
_ROWS_A_PIECE = 1000
"""A thousand rows to a piece of the file: frameworks that stream pay for each piece, not for each byte."""


@frozen
class CsvWriter:
    """
    RFC 4180 with nine cells on every line, safe to open in a spreadsheet.

    A text cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CWE-1236); amounts are
    numbers and stay as they are.
    """

    media_type: str = "text/csv; charset=utf-8"
    suffix: str = ".csv"

    def write(self, results: Iterable[RowResult]) -> Iterator[bytes]:  # noqa: D102 -- stated in `interfaces.ResultWriter`
        text = io.StringIO(newline="")
        line = csv.writer(text, lineterminator="\r\n")
        line.writerow(COLUMNS)
        lines = (_cells(result) for result in results)
        while True:
            line.writerows(islice(lines, _ROWS_A_PIECE))
            if not text.tell():
                return
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()


def _cells(result: RowResult) -> tuple[object, ...]:
    return (
        result.row,
        _safe(result.claim_number),
        _safe(result.status),
        _safe(result.patient_name),
        _amount(result.total_charged),
        _amount(result.total_paid),
        result.processed_date.strftime(DATE_FORMAT) if result.processed_date else "",
        result.success,
        _safe(result.error),
    )


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"
