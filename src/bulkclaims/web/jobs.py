"""What can be asked of jobs."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bulkclaims.access import Action
from bulkclaims.jobs import JobPage, JobStatus
from bulkclaims.web import queries
from bulkclaims.web.bodies import job_body, job_page_body, progress_body, row_body
from bulkclaims.web.messages import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkclaims.jobs import Job, Progress
    from bulkclaims.web.bodies import RowPageBody
    from bulkclaims.web.calls import Call

MOST_JOBS = 200
MOST_ROWS = 1000
MOST_PAGES = 1_000_000
_JOBS_A_PAGE = 50
_ROWS_A_PAGE = 100
_LOOK_AGAIN_SECONDS = "2"
"""How often a client that watches a job may look: a look costs one row read, or two while the job waits."""


def listing(call: Call) -> Response:
    """List the organisation's jobs."""
    request = call.request
    size = queries.whole(request, "page_size", _JOBS_A_PAGE, MOST_JOBS)
    page = queries.whole(request, "page", 1, MOST_PAGES)
    found = _found(call, size, (page - 1) * size)
    following = _address(call, page=page + 1) if page * size < found.count else None
    preceding = _address(call, page=page - 1) if page > 1 else None
    return json_response(200, job_page_body(found.count, found.jobs, following, preceding))


def _found(call: Call, limit: int, offset: int) -> JobPage:
    request = call.request
    find = partial(
        call.bulk.jobs,
        call.organisation,
        status=queries.word(request, "status", JobStatus),
        search=queries.text(request, "search"),
        created_after=queries.moment(request, "created_after"),
    )
    if call.sees_all:
        return find(limit=limit, offset=offset)
    # A rule that no database knows: how many jobs it hides is hidden, too.
    visible = tuple(job for job in _all(find) if call.may(Action.VIEW, job))
    return JobPage(len(visible), visible[offset : offset + limit])


def _all(find: Callable[..., JobPage]) -> Iterator[Job]:
    offset = 0
    while jobs := find(limit=MOST_JOBS, offset=offset).jobs:
        yield from jobs
        offset += len(jobs)


def details(call: Call) -> Response:
    """Show one job, with the digest of its results file where that is known."""
    known = call.bulk.results_file(call.job).known
    return json_response(200, job_body(call.job, known.sha256 if known else None))


def progress(call: Call) -> Response:
    """Tell how the job moves, or that nothing did since the answer that `If-None-Match` names."""
    now = call.bulk.progress_of(call.job)
    tag = _tag(now)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not now.job.status.ended:
        headers["Retry-After"] = _LOOK_AGAIN_SECONDS
    if queries.is_known(call.request, tag):
        return Response(304, headers=headers)
    return json_response(200, progress_body(now), headers)


def rows(call: Call) -> Response:
    """Show some rows."""
    request, job = call.request, call.job
    success, status = queries.flag(request, "success"), queries.text(request, "status")
    size = queries.whole(request, "page_size", _ROWS_A_PAGE, MOST_ROWS)

    def wanted(succeeded: bool, word: str) -> bool:  # noqa: FBT001 -- two facts of a row
        return success in {None, succeeded} and status in {"", word}

    page = call.bulk.row_page(call.organisation, job.id, queries.cursor(request, "cursor"), size, wanted)
    body: RowPageBody = {
        "count": None if status else _count(job, success=success),
        "next": _address(call, cursor=queries.cursor_text(page.following)) if page.following else None,
        "previous": None,
        "results": list(map(row_body, page.lines)),
    }
    return json_response(200, body)


def retry(call: Call) -> Response:
    """Begin another run."""
    return json_response(202, job_body(call.bulk.retry(call.organisation, call.job.id)))


def cancel(call: Call) -> Response:
    """Ask the run to stop."""
    return json_response(202, job_body(call.bulk.cancel(call.organisation, call.job.id)))


def delete(call: Call) -> Response:
    """Delete the job."""
    call.bulk.delete(call.organisation, call.job.id)
    return Response(204)


def _address(call: Call, **changes: object) -> str:
    """The address of this very request with some parameters changed."""
    query = {name: values[0] for name, values in call.request.query.items()} | changes
    return f"{call.request.root}{call.request.path}?{urlencode(query)}"


def _count(job: Job, *, success: bool | None) -> int:
    """How many rows there are of a kind; those without a result have not succeeded."""
    return {None: job.total_rows, True: job.succeeded, False: job.total_rows - job.succeeded}[success]


def _tag(now: Progress) -> str:
    """Name what progress tells, but for what the clock alone moves."""
    job, workers = now.job, now.workers
    # Of workers that live, when one was seen last is the clock's affair.
    seen = workers and (workers.alive, None if workers.alive else workers.seen_at)
    moved = (job.status, job.succeeded, job.failed, job.cancel_requested, job.run, job.waiting_until)
    facts = (*moved, bool(now.notice), seen)
    return f'W/"{blake2b(repr(facts).encode(), digest_size=8).hexdigest()}"'
