"""
The frozen values of a job's life: whose it is, how it is cut up, how it stands, and who may run a part of it.

Nothing here does any work beyond its own arithmetic. What may tell of a patient is left out of every `repr`.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from attrs import Factory, field, fields, frozen

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bulkclaims.records import CellError, Problem, SealedResult, UploadFacts

JobId = NewType("JobId", str)
"""The unguessable public id of a job: a UUID in its usual text form."""


class JobStatus(StrEnum):
    """The five public words for where a job stands."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether the run is over; only a retry moves the job on from here."""
        return self not in {JobStatus.PENDING, JobStatus.PROCESSING}


class Outcome(StrEnum):
    """What an ended job came to, which its status alone does not say."""

    ALL_SUCCEEDED = "all_succeeded"
    PARTIAL = "partial"
    NONE_SUCCEEDED = "none_succeeded"


@frozen
class Owner:
    """Whom a job belongs to. Every read is scoped by *organisation*; *user* is for the record."""

    organisation: str
    user: str = ""


@frozen
class NewJob:
    """What is known of a job before its file is read."""

    owner: Owner
    filename: str
    salt: bytes = field(repr=False)
    """Sealed key for fingerprints of this job's inquiries."""
    defaults: Mapping[str, str] = field(factory=dict, repr=False)
    deadline_seconds: float | None = None
    """How long one run may take, counted from the start of PROCESSING; None for as long as it takes."""
    key: str = ""
    """The uploader's own word for this upload, by which a repeat of it is known; "" when there is none."""


