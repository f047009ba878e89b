"""
The seams: where a host may put a part of its own, and what each part promises.

A part needs nothing from this module but the right methods. `bulkclaims.testing.contracts` has one test class for each
seam; a part that passes it fits. Methods are called with positional arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from bulkclaims.access import Action, ApiToken, Principal
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
    from bulkclaims.records import (
        Answer,
        Capabilities,
        ClaimInquiry,
        Rate,
        Row,
        RowResult,
        SealedAccess,
        SealedResult,
        Ticket,
        UploadFacts,
        Window,
        WindowPage,
    )


class Readable(Protocol):
    """Bytes as they come, of an open file or from a network."""

    def read(self, size: int, /) -> bytes:
        """Wait for at most *size* bytes, and perhaps fewer; none at the end."""


class ParsedUpload(Protocol):
    """The rows of one file, read once, in order, in constant memory."""

    def __iter__(self) -> Iterator[Row]:
        """
        Yield each row that is not blank. May be iterated once.

        A bad row is a `Row` with `errors`, every one of them; never an exception.

        Raises:
            UploadRejected: The file as a whole cannot be used. May come after rows were yielded: a file can turn bad
                at its end.
        """

    @property
    def facts(self) -> UploadFacts:
        """What was found out about the file so far; complete after the last row."""


class RowParser(Protocol):
    """Turns uploaded bytes into rows. Called in the process that takes the upload."""

    def parse(self, upload: Readable, /) -> ParsedUpload:
        """
        Start to read *upload*, which is not closed.

        Nothing is read before the first row is asked for.
        """


@frozen
class RunContext:
    """What a row processor is told about the job whose rows it looks up."""

    job: Job
    salt: bytes
    """The job's key for fingerprints, opened."""
    go_on: Callable[[], bool]
    """False once the job is cancelled, past its deadline, or the worker is asked to stop. Cheap: ask before each
    look-up, and ask nothing more of a payer once it says no."""
    recorded: Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, RowResult]]]
    """Which of these fingerprints the job already has an answer for."""


class RowProcessor(Protocol):
    """Turns rows into results. Called in a worker, on its one event loop, for several chunks at a time."""

    def process(self, rows: Sequence[Row], context: RunContext, /) -> AsyncGenerator[Sequence[RowResult], None]:
        """
        Look up *rows*, none of which has errors, and yield results in batches, in any order, as they become known.

        Each row gets at most one result, and exactly one unless `context.go_on()` said no. The caller records a batch
        before it asks for the next one, so a processor keeps the slots of a batch's look-ups until then: at most as
        many look-ups as it has slots can be lost to a crash.

        Never raises for a single row.

        Raises:
            AccessRefused: No row of this job can succeed; the job ends as FAILED with this sentence.
            QuotaSpent: No row can be asked today; likewise.
            PayerAway: Everything that could be answered now was yielded. What is left is to be asked again later, and
                the chunk is put aside for as long as the exception says; nothing may be in flight any more.
        """

    async def aclose(self) -> None:
        """Let go of connections. Called once, on the same event loop, when the worker ends."""


class Connector(Protocol):
    """
    One payer's or clearinghouse's API. Called on a worker's event loop, many look-ups at a time.

    It may also have:

    - `async prepare()`, called before each look-up takes its turn, for what may take long and is not a look-up itself,
      such as a token: fetched during the turn, it would have look-ups pile up and leave all at once. It raises what
      `inquire` may.
    - the methods of `WindowConnector`, if its capabilities name a `page_size`, or those of `TicketConnector`.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and what it needs; constant."""

    async def inquire(self, inquiry: ClaimInquiry, /) -> Answer:
        """
        Ask once; retries are the caller's.

        "Not found" is an answer: no claim, or one with category D0 or A4.

        Raises:
            PayerUnavailable: Ask again soon.
            AccessRefused: Every look-up will fail alike, also after a fresh token. Its sentence gets into logs and the
                job's problem, so nothing of a payer's own words stands in it, except a code.
            InquiryRefused: This row's data was refused.
            AnswerNotUnderstood: The body is not what the API promises.
        """

    async def aclose(self) -> None:
        """Let go of connections."""


class WindowConnector(Connector, Protocol):
    """A payer that can be asked for all of a provider's claims in some days of service."""

    async def inquire_window(self, window: Window, page: str = "", /) -> WindowPage:
        """
        Ask once for one page.

        Args:
            window: At most `capabilities.window_days` long.
            page: The `next_page` of the page before; "" for the first one.

        Raises:
            WindowTooFull: The payer lists no more than a part of so many claims.
            PageGone: The payer has forgotten this search.
            ConnectorError: As `inquire` does.
        """


