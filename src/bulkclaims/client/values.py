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
from bulkclaims.records import CellError, Problem, RowResult, Source

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


def read_row(body: Mapping[str, Any]) -> RowResult:
    """Make a row's result of *body*, as `read` does."""
    return attrs.evolve(
        read(RowResult, body),
        total_charged=optional(Decimal)(body["total_charged"]),
        total_paid=optional(Decimal)(body["total_paid"]),
        processed_date=optional(date.fromisoformat)(body["processed_date"]),
        source=Source(body["source"]),
    )


def _cell_errors(bodies: Iterable[Body]) -> tuple[CellError, ...]:
    return tuple(read(CellError, body) for body in bodies)


def _problems(bodies: Iterable[Body]) -> tuple[Problem, ...]:
    return tuple(read(Problem, {**body, "rows": tuple(body["rows"])}) for body in bodies)


def _plans(bodies: Iterable[Body]) -> tuple[PayerPlan, ...]:
    return tuple(read(PayerPlan, body) for body in bodies)


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
    waiting_until: datetime | None = field(default=None, converter=optional(_moment))
    """Until when some rows are put aside, as while their payer is away; None otherwise, and of an older service."""
    waiting_for: str = ""
    """Why they are; "" otherwise, and of an older service."""
    plan: tuple[PayerPlan, ...] = field(default=(), converter=_plans)
    """What it takes to ask for the rows, by payer account; empty where that was not known, and of an older service."""


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
    delimiter: str
    columns: tuple[str, ...] = field(converter=tuple)
    notes: tuple[str, ...] = field(converter=tuple)
    """Sentences worth telling the user, such as that the file was read as Windows-1252."""
    problems: tuple[Problem, ...] = field(converter=_problems)
    """The most frequent first; counts are exact."""
    plan: tuple[PayerPlan, ...] = field(default=(), converter=_plans)
    """What it would take to ask for the rows, by payer account; empty of an older service."""
