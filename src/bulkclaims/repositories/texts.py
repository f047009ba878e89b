"""What repositories in databases keep as text and numbers, the same in each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import asdict, astuple

from bulkclaims.jobs import JobId, PayerPlan, UploadSummary
from bulkclaims.records import CellError, Heading, Known, Problem, UploadFacts

if TYPE_CHECKING:
    from bulkclaims.jobs import NewJob


def in_use(job_id: JobId) -> JobId:
    """The id, or "", which no job has, for a text that some database would not even compare."""
    return job_id if job_id.isascii() and job_id.isprintable() else JobId("")


def search_form(text: str) -> str:
    """A text as searches compare it: without regard to case, and without what some database cannot hold."""
    return text.casefold().replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def request_text(job: NewJob) -> str:
    """What a user asked for, as JSON, which takes any character; `json.loads` gives it back."""
    return json.dumps({"user": job.owner.user, "filename": job.filename, "defaults": dict(job.defaults)})


def upload_text(summary: UploadSummary) -> str:
    """What was found in a file, as JSON."""
    kept = {
        "facts": asdict(summary.facts),
        "error_count": summary.error_count,
        "error_log": [astuple(error) for error in summary.error_log],
        "plan": [asdict(plan) for plan in summary.plan],
        "warnings": [astuple(warning) for warning in summary.warnings],
        "same_as": summary.same_as,
        "compared_with": summary.compared_with,
    }
    return json.dumps(kept)


def upload_summary(text: str) -> UploadSummary:
    """Read what `upload_text` wrote."""
    kept = json.loads(text)
    # Jobs of earlier versions lack what was added since.
    return UploadSummary(
        _facts(kept["facts"]),
        kept["error_count"],
        tuple(CellError(*error) for error in kept["error_log"]),
        tuple(PayerPlan(**plan) for plan in kept.get("plan", ())),
        tuple(map(_problem, kept.get("warnings", ()))),
        kept.get("same_as"),
        kept.get("compared_with"),
    )


def _facts(kept: dict[str, Any]) -> UploadFacts:
    headings = tuple(Heading(each["text"], each["column"], Known(each["known"])) for each in kept.get("headings", ()))
    lists = {name: tuple(kept[name]) for name in ("columns", "notes")}
    return UploadFacts(**kept | lists | {"headings": headings})


def _problem(kept: list[Any]) -> Problem:
    column, code, message, count, rows, seen, repair = kept
    return Problem(column, code, message, count, tuple(rows), tuple(seen), repair)


def to_time(seconds: float | None) -> Any:  # noqa: ANN401 -- one name for times that must be there and that may be missing
    """Make a moment of seconds since the epoch."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
