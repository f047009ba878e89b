"""The table of routes: what there is, who may use it, what it takes and gives. Adapters and OpenAPI both read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import field, frozen

from bulkclaims.access import Action
from bulkclaims.jobs import JobStatus
from bulkclaims.results.shapes import Format, Which
from bulkclaims.web import downloads, jobs, queries, uploads
from bulkclaims.web.bodies import CheckBody, JobBody, JobPageBody, ProgressBody, RowPageBody
from bulkclaims.web.messages import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

    from bulkclaims.web.calls import Call
    from bulkclaims.web.messages import Request, Response


Body: TypeAlias = "type | str | tuple[type | str, ...] | None"
"""What is answered with: a shape of JSON, a media type, one or the other of several, or nothing."""


@frozen
class Parameter:
    """What may stand in a query or a header."""

    name: str
    schema: Mapping[str, Any]
    description: str
    where: Literal["query", "header"] = "query"


@frozen
class Route:
    """One thing that can be asked for."""

    name: str
    method: str
    path: str
    """Below the prefix, with `{job_id}` where a job is named."""
    action: Action
    answer: Callable[[Call], Response]
    summary: str
    gives: Mapping[int, Body]
    """By status of success, the body's shape, or its media type, or several of them; None for no body."""
    parameters: tuple[Parameter, ...] = ()
    takes_form: bool = False
    refuses: tuple[int, ...] = ()
    """Statuses of failure beside those that any route may answer with."""
    headers: Mapping[int, tuple[str, ...]] = field(factory=dict)
    """By status: what is told in the answer's head beside what every answer tells."""
    known: frozenset[str] = field(init=False)

    @property
    def media_types(self) -> frozenset[str]:
        """Of what its answers are when all goes well; none where they have no body."""
        return frozenset(each for body in self.gives.values() for each in media_types(body))

    def asks_for(self, request: Request) -> Action:
        """What a request to it asks leave for: a dry run is less than an upload."""
        is_dry = self.action is Action.UPLOAD and queries.flag(request, "dry_run")
        return Action.CHECK if is_dry else self.action

    @known.default
    def _names_of_parameters(self) -> frozenset[str]:
        return frozenset(parameter.name for parameter in self.parameters if parameter.where == "query")


def media_types(body: Body) -> tuple[str, ...]:
    """Say of which media types a body may be that a route gives."""
    if body is None:
        return ()
    if isinstance(body, tuple):
        return tuple(each for part in body for each in media_types(part))
    return (body if isinstance(body, str) else JSON,)


_FLAG = {"type": "boolean"}
_WHOLE = {"type": "integer", "minimum": 1}
_STATUS = {"type": "string", "enum": [status.value for status in JobStatus]}
_TEXT = {"type": "string"}
_JOB = "csv-jobs/{job_id}/"
_FILES = tuple(downloads.MEDIA_TYPES)
_OF_FILES = ("Content-Disposition", "ETag", "Accept-Ranges", "Repr-Digest", "Vary")


def _words(kind: type[StrEnum]) -> dict[str, Any]:
    return {"type": "string", "enum": [each.value for each in kind]}


