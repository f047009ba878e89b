"""The columns of results files: what stands in each, whatever the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from bulkclaims.jobs import Job
    from bulkclaims.records import ResultLine

    Value: TypeAlias = str | int | float | bool | Decimal | date | datetime | None


@frozen
class Column:
    """One column of a results file."""

    name: str
    value: Callable[[ResultLine], Value]
    """What stands in it; text may be anything that a person or a payer wrote."""
    width: int = 14
    """Of a spreadsheet's column, in characters."""


class Columns(Protocol):
    """Which columns a file has. Called once for each file."""

    def __call__(self, job: Job, /) -> Sequence[Column]:
        """Say the columns of a file of *job*: the same ones each time."""


NINE = (
    Column("row", lambda line: line.result.row, 7),
    Column("claim_number", lambda line: line.result.claim_number, 18),
    Column("status", lambda line: line.result.status, 14),
    Column("patient_name", lambda line: line.result.patient_name, 24),
    Column("total_charged", lambda line: line.result.total_charged, 13),
    Column("total_paid", lambda line: line.result.total_paid, 13),
    Column("processed_date", lambda line: line.result.processed_date, 14),
    Column("success", lambda line: line.result.success, 9),
    Column("error", lambda line: line.result.error, 60),
)
"""What every results file has."""


def nine(job: Job) -> Sequence[Column]:
    """Say the nine columns that billing staff know."""
    return NINE
