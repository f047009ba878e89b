"""`bulkclaims run` and `retry`: a job from start to end in this process, with its progress shown."""

from __future__ import annotations

import gc
import hashlib
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, cast

import attrs
import click
from attrs import frozen

from bulkclaims.cli import wiring
from bulkclaims.cli.check import note_warnings
from bulkclaims.cli.files import check_output, open_claims, write_whole
from bulkclaims.cli.layouts import layout_options, words_of
from bulkclaims.cli.options import INTERRUPTED, common_options, exit_code
from bulkclaims.cli.progress import Tally, display_of, headline
from bulkclaims.cli.shapes import format_of
from bulkclaims.cli.stopping import StoppableUpload, stopped_by_signals
from bulkclaims.errors import NotNow
from bulkclaims.jobs import JobId, Owner, Progress
from bulkclaims.records import AS_FOUND
from bulkclaims.results.shapes import Shape
from bulkclaims.web.bodies import job_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.cli.options import Terminal
    from bulkclaims.cli.progress import Display
    from bulkclaims.cli.stopping import Stop
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job
    from bulkclaims.records import Layout
    from bulkclaims.results.finished import FileDigest
    from bulkclaims.service import BulkClaims

_LOOK_SECONDS = 0.2
_RING_EVERY = 5
"""Looks between two rings: a lease that a killed run left behind is picked up within a second of its end."""


@click.command()
@click.argument("claims", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the results go; beside CLAIMS unless given.",
)
@click.option("--resume", is_flag=True, help="Go on with the last job, or with the last one of the same CLAIMS.")
@click.option(
    "--compare-with",
    metavar="JOB|last",
    help="Say what changed since an earlier job, or since the last one of the same content or name.",
)
@layout_options
@common_options
def run(  # noqa: PLR0913 -- one parameter for each option
    terminal: Terminal,
    claims: Path | None,
    output: Path | None,
    *,
    resume: bool,
    compare_with: str | None,
    layout: Layout,
) -> None:
    """
    Look up every claim of CLAIMS and write the results.

    Ctrl-C stops cleanly; `--resume` goes on from where a run stopped, also after it was killed. Exits with 0 when
    every row was answered, 1 when some failed, 2 when the file cannot be used, 130 when it was stopped.
    """
    if claims is None and not resume:
        raise click.UsageError("Name the CLAIMS file, or give --resume to go on with the last job.")
    named, told = _words(claims), _words("-o", output)
    with _session(terminal) as session:
        job = session.last_job(claims) if resume else None
        if resume and job is None and claims is not None:
            terminal.note(
                f"No job was made of {claims} as it is now, so a new one begins. To go on with another, find it with "
                "bulkclaims jobs, and then say bulkclaims retry JOB."
            )
        if job is not None:
            path = _results_path(output, claims or Path(Path(job.filename).name))
        elif claims is not None:
            path = _results_path(output, claims)
            compared = _words("--compare-with", compare_with)
            again = terminal.command("run", *named, *told, *compared, *words_of(layout))
            earlier = None if compare_with is None else JobId(compare_with)
            job = session.submit(claims, layout, f"Begin again with: {again}", earlier)
        else:
            raise NotNow("There is no job to resume in this database.", code="nothing_to_resume")
        job = session.run_to_end(job, path, f"Go on with: {terminal.command('run', *named, '--resume', *told)}")
    raise click.exceptions.Exit(exit_code(job))


def run_file(terminal: Terminal, claims: Path, output: Path, advice: str) -> Job:
    """Run one file from start to end, or end with *advice* when stopped."""
    with _session(terminal) as session:
        return session.run_to_end(session.submit(claims, AS_FOUND, advice), output, advice)


@click.command()
@click.argument("job_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the results go; into this folder unless given.",
)
@common_options
def retry(terminal: Terminal, job_id: str, output: Path | None) -> None:
    """
    Ask again for the rows of a job that failed at the payer or were never asked.

    A job that was stopped goes on from where it is.
    """
    with _session(terminal) as session:
        job = wiring.job(session.store, terminal.settings.organisation, job_id)
        path = _results_path(output, Path(Path(job.filename).name))
        if job.status.ended:
            job = session.bulk.retry(job.owner.organisation, job.id)
        job = session.run_to_end(job, path, f"Go on with: {terminal.command('retry', job.id, *_words('-o', output))}")
    raise click.exceptions.Exit(exit_code(job))


def _words(*words: Path | str | None) -> tuple[str, ...]:
    """Say *words* as they stood on the command line; nothing when one of them did not."""
    return () if None in words else tuple(map(str, words))


def _results_path(output: Path | None, claims: Path) -> Path:
    """Where the results go: tried before the payer is asked, and never in place of the claims themselves."""
    path = output or claims.parent / f"{claims.stem}.results.csv"
    Shape(format=format_of(path)).writer()  # which says what is missing for it
    check_output(path, claims)
    return path


