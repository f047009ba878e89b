"""The columns of results files: what stands in each, whatever the format."""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import frozen

from bulkclaims.parsing.aliases import KNOWN, bare
from bulkclaims.parsing.aliases import REASON as REASON_NAMES
from bulkclaims.parsing.cells import unmarked
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from bulkclaims.jobs import Job
    from bulkclaims.records import Earlier, ResultLine

    Value: TypeAlias = str | int | float | bool | Decimal | date | datetime | None


FURTHER_CELLS = "further_cells"
"""What a format that names every cell calls those that `further_cells` tells."""

ROWS_A_PIECE = 1000
"""A thousand rows to a piece of a file: frameworks that stream pay for each piece, not for each byte."""


@frozen
class Column:
    """One column of a results file."""

    name: str
    value: Callable[[ResultLine], Value]
    """What stands in it; text may be anything that a person or a payer wrote."""
    width: int = 14
    """Of a spreadsheet's column, in characters."""
    uploaded: bool = False
    """Whether it is to be uploaded again; a file that has such columns has `further_cells` too."""
    flag: Callable[[ResultLine], bool | None] | None = None
    """What stands in it for programs, where people are given a word."""


class Columns(Protocol):
    """Which columns a file has. Called once for each file."""

    def __call__(self, job: Job, /) -> Sequence[Column]:
        """Say the columns of a file of *job*: the same ones each time."""


NINE = (
    Column("row", attrgetter("result.row"), 7),
    Column("claim_number", attrgetter("result.claim_number"), 18),
    Column("status", attrgetter("result.status"), 14),
    Column("patient_name", attrgetter("result.patient_name"), 24),
    Column("total_charged", attrgetter("result.total_charged"), 13),
    Column("total_paid", attrgetter("result.total_paid"), 13),
    Column("processed_date", attrgetter("result.processed_date"), 14),
    Column("success", attrgetter("result.success"), 9),
    Column("error", attrgetter("result.error"), 60),
)
"""What every results file has."""

COMPARED = (
    Column("previous_status", lambda line: _earlier(line, lambda earlier: earlier.status), 15),
    Column(
        "changed",
        lambda line: _earlier(line, lambda earlier: "yes" if earlier.changed else "no"),
        9,
        flag=lambda line: line.earlier.changed if line.earlier else None,
    ),
    Column("days_in_status", lambda line: _earlier(line, lambda earlier: earlier.days_in_status), 14),
)
"""What a job that is compared with an earlier one has besides."""

FURTHER = (
    Column("payer_claim_number", attrgetter("result.payer_claim_number"), 20),
    Column("category_code", attrgetter("result.category_code"), 13),
    Column("status_code", attrgetter("result.status_code"), 11),
    Column("next_action", attrgetter("result.next_action"), 40),
    Column("note", attrgetter("result.note"), 40),
    Column("attempts", attrgetter("result.asked"), 9),
    Column("source", attrgetter("result.source.value"), 14),
    Column("payer", attrgetter("result.payer"), 12),
    Column("answered_at", attrgetter("result.answered_at"), 20),
    Column("seconds", attrgetter("result.seconds"), 9),
    Column("trace", attrgetter("result.trace"), 38),
)
"""What else is known of each answer."""

REASON = (NINE[-1], FURTHER[3])
"""What is wrong with a row, and what to do."""

_OURS = frozenset((*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
_BEHIND_A_NAME = " (uploaded)"
_KEPT = 200
"""Characters of a name: only of its first 255 it matters what they are."""
_NARROW, _WIDE = 12, 40


def nine(job: Job) -> Sequence[Column]:
    """Say the nine columns that billing staff know, and what has changed where the job is compared with another."""
    return NINE if job.upload.compared_with is None else NINE + COMPARED


def full(job: Job) -> Sequence[Column]:
    """Say all that is known: the columns of `nine`, what else the answers tell, and the columns of the upload."""
    told = (*nine(job), *FURTHER)
    own = [at for at, name in enumerate(job.upload.facts.columns) if name != "claim_number"]
    return (*told, *_uploaded(job, {column.name for column in told}, own))


def to_correct(job: Job) -> Sequence[Column]:
    """
    Say what is wrong with each row and what to do, then the columns of the upload.

    The file, corrected, is an upload as it stands: of the same claims, and to the same payer, since what the job was
    told for all rows stands in the columns and cells that lacked it. The reason stands in front, so that a row with
    cells too many ends as it did in the upload. A reason of an earlier round, which stands there too, is superseded.
    """
    facts = job.upload.facts
    told = {column: value for column, value in job.defaults.items() if value}
    added = [Column(name, _always(value), uploaded=True) for name, value in told.items() if name not in facts.columns]
    first = [*REASON, *added]
    begin = len(REASON) if facts.columns[: len(REASON)] == REASON_NAMES else 0
    return (*first, *_uploaded(job, {column.name for column in first}, range(begin, len(facts.columns)), told))


def further_cells(line: ResultLine) -> Sequence[str]:
    """
    Say what a row has beyond its header: nothing, unless that is what is wrong with it.

    Behind the last column of a file, it keeps a row whose cells are shifted from being taken for a right one.
    """
    return line.row.values[len(line.row.columns) :]


def _uploaded(
    job: Job, others: Collection[str], places: Iterable[int], told: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Column]:
    taken = {*others, FURTHER_CELLS}
    for at in places:
        name = free = job.upload.facts.columns[at]
        if name not in _OURS and bare(name) in KNOWN:
            # None of ours by the word of whoever sent it: read again, it would be taken for one.
            free = name[:_KEPT] + _BEHIND_A_NAME
        while free in taken:
            free += _BEHIND_A_NAME
        taken.add(free)
        value = _filled(at, told[name]) if name in told else _cell(at)
        yield Column(free, value, min(max(len(free) + 2, _NARROW), _WIDE), uploaded=True)


def _cell(at: int) -> Callable[[ResultLine], str]:
    # A parser of a host's own may leave a bad row short.
    return lambda line: line.row.values[at] if at < len(line.row.values) else ""


def _filled(at: int, default: str) -> Callable[[ResultLine], Value]:
    cell = _cell(at)
    return lambda line: cell(line) if unmarked(cell(line)) or _is_uneven(line) else default


def _is_uneven(line: ResultLine) -> bool:
    """Whether something is wrong with a row as a whole: nobody knows which of its cells is which."""
    return bool(further_cells(line)) or any(not error.column for error in line.row.errors)


def _always(value: str) -> Callable[[ResultLine], Value]:
    return lambda _: value


def _earlier(line: ResultLine, say: Callable[[Earlier], Value]) -> Value:
    return None if line.earlier is None else say(line.earlier)
