"""What can be done with files."""

from __future__ import annotations

import csv
import io
import json
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from bulkclaims.access import Action
from bulkclaims.checking import report_csv
from bulkclaims.errors import BulkClaimsError, JobNotFound, RequestWrong
from bulkclaims.jobs import JobId, Owner
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Layout
from bulkclaims.web import queries
from bulkclaims.web.accepting import best
from bulkclaims.web.bodies import check_body, job_body
from bulkclaims.web.forms import FormUpload
from bulkclaims.web.messages import JSON, Response, attachment, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.web.calls import Call
    from bulkclaims.web.messages import Request

_SAMPLE = ("PCN7000001", "ALMA", "TESTER", "03/04/1972", "ZX00012345")
_LONGEST_KEY = 255
_TOLD = ("columns", "remember_columns", "sheet", "compare_with")
"""Fields that are no values of columns."""


class ReportFormat(StrEnum):
    """What the report of a dry run may be; each word is also the ending of its name."""

    JSON = "json"
    CSV = "csv"


_MEDIA_TYPES = {ReportFormat.JSON: JSON, ReportFormat.CSV: "text/csv"}


def upload(call: Call) -> Response:
    """Take a file and make a job of it; or, as a dry run, only say what is wrong with it."""
    dry_run = bool(queries.flag(call.request, "dry_run"))
    wanted = _format(call.request, dry_run=dry_run)
    key = _key(call)
    headers = call.request.headers
    form = FormUpload(
        headers.get("content-type", ""), call.request.body, has_length=bool(headers.get("content-length"))
    )
    try:
        return _check(call, form, wanted) if dry_run else _submit(call, form, key)
    except BulkClaimsError:
        form.drain()
        raise


def template(_: Call) -> Response:
    """Send a file that shows which columns there are."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([REQUIRED_COLUMNS, _SAMPLE])
    return attachment("claims-template.csv", text.getvalue().encode())


def _check(call: Call, form: FormUpload, wanted: ReportFormat) -> Response:
    report = call.bulk.check(
        form, _defaults(call, form.fields), organisation=call.organisation, layout=_layout(form.fields)
    )
    if wanted is ReportFormat.CSV:
        return attachment("check-report.csv", report_csv(report))
    return json_response(200, check_body(form.filename, report))


def _format(request: Request, *, dry_run: bool) -> ReportFormat:
    """Say what to answer with: what the query says or, of a dry run, what the client likes best."""
    asked = queries.word(request, "format", ReportFormat)
    if asked and not dry_run:
        raise RequestWrong("The parameter format goes with dry_run=true.", code="bad_parameter")
    offered = [asked or ReportFormat.JSON] if asked or not dry_run else list(ReportFormat)
    taken = best(request.headers.get("accept", ""), [_MEDIA_TYPES[each] for each in offered])
    if taken is None:
        raise RequestWrong(f"The answer is {_MEDIA_TYPES[offered[0]]}, which `Accept` excludes.", code="not_acceptable")
    return next(each for each in offered if _MEDIA_TYPES[each] == taken)


def _submit(call: Call, form: FormUpload, key: str) -> Response:
    owner = Owner(call.organisation, call.principal.user)
    job = call.bulk.submit(
        form,
        filename=form.filename,
        owner=owner,
        defaults=_defaults(call, form.fields),
        key=key,
        layout=_layout(form.fields),
        compare_with=_compare_with(call, form.fields.get("compare_with", "")),
        remember_columns=_flag(form.fields, "remember_columns"),
    )
    return json_response(201, job_body(job), {"Location": f"{call.request.root}csv-jobs/{job.id}/"})


def _defaults(call: Call, fields: Mapping[str, str]) -> dict[str, str]:
    if fields.keys() - {*OPTIONAL_COLUMNS, *_TOLD}:
        known = ", ".join((*OPTIONAL_COLUMNS, *_TOLD))
        raise RequestWrong(
            f"The form has a field that is not known; beside the file it may hold {known}.", code="unknown_field"
        )
    return {**call.defaults, **{name: text for name, text in fields.items() if text and name not in _TOLD}}


def _layout(fields: Mapping[str, str]) -> Layout:
    return Layout(columns=_columns(fields.get("columns") or "{}"), sheet=fields.get("sheet", ""))


def _columns(text: str) -> dict[str, str | None]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not (isinstance(said, dict) and all(column is None or isinstance(column, str) for column in said.values())):
        raise RequestWrong(
            'The field columns is to be a JSON object of headings, each with one of our columns, such as {"Member Nr": '
            '"subscriber_id"}; "" for none of ours, null to forget what was said of a heading earlier.',
            code="bad_field",
        )
    return said


def _flag(fields: Mapping[str, str], name: str) -> bool:
    text = fields.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise RequestWrong(f"The field {name} is to be true or false.", code="bad_field")
    return text == "true"


def _compare_with(call: Call, text: str) -> JobId | Literal["last"] | None:
    """Read which job to compare with; one that the sender may not see looks as if it did not exist."""
    if text in {"", "last"}:
        return _last(call) if text else None
    try:
        job = call.bulk.job(call.organisation, JobId(str(UUID(text))))
    except (ValueError, JobNotFound):
        job = None
    if job is None or not call.may(Action.VIEW, job):
        raise RequestWrong("The field compare_with names no job that there is; look up its id.", code="unknown_job")
    return job.id


def _last(call: Call) -> Literal["last"]:
    if not call.sees_all:
        raise RequestWrong(
            "The last job with this content or name may be one that you may not see; let the field compare_with name "
            "the job by its id.",
            code="unknown_job",
        )
    return "last"


def _key(call: Call) -> str:
    """Digest the key: any text will do, and what a client puts there is its own affair."""
    given = call.request.headers.get("idempotency-key")
    if given is None:
        return ""
    if not (1 <= len(given) <= _LONGEST_KEY and given.isascii() and given.isprintable() and " " not in given):
        raise RequestWrong(f"The header Idempotency-Key is to be 1 to {_LONGEST_KEY} visible ASCII characters.")
    return sha256(given.encode()).hexdigest()
