"""Results as JSON Lines, for programs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from bulkclaims.writers.columns import FURTHER_CELLS, ROWS_A_PIECE, further_cells, nine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkclaims.jobs import Job
    from bulkclaims.records import ResultLine
    from bulkclaims.writers.columns import Column, Columns, Value


@frozen
class JsonLinesWriter:
    """
    One JSON object on each line; its keys are the columns' names.

    Amounts are text with two places, since a JSON number would be read as a binary fraction; days are `YYYY-MM-DD`,
    moments ISO 8601 in UTC, flags true or false, and null stands for nothing. Text is as it came, without the
    apostrophe that spreadsheets need: no program runs it. A row with more cells than its header has them under
    `further_cells`, where the file has the upload's columns.

    Args:
        columns: Which columns the file has, such as `bulkclaims.writers.full`.
    """

    columns: Columns = nine
    media_type: str = "application/jsonl"
    suffix: str = ".jsonl"

    def write(self, job: Job, lines: Iterable[ResultLine]) -> Iterator[bytes]:  # noqa: D102 -- stated in `interfaces.ResultWriter`
        columns, lines = self.columns(job), iter(lines)
        whole_rows = any(column.uploaded for column in columns)
        while some := list(islice(lines, ROWS_A_PIECE)):
            yield "".join(_object(columns, line, whole_rows) for line in some).encode()


def _object(columns: Sequence[Column], line: ResultLine, whole_row: bool) -> str:  # noqa: FBT001 -- of three
    cells: dict[str, object] = {column.name: _plain((column.flag or column.value)(line)) for column in columns}
    if whole_row and (further := further_cells(line)):
        cells[FURTHER_CELLS] = further
    return json.dumps(cells) + "\n"


def _plain(value: Value) -> object:
    match value:
        case Decimal():
            return f"{value:.2f}"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return value