ROUTES = (
    Route(
        name="upload",
        method="POST",
        path="bulk/upload/",
        action=Action.UPLOAD,
        answer=uploads.upload,
        summary="Upload a CSV of claims and have them looked up.",
        gives={201: JobBody, 200: (CheckBody, "text/csv")},
        parameters=(
            Parameter("dry_run", _FLAG, "Only say what is wrong with the file: 200, nothing stored or sent."),
            Parameter(
                "format", _words(uploads.ReportFormat), "Of a dry run: its report; unless given, what `Accept` says."
            ),
            Parameter(
                "Idempotency-Key",
                {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                "Your own word for this upload; sent again with the same file and fields, it gives the same job.",
                where="header",
            ),
        ),
        takes_form=True,
        refuses=(400, 409, 411, 413, 415, 422),
        headers={200: ("Content-Disposition",), 201: ("Location",), 409: ("Retry-After",)},
    ),
    Route(
        name="template",
        method="GET",
        path="bulk/template/",
        action=Action.LIST,
        answer=uploads.template,
        summary="A sample CSV to fill in.",
        gives={200: "text/csv"},
        headers={200: ("Content-Disposition",)},
    ),
    Route(
        name="jobs",
        method="GET",
        path="csv-jobs/",
        action=Action.LIST,
        answer=jobs.listing,
        summary="The organisation's jobs, newest first.",
        gives={200: JobPageBody},
        parameters=(
            Parameter("status", _STATUS, "Only jobs in this status."),
            Parameter("search", {"type": "string"}, "Only jobs whose file name contains this."),
            Parameter("created_after", {"type": "string", "format": "date-time"}, "Only jobs created later."),
            Parameter("page", {**_WHOLE, "maximum": jobs.MOST_PAGES}, "Which page; 1 is the first."),
            Parameter("page_size", {**_WHOLE, "maximum": jobs.MOST_JOBS}, "How many jobs to a page."),
        ),
        refuses=(400,),
    ),
    Route(
        name="job",
        method="GET",
        path=_JOB,
        action=Action.VIEW,
        answer=jobs.details,
        summary="One job, with the cells that were refused at upload.",
        gives={200: JobBody},
    ),
    Route(
        name="progress",
        method="GET",
        path=f"{_JOB}progress/",
        action=Action.VIEW,
        answer=jobs.progress,
        summary="How a job moves; poll it, and send If-None-Match to be told when nothing did.",
        gives={200: ProgressBody, 304: None},
        headers={200: ("ETag", "Retry-After"), 304: ("ETag", "Retry-After")},
        parameters=(Parameter("If-None-Match", _TEXT, "The ETag of an earlier answer.", where="header"),),
    ),
    Route(
        name="rows",
        method="GET",
        path=f"{_JOB}rows/",
        action=Action.DOWNLOAD,
        answer=jobs.rows,
        summary="Rows of a job with what is known of them, in the file's order.",
        gives={200: RowPageBody},
        parameters=(
            Parameter("success", _FLAG, "Only rows that succeeded, or that did not."),
            Parameter("status", {"type": "string"}, "Only rows with this status word, such as Denied."),
            Parameter("cursor", {"type": "string", "pattern": "^[0-9]{1,9}-[0-9]{1,9}$"}, "From an earlier next."),
            Parameter("page_size", {**_WHOLE, "maximum": jobs.MOST_ROWS}, "How many rows to a page."),
        ),
        refuses=(400,),
    ),
    Route(
        name="results",
        method="GET",
        path=f"{_JOB}results/",
        action=Action.DOWNLOAD,
        answer=downloads.results,
        summary="The results file: every row of the upload once, in order, or only some.",
        gives={200: _FILES, 206: _FILES, 304: None},
        headers={
            200: (*_OF_FILES, "Content-Encoding"),
            206: (*_OF_FILES, "Content-Range"),
            304: ("ETag", "Vary"),
            416: ("Content-Range",),
        },
        parameters=(
            Parameter("format", _words(Format), "What kind of file; unless given, what `Accept` says, or CSV."),
            Parameter("columns", _words(Which), "The nine columns, or with all that is known and was uploaded."),
            Parameter(
                "status",
                {"type": "string", "enum": ["failed"]},
                "Only rows that failed: the file to correct, unless `columns` says otherwise.",
            ),
            Parameter("changed", _FLAG, "Only rows that differ from the job that this one is compared with."),
            Parameter("bom", _FLAG, "Whether a CSV begins with a byte order mark, for older spreadsheets."),
            Parameter("partial", _FLAG, "Also while the job still runs."),
            Parameter("If-None-Match", _TEXT, "The ETag of a file that you have.", where="header"),
            Parameter("Range", _TEXT, "Which bytes of a finished file, such as `bytes=1000-`.", where="header"),
            Parameter("If-Range", _TEXT, "The ETag of the file that the rest is for.", where="header"),
        ),
        refuses=(400, 409, 416),
    ),
    Route(
        name="retry",
        method="POST",
        path=f"{_JOB}retry/",
        action=Action.RETRY,
        answer=jobs.retry,
        summary="Ask again for the rows that failed at the payer or were never asked.",
        gives={202: JobBody},
        refuses=(409,),
    ),
    Route(
        name="cancel",
        method="POST",
        path=f"{_JOB}cancel/",
        action=Action.CANCEL,
        answer=jobs.cancel,
        summary="Stop before the next look-up; what is answered stays.",
        gives={202: JobBody},
        refuses=(409,),
    ),
    Route(
        name="delete",
        method="DELETE",
        path=_JOB,
        action=Action.DELETE,
        answer=jobs.delete,
        summary="Delete an ended job with its rows and results.",
        gives={204: None},
        refuses=(409,),
    ),
)
"""All there is, in the order in which it is described."""

OPENAPI_PATH = "openapi.json"
"""Beside the routes, and open to everybody: it tells of no job."""