class TicketConnector(Connector, Protocol):
    """
    A payer that takes an inquiry first and answers it later, under an id of its own.

    The caller keeps the ticket where other workers find it, so that an inquiry whose worker died is asked for again by
    its id, and never sent twice while that lives.
    """

    async def start(self, inquiry: ClaimInquiry, /) -> Ticket | Answer:
        """
        Send the inquiry; the answer where it comes at once.

        Raises:
            ConnectorError: As `inquire` does; nothing is under way at the payer then.
        """

    async def poll(self, ticket: Ticket, inquiry: ClaimInquiry, /) -> Answer | None:
        """
        Ask for the answer once; None while the payer is still at work.

        Raises:
            TicketGone: The payer does not know the ticket any more.
            ConnectorError: As `inquire` does.
        """

    async def discard(self, ticket: Ticket, /) -> None:
        """
        Have the payer delete what it keeps under the ticket, once the answer is recorded; twice does no harm.

        Raises:
            ConnectorError: It did not; it will when the ticket's time is over.
        """


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
        job, or one that is not active, is to be cancelled or is past its deadline.
        """

    def lease(self, chunk: Chunk, worker: str, seconds: float, /) -> Lease | None:
        """
        Take the chunk for *seconds*, unless another holds it.

        The first lease of a run starts it: PENDING becomes PROCESSING, and the deadline is set. Each tells that a
        worker was seen.

        Returns:
            The lease with a higher fence than any before; None when the chunk is finished, gone or held by a live
            lease, or when the job is not active, is to be cancelled or is past its deadline.
        """

    def renew(self, lease: Lease, seconds: float, /) -> bool:
        """
        Extend the lease to *seconds* from now, also when it has expired and nobody has taken the chunk since.

        Returns:
            Whether to go on: False when the job is to be cancelled or is past its deadline. What is in flight may
            still be recorded then.

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

        COMPLETED when every row has a result. Otherwise, once no live lease is held: CANCELLED when that was asked
        for, FAILED with a `problem` when its deadline has passed. Otherwise it stays as it is.

        Raises:
            JobNotFound: No such published job.
        """

    def fail(self, job_id: JobId, problem: str, /) -> Job:
        """
        End an active job as FAILED for the reason *problem*, a plain sentence. An ended job stays as it is.

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


class Limiter(Protocol):
    """
    How fast payer accounts may be asked, and how often at a time, agreed among all workers.

    Times are the store's own clock.
    """

    def reserve(self, account: str, count: int, rate: Rate, /) -> float:
        """
        Reserve the next *count* slots of *account*, 1 / rate apart.

        Returns:
            Seconds from now to the first of them; a slot that nobody uses is lost.

        Raises:
            QuotaSpent: Fewer than *count* are left of today's budget (UTC); nothing was reserved.
        """

    def postpone(self, account: str, seconds: float, /) -> None:
        """Let no slot of *account* come sooner than *seconds* from now, for anyone."""

    def postponed(self, account: str, /) -> float:
        """
        Tell for how many seconds `postpone` still holds *account* back; 0 when it does not.

        What was reserved does not count. Of several moments the latest does.
        """

    def occupy(self, account: str, holder: str, under_way: int, most: int, seconds: float, /) -> int:
        """
        Share *most* look-ups at a time among all who ask *account*, and keep the share of one *holder* for *seconds*.

        A share is fair: *most* divided by those who hold one, and at least one look-up. It is smaller while others
        still have more than theirs under way; they are told to shrink when they ask again, and until they have shrunk
        nothing of it is promised to anybody. So there are never more than *most* under way, as long as each holder
        asks again in time and begins no more than it was told.

        Args:
            account: Whose look-ups.
            holder: Names, in at most 255 characters, who asks: one event loop of a worker process.
            under_way: How many it has under way, and may until it is told otherwise.
            most: How many all may have.
            seconds: For how long the share is kept; after that others may have it. 0 for no time at all.

        Returns:
            How many *holder* may have under way from now on, for *seconds*; none while others have them all.
        """

    def vacate(self, account: str, holder: str, /) -> None:
        """Give the share of *holder* back, if it has one."""


class AccessStore(Protocol):
    """
    Access tokens of payers, each fetched once for all workers. Called in worker processes.

    An *account* names, in at most 255 characters, who is let in where. Payloads are opaque: they come sealed and go
    back byte for byte. Times are the store's own clock. Raises `RepositoryUnavailable` when the store cannot serve.
    """

    def find_access(self, account: str, /) -> SealedAccess | None:
        """Find the newest token that was kept, also when it is not good any more; None while none ever was."""

    def begin_access(self, account: str, after: int, seconds: float, /) -> bool:
        """
        Ask to be the one who fetches the token that follows the one numbered *after*; 0 where none was ever kept.

        Returns:
            Whether to fetch it: true for one caller, until it keeps the token, or gives up, or *seconds* have passed.
            False for everyone else, and once a newer token than *after* is there: look again soon.
        """

    def keep_access(self, account: str, after: int, payload: bytes, seconds: float, /) -> None:
        """
        Keep what was fetched, good for *seconds*, as the token numbered *after* + 1; for whom `begin_access` let.

        A newer token than *after* stays.
        """

    def leave_access(self, account: str, after: int, /) -> None:
        """Give up fetching the token that follows *after*, so that another may try at once."""


