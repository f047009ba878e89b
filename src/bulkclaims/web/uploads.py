"""What can be done with files."""

from __future__ import annotations

import csv
import io
from hashlib import sha256
from typing import TYPE_CHECKING

from bulkclaims.errors import BulkClaimsError, RequestWrong
from bulkclaims.jobs import Owner
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from bulkclaims.web import queries
from bulkclaims.web.bodies import check_body, job_body
from bulkclaims.web.forms import FormUpload
from bulkclaims.web.messages import Response, attachment, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.web.calls import Call

_SAMPLE = ("PCN7000001", "ALMA", "TESTER", "03/04/1972", "ZX00012345")
_LONGEST_KEY = 255


def upload(call: Call) -> Response:
    """Take a file and make a job of it; or, as a dry run, only say what is wrong with it."""
    dry_run = bool(queries.flag(call.request, "dry_run"))
    key = _key(call)
    headers = call.request.headers
    form = FormUpload(
        headers.get("content-type", ""), call.request.body, has_length=bool(headers.get("content-length"))
    )
    try:
        return _check(call, form) if dry_run else _submit(call, form, key)
    except BulkClaimsError:
        form.drain()
        raise


def template(_: Call) -> Response:
    """Send a file that shows which columns there are."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([REQUIRED_COLUMNS, _SAMPLE])
    return attachment("claims-template.csv", text.getvalue().encode())


def _check(call: Call, form: FormUpload) -> Response:
    report = call.bulk.check(form, _defaults(call, form.fields))
    return json_response(200, check_body(form.filename, report))


def _submit(call: Call, form: FormUpload, key: str) -> Response:
    owner = Owner(call.organisation, call.principal.user)
    job = call.bulk.submit(form, filename=form.filename, owner=owner, defaults=_defaults(call, form.fields), key=key)
    return json_response(201, job_body(job), {"Location": f"{call.request.root}csv-jobs/{job.id}/"})


def _defaults(call: Call, fields: Mapping[str, str]) -> dict[str, str]:
    if fields.keys() - set(OPTIONAL_COLUMNS):
        raise RequestWrong(
            f"The form has a field that is not known; beside the file it may hold {', '.join(OPTIONAL_COLUMNS)}.",
            code="unknown_field",
        )
    return {**call.defaults, **{name: text for name, text in fields.items() if text}}


def _key(call: Call) -> str:
    """Digest the key: any text will do, and what a client puts there is its own affair."""
    given = call.request.headers.get("idempotency-key")
    if given is None:
        return ""
    if not (1 <= len(given) <= _LONGEST_KEY and given.isascii() and given.isprintable() and " " not in given):
        raise RequestWrong(f"The header Idempotency-Key is to be 1 to {_LONGEST_KEY} visible ASCII characters.")
    return sha256(given.encode()).hexdigest()
