"""
What the HTTP API's JSON says, as frozen values: its own names, with moments, amounts and words of their proper types.

Keys that a later version of the API adds are left out.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from attrs import field, frozen
from attrs.converters import optional

from bulkclaims.jobs import JobStatus, Outcome, PayerPlan
from bulkclaims.records import CellError, Heading, Known, Problem, RowResult, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkclaims.jobs import JobId

Value = TypeVar("Value", bound=attrs.AttrsInstance)
Body = dict[str, Any]


def read(kind: type[Value], body: Mapping[str, Any]) -> Value:
    """
    Make a value of those keys of *body* that it has.

    Raises:
        TypeError: One is missing.
        ValueError: One does not hold what it should.
    """
    known = attrs.fields_dict(kind)
    return kind(**{name: value for name, value in body.items() if name in known})


@frozen
class RowInfo(RowResult):
    """A row's result, with what the job says that its own is compared with; of an older service less of it."""

    previous_status: str | None = None
    """The status word of the last answer before, "" of a row that is new; None where it is compared with none."""
    changed: bool | None = None
    """Whether status word, amounts or day of adjudication are others since; None likewise."""
    days_in_status: int | None = None
    """How long the claim is in its status, as far as is known; None likewise."""


def read_row(body: Mapping[str, Any]) -> RowInfo:
    """Make a row's result of *body*, as `read` does; an older service tells less of it."""
    return attrs.evolve(
        read(RowInfo, body),
        total_charged=optional(Decimal)(body["total_charged"]),
        total_paid=optional(Decimal)(body["total_paid"]),
        processed_date=optional(date.fromisoformat)(body["processed_date"]),
        source=Source(body["source"]),
        answered_at=optional(_moment)(body.get("answered_at")),
        effective_date=optional(date.fromisoformat)(body.get("effective_date")),
    )


def _cell_errors(bodies: Iterable[Body]) -> tuple[CellError, ...]:
    return tuple(read(CellError, body) for body in bodies)


def _problems(bodies: Iterable[Body]) -> tuple[Problem, ...]:
    return tuple(
        read(Problem, {**body, "rows": tuple(body["rows"]), "seen": tuple(body.get("seen", ()))}) for body in bodies
    )


def _plans(bodies: Iterable[Body]) -> tuple[PayerPlan, ...]:
    return tuple(read(PayerPlan, body) for body in bodies)


def _headings(bodies: Iterable[Body]) -> tuple[Heading, ...]:
    return tuple(read(Heading, {**body, "known": Known(body["known"])}) for body in bodies)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@frozen(kw_only=True)
class JobInfo:
    """A job as it stood when the service was asked."""

    id: JobId
    filename: str
    status: JobStatus = field(converter=JobStatus)
    outcome: Outcome | None = field(converter=optional(Outcome))
    """What an ended job came to; None while it runs."""
    total_rows: int
    processed_rows: int
    """Always `success_count` and `failure_count` together."""
    success_count: int
    failure_count: int
    refused_count: int
    """Failures that were refused at upload and never sent."""
    progress_percentage: float
    success_rate: float
    cancel_requested: bool
    problem: str
    """Why the run ended as FAILED, or will as soon as what is in flight is recorded; "" otherwise."""
    run: int
    """1 for the first run; each retry adds one."""
    created_by: str
    created_at: datetime = field(converter=_moment)
    started_at: datetime | None = field(converter=optional(_moment))
    ended_at: datetime | None = field(converter=optional(_moment))
    deadline_at: datetime | None = field(converter=optional(_moment))
    error_log: tuple[CellError, ...] = field(converter=_cell_errors)
    """The first cells that were refused at upload."""
    error_count: int
    """All cells that were refused at upload."""
    truncated: bool
    """Whether `error_log` lists fewer than `error_count`."""
    sha256: str
    """Digest of the uploaded file."""
    encoding: str = ""
    """What the file was read as; "" of an older service."""
    notes: tuple[str, ...] = field(default=(), converter=tuple)
    """Sentences about the file that are worth telling."""
    headings: tuple[Heading, ...] = field(default=(), converter=_headings)
    """What each of the file's columns was read as; empty of an older service."""
    waiting_until: datetime | None = field(default=None, converter=optional(_moment))
    """Until when some rows are put aside, as while their payer is away; None otherwise, and of an older service."""
    waiting_for: str = ""
    """Why they are; "" otherwise, and of an older service."""
    plan: tuple[PayerPlan, ...] = field(default=(), converter=_plans)
    """What it takes to ask for the rows, by payer account; empty where that was not known, and of an older service."""
    warnings: tuple[Problem, ...] = field(default=(), converter=_problems)
    """What is worth a look in rows that are sent, by kind, the most frequent first; empty of an older service."""
    same_as: JobId | None = None
    """The latest earlier job of the very same file; None where there is none, and of an older service."""
    results_sha256: str | None = None
    """Digest of the default CSV of results; None until it was written whole, in lists, and of an older service."""
    compared_with: JobId | None = None
    """The earlier job that the results are compared with; None where there is none, and of an older service."""


@frozen(kw_only=True)
class ProgressInfo:
    """How a job moved when the service was asked."""

    job_id: JobId
    status: JobStatus = field(converter=JobStatus)
    outcome: Outcome | None = field(converter=optional(Outcome))
    total_rows: int
    processed_rows: int
    success_count: int
    failure_count: int
    progress_percentage: float
    success_rate: float
    cancel_requested: bool
    run: int
    eta_seconds: int | None
    """How long it goes on at the speed so far; None if unknown."""
    queued_seconds: int | None
    """How long it has waited for a worker; None once one came."""
    worker_seen_at: datetime | None = field(converter=optional(_moment))
    workers_alive: int | None = None
    """How many workers live, of a job that waits for long; None of any other, and of an older service."""
    notice: str
    """A sentence when something keeps the job from moving; "" otherwise."""


@frozen(kw_only=True)
class CheckInfo:
    """What an upload would come to, without anything having been stored or sent to a payer."""

    filename: str
    total_rows: int
    good_rows: int
    bad_rows: int
    encoding: str
    """"" of a workbook."""
    delimiter: str
    """"" of a workbook."""
    sheet: str = ""
    """The sheet of a workbook that was read; "" of a CSV, and of an older service."""
    columns: tuple[str, ...] = field(converter=tuple)
    notes: tuple[str, ...] = field(converter=tuple)
    """Sentences worth telling the user, such as that the file was read as Windows-1252."""
    headings: tuple[Heading, ...] = field(default=(), converter=_headings)
    """What each of the file's columns was read as; empty of an older service."""
    problems: tuple[Problem, ...] = field(converter=_problems)
    """The most frequent first; counts are exact."""
    plan: tuple[PayerPlan, ...] = field(default=(), converter=_plans)
    """What it would take to ask for the rows, by payer account; empty of an older service."""
    warnings: tuple[Problem, ...] = field(default=(), converter=_problems)
    """Likewise what is worth a look in rows that are sent all the same, and repairs; empty of an older service."""
    truncated: bool = False
    """Whether any of `problems` and `warnings` lists fewer rows than it counts."""
    duplicates: int = 0
    """Rows that ask what an earlier row of the file asks."""
    same_as: JobId | None = None
    """The latest job of the very same file; None where there is none, and of an older service."""
