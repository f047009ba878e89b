"""The client of the HTTP API."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from datetime import UTC
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeVar, cast
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

from attrs import frozen

from bulkclaims.client.downloading import Whole, downloaded
from bulkclaims.client.exchange import check_header, connect, json_of
from bulkclaims.client.repeating import LONGEST_SECONDS, repeated
from bulkclaims.client.saving import opened
from bulkclaims.client.values import CheckInfo, JobInfo, ProgressInfo, read, read_row
from bulkclaims.errors import ApiProblem, WaitedTooLong
from bulkclaims.outgoing import retry_after
from bulkclaims.privacy import Secret, hush_http_logs

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    import httpx

    from bulkclaims.client.downloading import Download
    from bulkclaims.client.values import Body, RowInfo
    from bulkclaims.jobs import JobStatus

    File = IO[bytes] | str | os.PathLike[str]
    FileFormat = Literal["csv", "xlsx", "jsonl"]
    ColumnSet = Literal["default", "full"]

T = TypeVar("T")

_JOBS_A_PAGE = 200
_ROWS_A_PAGE = 1000
_LOOK_AGAIN_SECONDS = 2.0
"""Between two looks at a job, where the service does not say how often to look."""


class Client:
    """
    Asks a service for everything its HTTP API offers. Use it from any thread, and close it, or use it in `with`.

    What does no harm when it is done twice is repeated a few times when the service cannot be reached or says that
    trouble will pass: everything but `retry`, `cancel` and `delete`. Redirects are not followed.

    Every method that asks raises `ApiProblem` when the service does not do what was asked (`status` 404 for a job that
    does not exist or is another organisation's), and `ServerUnreachable` when there is no whole answer. Iterators do so
    when they are iterated.

    Args:
        url: Where the API is, such as `https://claims.example/api/v1/claims/`; http:// to this machine alone.
        token: Says who asks.
        transport: What carries the requests, in place of httpx's own: one that trusts another authority, say.
        timeout: Seconds without any sign of life after which one request is given up.

    Raises:
        SettingsWrong: *url* or *token* cannot be used.
    """

    def __init__(
        self, url: str, token: Secret | str, *, transport: httpx.BaseTransport | None = None, timeout: float = 60.0
    ) -> None:
        hush_http_logs()
        secret = token if isinstance(token, Secret) else Secret(token)
        self._server = connect(url, secret, transport, timeout)

    def upload(  # noqa: PLR0913 -- all that can be said of an upload
        self,
        file: File,
        *,
        filename: str | None = None,
        defaults: Mapping[str, str] | None = None,
        key: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        remember_columns: bool = False,
        sheet: str = "",
        compare_with: str = "",
    ) -> JobInfo:
        """
        Upload a file of claims and have them looked up. However often it is sent, it becomes one job.

        Args:
            file: From its beginning, whatever was read of it; sent as it is read, never held whole.
            filename: What its owner calls it, for display alone; its own name unless given.
            defaults: Values for optional columns, such as `payer_id`, where the file has none.
            key: Your own word for this upload: the same file with the same arguments under the same key is the same
                job, also when another process sends it again. A new one unless given.
            columns: Our name for each of these headings of the file, "" for none of ours, None for whatever it would
                be had nothing been remembered of it.
            remember_columns: Whether later files of the organisation are to be read by *columns*, too.
            sheet: Which sheet of a workbook; the first that is visible unless given.
            compare_with: The id of an earlier job, so that results say what changed since; `last` for the latest with
                the same content or, if there is none, with the same name.

        Raises:
            ApiProblem: The service does not take it; `at_fault` is `file` when the file as a whole cannot be used.
            UploadRejected: It can be read only once, as a pipe can, or changed meanwhile.
        """
        key = key or str(uuid4())
        check_header(key, "key")
        form = {
            **_form(defaults, columns, sheet),
            **({"remember_columns": "true"} if remember_columns else {}),
            **({"compare_with": compare_with} if compare_with else {}),
        }
        return self._send_file(file, filename, form, _job, headers={"Idempotency-Key": key})

    def check(
        self,
        file: File,
        *,
        filename: str | None = None,
        defaults: Mapping[str, str] | None = None,
        columns: Mapping[str, str | None] | None = None,
        sheet: str = "",
    ) -> CheckInfo:
        """Say what is wrong with a file; nothing is stored or sent to a payer. Takes and raises what `upload` does."""
        return self._send_file(file, filename, _form(defaults, columns, sheet), _check, params={"dry_run": "true"})

    def check_report(
        self,
        file: File,
        *,
        filename: str | None = None,
        defaults: Mapping[str, str] | None = None,
        columns: Mapping[str, str | None] | None = None,
        sheet: str = "",
    ) -> bytes:
        """Check a file as `check` does, and read the report as a CSV file: a line for each row that it lists."""
        wanted = {"dry_run": "true", "format": "csv"}
        return self._send(file, filename, _form(defaults, columns, sheet), self._server.read, params=wanted)

    def job(self, job_id: str) -> JobInfo:
        """Read how a job stands."""
        return self._get(_address(job_id), _job)

    def jobs(
        self, *, status: JobStatus | None = None, search: str = "", created_after: datetime | None = None
    ) -> Iterator[JobInfo]:
        """
        Yield jobs, newest first, a page at a time; one made meanwhile may make another come twice.

        Args:
            status: Only jobs in this status.
            search: Only jobs whose file name contains this.
            created_after: Only jobs created later; local time unless it says otherwise.
        """
        after = created_after and created_after.astimezone(UTC).isoformat()
        wanted = {"status": status, "search": search, "created_after": after, "page_size": _JOBS_A_PAGE}
        return self._pages("csv-jobs/", wanted, _job)

    def progress(self, job_id: str) -> ProgressInfo:
        """Read how a job moves."""
        return self._get(_address(job_id, "progress/"), _progress)

    def wait(
        self, job_id: str, *, timeout: float | None = None, watch: Callable[[ProgressInfo], object] | None = None
    ) -> JobInfo:
        """
        Wait until a job has ended, looking as often as the service likes.

        Args:
            job_id: Which job.
            timeout: Seconds after which to stop waiting; None for as long as it takes.
            watch: Called with the job's progress at first and whenever it has moved.

        Raises:
            WaitedTooLong: It has not ended in time; it goes on.
        """
        end = monotonic() + (math.inf if timeout is None else timeout)
        look = _Look()
        while True:
            look = self._look(job_id, look)
            if look.news and watch:
                watch(look.news)
            if look.news and look.news.status.ended:
                return self.job(job_id)
            left = end - monotonic()
            if left <= 0:
                raise WaitedTooLong
            sleep(min(look.pause, left))

    def rows(self, job_id: str, *, success: bool | None = None, status: str | None = None) -> Iterator[RowInfo]:
        """
        Yield rows with what is known of them, in the file's order, a page at a time.

        Args:
            job_id: Which job.
            success: Only rows that succeeded, or that did not.
            status: Only rows with this status word, such as `Denied`.

        """
        flag = None if success is None else str(success).lower()
        wanted = {"success": flag, "status": status, "page_size": _ROWS_A_PAGE}
        return self._pages(_address(job_id, "rows/"), wanted, read_row)

    def results(  # noqa: PLR0913 -- all that can be asked of the file
        self,
        job_id: str,
        *,
        format: FileFormat = "csv",  # noqa: A002 -- its name in the API
        columns: ColumnSet | None = None,
        failed: bool = False,
        changed: bool = False,
        bom: bool = False,
        partial: bool = False,
    ) -> Iterator[bytes]:
        """
        Yield the results file in pieces: every row of the upload once, in order, or only some of them.

        Args:
            job_id: Which job.
            format: `csv`, `xlsx` or `jsonl`.
            columns: `default` or `full`; unless given, the default ones or, of rows that failed, those of the upload
                with the reason.
            failed: Only rows that did not succeed: the file to correct.
            changed: Only rows of which the job that this one is compared with says something else.
            bom: Whether a CSV begins with a byte order mark, for older spreadsheets.
            partial: Also while the job still runs.

        Raises:
            ApiProblem: The job still runs and *partial* is not set, or there is no such file of it.
        """
        wanted = _wanted(format, columns, failed=failed, changed=changed, bom=bom, partial=partial)
        with ExitStack() as held:
            response = repeated(lambda: held.enter_context(self._results(job_id, wanted)))
            yield from response.iter_bytes()

    def save_results(  # noqa: PLR0913 -- all that can be asked of the file
        self,
        job_id: str,
        path: str | os.PathLike[str],
        *,
        format: FileFormat = "csv",  # noqa: A002 -- its name in the API
        columns: ColumnSet | None = None,
        failed: bool = False,
        changed: bool = False,
        bom: bool = False,
        partial: bool = False,
    ) -> None:
        """
        Save the results file: whole or not at all, checked, and readable by its owner alone.

        When the connection breaks off, it goes on from there if the file is still the same. Takes what `results` does.

        Args:
            job_id: Which job.
            path: Where to; what is there is replaced once the new file is whole.
            format: As all that follows, as for `results`; not guessed from *path*.
            columns: Likewise.
            failed: Likewise.
            changed: Likewise.
            bom: Likewise.
            partial: Likewise.

        Raises:
            ApiProblem: As `results` does.
            SettingsWrong: The file cannot be written.
        """
        wanted = _wanted(format, columns, failed=failed, changed=changed, bom=bom, partial=partial)
        rows = _rows(self.job(job_id), failed=failed, changed=changed)
        with downloaded(Path(path), Whole(format, rows)) as download:
            repeated(lambda: self._go_on(job_id, wanted, download))

    def retry(self, job_id: str) -> JobInfo:
        """
        Ask again for the rows that failed at the payer or were never asked. Sent once, whatever happens.

        Raises:
            ApiProblem: It still runs, or there is nothing to ask again.
        """
        return self._server.ask("POST", _address(job_id, "retry/"), _job)

    def cancel(self, job_id: str) -> JobInfo:
        """
        Stop before the next look-up; what is answered stays. Sent once, whatever happens.

        Raises:
            ApiProblem: It has ended already.
        """
        return self._server.ask("POST", _address(job_id, "cancel/"), _job)

    def delete(self, job_id: str) -> None:
        """
        Delete an ended job with its rows and results. Sent once, whatever happens.

        Raises:
            ApiProblem: It has not ended; cancel it first.
        """
        with self._server.answer("DELETE", _address(job_id)):
            pass

    def close(self) -> None:
        """Let go of the connections."""
        self._server.http.close()

    def _send_file(
        self,
        file: File,
        filename: str | None,
        fields: Mapping[str, str],
        make: Callable[[Body], T],
        **request: Any,  # noqa: ANN401 -- httpx's own
    ) -> T:
        return self._send(file, filename, fields, partial(self._server.ask, make=make), **request)

    def _send(
        self,
        file: File,
        filename: str | None,
        fields: Mapping[str, str],
        ask: Callable[..., T],
        **request: Any,  # noqa: ANN401 -- httpx's own
    ) -> T:
        with opened(file) as (name, stream):
            shown = (filename or name or "claims.csv").encode("utf-8", "replace").decode()
            form = {"data": dict(fields), "files": {"file": (shown, cast("IO[bytes]", stream), "text/csv")}}
            return repeated(lambda: ask("POST", "bulk/upload/", **form, **request))

    def _get(self, path: str, make: Callable[[Body], T], query: str = "") -> T:
        return repeated(lambda: self._server.ask("GET", path, make, params=query))

    def _pages(self, path: str, wanted: Mapping[str, object], make: Callable[[Body], T]) -> Iterator[T]:
        def page(body: Body) -> tuple[list[T], str]:
            # Of the next page's address only the query is taken: a proxy may make the rest wrong, and the token goes
            # nowhere but to the service.
            return list(map(make, body["results"])), urlsplit(body["next"] or "").query

        query = urlencode({name: value for name, value in wanted.items() if value})
        while query:
            found, query = self._get(path, page, query)
            yield from found

    def _look(self, job_id: str, before: _Look) -> _Look:
        headers = {"If-None-Match": before.tag} if before.tag else {}

        def look() -> _Look:
            with self._server.answer("GET", _address(job_id, "progress/"), headers=headers) as response:
                pause = min(retry_after(response.headers) or _LOOK_AGAIN_SECONDS, LONGEST_SECONDS)
                if response.status_code == HTTPStatus.NOT_MODIFIED:
                    return _Look(before.tag, pause)
                return _Look(response.headers.get("etag", ""), pause, json_of(response, _progress))

        return repeated(look)

    def _results(
        self, job_id: str, wanted: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[httpx.Response]:
        return self._server.answer("GET", _address(job_id, "results/"), params=wanted, headers=headers)

    def _go_on(self, job_id: str, wanted: Mapping[str, str], download: Download) -> None:
        try:
            with self._results(job_id, wanted, download.headers()) as response:
                download.take(response)
        except ApiProblem as problem:
            if problem.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            # What is here is as long as the file, and not whole.
            download.give_up()
        download.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@frozen
class _Look:
    """What one look at a job brought."""

    tag: str = ""
    pause: float = 0.0
    """Seconds until the next."""
    news: ProgressInfo | None = None
    """None when nothing has moved since the look before."""


def _address(job_id: str, rest: str = "") -> str:
    """The address of a job; what is no id is never sent, for whatever it is by mistake would stand in logs."""
    try:
        return f"csv-jobs/{UUID(job_id)}/{rest}"
    except ValueError:
        raise ApiProblem(404, "There is no such job.", code="job_not_found", at_fault="request") from None


def _wanted(  # noqa: PLR0913 -- all that can be asked of the file
    form: FileFormat, columns: ColumnSet | None, *, failed: bool, changed: bool, bom: bool, partial: bool
) -> dict[str, str]:
    """Say what is asked of a file as parameters; what goes without saying is left out, for an older service."""
    flags = {"changed": changed, "bom": bom, "partial": partial}
    return {
        **({"format": form} if form != "csv" else {}),
        **({"columns": columns} if columns else {}),
        **({"status": "failed"} if failed else {}),
        **{name: "true" for name, is_so in flags.items() if is_so},
    }


def _rows(job: JobInfo, *, failed: bool, changed: bool) -> int | None:
    """How many rows a file of a job has; None where that is not known."""
    if changed or (failed and not job.status.ended):
        return None
    return job.total_rows - job.success_count if failed else job.total_rows


def _form(defaults: Mapping[str, str] | None, columns: Mapping[str, str | None] | None, sheet: str) -> dict[str, str]:
    """Write what is said of a file as fields of a form."""
    return {
        **(defaults or {}),
        **({"columns": json.dumps(dict(columns))} if columns else {}),
        **({"sheet": sheet} if sheet else {}),
    }


def _job(body: Body) -> JobInfo:
    return read(JobInfo, body)


def _progress(body: Body) -> ProgressInfo:
    return read(ProgressInfo, body)


def _check(body: Body) -> CheckInfo:
    return read(CheckInfo, body)
