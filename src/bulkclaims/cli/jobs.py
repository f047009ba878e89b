"""`bulkclaims jobs`, `show`, `results`, `cancel`, `purge` and `db`: what the database holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkclaims.cli import wiring
from bulkclaims.cli.check import plan_sentence, say_warnings
from bulkclaims.cli.files import write_whole
from bulkclaims.cli.options import common_options, standard_output
from bulkclaims.cli.shapes import shape_options
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import Known
from bulkclaims.results import Results
from bulkclaims.results.finished import ResultFiles
from bulkclaims.web.bodies import job_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bulkclaims.cli.options import Terminal
    from bulkclaims.client import JobInfo
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job, UploadSummary
    from bulkclaims.records import CellError, Heading, UploadFacts
    from bulkclaims.results.shapes import Shape


_UNDER_WAY_SECONDS = 600.0
"""A younger upload may not be abandoned but still be under way."""


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many to list, newest first.")
@common_options
def jobs(terminal: Terminal, limit: int) -> None:
    """List jobs, newest first."""
    with wiring.repository(terminal.settings) as store:
        found = list(islice(wiring.all_jobs(store, terminal.settings.organisation), limit))
    terminal.say(HEADER if found else "There are no jobs yet.")
    for job in found:
        terminal.say(job_line(job, job.succeeded, job.failed))
    terminal.give([job_body(job) for job in found])


HEADER = f"{'job':36}  {'status':10}  {'rows':>9}  {'ok':>9}  {'failed':>9}  {'created':16}  file"


def job_line(job: Job | JobInfo, succeeded: int, failed: int) -> str:
    """Describe a job in a line beneath `HEADER`."""
    created = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    counts = f"{job.total_rows:9,}  {succeeded:9,}  {failed:9,}"
    return f"{job.id:36}  {job.status:10}  {counts}  {created}  {job.filename}"


@click.command()
@click.argument("job_id")
@common_options
def show(terminal: Terminal, job_id: str) -> None:
    """Show how a job stands, and the cells that were refused when its file was read."""
    with wiring.repository(terminal.settings) as store:
        job = wiring.job(store, terminal.settings.organisation, job_id)
        known = _files(store).of(job).known
    body = job_body(job, known.sha256 if known else None)
    say_job(terminal, body, job.upload.facts, job.upload)
    terminal.give(body)


def _files(store: JobRepository) -> ResultFiles:
    return ResultFiles(Results(store, PlainCipher()))


def say_job(
    terminal: Terminal, facts: Mapping[str, object], file: UploadFacts | JobInfo, found: UploadSummary | JobInfo
) -> None:
    """Say what is known of a job: its *facts*, what its file was read as, and what was found in that."""
    for name, value in facts.items():
        if not isinstance(value, list | tuple):
            _say_all(terminal, name, ["" if value is None else value])
    _say_all(terminal, "notes", file.notes)
    _say_all(terminal, "headings", _headings(file.headings))
    _say_all(terminal, "plan", map(plan_sentence, found.plan))
    _say_errors(terminal, found.error_log, found.error_count)
    say_warnings(terminal, found.warnings)


def _say_all(terminal: Terminal, name: str, values: Iterable[object]) -> None:
    for number, value in enumerate(values):
        terminal.say(f"{'' if number else name:20} {value}")


def _headings(headings: Sequence[Heading]) -> Iterator[str]:
    """Say in one line which columns the file names as we do, and of each of the others what it was read as."""
    ours = [heading for heading in headings if heading.known is Known.NAME and heading.text == heading.column]
    if ours:
        yield ", ".join(heading.text for heading in ours)
    for heading in headings:
        if heading not in ours:
            read = "" if heading.text == heading.column else f" → {_plain(heading.column)}"
            yield f"{_plain(heading.text) or '(blank)'}{read} ({heading.known})"


def _plain(heading: str) -> str:
    """Leave out of a heading what would move the terminal's cursor."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in " ".join(heading.split()))


def _say_errors(terminal: Terminal, errors: Sequence[CellError], count: int) -> None:
    """Say which cells were refused, and how many more there are."""
    for error in errors:
        place = f"row {error.row}, {error.column}" if error.column else f"row {error.row}"
        terminal.say(f"{place}: {error.message} ({error.code})")
    if count > len(errors):
        terminal.say(f"… and {count - len(errors):,} more.")


@click.command()
@click.argument("job_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the results go; standard output unless given.",
)
@click.option("--partial", is_flag=True, help="Also while the job still runs.")
@shape_options
@common_options
def results(terminal: Terminal, job_id: str, output: Path | None, *, partial: bool, shape: Shape) -> None:
    """Write the results of a job once more; packed, where the name of the file ends with .gz."""
    with wiring.repository(terminal.settings) as store:
        job = wiring.job(store, terminal.settings.organisation, job_id)
        pieces = _files(store).of(job, shape, partial=partial).whole()
        if output is None:
            with standard_output() as out:
                out.writelines(pieces)
            return
        write_whole(output, pieces)
    terminal.note(f"Results: {output}")
    terminal.give({"results": str(output)})


@click.command()
@click.argument("job_id")
@common_options
def cancel(terminal: Terminal, job_id: str) -> None:
    """Stop a job before its next look-up; what is answered stays."""
    with wiring.repository(terminal.settings) as store:
        job = wiring.job(store, terminal.settings.organisation, job_id)
        store.cancel(job.owner.organisation, job.id)
        job = store.settle(job.id)
    ended = "is cancelled" if job.status.ended else "stops before its next look-up"
    terminal.say(f"Job {job.id} {ended}: {job.processed:,} of {job.total_rows:,} rows are answered.")
    terminal.give(job_body(job))


@click.command()
@click.argument("job_id", required=False)
@click.option("--older-than", "days", type=click.FloatRange(min=0), help="Delete all jobs that ended so many days ago.")
@common_options
def purge(terminal: Terminal, job_id: str | None, days: float | None) -> None:
    """Delete one job, or all that ended long enough ago, with their rows and results."""
    organisation = terminal.settings.organisation
    if (job_id is None) == (days is None):
        raise click.UsageError("Name one JOB_ID, or give --older-than DAYS.")
    with wiring.repository(terminal.settings) as store:
        if job_id is None:
            age = (days or 0) * 24 * 3600
            deleted, uploads = wiring.purge(store, organisation, age, max(age, _UNDER_WAY_SECONDS))
        else:
            store.delete(organisation, wiring.job(store, organisation, job_id).id)
            deleted, uploads = 1, 0
    abandoned = f" and {_counted(uploads, 'abandoned upload')}" if uploads else ""
    terminal.say(f"Deleted {_counted(deleted, 'job')}{abandoned}.")
    terminal.give({"deleted": deleted, "abandoned_uploads": uploads})


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what if number == 1 else f'{what}s'}"


@click.group()
def db() -> None:
    """Care for the database."""


@db.command("upgrade")
@common_options
def db_upgrade(terminal: Terminal) -> None:
    """Make the tables, or bring them up to this version. Safe to repeat, and with data in them."""
    wiring.upgrade_database(terminal.settings)
    terminal.say("The database is up to date.")
    terminal.give({"database": "up to date"})
