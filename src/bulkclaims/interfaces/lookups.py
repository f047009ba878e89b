"""How rows are looked up: the processor, the payers, and what their look-ups share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence

    from bulkclaims.jobs import Job
    from bulkclaims.records import (
        Answer,
        Capabilities,
        ClaimInquiry,
        Rate,
        Row,
        RowResult,
        SealedAccess,
        Ticket,
        Window,
        WindowPage,
    )


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


@runtime_checkable
class KeptStore(Protocol):
    """
    What is kept for a while, by workers and by who takes uploads.

    Workers keep answers that may be used again and tickets of inquiries that a payer works on; whoever takes uploads
    and gives files, how an organisation names its columns and what finished files come to.

    A *scope* is an organisation or a job's id, in at most 255 characters; a mark is a keyed digest of at most 32 bytes
    and tells nothing by itself. Where the store keeps jobs, too, what was kept for a job goes with the job. Payloads
    are opaque: they come sealed and go back byte for byte. Times are the store's own clock. Called in any process.
    Raises `RepositoryUnavailable` when the store cannot serve.
    """

    def find_kept(self, scope: str, marks: Collection[bytes], /) -> Mapping[bytes, bytes]:
        """Find what is kept under these marks and has not lapsed; at most some hundred at a time."""

    def keep(self, scope: str, payloads: Mapping[bytes, bytes], seconds: float, /) -> None:
        """Keep these for *seconds*, each in place of what was kept under its mark; at most some hundred at a time."""

    def drop_kept(self, scope: str, marks: Collection[bytes], /) -> None:
        """Forget what is kept under these marks; nothing happens where there is nothing."""
