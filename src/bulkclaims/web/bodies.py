"""
The JSON of every answer: its shape, from which the OpenAPI document is made, and how it is filled.

The keys that users know, with their types, are fixed. `celery_status` and `celery_info` are there whatever runs the
chunks: they are told from the job, in Celery's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NotRequired, TypedDict

from bulkclaims.jobs import JobStatus, Outcome
from bulkclaims.records import Known, Source  # noqa: TC001 -- the schemas are made from these hints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from bulkclaims.checking import CheckReport
    from bulkclaims.jobs import Job, PayerPlan, Progress
    from bulkclaims.records import CellError, Heading, Problem, ResultLine


def says(**facts: object) -> tuple[tuple[str, object], ...]:
    """What a schema says of a value beside its type, as a type hint can hold it."""
    return tuple(facts.items())


Moment = Annotated[str, says(format="date-time")]
Day = Annotated[str, says(format="date")]
Id = Annotated[str, says(format="uuid")]
Amount = Annotated[str, says(pattern=r"^-?[0-9]+\.[0-9]{2}$")]
Count = Annotated[int, says(minimum=0)]
Percentage = Annotated[float, says(minimum=0, maximum=100)]
CeleryState = Literal["PENDING", "PROGRESS", "SUCCESS", "FAILURE", "REVOKED"]

_CELERY: dict[JobStatus, CeleryState] = {
    JobStatus.PENDING: "PENDING",
    JobStatus.PROCESSING: "PROGRESS",
    JobStatus.COMPLETED: "SUCCESS",
    JobStatus.FAILED: "FAILURE",
    JobStatus.CANCELLED: "REVOKED",
}


class CellErrorBody(TypedDict):
    """One thing wrong with one cell."""

    row: Annotated[int, says(minimum=1, description="1 is the first data row.")]
    column: Annotated[str, says(description="Blank where the row as a whole is wrong.")]
    code: str
    message: str
    seen: Annotated[str, says(description="The shape of what stands there: letters as A or a, digits as 9.")]
    repair: Annotated[str, says(description="What would mend it; blank where that is not known.")]


class ProblemGroup(TypedDict):
    """One kind of trouble in a file."""

    column: Annotated[str, says(description="Blank where rows as a whole are wrong.")]
    code: str
    message: str
    count: Annotated[int, says(minimum=1)]
    rows: Annotated[list[int], says(description="The first rows that have it.")]
    seen: Annotated[list[str], says(description="The first shapes of what stands there, each once.")]
    repair: Annotated[str, says(description="What would mend it, or has; blank where that is not known.")]


class HeadingBody(TypedDict):
    """One column of a file, by the name it has there."""

    text: str
    column: Annotated[str, says(description="What it was read as: our name, or the file's own, made unique.")]
    known: Annotated[Known, says(description="By what it was read so; `other` is none of ours.")]


class PlanBody(TypedDict):
    """What it takes to ask one payer account for its rows, as far as the file tells."""

    account: str
    rows: Count
    calls: Annotated[int, says(minimum=0, description="Requests, if searches by dates of service find their rows.")]
    most_calls: Annotated[int, says(minimum=0, description="Requests, if they do not; tries after failures on top.")]
    searches: Annotated[int, says(minimum=0, description="Those of `calls` that search by dates of service.")]
    seconds: Annotated[float | None, says(description="For `calls` at the account's rate; null where none is set.")]
    per_day: Annotated[int | None, says(description="The account's budget a day; null where none is set.")]


class JobBody(TypedDict):
    """A job as it stands."""

    id: Id
    filename: str
    status: JobStatus
    outcome: Annotated[Outcome | None, says(description="What an ended job came to; null while it runs.")]
    total_rows: Count
    processed_rows: Annotated[int, says(minimum=0, description="Always success_count plus failure_count.")]
    success_count: Count
    failure_count: Count
    refused_count: Annotated[int, says(minimum=0, description="Failures that were refused at upload and never sent.")]
    progress_percentage: Percentage
    success_rate: Percentage
    cancel_requested: bool
    problem: Annotated[str, says(description="Why the run ended as FAILED, or is about to; blank otherwise.")]
    run: Annotated[int, says(minimum=1, description="1 for the first run; each retry adds one.")]
    created_by: str
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    deadline_at: Moment | None
    waiting_until: Annotated[Moment | None, says(description="Until when some rows were put aside, or null.")]
    waiting_for: Annotated[str, says(description="Why they are: a sentence; blank otherwise.")]
    plan: list[PlanBody]
    error_log: Annotated[list[CellErrorBody], says(description="The first cells that were refused at upload.")]
    error_count: Annotated[int, says(minimum=0, description="All cells that were refused at upload.")]
    warnings: Annotated[list[ProblemGroup], says(description="What is worth a look in rows that are sent, by kind.")]
    same_as: Annotated[Id | None, says(description="The latest earlier job of the very same file, or null.")]
    truncated: Annotated[bool, says(description="Whether error_log lists fewer than error_count.")]
    sha256: Annotated[str, says(description="Digest of the uploaded file.")]
    encoding: Annotated[str, says(description="What the uploaded file was read as.")]
    notes: Annotated[list[str], says(description="Sentences about the uploaded file that are worth telling.")]
    headings: Annotated[list[HeadingBody], says(description="Its columns; empty where the parser does not tell.")]
    results_sha256: Annotated[
        str | None,
        says(description="Digest of the default CSV of results; null until it was written whole, and in lists."),
    ]
    compared_with: Annotated[Id | None, says(description="The earlier job that the results are compared with.")]


class JobPageBody(TypedDict):
    """Some jobs, newest first."""

    count: Count
    next: str | None
    previous: str | None
    results: list[JobBody]


class CeleryInfo(TypedDict):
    """Progress as Celery's own tools show it."""

    current: Count
    total: Count
    percent: Annotated[int, says(minimum=0, maximum=100)]