@frozen(kw_only=True)
class PayerPlan:
    """What a file will take to ask of one payer account, as far as its rows tell before anything is asked."""

    account: str
    rows: int
    """Rows that will be asked; fewer where several ask the same."""
    calls: int
    """Requests, if every search for a provider's claims finds the rows that it is made for."""
    most_calls: int
    """Requests, if none of them does; tries after failures come on top."""
    searches: int = 0
    """Those of `calls` that search for a provider's claims of some days."""
    seconds: float | None = None
    """How long `calls` take at the account's rate; None where none is set."""
    per_day: int | None = None
    """The account's budget of requests a day; None where none is set."""

    @property
    def days(self) -> int:
        """On how many days something will be asked, if nothing else uses the budget."""
        return 1 if self.per_day is None else max(1, -(-self.calls // self.per_day))


@frozen
class UploadSummary:
    """What is known of a job once its file has been read to the end."""

    facts: UploadFacts
    error_count: int = 0
    """Every bad cell counts, also those that `error_log` no longer lists."""
    error_log: tuple[CellError, ...] = ()
    plan: tuple[PayerPlan, ...] = ()
    """What it takes to ask for the rows, by payer account; empty where the payers were not known at upload."""
    warnings: tuple[Problem, ...] = ()
    """What is worth a look in rows that are sent all the same, and repairs that were made; the most frequent first."""
    same_as: JobId | None = None
    """The organisation's latest earlier job that was made of the very same bytes."""
    compared_with: JobId | None = None
    """The earlier job that this one's results are compared with, and through it with those before."""


@frozen
class NewChunk:
    """Some hundred consecutive rows of an upload on their way into a repository."""

    number: int
    rows: int
    """How many rows the payload holds, refused ones included."""
    payload: bytes = field(repr=False)
    refused: tuple[SealedResult, ...] = ()


@frozen
class Chunk:
    """What a task queue delivers: which rows to run, and nothing of the rows themselves."""

    job_id: JobId
    number: int
    """0 is the job's first chunk."""


@frozen
class StoredChunk:
    """A chunk as read back: all its rows, and the results recorded so far, by row number."""

    number: int
    payload: bytes = field(repr=False)
    results: tuple[SealedResult, ...]


@frozen(kw_only=True)
class Job:
    """A job as it stands in the repository at one moment."""

    id: JobId
    owner: Owner
    filename: str
    status: JobStatus
    total_rows: int
    """Rows with any content; blank rows are not counted."""
    succeeded: int
    failed: int
    refused: int = 0
    """Those of `failed` that were refused at upload and that a retry leaves alone."""
    cancel_requested: bool = False
    problem: str = ""
    """Why the run ended as FAILED, or will as soon as what is in flight is recorded: one plain sentence."""
    run: int = 1
    """1 for the first run; each retry adds one."""
    answered_before: int = 0
    """Rows that had a result before this run began."""
    upload: UploadSummary
    defaults: Mapping[str, str] = Factory(dict)
    salt: bytes = field(default=b"", repr=False)
    deadline_seconds: float | None = None
    created_at: datetime
    queued_at: datetime
    """When this run began to wait for a worker."""
    started_at: datetime | None = None
    worker_seen_at: datetime | None = None
    """When a worker last took a chunk of this run or recorded results; None while none has come."""
    ended_at: datetime | None = None
    deadline_at: datetime | None = None
    waiting_until: datetime | None = None
    """Until when some chunks are put aside, perhaps with others under way; in the past once they can go on; None when
    none was in this run."""
    waiting_for: str = ""
    """Why: a plain sentence."""

    @property
    def processed(self) -> int:
        """Rows with a result."""
        return self.succeeded + self.failed

    @property
    def progress_percentage(self) -> float:
        """Rows with a result, of all rows, in percent with one decimal; 100.0 only when all have one."""
        return _percent(self.processed, self.total_rows)

    @property
    def success_rate(self) -> float:
        """Successes, of the rows with a result, in percent with one decimal; 100.0 only when none failed."""
        return _percent(self.succeeded, self.processed)

    @property
    def outcome(self) -> Outcome | None:
        """What the ended run came to; None while it runs."""
        if not self.status.ended:
            return None
        if not self.succeeded:
            return Outcome.NONE_SUCCEEDED
        return Outcome.ALL_SUCCEEDED if self.succeeded == self.total_rows else Outcome.PARTIAL


def _percent(part: int, whole: int) -> float:
    if part == whole:
        return 100.0 if whole else 0.0
    return min(round(100 * part / whole, 1), 99.9)


_LONG_QUEUED = 30.0
"""Seconds after which a job that waits is worth a word: an idle worker comes within one or two."""


@frozen
class Workers:
    """What is known of the processes that run chunks, whosever they are."""

    alive: int
    """How many gave a sign of life lately."""
    seen_at: datetime | None
    """When any of them last did, however long ago; None while none ever has."""


@frozen
class Progress:
    """How a job moves, as seen at one moment."""

    job: Job
    at: datetime
    workers: Workers | None = None
    """Who might come for a job that waits; None where nobody looked."""

    @property
    def queued_seconds(self) -> float | None:
        """How long the run has waited for a worker; None once one has come, or the job has ended."""
        if self.job.status is not JobStatus.PENDING:
            return None
        return max(0.0, (self.at - self.job.queued_at).total_seconds())

    @property
    def long_queued(self) -> bool:
        """Whether the run has waited for so long that something may be amiss."""
        queued = self.queued_seconds
        return queued is not None and queued >= _LONG_QUEUED

    @property
    def eta_seconds(self) -> float | None:
        """How long the run goes on at the speed it had so far; None while none is known, or the job has ended."""
        job = self.job
        answered = job.processed - job.answered_before
        if job.status is not JobStatus.PROCESSING or job.started_at is None or not answered:
            return None
        return max(0.0, (self.at - job.started_at).total_seconds()) * (job.total_rows - job.processed) / answered

    @property
    def notice(self) -> str:
        """What keeps the job or some of its rows from moving, and what to do: a sentence, or ""."""
        if self.long_queued:
            return f"Queued for {self.queued_seconds:.0f} seconds{_why_queued(self.workers)}"
        until = self.job.waiting_until
        if self.job.status is not JobStatus.PROCESSING or until is None or until <= self.at:
            return ""
        return f"Some rows wait until {_minute(until, self.at)}: {self.job.waiting_for}"


def _why_queued(workers: Workers | None) -> str:
    if workers is None:
        return " and no worker has come for it; check that workers are running."
    if workers.alive:
        running = "1 worker is running" if workers.alive == 1 else f"{workers.alive} workers are running"
        return f": {running}, and none has come for it yet."
    if workers.seen_at is None:
        return ", and no worker has ever been seen: start one."
    return f", and no worker has been seen since {workers.seen_at:%Y-%m-%d %H:%M:%S %Z}: start one."


def _minute(moment: datetime, at: datetime) -> str:
    """When *moment* is over, with its day where that is another than today."""
    over = moment + timedelta(seconds=59)
    today = at.astimezone(over.tzinfo).date()
    return f"{over:%H:%M %Z}" if over.date() == today else f"{over:%Y-%m-%d %H:%M %Z}"


@frozen
class JobPage:
    """Some of the jobs that a search found, newest first, and how many it found in all."""

    count: int
    jobs: tuple[Job, ...]


@frozen
class Lease:
    """The right to run one chunk for some seconds. Only its holder's writes are taken."""

    chunk: Chunk
    job: Job
    worker: str
    fence: int
    """Grows with each lease of the chunk: a late holder is told by its smaller number."""
    attempts: int
    """Leases in a row, this one included, during which nothing was recorded: 1 on a healthy first run."""
    payload: bytes = field(repr=False)
    answered: frozenset[int]
    """Numbers of the chunk's rows that already have a result."""


@frozen(kw_only=True)
class Settings:
    """
    How jobs are cut up, run and kept. The defaults suit a payer that takes ten to a hundred inquiries a second.

    Raises:
        SettingsWrong: A number is not above zero, or leases would run out before they are renewed.
    """

    chunk_rows: int = 250
    """Rows in a chunk, and so in a queue message."""
    window: int = 4
    """Chunks of one job that may be out at once: a small job need not wait for all of a large one."""
    lease_seconds: float = 15.0
    """How long after a worker died its chunk goes on elsewhere."""
    renew_seconds: float = Factory(lambda settings: settings.lease_seconds / 3, takes_self=True)
    """How often a live worker extends its lease: at most half of *lease_seconds*; by default a third."""
    ring_again_seconds: float = 20.0
    """After how long a message that nobody came for is sent again; each further time after twice as long."""
    max_attempts: int = 5
    """Workers that may die on a chunk, one after another with nothing recorded, before its rows are given up."""
    deadline_seconds: float | None = 30 * 60.0
    """How long a run may take, from its first lease; None for as long as it takes."""
    sweep_seconds: float | None = 5.0
    """How often a process looks for chunks that were left behind, and a worker shows that it lives; None if the host
    sweeps by itself."""
    retention_seconds: float = 30 * 24 * 3600.0
    """How long an ended job is kept."""
    abandoned_seconds: float = 3600.0
    """After how long an upload that was never finished is cleared away."""
    listed_errors: int = 100
    """Bad cells that a job's error log lists; all are counted."""
    pause_after_none_found: int | None = 25
    """When so many rows at the beginning of a job are all not found, its first run ends and says so: NPI, tax id or
    payer id may be wrong for the whole file. None or 0 to ask for all of them regardless."""

    def __attrs_post_init__(self) -> None:
        """Check that a run can end, and that an undisturbed one keeps its leases."""
        for each in fields(Settings):
            value = getattr(self, each.name)
            if value is None or value > 0 or (value == 0 and each.name in _MAY_BE_ZERO):
                continue
            least = "zero or more" if each.name in _MAY_BE_ZERO else "above zero"
            raise SettingsWrong(f"The setting {each.name} is to be {least}, and is {value:g}.")
        if self.renew_seconds > self.lease_seconds / 2:
            raise SettingsWrong(
                f"The setting renew_seconds is to be at most half of lease_seconds, and is {self.renew_seconds:g} of "
                f"{self.lease_seconds:g}: a lease that runs out before it is renewed lets another worker ask again."
            )


_MAY_BE_ZERO = frozenset(
    {
        "ring_again_seconds",
        "deadline_seconds",
        "retention_seconds",
        "abandoned_seconds",
        "listed_errors",
        "pause_after_none_found",
    }
)
"""Settings of which zero says "at once" or "none"."""
