"""What the simulated payer asks of each dialect that it speaks: routes, requests and answers of one payer's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkclaims.records import ClaimInquiry
    from bulkclaims.testing.simulator.replies import Reply
    from bulkclaims.testing.simulator.scenarios import Said, Trouble


@frozen
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    scope: str = ""
    """What its token was bought for, where that was said."""


@frozen
class Question:
    """What a good request asks."""

    claim_number: str = field(repr=False)
    """Chooses the answer; "" where none is named."""
    request: Any = field(repr=False)
    """Whatever the dialect needs to write its answer."""
    found: Sequence[tuple[ClaimInquiry, Said]] = field(default=(), repr=False)
    """Where none is named: the claims of the book that it finds, and what is said of each."""
    looks_up: bool = True
    """False of a request that only goes on with an earlier one, such as a poll: it is not counted as a look-up."""


class Dialect(Protocol):
    """One payer's API, from the payer's side. May keep what it was asked before; called on one event loop."""

    token_path: str
    """Where a token is bought; "" where a key is sent with each request."""

    def token_asked(self, body: bytes) -> object:
        """What a request for a token holds, by its OAuth names; None when it cannot be read. Its scope is optional."""

    def misrouted(self, call: Call) -> int:
        """The status that refuses a path or method which the API does not have; 0 for none."""

    def denied(self, status: int) -> Reply:
        """Refuse the credentials, the route or the method."""

    def read(self, call: Call) -> Question | Reply:
        """What is asked, or what the real API would refuse it with."""

    def answer(self, question: Question, said: list[Said]) -> Reply:
        """Answer a question; *said* is empty where it `looks_up` nothing."""

    def trouble(self, trouble: Trouble) -> Reply:
        """Answer that something is wrong."""