class ProgressBody(TypedDict):
    """How a job moves."""

    job_id: Id
    status: JobStatus
    total_rows: Count
    processed_rows: Count
    success_count: Count
    failure_count: Count
    progress_percentage: Percentage
    success_rate: Percentage
    celery_status: CeleryState
    celery_info: CeleryInfo
    outcome: Outcome | None
    cancel_requested: bool
    run: Annotated[int, says(minimum=1)]
    eta_seconds: Annotated[int | None, says(description="How long it goes on at the speed so far; null if unknown.")]
    queued_seconds: Annotated[int | None, says(description="How long it has waited for a worker; null once one came.")]
    worker_seen_at: Annotated[Moment | None, says(description="When a worker last did something for this run.")]
    workers_alive: Annotated[Count | None, says(description="Workers that live; null unless it waits for long.")]
    notice: Annotated[str, says(description="A sentence when something keeps the job from moving; blank otherwise.")]


class RowBody(TypedDict):
    """What is known of one row."""

    row: Annotated[int, says(minimum=1)]
    claim_number: str
    status: str
    success: bool
    patient_name: str
    total_charged: Amount | None
    total_paid: Amount | None
    processed_date: Day | None
    error: str
    note: str
    next_action: Annotated[str, says(description="What to do next, in plain words; blank where nobody was asked.")]
    payer_claim_number: str
    category_code: str
    status_code: str
    source: Source
    asked: Annotated[int, says(minimum=0, description="How often the payer was asked for this row.")]
    trace: Annotated[str, says(description="The payer's id for the exchange, to quote when calling them.")]
    payer: Annotated[str, says(description="Who was asked: the payer id, or the account's name; blank if nobody was.")]
    answered_at: Annotated[Moment | None, says(description="When the answer was there, by the worker's clock.")]
    seconds: Annotated[float | None, says(description="From first try to answer; null for one had from elsewhere.")]
    effective_date: Annotated[Day | None, says(description="Since when the claim is in this status, if told.")]
    previous_status: Annotated[
        str | None,
        says(description="By the last answer before, blank of a row that is new; null in a job compared with none."),
    ]
    changed: Annotated[bool | None, says(description="Whether status, amounts or processed_date are others since.")]
    days_in_status: Annotated[Count | None, says(description="As far as is known; null in a job compared with none.")]


