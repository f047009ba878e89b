"""
Every exception of the library, as a tree.

::

    BulkClaimsError
    ├── UploadRejected            the file as a whole cannot be used; no job was made
    │   └── DefaultRefused        a value that is to stand in for blank cells cannot
    ├── JobNotFound               no such job, or another organisation's (also a LookupError)
    ├── NotNow                    the job's state does not allow this move
    ├── UploadRepeated            the upload's key names a job, or an upload under way
    ├── KeyReused                 the upload's key was used for another file
    ├── UploadSuperseded          the upload took so long that it was given up for dead
    ├── RequestWrong              an HTTP request cannot be read
    │   ├── MethodNotAllowed      its address takes other methods alone
    │   ├── NoSuchRange           the part of a file that it asks for lies behind the file's end
    │   └── UploadBrokenOff       its body ended before its end
    ├── NotAuthenticated          nobody we know asks
    ├── NotAllowed                whoever asks may not do this
    ├── IdentityProviderUnavailable  nobody can tell just now whose token it is
    ├── LeaseLost                 a late worker's write was refused
    ├── ChunkBroken               a chunk's run met an error that was not foreseen; it is run again
    ├── DispatchFailed            the queue did not take the chunk
    ├── RepositoryUnavailable     the database is gone, full, or not yet upgraded
    ├── PayloadUnreadable         what the repository holds cannot be opened again
    ├── SettingsWrong             a setting is missing or cannot be used
    │   └── NotSetUp              and it was found out by a request: its sentence is for the log alone
    ├── QuotaSpent                the payer's daily budget is used up
    ├── PayerAway                 what is left of a chunk is to be asked later: its payer is away, or still at work
    ├── ApiProblem                to a client: the service did not do what was asked, and says why
    ├── ServerUnreachable         to a client: the service gave no answer, or only half of one
    ├── WaitedTooLong             to a client: the job goes on (also a TimeoutError)
    └── ConnectorError            a look-up brought no answer
        ├── PayerUnavailable      ask again soon: time-outs, 429, 5xx, E1, E2
        │   └── WindowIncomplete  and then for the halves of the window
        ├── AccessExpired         the token is stale: refresh it once and repeat
        ├── AccessRefused         credentials or route are wrong: the whole job ends
        ├── InquiryRefused        this row's data was refused: asking again is no use
        ├── AnswerNotUnderstood   the answer is not what the payer's API promises
        ├── StillAtWork           the payer took an inquiry and has not answered it for long: retry the job later
        ├── TicketGone            the payer has forgotten an inquiry that it took: send it anew
        ├── WindowTooFull         a window holds more claims than the payer lists: split it
        └── PageGone              the payer has forgotten a window search half-way: begin it anew

Every one has a stable `code`, a sentence (`str(error)`), the party `at_fault` and whether `retry_helps`.
No sentence ever holds a cell of a row: patient data stays out of exception texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Party = Literal["file", "request", "service", "payer"]


class BulkClaimsError(Exception):
    """
    Anything this library raises on purpose.

    Args:
        message: A sentence that says what happened and what to do, without patient data.
        code: A stable machine-readable word; the class's own when omitted.
    """

    code: str = "error"
    at_fault: Party = "service"
    retry_helps: bool = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class UploadRejected(BulkClaimsError):
    """
    The uploaded file as a whole cannot be used: nothing was stored and no job exists.

    Args:
        message: As for every error.
        code: As for every error.
        guesses: Headings of the file that resemble columns which it lacks, each with the column that may be meant; for
            whoever sent the file to confirm.
    """

    code = "upload_rejected"
    at_fault: Party = "file"

    def __init__(self, message: str, *, code: str | None = None, guesses: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.guesses = dict(guesses or {})


class DefaultRefused(UploadRejected):
    """
    A value that is to stand in for blank cells could not stand in any of them.

    Args:
        column: The column that it is for.
        reason: A sentence that says what is wrong with it, without the value.
    """

    code = "bad_default"
    at_fault = "request"

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"The default for {column} cannot be used. {reason}")
        self.column = column
        self.reason = reason


class JobNotFound(BulkClaimsError, LookupError):
    """No job has this id, or it belongs to another organisation: the two look alike on purpose."""

    code = "job_not_found"
    at_fault = "request"

    def __init__(self) -> None:
        super().__init__("There is no such job.")


class NotNow(BulkClaimsError):
    """The job exists, but its state does not allow what was asked."""

    code = "not_now"
    at_fault = "request"


class UploadRepeated(BulkClaimsError):
    """
    The organisation has used this upload's key before.

    Args:
        job_id: The job that was made then; None when that upload is still under way.
    """

    code = "upload_in_flight"
    at_fault = "request"
    retry_helps = True

    def __init__(self, job_id: str | None = None) -> None:
        super().__init__("An upload with this key is still under way; wait for it, or try again later.")
        self.job_id = job_id


class KeyReused(BulkClaimsError):
    """
    The organisation has used this upload's key before, for something else.

    That is another file, or the same one with other defaults, read as other columns or from another sheet, or compared
    with another job.
    """

    code = "key_reused"
    at_fault = "request"

    def __init__(self) -> None:
        super().__init__(
            "This key was used before for another file, or for this one read or compared otherwise; take a new one, or "
            "send the very same upload again."
        )


class UploadSuperseded(BulkClaimsError):
    """The upload gave no sign of life for so long that it was cleared away, or begun anew under its key."""

    code = "upload_superseded"
    at_fault = "request"
    retry_helps = True

    def __init__(self) -> None:
        super().__init__("This upload took so long that it was given up, or begun anew under its key; send it again.")


class RequestWrong(BulkClaimsError):
    """A request is not what the HTTP API takes; the sentence names what is wrong with it."""

    code = "request_wrong"
    at_fault = "request"


class MethodNotAllowed(RequestWrong):
    """
    The address of a request takes other methods alone.

    Args:
        allowed: These methods, as the header `Allow` lists them.
    """

    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This address takes {allowed} alone.")
        self.allowed = allowed


class NoSuchRange(RequestWrong):
    """
    A request asks for a part of a file that is not there.

    Args:
        size: How many bytes the file has.
    """

    code = "no_such_range"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size:,} bytes and no such part; ask for one before its end, or for all of it.")
        self.size = size


class UploadBrokenOff(RequestWrong):
    """The body of an upload ended before its end: the connection broke, or whoever sent it gave up."""

    code = "broken_off"
    retry_helps = True

    def __init__(self) -> None:
        super().__init__("The upload broke off before its end; send it again.")


class NotAuthenticated(BulkClaimsError):
    """The request does not say who sends it, or what it brings to prove it is no good."""

    code = "not_authenticated"
    at_fault = "request"


class NotAllowed(BulkClaimsError):
    """Whoever asks is known, and may not do this."""

    code = "not_allowed"
    at_fault = "request"


class IdentityProviderUnavailable(BulkClaimsError):
    """The identity provider cannot be reached, so its users' tokens cannot be checked."""

    code = "identity_provider_unavailable"
    retry_helps = True


