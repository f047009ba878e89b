"""The one object a host application holds."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self

from attrs import evolve

from bulkclaims.dispatch import Doorbell, LocalDispatcher
from bulkclaims.errors import SettingsWrong
from bulkclaims.event_loop import EventLoopThread
from bulkclaims.intake import Intake, Told
from bulkclaims.interfaces import KeptStore
from bulkclaims.jobs import Progress, Settings
from bulkclaims.layouts import SavedColumns, as_in_file
from bulkclaims.parsing import UploadParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import AS_FOUND
from bulkclaims.results import Results
from bulkclaims.results.finished import ResultFiles
from bulkclaims.results.shapes import DEFAULT
from bulkclaims.runner import ChunkRunner
from bulkclaims.upkeep import Heart, Sweeper, Upkeep
from bulkclaims.writers import CsvWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bulkclaims.checking import CheckReport
    from bulkclaims.interfaces import Cipher, Dispatcher, JobRepository, Readable, ResultWriter, RowParser, RowProcessor
    from bulkclaims.jobs import Chunk, Job, JobId, JobPage, JobStatus, Owner
    from bulkclaims.planning import PayersOf
    from bulkclaims.records import Layout, ResultLine, RowResult
    from bulkclaims.results import RowCursor, RowPage
    from bulkclaims.results.finished import FileDigest, ResultFile
    from bulkclaims.results.shapes import Shape

_CSV = CsvWriter()
_LOOK_AGAIN = 0.1
"""Seconds between two looks at a job that is waited for."""
_ALIVE = 30.0
"""A worker that gave no sign of life for so many seconds is taken for gone, unless it sweeps so seldom."""
_MISSED = 3
"""Sweeps that a worker may miss, since one may take long, before it is taken for gone."""


class BulkClaims:
    """
    Jobs from upload to results.

    Hold one in each process, web and worker alike, use it from any thread, and close it when the process ends. With
    the default dispatcher the process that takes uploads also runs them.

    Args:
        repository: Where jobs live.
        processor: Looks rows up. None in a process that only takes uploads and leaves the running to others; such a
            process needs a *dispatcher*.
        parser: Reads uploads.
        dispatcher: Tells workers that chunks are there; by default they run in this process, on threads.
        cipher: Protects what is stored of patients.
        settings: How jobs are cut up, run and kept.
        payers: Tells what can be asked of whoever is asked for rows of a payer id, and what that needs, so that uploads
            are checked for it and planned; the processor's own word when omitted.

    Raises:
        SettingsWrong: Neither *processor* nor *dispatcher* is given, so nobody would run the chunks.
    """

    def __init__(  # noqa: PLR0913 -- one argument for each part that a host may choose
        self,
        repository: JobRepository,
        processor: RowProcessor | None = None,
        *,
        parser: RowParser | None = None,
        dispatcher: Dispatcher | None = None,
        cipher: Cipher | None = None,
        settings: Settings | None = None,
        payers: PayersOf | None = None,
    ) -> None:
        if processor is None and dispatcher is None:
            raise SettingsWrong("Give a processor to run chunks here, or a dispatcher that takes them to workers.")
        cipher = cipher or PlainCipher()
        settings = settings or Settings()
        dispatcher = dispatcher or LocalDispatcher(self.run)
        self._repository = repository
        self._columns = SavedColumns(repository, cipher) if isinstance(repository, KeptStore) else None
        self._processor = processor
        self._dispatcher = dispatcher
        self._stopping = threading.Event()
        self._loop = EventLoopThread()
        self._doorbell = Doorbell(repository, dispatcher, settings)
        payers = payers or getattr(processor, "capabilities_for", None)
        self._intake = Intake(parser or UploadParser(), repository, cipher, settings, payers)
        self._results = Results(repository, cipher)
        self._files = ResultFiles(self._results)
        self._heart = Heart(repository)
        self._alive_seconds = max(_ALIVE, _MISSED * (settings.sweep_seconds or 0))
        self._upkeep = Upkeep(repository, self._doorbell, settings, self._heart)
        self._sweeper = Sweeper(self._upkeep, settings.sweep_seconds) if settings.sweep_seconds else None
        self._runner = (
            ChunkRunner(repository, processor, cipher, self._doorbell, settings, self._loop, self._stopping)
            if processor
            else None
        )

    # In the process that talks to users

    def check(
        self,
        upload: Readable,
        defaults: Mapping[str, str] | None = None,
        *,
        organisation: str = "",
        layout: Layout | None = None,
    ) -> CheckReport:
        """
        Say what is wrong with a file; store and send nothing.

        Args:
            upload: The file's bytes, read to the end and not closed.
            defaults: As for `submit`.
            organisation: Whose earlier jobs to look through for the same file, and by whose remembered columns to read
                it; "" for none.
            layout: As for `submit`.

        Raises:
            UploadRejected: The file as a whole cannot be used, or one of *defaults* cannot.
        """
        layout = self._with_saved(organisation, layout or AS_FOUND)
        return self._intake.check(upload, defaults or {}, organisation=organisation, layout=layout)

    def submit(  # noqa: PLR0913 -- all that can be said of an upload
        self,
        upload: Readable,
        *,
        filename: str,
        owner: Owner,
        defaults: Mapping[str, str] | None = None,
        key: str = "",
        layout: Layout | None = None,
        compare_with: JobId | Literal["last"] | None = None,
        remember_columns: bool = False,
    ) -> Job:
        """
        Take a file, make a job of it and have it run.

        Args:
            upload: The file's bytes, read to the end and not closed.
            filename: What its owner calls it; for display alone.
            owner: Whom the job will belong to.
            defaults: Values for optional columns, such as `payer_id`, where the file has none. They may be written as
                cells may.
            key: The sender's own word for this upload, at most 64 characters: whoever sends the same file again under
                the same key, and says the same of it, gets the job that it became the first time.
            layout: What is known beforehand of how the file is laid out; what is not is found out.
            compare_with: An earlier job of the organisation, so that results say what changed since; `last` for the
                latest with the same content or, if there is none, with the same name, of those that have ended.
            remember_columns: Whether later files of the organisation are to be read by the columns of *layout*, too.

        Returns:
            The job as it was when its last row was stored.

        Raises:
            UploadRejected: The file as a whole cannot be used, or one of *defaults* cannot; nothing is left of it.
            UploadRepeated: An upload under *key* is still under way.
            UploadSuperseded: The file came so slowly that its upload was given up.
            KeyReused: *key* was used for another file, or with other defaults, columns, sheet or job to compare with.
            JobNotFound: The organisation has no such job to compare with; nothing was read.
            RepositoryUnavailable: The job could not be stored, and nothing is left of it; or the columns could not be
                remembered: then the same upload under the same *key* remembers them.
            SettingsWrong: Columns are to be remembered, and the repository does not keep such things.
        """
        layout = layout or AS_FOUND
        told = Told(defaults or {}, key, self._with_saved(owner.organisation, layout), compare_with)
        saved = self._saved_columns() if remember_columns else None
        job = self._intake.submit(upload, filename, owner, told)
        self._start(job)
        if saved and layout.columns:
            saved.remember(owner.organisation, as_in_file(layout.columns, job.upload.facts.headings))
        return job

    def columns(self, organisation: str) -> Mapping[str, str]:
        """
        Read what the organisation said earlier of its columns: by heading, our name, or "" for none of ours.

        `check` and `submit` read its files by that unless their `layout` says something else of a heading.
        """
        return self._columns.find(organisation) if self._columns else {}

    def remember_columns(self, organisation: str, columns: Mapping[str, str | None]) -> None:
        """
        Have the organisation's files read by *columns* from now on.

        Args:
            organisation: Whose files.
            columns: Our name for each of these headings, "" for none of ours, None to forget what was said of it. What
                was said of other headings stays.

        Raises:
            UploadRejected: A heading is mapped to a column that is not ours.
            SettingsWrong: The repository does not keep such things.
            RepositoryUnavailable: They were not remembered.
        """
        self._saved_columns().remember(organisation, columns)

    def _saved_columns(self) -> SavedColumns:
        if self._columns is None:
            raise SettingsWrong(
                "Columns cannot be remembered: the repository is no KeptStore. Give them with every file, or use a "
                "repository that keeps such things, as those of this project do."
            )
        return self._columns

    def _with_saved(self, organisation: str, layout: Layout) -> Layout:
        saved = self.columns(organisation) if organisation else {}
        return evolve(layout, saved={**saved, **layout.saved}) if saved else layout

    def job(self, organisation: str, job_id: JobId) -> Job:
        """
        Read how a job stands.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        return self._repository.get(organisation, job_id)

    def jobs(  # noqa: PLR0913 -- a search has many criteria, all of them optional
        self,
        organisation: str,
        *,
        status: JobStatus | None = None,
        search: str = "",
        created_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> JobPage:
        """Find the organisation's jobs, newest first, as `interfaces.JobStore.find` does."""
        return self._repository.find(
            organisation, status=status, search=search, created_after=created_after, limit=limit, offset=offset
        )

    def progress(self, organisation: str, job_id: JobId) -> Progress:
        """
        Read how a job moves; takes the same time however many rows it has.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        return self.progress_of(self.job(organisation, job_id))

    def progress_of(self, job: Job) -> Progress:
        """Say how a job moves that was read just now; one that waits for long has workers looked for."""
        progress = Progress(job, datetime.now(UTC))
        return (
            evolve(progress, workers=self._repository.workers(self._alive_seconds))
            if progress.long_queued
            else progress
        )

    def results(  # noqa: PLR0913 -- what a file may leave out
        self,
        organisation: str,
        job_id: JobId,
        writer: ResultWriter = _CSV,
        *,
        partial: bool = False,
        failed: bool = False,
        changed: bool = False,
    ) -> Iterator[bytes]:
        """
        Yield the results file in pieces: every input row once, in order, or only some of them.

        Args:
            organisation: Whose job.
            job_id: Which job.
            writer: Gives the file its format.
            partial: Whether a job that still runs may be read too.
            failed: Only rows that did not succeed.
            changed: Only rows of which the job that this one is compared with says something else.

        Raises:
            JobNotFound: The organisation has no such job.
            NotNow: The job still runs and *partial* is not set.
        """
        return self._results.file(organisation, job_id, writer, partial=partial, failed=failed, changed=changed)

    def results_file(self, job: Job, shape: Shape = DEFAULT, *, partial: bool = False) -> ResultFile:
        """
        Give the results of a job that was read just now as a file: what it comes to, all of it, or a part.

        Args:
            job: Whose results.
            shape: Of which format, with which columns and rows.
            partial: Whether a job that still runs may be read too.

        Raises:
            SettingsWrong: The format needs a library that is not installed.
        """
        return self._files.of(job, shape, partial=partial)

    def digest(self, organisation: str, job_id: JobId) -> FileDigest:
        """
        Say how long the results CSV of an ended job is, and its SHA-256; from then on the HTTP API tells it, too.

        The file is written once for it, unless it was written whole before.

        Raises:
            JobNotFound: The organisation has no such job.
            NotNow: The job still runs, or another that its results tell of does.
        """
        return self.results_file(self.job(organisation, job_id)).measured()

    def rows(self, organisation: str, job_id: JobId) -> Iterator[RowResult]:
        """
        Yield every row's result, in input order.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        return self._results.rows(organisation, job_id)

    def lines(self, organisation: str, job_id: JobId) -> Iterator[ResultLine]:
        """
        Yield every row as it was uploaded with its result and what an earlier job says of it, in input order.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        return self._results.lines(organisation, job_id)

    def compared_with(self, job: Job) -> Job | None:
        """Find the job that *job* is compared with; None where it is with none, or that is not kept any more."""
        return self._results.comparisons.earlier_job(job)

    def row_page(
        self, organisation: str, job_id: JobId, start: RowCursor, limit: int, wanted: Callable[[bool, str], bool]
    ) -> RowPage:
        """
        Read some rows' results, in input order.

        Args:
            organisation: Whose job.
            job_id: Which job.
            start: Behind which row to begin.
            limit: How many to return at most.
            wanted: Tells by success and status word whether a row is one of those asked for.

        Raises:
            JobNotFound: The organisation has no such job.
        """
        return self._results.page(organisation, job_id, start, limit, wanted)

    def retry(self, organisation: str, job_id: JobId) -> Job:
        """
        Ask again for the rows that failed at the payer or were never asked.

        Raises:
            JobNotFound: The organisation has no such job.
            NotNow: It still runs, or there is nothing to ask again.
        """
        job = self._repository.reopen(organisation, job_id)
        self._start(job)
        return job

    def cancel(self, organisation: str, job_id: JobId) -> Job:
        """
        Stop before the next look-up; what is answered stays.

        Raises:
            JobNotFound: The organisation has no such job.
            NotNow: It has ended already.
        """
        self._repository.cancel(organisation, job_id)
        return self._repository.settle(job_id)

    def delete(self, organisation: str, job_id: JobId) -> None:
        """
        Delete a job, its rows and its results.

        Raises:
            JobNotFound: The organisation has no such job.
            NotNow: It has not ended; cancel it first.
        """
        self._repository.delete(organisation, job_id)

    def wait(self, organisation: str, job_id: JobId, timeout: float | None = None) -> Job:
        """
        Wait until the job has ended or this process is stopped; a web process answers progress instead.

        Args:
            organisation: Whose job.
            job_id: Which job.
            timeout: Seconds after which to stop waiting; None for as long as it takes.

        Raises:
            JobNotFound: The organisation has no such job.
            TimeoutError: It has not ended in time; it goes on.
        """
        give_up = None if timeout is None else time.monotonic() + timeout
        while not (job := self._repository.get(organisation, job_id)).status.ended:
            if give_up is not None and time.monotonic() > give_up:
                raise TimeoutError(f"Job {job_id} has not ended in {timeout} seconds.")
            if self._stopping.wait(_LOOK_AGAIN):
                break
        return job

    def _start(self, job: Job) -> None:
        if not job.status.ended:
            self._doorbell.ring(job.id)
            self.start()

    # In the process that runs chunks

    def run(self, chunk: Chunk) -> bool:
        """
        Run one chunk; what a task queue delivers ends here. From the first one on the process sweeps, too.

        Returns:
            False when this process is stopping: give the message back to the queue, for another to hear.

        Raises:
            SettingsWrong: This process was given no processor.
        """
        if self._runner is None:
            raise SettingsWrong("This process was given no processor, so it cannot run chunks.")
        self.stand_by()
        return self._runner.run(chunk)

    def stand_by(self) -> None:
        """
        Be a worker from now on: show that this process lives, and sweep.

        `run` does so by itself; a worker that calls it when it starts is seen before its first chunk comes.
        """
        self._heart.begin()
        self._heart.beat()
        self.start()

    # In either

    def sweep(self) -> None:
        """
        Bring back what was left behind by workers that died and messages that were lost; purge what is past keeping.

        Runs by itself every few seconds once the process has begun to submit, to run chunks or to `start`; calling it
        more often, from anywhere, does no harm.
        """
        self._upkeep.sweep()

    def start(self) -> None:
        """Begin to sweep every few seconds, so that jobs of earlier processes go on. Twice does no harm."""
        if isinstance(self._dispatcher, LocalDispatcher):
            # Others may have a processor and leave the running to workers all the same.
            self._heart.begin()
        if self._sweeper is not None:
            self._sweeper.start()

    def ring(self, job_id: JobId) -> Job:
        """
        See to one job: end it if it is over, or ring for those of its chunks whose turn it is.

        Raises:
            JobNotFound: There is no such job, of any organisation.
        """
        return self._doorbell.ring(job_id)

    def stop(self) -> None:
        """Begin no further look-up in this process. Returns at once; `close` waits for those in flight."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, wait until what is in flight is recorded and its chunks are handed back, and let go of everything."""
        self.stop()
        if self._sweeper is not None:
            self._sweeper.stop()
        if isinstance(self._dispatcher, LocalDispatcher):
            self._dispatcher.close()
        if self._processor is not None and self._loop.started:
            self._loop.run(self._processor.aclose())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