class RowPageBody(TypedDict):
    """Some rows, in the file's order."""

    count: Annotated[int | None, says(description="All rows that fit; null where only counting them would tell.")]
    next: str | None
    previous: Annotated[None, says(description="Pages follow each other forwards alone.")]
    results: list[RowBody]


class CheckBody(TypedDict):
    """What an upload would come to."""

    filename: str
    total_rows: Count
    good_rows: Count
    bad_rows: Count
    encoding: Annotated[str, says(description="Blank of a workbook.")]
    delimiter: Annotated[str, says(description="Blank of a workbook.")]
    sheet: Annotated[str, says(description="The sheet of a workbook that was read; blank of a CSV.")]
    columns: list[str]
    notes: list[str]
    headings: Annotated[list[HeadingBody], says(description="Its columns; empty where the parser does not tell.")]
    problems: Annotated[list[ProblemGroup], says(description="What keeps rows from being sent, by kind.")]
    warnings: Annotated[list[ProblemGroup], says(description="What is worth a look in the others, by kind.")]
    truncated: Annotated[bool, says(description="Whether any of them lists fewer rows than it counts.")]
    duplicates: Annotated[int, says(minimum=0, description="Rows that ask what an earlier row asks.")]
    same_as: Annotated[Id | None, says(description="The latest job of the very same file, or null.")]
    plan: list[PlanBody]


class ProblemBody(TypedDict):
    """Why a request was not served (RFC 9457)."""

    type: str
    title: str
    status: Annotated[int, says(minimum=400, maximum=599)]
    detail: str
    code: Annotated[str, says(description="A stable word for programs.")]
    at_fault: Literal["file", "request", "service", "payer"]
    retry_helps: bool
    guesses: NotRequired[
        Annotated[
            dict[str, str],
            says(description="Headings that resemble missing columns, each with the column that may be meant."),
        ]
    ]


def job_body(job: Job, results_sha256: str | None = None) -> JobBody:
    """Describe a job, with the digest of its results file where that is known."""
    return {
        "id": job.id,
        "filename": job.filename,
        "status": job.status,
        "outcome": job.outcome,
        "total_rows": job.total_rows,
        "processed_rows": job.processed,
        "success_count": job.succeeded,
        "failure_count": job.failed,
        "refused_count": job.refused,
        "progress_percentage": job.progress_percentage,
        "success_rate": job.success_rate,
        "cancel_requested": job.cancel_requested,
        "problem": job.problem,
        "run": job.run,
        "created_by": job.owner.user,
        "created_at": _moment(job.created_at),
        "started_at": _optional_moment(job.started_at),
        "ended_at": _optional_moment(job.ended_at),
        "deadline_at": _optional_moment(job.deadline_at),
        "waiting_until": _optional_moment(job.waiting_until),
        "waiting_for": job.waiting_for,
        "plan": [_plan(plan) for plan in job.upload.plan],
        "error_log": list(map(_cell_error, job.upload.error_log)),
        "error_count": job.upload.error_count,
        "warnings": list(map(_problem, job.upload.warnings)),
        "same_as": job.upload.same_as,
        "truncated": job.upload.error_count > len(job.upload.error_log),
        "sha256": job.upload.facts.sha256,
        "encoding": job.upload.facts.encoding,
        "notes": list(job.upload.facts.notes),
        "compared_with": job.upload.compared_with,
        "headings": list(map(_heading, job.upload.facts.headings)),
        "results_sha256": results_sha256,
    }


