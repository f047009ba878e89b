"""`bulkclaims remote`: what a service on another machine holds, through its HTTP API."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import attrs
import click
from attrs import frozen

from bulkclaims.cli.check import report_option, say_report
from bulkclaims.cli.fetching import save, wanted
from bulkclaims.cli.files import check_output, open_claims, write_whole
from bulkclaims.cli.jobs import HEADER, job_line, say_job
from bulkclaims.cli.layouts import layout_options
from bulkclaims.cli.options import INTERRUPTED, errors_told, exit_code, standard_output, terminal_of
from bulkclaims.cli.progress import display_of, headline
from bulkclaims.cli.shapes import format_of, shape_options
from bulkclaims.client import Client
from bulkclaims.errors import SettingsWrong
from bulkclaims.jobs import JobStatus
from bulkclaims.privacy import Secret
from bulkclaims.results.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.cli.options import Terminal
    from bulkclaims.client import JobInfo, ProgressInfo
    from bulkclaims.records import Layout


@click.group()
def remote() -> None:
    """
    Ask a service on another machine, through its HTTP API.

    Its address comes from --url or BULKCLAIMS_URL, your token from --token-file or BULKCLAIMS_TOKEN.
    """


def remote_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command takes, and hand it a `Terminal` and a `Client` made of them."""

    @click.option("--url", envvar="BULKCLAIMS_URL", help="Where the API is, as https://claims.example/api/v1/claims/.")
    @click.option(
        "--token-file", type=click.Path(path_type=Path, dir_okay=False), help="A file that holds your token alone."
    )
    @click.option(
        "--token",
        envvar="BULKCLAIMS_TOKEN",
        help="The token itself; better in BULKCLAIMS_TOKEN or a file, for others on this machine can see it here.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")
    @wraps(command)
    def with_client(
        *args: Any,  # noqa: ANN401 -- whatever the command takes
        url: str | None,
        token_file: Path | None,
        token: str | None,
        as_json: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        terminal = terminal_of(as_json=as_json)
        with errors_told(terminal), _client(url, token_file, token) as client:
            command(terminal, client, *args, **kwargs)

    return with_client


def _client(url: str | None, token_file: Path | None, token: str | None) -> Client:
    if not url:
        raise SettingsWrong("Say where the service is: give --url, or set BULKCLAIMS_URL.")
    if token_file is not None:
        return Client(url, Secret.from_file(token_file))
    if not token:
        raise SettingsWrong("Say who you are: name the file that holds your token with --token-file.")
    return Client(url, Secret(token))


def _defaults(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    parts = [each.partition("=") for each in given]
    if not all(name and equals for name, equals, _ in parts):
        raise click.BadParameter("write it as NAME=VALUE, such as payer_id=60054.")
    return {name: value for name, _, value in parts}


_default_option = click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_defaults,
    help="Value of an optional column, such as payer_id=60054, where the file has none. May be repeated.",
)


@remote.command()
@click.argument("claims", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Wait, and save the results here."
)
@click.option("--wait", is_flag=True, help="Wait until the job has ended.")
@click.option("--key", help="Your own word for this upload: sent again with the same file, it gives the same job.")
@click.option(
    "--compare-with",
    metavar="JOB",
    default="",
    help="An earlier job, so that results say what changed since; `last` for the latest with the same content or name.",
)
@click.option(
    "--remember-columns", is_flag=True, help="Have later files of the organisation read by these --column, too."
)
@_default_option
@layout_options
@remote_options
def upload(  # noqa: PLR0913 -- the options of the command
    terminal: Terminal,
    client: Client,
    claims: Path,
    output: Path | None,
    *,
    wait: bool,
    key: str | None,
    defaults: dict[str, str],
    compare_with: str,
    remember_columns: bool,
    layout: Layout,
) -> None:
    """
    Upload CLAIMS and have them looked up.

    Exits with 0 as soon as the service has them; with --wait or -o, as `bulkclaims run` does: 0 when every row was
    answered, 1 when some failed.
    """
    if output is not None:
        check_output(output, claims)
    with open_claims(claims) as file:
        job = client.upload(
            file,
            defaults=defaults,
            key=key,
            columns=layout.columns,
            remember_columns=remember_columns,
            sheet=layout.sheet,
            compare_with=compare_with,
        )
    terminal.say(f"Job: {job.id}")
    if not (wait or output):
        terminal.give(_plain(job))
        return
    job = _followed(terminal, client, job.id)
    if output is not None:
        save(client, job.id, output, wanted(Shape(format=format_of(output))))
    _end(terminal, job, output)


@remote.command()
@click.argument("claims", type=click.Path(path_type=Path))
@report_option
@_default_option
@layout_options
@remote_options
def check(  # noqa: PLR0913 -- the options of the command
    terminal: Terminal, client: Client, claims: Path, output: Path | None, defaults: dict[str, str], *, layout: Layout
) -> None:
    """
    Have the service say what is wrong with CLAIMS, without storing it or asking anyone.

    Exits with 0 when every row can be sent, 1 when some cannot, 2 when the file as a whole cannot be used.
    """
    if output is not None:
        check_output(output, claims)
    with open_claims(claims) as file:
        report = client.check(file, defaults=defaults, columns=layout.columns, sheet=layout.sheet)
        if output is not None:
            told = client.check_report(file, defaults=defaults, columns=layout.columns, sheet=layout.sheet)
            write_whole(output, [told])
    say_report(terminal, report, report)


@remote.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many to list, newest first.")
@click.option("--status", type=click.Choice(list(JobStatus), case_sensitive=False), help="Only jobs in this status.")
@click.option("--search", default="", help="Only jobs whose file name contains this.")
@remote_options
def jobs(terminal: Terminal, client: Client, limit: int, status: JobStatus | None, search: str) -> None:
    """List the organisation's jobs, newest first."""
    found = list(islice(client.jobs(status=status, search=search), limit))
    terminal.say(HEADER if found else "There are no such jobs.")
    for job in found:
        terminal.say(job_line(job, job.success_count, job.failure_count))
    terminal.give([_plain(job) for job in found])


@remote.command()
@click.argument("job_id")
@remote_options
def show(terminal: Terminal, client: Client, job_id: str) -> None:
    """Show how a job stands, and the cells that were refused when its file was read."""
    job = client.job(job_id)
    described = _plain(job)
    say_job(terminal, described, job, job)
    terminal.give(described)


@remote.command()
@click.argument("job_id")
@click.option("--follow", is_flag=True, help="Go on until the job has ended.")
@remote_options
def progress(terminal: Terminal, client: Client, job_id: str, *, follow: bool) -> None:
    """Show how a job moves; with --follow, exits with 0 when every row was answered, 1 when some failed."""
    if follow:
        _end(terminal, _followed(terminal, client, job_id), None)
    now = client.progress(job_id)
    left = "" if now.eta_seconds is None else f", about {now.eta_seconds:,} seconds left"
    terminal.say(
        f"{now.status} {now.processed_rows:,}/{now.total_rows:,} rows, {now.success_count:,} ok, "
        f"{now.failure_count:,} failed{left}"
    )
    if now.notice:
        terminal.say(now.notice)
    terminal.give(_plain(now))


@remote.command()
@click.argument("job_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the results go; standard output unless given.",
)
@click.option("--partial", is_flag=True, help="Also while the job still runs.")
@shape_options
@remote_options
def results(  # noqa: PLR0913 -- the options of the command
    terminal: Terminal, client: Client, job_id: str, output: Path | None, *, partial: bool, shape: Shape
) -> None:
    """Fetch the results of a job; packed, where the name of the file ends with .gz."""
    if output is None:
        with standard_output() as out:
            out.writelines(client.results(job_id, **wanted(shape, partial=partial)))
        return
    save(client, job_id, output, wanted(shape, partial=partial))
    terminal.note(f"Results: {output}")
    terminal.give({"results": str(output)})


@remote.command()
@click.argument("job_id")
@remote_options
def retry(terminal: Terminal, client: Client, job_id: str) -> None:
    """Ask again for the rows of a job that failed at the payer or were never asked."""
    job = client.retry(job_id)
    terminal.say(f"Job {job.id} goes on with run {job.run}: {job.success_count:,} rows are answered already.")
    terminal.give(_plain(job))


@remote.command()
@click.argument("job_id")
@remote_options
def cancel(terminal: Terminal, client: Client, job_id: str) -> None:
    """Stop a job before its next look-up; what is answered stays."""
    job = client.cancel(job_id)
    ended = "is cancelled" if job.status.ended else "stops before its next look-up"
    terminal.say(f"Job {job.id} {ended}: {job.processed_rows:,} of {job.total_rows:,} rows are answered.")
    terminal.give(_plain(job))


@remote.command()
@click.argument("job_id")
@remote_options
def delete(terminal: Terminal, client: Client, job_id: str) -> None:
    """Delete an ended job with its rows and results."""
    client.delete(job_id)
    terminal.say("Deleted 1 job.")
    terminal.give({"deleted": 1})


@frozen
class _Seen:
    """A job as the displays know it."""

    status: JobStatus
    total_rows: int
    processed: int
    succeeded: int
    failed: int
    problem: str = ""

    @classmethod
    def of(cls, info: JobInfo | ProgressInfo, problem: str = "") -> _Seen:
        return cls(info.status, info.total_rows, info.processed_rows, info.success_count, info.failure_count, problem)


def _followed(terminal: Terminal, client: Client, job_id: str) -> JobInfo:
    try:
        with closing(display_of(terminal, client.progress(job_id).status)) as display:
            return client.wait(job_id, watch=lambda now: display.show(_Seen.of(now)))
    except KeyboardInterrupt:
        terminal.note(
            f"Stopped looking; the job goes on. Look again with: bulkclaims remote progress {job_id} --follow"
        )
        raise click.exceptions.Exit(INTERRUPTED) from None


def _end(terminal: Terminal, job: JobInfo, output: Path | None) -> NoReturn:
    """Say what a job came to, and end with the exit code that says so, too."""
    terminal.say(headline(_Seen.of(job, job.problem)))
    if output is not None:
        terminal.say(f"Results: {output}")
    terminal.give(_plain(job) | ({"results": str(output)} if output is not None else {}))
    raise click.exceptions.Exit(exit_code(job))


def _plain(info: JobInfo | ProgressInfo) -> dict[str, Any]:
    """Describe a job for a program, in the API's own words."""
    return attrs.asdict(info, value_serializer=lambda _, __, value: _iso(value))


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
