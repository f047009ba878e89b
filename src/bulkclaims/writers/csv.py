"""Results as the nine columns of CSV that billing staff know."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.formulas import guarded
from bulkclaims.records import DATE_FORMAT
from bulkclaims.writers.columns import nine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.jobs import Job
    from bulkclaims.records import ResultLine
    from bulkclaims.writers.columns import Columns, Value

_ROWS_A_PIECE = 1000
"""A thousand rows to a piece of the file: frameworks that stream pay for each piece, not for each byte."""


@frozen
class CsvWriter:
    """
    RFC 4180 with nine cells on every line, safe to open in a spreadsheet.

    A text cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CWE-1236); amounts are
    numbers and stay as they are.
    """

    columns: Columns = nine
    media_type: str = "text/csv; charset=utf-8"
    suffix: str = ".csv"

    def write(self, job: Job, lines: Iterable[ResultLine]) -> Iterator[bytes]:  # noqa: D102 -- stated in `interfaces.ResultWriter`
        columns = self.columns(job)
        text = io.StringIO(newline="")
        file = csv.writer(text, lineterminator="\r\n")
        file.writerow(column.name for column in columns)
        values = [column.value for column in columns]
        cells = ([_cell(value(line)) for value in values] for line in lines)
        while True:
            file.writerows(islice(cells, _ROWS_A_PIECE))
            if not text.tell():
                return
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()


def _cell(value: Value) -> object:
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date):
        return value.strftime(DATE_FORMAT)
    return value