def job_page_body(count: int, jobs: Sequence[Job], following: str | None, preceding: str | None) -> JobPageBody:
    """Describe a page of jobs."""
    return {"count": count, "next": following, "previous": preceding, "results": list(map(job_body, jobs))}


def progress_body(progress: Progress) -> ProgressBody:
    """Describe how a job moves."""
    job = progress.job
    return {
        "job_id": job.id,
        "status": job.status,
        "total_rows": job.total_rows,
        "processed_rows": job.processed,
        "success_count": job.succeeded,
        "failure_count": job.failed,
        "progress_percentage": job.progress_percentage,
        "success_rate": job.success_rate,
        "celery_status": _CELERY[job.status],
        "celery_info": {"current": job.processed, "total": job.total_rows, "percent": int(job.progress_percentage)},
        "outcome": job.outcome,
        "cancel_requested": job.cancel_requested,
        "run": job.run,
        "eta_seconds": _whole(progress.eta_seconds),
        "queued_seconds": _whole(progress.queued_seconds),
        "worker_seen_at": _optional_moment(job.worker_seen_at),
        "workers_alive": None if progress.workers is None else progress.workers.alive,
        "notice": progress.notice,
    }


def row_body(line: ResultLine) -> RowBody:
    """Describe a row."""
    result, earlier = line.result, line.earlier
    return {
        "row": result.row,
        "claim_number": result.claim_number,
        "status": result.status,
        "success": result.success,
        "patient_name": result.patient_name,
        "total_charged": _amount(result.total_charged),
        "total_paid": _amount(result.total_paid),
        "processed_date": _day(result.processed_date),
        "error": result.error,
        "note": result.note,
        "next_action": result.next_action,
        "payer_claim_number": result.payer_claim_number,
        "category_code": result.category_code,
        "status_code": result.status_code,
        "source": result.source,
        "asked": result.asked,
        "trace": result.trace,
        "payer": result.payer,
        "answered_at": _optional_moment(result.answered_at),
        "seconds": result.seconds,
        "effective_date": _day(result.effective_date),
        "previous_status": earlier.status if earlier else None,
        "changed": earlier.changed if earlier else None,
        "days_in_status": earlier.days_in_status if earlier else None,
    }


def check_body(filename: str, report: CheckReport) -> CheckBody:
    """Describe what an upload would come to."""
    return {
        "filename": filename,
        "total_rows": report.total_rows,
        "good_rows": report.total_rows - report.bad_rows,
        "bad_rows": report.bad_rows,
        "encoding": report.facts.encoding,
        "delimiter": report.facts.delimiter,
        "sheet": report.facts.sheet,
        "columns": list(report.facts.columns),
        "notes": list(report.facts.notes),
        "headings": list(map(_heading, report.facts.headings)),
        "problems": list(map(_problem, report.problems)),
        "warnings": list(map(_problem, report.warnings)),
        "truncated": report.truncated,
        "duplicates": report.duplicates,
        "same_as": report.same_as,
        "plan": [_plan(plan) for plan in report.plan],
    }


def _plan(plan: PayerPlan) -> PlanBody:
    return {
        "account": plan.account,
        "rows": plan.rows,
        "calls": plan.calls,
        "most_calls": plan.most_calls,
        "searches": plan.searches,
        "seconds": plan.seconds,
        "per_day": plan.per_day,
    }


def _cell_error(error: CellError) -> CellErrorBody:
    return {
        "row": error.row,
        "column": error.column,
        "code": error.code,
        "message": error.message,
        "seen": error.seen,
        "repair": error.repair,
    }


def _problem(problem: Problem) -> ProblemGroup:
    return {
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "count": problem.count,
        "rows": list(problem.rows),
        "seen": list(problem.seen),
        "repair": problem.repair,
    }


def _heading(heading: Heading) -> HeadingBody:
    return {"text": heading.text, "column": heading.column, "known": heading.known}


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _optional_moment(moment: datetime | None) -> str | None:
    return _moment(moment) if moment else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"