class LeaseLost(BulkClaimsError):
    """The chunk has passed to another worker, or its job has ended: this worker's write was refused."""

    code = "lease_lost"

    def __init__(self) -> None:
        super().__init__("The lease on this chunk was lost; what this worker still had was not recorded.")


class ChunkBroken(BulkClaimsError):
    """
    A chunk's run met an error that was not foreseen. Its lease runs out, and the chunk is run again.

    It stands in for that error, whose own text may quote a row, wherever a queue keeps what a task raised.
    """

    code = "chunk_broken"
    retry_helps = True


class DispatchFailed(BulkClaimsError):
    """The queue did not take a chunk. The job stays, and the next sweep rings again."""

    code = "dispatch_failed"
    retry_helps = True


class RepositoryUnavailable(BulkClaimsError):
    """The store of jobs cannot be reached, is full, or lacks its tables."""

    code = "repository_unavailable"
    retry_helps = True


class PayloadUnreadable(BulkClaimsError):
    """Stored rows or results cannot be opened: a wrong key, or damage."""

    code = "payload_unreadable"


class SettingsWrong(BulkClaimsError):
    """A setting is missing, misspelt or impossible; the sentence names its key."""

    code = "settings_wrong"
    at_fault: Party = "request"


class NotSetUp(SettingsWrong):
    """
    Something that the host set up cannot be worked with, as a request shows.

    Args:
        sentence: What is wrong, for the log; who sent the request hears only that there is something.
    """

    code = "not_set_up"
    at_fault = "service"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.message = "The service is not set up; its log says what is wrong."