class KeptStore(Protocol):
    """
    What workers keep for a while: answers that may be used again, and tickets of inquiries that a payer works on.

    A *scope* is an organisation or a job's id, in at most 255 characters; a mark is a keyed digest of at most 32 bytes
    and tells nothing by itself. Where the store keeps jobs, too, what was kept for a job goes with the job. Payloads
    are opaque: they come sealed and go back byte for byte. Times are the store's own clock. Called in worker processes.
    Raises `RepositoryUnavailable` when the store cannot serve.
    """

    def find_kept(self, scope: str, marks: Collection[bytes], /) -> Mapping[bytes, bytes]:
        """Find what is kept under these marks and has not lapsed; at most some hundred at a time."""

    def keep(self, scope: str, payloads: Mapping[bytes, bytes], seconds: float, /) -> None:
        """Keep these for *seconds*, each in place of what was kept under its mark; at most some hundred at a time."""

    def drop_kept(self, scope: str, marks: Collection[bytes], /) -> None:
        """Forget what is kept under these marks; nothing happens where there is nothing."""


class TokenStore(Protocol):
    """API tokens without their secrets, of all organisations. Called in web processes and by those who issue them."""

    def add_token(self, token: ApiToken, /) -> None:
        """Keep a new token; its id is new by construction."""

    def find_token(self, token_id: str, /) -> ApiToken | None:
        """Find a token by the id that it carries in clear, also when it has expired or was revoked."""

    def list_tokens(self, organisation: str, /) -> Sequence[ApiToken]:
        """List the organisation's tokens, oldest first."""

    def revoke_token(self, organisation: str, token_id: str, at: datetime, /) -> bool:
        """
        Note that the token is no good from *at* on; one revoked already stays as it is.

        Returns:
            Whether the organisation has such a token.
        """


class Authenticator(Protocol):
    """Finds out who sends a request. Called in web processes, for every request, from any thread."""

    def authenticate(self, headers: Mapping[str, str], native: Any, /) -> Principal | None:  # noqa: ANN401 -- a framework's own
        """
        Say who sends the request.

        Args:
            headers: The request's headers, names in lower case.
            native: The host framework's own request object, for users that the host has signed in.

        Returns:
            None when the request brings nothing that this member knows, so that another may look.

        Raises:
            NotAuthenticated: It brings something that this member knows, and it is no good.
            IdentityProviderUnavailable: Whoever could tell cannot be asked just now.
        """


class Authorize(Protocol):
    """Decides what a known sender may do. Called in web processes, before anything is done or shown."""

    def __call__(self, principal: Principal, action: Action, job: Job | None, /) -> bool:
        """
        Say whether *principal* may do *action*; whatever is not known to be allowed is denied.

        Args:
            principal: Who asks.
            action: What for.
            job: To what; always one of the principal's own organisation. None where no job is concerned.
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


class Dispatcher(Protocol):
    """Tells workers that chunks are there. A doorbell: the repository holds the truth."""

    def dispatch(self, chunks: Sequence[Chunk], /) -> None:
        """
        Hand the chunks to the queue; return when it has them.

        May deliver late, twice, or never: the lease sorts out twice, the sweep sorts out never. Carries job id and
        chunk number, nothing else.

        Raises:
            DispatchFailed: The queue did not take them.
        """


class ChunkWorker(Protocol):
    """
    Where a queue's worker takes what it hears: a `BulkClaims`, or a host's stand-in that makes one when it is needed.

    Called in worker processes, from any thread.
    """

    def run(self, chunk: Chunk, /) -> bool:
        """
        Run one chunk.

        Returns:
            False when this process is stopping, and the message is to go back to the queue.
        """

    def stand_by(self) -> None:
        """Be a worker from now on, also before the first chunk comes: show that this process lives, and sweep."""

    def sweep(self) -> None:
        """Bring back what was left behind."""

    def stop(self) -> None:
        """Begin no further look-up in this process; return at once."""


class ResultWriter(Protocol):
    """Turns results into a file of one format."""

    @property
    def media_type(self) -> str:
        """Such as `text/csv; charset=utf-8`."""

    @property
    def suffix(self) -> str:
        """File name ending, such as `.csv`."""

    def write(self, results: Iterable[RowResult], /) -> Iterator[bytes]:
        """Yield the file in pieces, in constant memory: always the same columns, results in the order given."""
