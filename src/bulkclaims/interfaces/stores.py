"""Where jobs, rows and results are kept, and how they are sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from bulkclaims.jobs import (
        Chunk,
        Job,
        JobId,
        JobPage,
        JobStatus,
        Lease,
        NewChunk,
        NewJob,
        StoredChunk,
        UploadSummary,
        Workers,
    )
    from bulkclaims.records import SealedResult


class UploadStore(Protocol):
    """
    The repository as the process that takes an upload sees it. A job is all there or not there at all.

    `add` and `publish` raise `JobNotFound` for a job that was never begun, or was discarded or purged meanwhile.
    """

    def begin(self, job: NewJob, in_flight_seconds: float = 60.0, /) -> JobId:
        """
        Make room for a job that nobody can see yet.

        An organisation uses each key once. A job keeps its key until it is deleted; an upload that is discarded gives
        it back, and one of which nothing was stored for *in_flight_seconds* loses it, with all it stored, to whoever
        begins anew with it: the process or the connection that sent it is gone.

        Raises:
            UploadRepeated: The key is a job's, which is named, or an upload's that is under way.
        """

    def add(self, job_id: JobId, chunk: NewChunk, /) -> None:
        """
        Store a chunk and the results of its refused rows, in one short transaction of its own: a sign of life.

        Chunks are added in order, each once, before `publish`.
        """

    def publish(self, job_id: JobId, summary: UploadSummary, /) -> Job:
        """
        Make the job visible, with its rows counted, refused ones as failed.

        It is PENDING; or FAILED with a `problem` when every row was refused, since then there is nothing to run.
        """

    def discard(self, job_id: JobId, /) -> None:
        """Drop a job that was begun and not published. Unknown or published: nothing happens."""


class JobStore(Protocol):
    """
    The repository as users see it, through web or command line. Scoped: each call names the organisation.

    Every method with a *job_id* raises `JobNotFound` for an unknown, unpublished or another organisation's job.
    """

    def get(self, organisation: str, job_id: JobId, /) -> Job:
        """Read one job; takes the same time however many rows it has."""

    def find(  # noqa: PLR0913 -- a search has many criteria, all of them optional
        self,
        organisation: str,
        /,
        *,
        status: JobStatus | None = None,
        search: str = "",
        created_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> JobPage:
        """
        List published jobs, newest first.

        Args:
            organisation: Whose jobs.
            status: Only jobs in this status.
            search: Only jobs whose file name contains this, regardless of case; no character is special.
            created_after: Only jobs created later than this.
            limit: How many to return at most.
            offset: How many to skip.
        """

    def chunks(self, organisation: str, job_id: JobId, first: int = 0, /) -> Iterator[StoredChunk]:
        """Read the chunks from number *first* on with their results, in order, a chunk at a time."""

    def cancel(self, organisation: str, job_id: JobId, /) -> Job:
        """
        Ask that no further row be looked up.

        A PENDING job is CANCELLED at once. A PROCESSING one notes the wish and is CANCELLED by `settle` when no worker
        holds a chunk of it. Asked again while the wish stands, nothing changes. `cancel_requested` stays true until
        `reopen`, also when the job completes before the wish is granted.

        Raises:
            NotNow: The job has ended.
        """

    def reopen(self, organisation: str, job_id: JobId, /) -> Job:
        """
        Start another run for the rows that failed at the payer or were never asked.

        Successes and rows refused at upload stay as they are. Counters drop by what was reopened, the job is PENDING
        in run + 1, queued now, with a new deadline to come, and writes under leases of the earlier run are refused.
        Problem, wish to cancel, bells, attempts, the times of start and end and when a worker was seen are forgotten.

        Raises:
            NotNow: The job has not ended, or nothing can be reopened.
        """

    def delete(self, organisation: str, job_id: JobId, /) -> None:
        """
        Delete the job, its rows and its results.

        Raises:
            NotNow: The job has not ended; cancel it first.
        """


class WorkStore(Protocol):
    """
    The repository as workers see it, by job id alone. Times are the repository's own clock.

    A job is *active* while it is PENDING or PROCESSING. Any method may be called twice, by two workers, at any moment.
    """

    def ring(self, job_id: JobId, window: int, again_after: float, /) -> Sequence[Chunk]:
        """
        Choose the chunks whose bell should be rung now, lowest number first, and note that it was.

        A chunk is *unfinished* while some row of it lacks a result. An unfinished chunk is *out* while a live lease is
        held on it, or while its bell was rung less than *again_after* seconds ago and nobody has leased it since; once
        that lease is given back or expires, the chunk is not out any more. Each further bell that nobody answers counts
        for twice as long as the one before, up to 8 times *again_after*: a message that was lost is sent again soon,
        and one that waits in a long queue is not sent over and over. Chosen are unfinished chunks that are not
        out, as many as keep at most *window* out: two callers at a time never get the same one. Nothing of an unknown
        job, or one that is not active, is to be cancelled, is to fail or is past its deadline.
        """

    def lease(self, chunk: Chunk, worker: str, seconds: float, /) -> Lease | None:
        """
        Take the chunk for *seconds*, unless another holds it.

        The first lease of a run starts it: PENDING becomes PROCESSING, and the deadline is set. Each tells that a
        worker was seen.

        Returns:
            The lease with a higher fence than any before; None when the chunk is finished, gone or held by a live
            lease, or when the job is not active, is to be cancelled, is to fail or is past its deadline.
        """

    def renew(self, lease: Lease, seconds: float, /) -> bool:
        """
        Extend the lease to *seconds* from now, also when it has expired and nobody has taken the chunk since.

        Returns:
            Whether to go on: False when the job is to be cancelled, is to fail or is past its deadline. What is in
            flight may still be recorded then.

        Raises:
            LeaseLost: The chunk has passed to another fence or was given back, or the job is no longer PROCESSING.
        """

    def record(self, lease: Lease, results: Sequence[SealedResult], /) -> bool:
        """
        Store results and count them, in one transaction.

        A row that already has a result keeps it and is not counted again; of two results for a row in one call the
        first is taken. `asked` adds to what earlier runs counted for the row. Recording anything sets the lease's
        `attempts` back for the next holder, and tells that a worker was seen. An expired lease still records as long as
        nobody else took the chunk.

        Returns:
            Whether to go on, as for `renew`.

        Raises:
            LeaseLost: As for `renew`; nothing was stored.
        """

    def release(self, lease: Lease, /) -> None:
        """
        Give the chunk back at once: finished when all its rows have results, free for the next holder otherwise.

        A lease given back does not count as an attempt, and nothing can be recorded under it any more. A lost lease,
        or one given back already: nothing happens.
        """

    def park(self, lease: Lease, seconds: float, reason: str, /) -> None:
        """
        Give the chunk back as `release` does, and put it aside for *seconds*.

        Until then it is not leased to anyone, not chosen by `ring` and not counted as out, so that other chunks of the
        job go on. The job's `waiting_until` becomes the moment when it is over, unless that is later already, with
        *reason*, a plain sentence of at most 500 characters, as `waiting_for`. Where all rows have results nothing is
        put aside. Reopening the job or ending it clears both.
        """

    def answers(self, job_id: JobId, fingerprints: Collection[bytes], /) -> Mapping[bytes, SealedResult]:
        """
        Find recorded results of the job by fingerprint, any one for each; at most some hundred at a time.

        Results that `reopen` took back are not found. An unknown job has none.
        """

    def settle(self, job_id: JobId, /) -> Job:
        """
        End the job if it is over, exactly once among all callers, and return it as it then stands.

        COMPLETED when every row has a result, whatever `fail` noted. Otherwise, once no live lease is held: CANCELLED
        when that was asked for, since a person's wish comes first; FAILED for the reason that `fail` noted; FAILED with
        a `problem` when its deadline has passed. Otherwise it stays as it is. `problem` is blank unless it is FAILED.

        Raises:
            JobNotFound: No such published job.
        """

    def fail(self, job_id: JobId, problem: str, /) -> Job:
        """
        End an active job as FAILED for the reason *problem*, a plain sentence; where that is blank, one stands in.

        It ends at once when no live lease is held, and otherwise by `settle` as soon as none is. Until then the job
        says the reason in `problem`, nothing of it is leased or rung, and `renew` and `record` say not to go on; what
        is in flight is recorded. Of several reasons the first stays. `settle` tells what comes before a reason: that
        every row has a result, or that the job is to be cancelled. An ended job stays as it is.

        Raises:
            JobNotFound: No such published job.
        """

    def active(self) -> Sequence[JobId]:
        """Ids of all active jobs, longest waiting first."""

    def beat(self, worker: str, /) -> None:
        """Note that the process named *worker*, in at most 255 characters, runs chunks and lives."""

    def workers(self, within: float, /) -> Workers:
        """
        Tell how many processes beat less than *within* seconds ago, and when the latest beat was.

        Takes the same time however many jobs there are. The latest beat is remembered however old it is.
        """

    def unbegun(self, at_least: float, less_than: float, /) -> Chunk | None:
        """
        Find what to begin a job with that waits for its run's first worker, whoever's job it is, for so many seconds.

        Of several jobs it is the newest one's first unfinished chunk.

        Asked several times a second by each worker; takes the same time however many jobs there are.
        """

    def purge(self, ended_before: float, abandoned_before: float, /) -> int:
        """
        Delete jobs with their rows and results; forget what was kept and has lapsed, and beats but for the latest.

        Args:
            ended_before: Jobs that ended at least this many seconds ago, and beats as old; or a day old, if that is
                less.
            abandoned_before: Uploads never published that gave no sign of life for at least this many seconds.

        Returns:
            How many jobs and uploads were deleted.
        """


class JobRepository(UploadStore, JobStore, WorkStore, Protocol):
    """
    The truth about jobs, shared by all web and worker processes.

    Each method is all or nothing, safe to call from any thread, and raises `RepositoryUnavailable` when the store
    cannot serve it. Payloads are opaque: they come sealed and go back byte for byte.
    """


class Cipher(Protocol):
    """Protects what is stored of patients: rows, results, tokens."""

    def seal(self, plain: bytes, /) -> bytes:
        """Encrypt and authenticate."""

    def open(self, sealed: bytes, /) -> bytes:
        """
        Give back what was sealed.

        Raises:
            PayloadUnreadable: The key is not ours or the bytes are damaged.
        """