class QuotaSpent(BulkClaimsError):
    """The daily budget of look-ups at this payer account is used up."""

    code = "quota_spent"
    at_fault = "payer"
    retry_helps = True


class PayerAway(BulkClaimsError):
    """
    Rows of a chunk have no answer yet and are to be asked again later: their payer is away, or still at work on them.

    Args:
        message: A sentence for whoever looks at the job.
        seconds: After how long to ask again.
    """

    code = "payer_away"
    at_fault = "payer"
    retry_helps = True

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ApiProblem(BulkClaimsError):
    """
    The service of an HTTP client did not do what was asked.

    Args:
        status: The answer's HTTP status.
        detail: A sentence that says what happened and what to do.
        code: A stable machine-readable word, the service's own where it gave one.
        at_fault: Who can mend it.
        retry_helps: Whether the same request may do later.
        retry_after: Seconds the service asked to wait, when it said so.
        guesses: As `UploadRejected` has them.
    """

    def __init__(  # noqa: PLR0913 -- what a problem says of itself
        self,
        status: int,
        detail: str,
        *,
        code: str,
        at_fault: Party = "service",
        retry_helps: bool = False,
        retry_after: float | None = None,
        guesses: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.detail = detail
        self.at_fault = at_fault
        self.retry_helps = retry_helps
        self.retry_after = retry_after
        self.guesses = dict(guesses or {})


class ServerUnreachable(BulkClaimsError):
    """
    The service of an HTTP client gave no answer, or one that broke off before its end.

    Args:
        message: A sentence that says what happened and what to do.
        retry_helps: Whether the same request may do later.
    """

    code = "server_unreachable"

    def __init__(self, message: str, *, retry_helps: bool = True) -> None:
        super().__init__(message)
        self.retry_helps = retry_helps


class WaitedTooLong(BulkClaimsError, TimeoutError):
    """The job has not ended in the time that an HTTP client was told to wait for it; it goes on."""

    code = "waited_too_long"
    at_fault = "request"
    retry_helps = True

    def __init__(self) -> None:
        super().__init__("The job has not ended in the time that was waited; it goes on.")


class ConnectorError(BulkClaimsError):
    """A look-up brought no answer; the subclass says what to do about it."""

    code = "connector_error"
    at_fault: Party = "payer"


class PayerUnavailable(ConnectorError):
    """
    The payer did not answer now but may soon.

    Args:
        message: A sentence for the row's `error` cell.
        retry_after: Seconds the payer asked to wait, when it said so.
        throttled: Whether the payer said that it is asked too often (429).
        code: A stable word; the class's own when omitted.
    """

    code = "payer_unavailable"
    retry_helps = True

    def __init__(
        self,
        message: str = "The payer did not respond; try again later.",
        *,
        retry_after: float | None = None,
        throttled: bool = False,
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
        self.throttled = throttled


class WindowIncomplete(PayerUnavailable):
    """The payer could not bring all claims of a window together: ask again soon, and then for its halves."""

    code = "window_incomplete"


class AccessExpired(ConnectorError):
    """The payer no longer takes the token: fetch a new one, repeat once."""

    code = "access_expired"
    retry_helps = True


class AccessRefused(ConnectorError):
    """The payer refuses our credentials or the route: every further row would fail alike, so the job ends."""

    code = "access_refused"


class InquiryRefused(ConnectorError):
    """The payer refuses this row's data. Asking again with the same data is no use."""

    code = "inquiry_refused"
    at_fault = "file"


class AnswerNotUnderstood(ConnectorError):
    """The body is not what the payer's API promises. Never to be read as "not found"."""

    code = "answer_not_understood"


class StillAtWork(ConnectorError):
    """The payer took an inquiry and did not answer it in the time that a run waits; a later run may have the answer."""

    code = "still_at_work"
    retry_helps = True


class TicketGone(ConnectorError):
    """The payer no longer knows an inquiry that it had taken: send it anew, once."""

    code = "ticket_gone"
    retry_helps = True


class WindowTooFull(ConnectorError):
    """A window holds more claims than the payer lists: search its halves."""

    code = "window_too_full"
    retry_helps = True


class PageGone(ConnectorError):
    """The payer has forgotten a window search before its last page: begin it anew, once."""

    code = "page_gone"
    retry_helps = True
