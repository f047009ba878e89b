"""Puts the parts together for the command line: a host application like any other, in one short place."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkclaims.cli.lookups import processor_of
from bulkclaims.errors import JobNotFound, NotNow, RepositoryUnavailable
from bulkclaims.intake import Intake
from bulkclaims.jobs import JobId
from bulkclaims.parsing import UploadParser
from bulkclaims.privacy import PlainCipher, hush_http_logs
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims_sqlalchemy import open_repository, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.cli.settings import CommandSettings
    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job
    from bulkclaims_sqlalchemy import SqlRepository

_MEGABYTE = 1024 * 1024
_PAGE = 50
_NEVER = 1e11
"""Seconds ago, before any job ended. Not infinity, which MariaDB's driver refuses."""


@contextmanager
def repository(settings: CommandSettings) -> Iterator[SqlRepository]:
    """
    Hold the database open.

    Raises:
        RepositoryUnavailable: It cannot be opened, or lacks its tables.
        SettingsWrong: Its URL cannot be used.
    """
    store = _open(settings.database)
    try:
        yield store
    finally:
        store.close()


def _open(url: str) -> SqlRepository:
    try:
        return open_repository(url)
    except RepositoryUnavailable as error:
        if error.code != "needs_upgrade" or not url.startswith("sqlite"):
            raise
    # The embedded database looks after itself: it is made here, or brought up to this version.
    upgrade(url)
    return open_repository(url)


def parser(settings: CommandSettings) -> UploadParser:
    """Make the parser, with the size limit set."""
    return UploadParser(max_bytes=round(settings.max_megabytes * _MEGABYTE))


@contextmanager
def service(settings: CommandSettings) -> Iterator[tuple[BulkClaims, SqlRepository]]:
    """
    Hold the object that takes files and runs them in this process, and the database beneath it.

    Raises:
        SettingsWrong: The `[payer]` table is missing or wrong.
        RepositoryUnavailable: The database cannot be opened.
    """
    hush_http_logs()
    processor = processor_of(settings)  # a wrong setting is told before a database is made
    with (
        repository(settings) as store,
        BulkClaims(store, processor(store), parser=parser(settings), settings=settings.jobs) as bulk,
    ):
        yield bulk, store


@contextmanager
def checker(settings: CommandSettings) -> Iterator[Intake]:
    """Hold an intake that is only to check: it has no payer, and knows earlier jobs where there is a database."""
    nowhere = MemoryRepository()
    is_set = settings.payer or settings.payers
    payers = processor_of(settings)(nowhere).capabilities_for if is_set else None
    with ExitStack() as held:
        store: JobRepository = nowhere
        # A check makes no database, brings none up to date and does without one that is out of reach.
        if not _is_missing(settings.database):
            with suppress(RepositoryUnavailable):
                store = open_repository(settings.database)
                held.callback(store.close)
        yield Intake(parser(settings), store, PlainCipher(), settings.jobs, payers)


def _is_missing(url: str) -> bool:
    kind, _, path = url.partition(":///")
    return kind.startswith("sqlite") and not Path(path).is_file()


def job(store: JobRepository, organisation: str, job_id: str) -> Job:
    """
    Read a job, and end it first if it is over: the process that ran it may have been killed before it could.

    Raises:
        JobNotFound: The organisation has no such job.
    """
    return _settled(store, store.get(organisation, JobId(job_id)))


def all_jobs(store: JobRepository, organisation: str) -> Iterator[Job]:
    """Yield the organisation's jobs, newest first, each as `job` reads it."""
    seen = 0
    while found := store.find(organisation, limit=_PAGE, offset=seen).jobs:
        for each in found:
            with suppress(JobNotFound):  # deleted since it was found
                yield _settled(store, each)
        seen += len(found)


def _settled(store: JobRepository, found: Job) -> Job:
    return found if found.status.ended else store.settle(found.id)


def purge(store: JobRepository, organisation: str, ended_before: float, abandoned_before: float) -> tuple[int, int]:
    """
    Delete what is past keeping. Jobs of other organisations stay: how long they are kept is theirs to say.

    Args:
        store: The database.
        organisation: Whose jobs.
        ended_before: Jobs that ended at least this many seconds ago.
        abandoned_before: Uploads begun at least this many seconds ago and never published, which nobody can see.

    Returns:
        How many jobs and how many uploads were deleted.
    """
    doomed = [
        job.id
        for job in all_jobs(store, organisation)
        if job.ended_at is not None and _seconds_since(job.ended_at) >= ended_before
    ]
    deleted = 0
    for job_id in doomed:
        with suppress(JobNotFound, NotNow):  # deleted or retried since it was found
            store.delete(organisation, job_id)
            deleted += 1
    return deleted, store.purge(_NEVER, abandoned_before)


def _seconds_since(moment: datetime) -> float:
    # The database's clock may be ahead of ours: what it calls the past is not the future.
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())


def upgrade_database(settings: CommandSettings) -> None:
    """
    Make the tables of the database, or bring them up to date.

    Raises:
        RepositoryUnavailable: It cannot be opened.
    """
    upgrade(settings.database)