@contextmanager
def _session(terminal: Terminal) -> Iterator[_Session]:
    """Hold what runs a job, with what is past keeping deleted first, and have it stopped by signals."""
    settings = terminal.settings
    with wiring.service(settings) as (bulk, store), stopped_by_signals(bulk.stop) as stop:
        wiring.purge(store, settings.organisation, settings.jobs.retention_seconds, settings.jobs.abandoned_seconds)
        yield _Session(terminal, bulk, store, stop)


@frozen
class _Session:
    """One command that runs a job."""

    terminal: Terminal
    bulk: BulkClaims
    store: JobRepository
    stop: Stop

    def last_job(self, claims: Path | None) -> Job | None:
        """Find the newest job, or the newest that was made of the very same file."""
        with self.stop.at_once():
            digest = claims and _digest(claims)
        jobs = wiring.all_jobs(self.store, self.terminal.settings.organisation)
        return next((job for job in jobs if digest in {None, job.upload.facts.sha256}), None)

    def submit(self, claims: Path, layout: Layout, advice: str, compare_with: JobId | None = None) -> Job:
        """Make a job of the file; nothing is left of it when that is stopped, and *advice* says what to do then."""
        try:
            with self.stop.at_once():
                file = open_claims(claims)
            with file:
                job = self.bulk.submit(
                    cast("IO[bytes]", StoppableUpload(file, self.stop)),
                    filename=claims.name,
                    owner=Owner(self.terminal.settings.organisation),
                    defaults=self.terminal.settings.defaults,
                    layout=attrs.evolve(layout, saved=self.terminal.settings.columns),
                    compare_with=compare_with,
                )
        except KeyboardInterrupt:
            self.terminal.note(f"Stopped before {claims} was read to its end; nothing of it is kept. {advice}")
            raise click.exceptions.Exit(INTERRUPTED) from None
        for note in job.upload.facts.notes:
            self.terminal.note(note)
        note_warnings(self.terminal, job.upload.warnings, job.id)
        return job

    def run_to_end(self, job: Job, path: Path, advice: str) -> Job:
        """Run the job and write its results, or say how it stands and give *advice* when stopped."""
        terminal, bulk = self.terminal, self.bulk
        with _seldom_collecting(), closing(display_of(terminal, job.status)) as display:
            job = self._follow(job, display)
            if not job.status.ended:
                terminal.note("Stopping: look-ups in flight are still recorded. Once more ends at once.")
                bulk.close()
                job = bulk.job(job.owner.organisation, job.id)
                display.show(job)
        if not job.status.ended:
            _end_stopped(terminal, job, advice)
        try:
            with self.stop.at_once():
                tally, known = _write_results(bulk, job, path)
        except KeyboardInterrupt:
            _end_stopped(terminal, job, advice)
        _sum_up(terminal, job, tally, path, known.sha256 if known else None)
        return job

    def _follow(self, job: Job, display: Display) -> Job:
        """Look at the job now and then until it has ended, or is to be stopped, and say once what keeps it waiting."""
        look, told = 0, ""
        while not (job.status.ended or self.stop.asked):
            job = self.bulk.ring(job.id) if look % _RING_EVERY == 0 else self.bulk.job(job.owner.organisation, job.id)
            display.show(job)
            notice = Progress(job, datetime.now(UTC)).notice
            if notice and notice != told:
                self.terminal.note(notice)
                told = notice
            look += 1
            if not job.status.ended:
                time.sleep(_LOOK_SECONDS)
        return job


def _sum_up(terminal: Terminal, job: Job, tally: Tally, path: Path, digest: str | None) -> None:
    terminal.say(headline(job))
    terminal.say(tally.table())
    terminal.say(f"Results: {path}   Job: {job.id}")
    if job.upload.compared_with and not tally.compared:
        terminal.note("The job to compare with is not kept any more, so what changed is not known.")
    counts = {"changed": tally.changed, "no_earlier_answer": tally.unknown} if tally.compared else {}
    terminal.give({**job_body(job, digest), "results": str(path), **counts})


def _digest(path: Path) -> str:
    with open_claims(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """
    Let the garbage collector look seldom, and not at what is imported by now.

    That lives as long as the process, and what a look-up makes does not live long. It took a sixth of a run's time.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _end_stopped(terminal: Terminal, job: Job, advice: str) -> NoReturn:
    terminal.note(f"Stopped after {job.processed:,} of {job.total_rows:,} rows; what is answered is kept. {advice}")
    terminal.give(job_body(job))
    raise click.exceptions.Exit(INTERRUPTED)


def _write_results(bulk: BulkClaims, job: Job, path: Path) -> tuple[Tally, FileDigest | None]:
    """Write the file, and say with the counts of its rows what the default CSV comes to, if that is known by now."""
    tally = Tally()
    file = bulk.results_file(job, Shape(format=format_of(path)))
    lines = tally.count(bulk.lines(job.owner.organisation, job.id))
    write_whole(path, file.passing(file.writer.write(job, lines)))
    return tally, bulk.results_file(job).known
