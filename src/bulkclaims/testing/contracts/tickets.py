"""What every `TicketConnector` must pass."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest
from attrs import fields

from bulkclaims.errors import (
    AccessRefused,
    AnswerNotUnderstood,
    BulkClaimsError,
    ConnectorError,
    PayerUnavailable,
    TicketGone,
)
from bulkclaims.lookup.matching import Match, MatchRules, NoMatch
from bulkclaims.lookup.outcomes import find
from bulkclaims.records import Answer, ClaimInquiry, Ticket
from bulkclaims.testing.contracts.asking import IN_TROUBLE, TOKEN, all_shown, heard_elsewhere, in_turn, once
from bulkclaims.testing.malformed import NO_ANSWERS, bomb, endless, lessened, misplaced, wrapped
from bulkclaims.testing.scripted_payer import http_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkclaims.interfaces import TicketConnector

    Connect = Callable[[str], TicketConnector]
    Act = Callable[[TicketConnector], Awaitable[object]]

_BY_THE_RULES = MatchRules()
_STEPS = pytest.mark.parametrize("step", ["start", "poll", "discard"])


class TicketConnectorContract:
    """
    What `bulkclaims.interfaces.TicketConnector` promises beyond `Connector`, for connectors that speak HTTP.

    A subclass, named `Test…`, has the fixtures below. Each test asks a real server on loopback, which gives a token to
    whoever asks for one by `client_credentials`.

        connect:   a function from a base URL to a new connector that asks there
        inquiry:   a `ClaimInquiry` that the connector can ask, with made-up cells of four letters or more
        taken:     the body that says that the inquiry was taken; what it links to, it names without a host
        linked:    a function from an address to such a body that links there
        found:     the body of an answer, to a poll, that holds the claim asked for
        nothing:   the body of an answer that says that there is no such claim
        secret:    what `connect` gives as the connector's key or password; of six characters or more, and in no row
                   or address; "" for none
        accepted:  the HTTP status beside `taken`, and of an answer that is not there yet; 202 unless overridden
        gone:      the HTTP status of a look-up that the payer no longer knows; 404 unless overridden
    """

    @pytest.fixture
    def accepted(self) -> int:
        """The status of what goes on."""
        return 202

    @pytest.fixture
    def gone(self) -> int:
        """The status of what is no more."""
        return 404

    @pytest.fixture
    def ticket(self, connect: Connect, inquiry: ClaimInquiry, taken: object, accepted: int) -> Ticket:
        """What an inquiry that was taken is kept as."""
        ticket = once(connect, _act("start", inquiry, None), http_answer(taken, accepted))
        assert isinstance(ticket, Ticket)
        return ticket

    def test_from_the_inquiry_to_its_deletion(  # noqa: PLR0913, PLR0917 -- all that a payer says
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, taken: object, found: object, accepted: int
    ) -> None:
        """Taken, not there yet, there, deleted: a request each, and by any worker that has the ticket."""
        assert ticket.id
        assert ticket.seconds > 0

        async def look_up(connector: TicketConnector) -> list[object]:
            """Send, poll and delete."""
            kept = Ticket(ticket.id, ticket.seconds)
            polled: list[object] = [await connector.poll(kept, inquiry) for _ in range(2)]
            await connector.discard(kept)
            return polled

        answers = [http_answer(taken, accepted), http_answer(found), http_answer({})]
        outcome = once(connect, look_up, answers)
        assert isinstance(outcome, list)
        waiting, answer = outcome
        assert waiting is None
        assert isinstance(_match(inquiry, answer), Match)

    def test_an_answer_at_once(self, connect: Connect, inquiry: ClaimInquiry, found: object) -> None:
        """It is the answer, unless the payer never gives one at once; then it is not understood."""
        outcome = once(connect, _act("start", inquiry, None), http_answer(found))
        assert isinstance(outcome, AnswerNotUnderstood) or isinstance(_match(inquiry, outcome), Match)

    def test_nothing_found_is_an_answer(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, nothing: object
    ) -> None:
        """No such claim is no failure, and the payer is no longer at work."""
        answer = once(connect, _act("poll", inquiry, ticket), http_answer(nothing))
        assert isinstance(answer, Answer)
        assert all(claim.category_code in {"D0", "A4"} for claim in answer.claims)

    def test_what_is_gone_is_sent_anew(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, gone: int
    ) -> None:
        """A poll says so, deleting it once more does no harm, and an inquiry cannot be gone before it is taken."""
        polled, discarded, started = (
            once(connect, _act(step, inquiry, ticket), http_answer({}, gone)) for step in ("poll", "discard", "start")
        )
        assert isinstance(polled, TicketGone)
        assert discarded is None
        assert isinstance(started, ConnectorError)
        assert not isinstance(started, TicketGone)

    @pytest.mark.parametrize("body", NO_ANSWERS)
    def test_a_strange_body_is_never_not_found(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, accepted: int, body: bytes
    ) -> None:
        """A page, nothing, half an answer, or another container: not understood, and no ticket."""
        polled = once(connect, _act("poll", inquiry, ticket), http_answer(body))
        started = [once(connect, _act("start", inquiry, None), http_answer(body, each)) for each in (200, accepted)]
        assert all(isinstance(outcome, AnswerNotUnderstood) for outcome in (polled, *started))

    def test_a_malformed_answer_is_never_not_found(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, found: object
    ) -> None:
        """Anything anywhere it should not be, another root, or half of it: the claim, others, a failure, or not yet."""
        whole = json.dumps(found).encode()
        halves = [whole[: int(len(whole) * share)] for share in (0.02, 0.25, 0.5, 0.75, 0.95)]
        bodies = [*misplaced(found), *wrapped(found), *halves]
        for body, outcome in _all(connect, _act("poll", inquiry, ticket), bodies):
            assert outcome is None or _match(inquiry, outcome) != NoMatch("nothing"), body

    def test_less_than_promised_is_no_crash(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, found: object
    ) -> None:
        """Where something lacks, or a list is empty: an answer, a documented failure, or not yet."""
        for body, outcome in _all(connect, _act("poll", inquiry, ticket), lessened(found)):
            assert isinstance(outcome, Answer | ConnectorError | None), body

    def test_a_malformed_receipt_is_no_answer(
        self, connect: Connect, inquiry: ClaimInquiry, taken: object, accepted: int
    ) -> None:
        """Whatever is wrong with it: a ticket all the same, or a failure."""
        for body, outcome in _all(connect, _act("start", inquiry, None), _wrong(taken), accepted):
            assert isinstance(outcome, Ticket | ConnectorError), body

    def test_what_is_too_large_is_not_read(self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket) -> None:
        """What unpacks to 64 MiB, or has no end."""
        for step in ("start", "poll"):
            for answer in (bomb(), endless([])):
                assert isinstance(once(connect, _act(step, inquiry, ticket), answer), AnswerNotUnderstood)

    @_STEPS
    @pytest.mark.parametrize("status", IN_TROUBLE)
    def test_a_payer_in_trouble_is_asked_again(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, step: str, status: int
    ) -> None:
        """By the caller, and not by itself; with the wait that the payer asks for."""
        error = once(connect, _act(step, inquiry, ticket), http_answer({}, status, Retry_After="7"))
        assert isinstance(error, PayerUnavailable)
        assert error.retry_after == 7

    @_STEPS
    def test_a_broken_connection_is_asked_again(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, step: str
    ) -> None:
        """A payer that hangs up is `PayerUnavailable`."""
        assert isinstance(once(connect, _act(step, inquiry, ticket), None), PayerUnavailable)

    @_STEPS
    def test_refused_access_ends_the_job(
        self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, step: str
    ) -> None:
        """403 is nothing a row could mend, and what the payer says of it stays out of logs."""
        error = once(connect, _act(step, inquiry, ticket), http_answer({"message": "CANARY is not covered"}, 403))
        assert isinstance(error, AccessRefused)
        assert "CANARY" not in str(error)

    @_STEPS
    @pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 404, 429, 500])
    def test_nothing_of_the_row_gets_out(  # noqa: PLR0913, PLR0917 -- all that a payer says, and to what
        self,
        connect: Connect,
        inquiry: ClaimInquiry,
        ticket: Ticket,
        step: str,
        status: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A payer that repeats the whole row does not bring it into an exception or a log line; nor is the id there."""
        cells = [str(value) for each in fields(ClaimInquiry) if (value := getattr(inquiry, each.name))]
        told = {"code": inquiry.last_name, "message": " ".join(cells), "error": inquiry.claim_number}
        with caplog.at_level(logging.DEBUG):
            outcome = once(connect, _act(step, inquiry, ticket), http_answer(told, status))
        assert outcome is None or isinstance(outcome, BulkClaimsError)
        assert not [cell for cell in [*cells, ticket.id] if len(cell) > 3 and cell in f"{outcome!r} {caplog.text}"]

    @_STEPS
    def test_no_token_is_sent_on(self, connect: Connect, inquiry: ClaimInquiry, ticket: Ticket, step: str) -> None:
        """A payer that sends us to another host is not followed."""

        def moved(url: str) -> bytes:
            return http_answer({}, 307, Location=f"{url}/v1/claims/1")

        assert heard_elsewhere(connect, _act(step, inquiry, ticket), moved) == []

    def test_no_token_follows_a_link(
        self, connect: Connect, inquiry: ClaimInquiry, linked: Callable[[str], object], accepted: int
    ) -> None:
        """A receipt that links to another host: neither the poll nor the deletion goes there, nor our token."""

        async def look_up(connector: TicketConnector) -> None:
            """Send and poll."""
            ticket = await connector.start(inquiry)
            assert isinstance(ticket, Ticket)
            await connector.poll(ticket, inquiry)
            await connector.discard(ticket)

        def receipt(url: str) -> bytes:
            return http_answer(linked(f"{url}/v1/claims/1"), accepted, Location=f"{url}/v1/claims/1")

        assert heard_elsewhere(connect, look_up, receipt) == []

    @pytest.mark.parametrize("step", ["start", "poll"])
    def test_its_secret_gets_nowhere(  # noqa: PLR0913, PLR0917 -- all that a payer says, and to what
        self,
        connect: Connect,
        inquiry: ClaimInquiry,
        ticket: Ticket,
        step: str,
        found: object,
        secret: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Whatever the payer does, it is in no `repr`, exception, traceback with variables, log line or answer."""
        with caplog.at_level(logging.DEBUG):
            shown = all_shown(connect, _act(step, inquiry, ticket), http_answer(found), secret)
        assert not [word for word in filter(None, (secret, TOKEN)) if word in shown + caplog.text]


def _act(step: str, inquiry: ClaimInquiry, ticket: Ticket | None) -> Act:
    """One of the three things that are done with a look-up."""
    given = {"start": (inquiry,), "poll": (ticket, inquiry), "discard": (ticket,)}[step]
    return lambda connector: getattr(connector, step)(*given)


def _all(connect: Connect, act: Act, bodies: Sequence[object], status: int = 200) -> list[tuple[object, object]]:
    """Each body, with what comes of *act* where that is the answer."""
    outcomes, _ = in_turn(connect, act, map(partial(http_answer, status=status), bodies))
    return list(zip(bodies, outcomes, strict=True))


def _wrong(body: object) -> list[object]:
    return [*misplaced(body), *lessened(body), *wrapped(body)]


def _match(inquiry: ClaimInquiry, outcome: object) -> Match | NoMatch | None:
    """What an outcome says of the claim; None where it is a failure, which is one of the documented ones."""
    assert isinstance(outcome, Answer | ConnectorError)
    return find(inquiry, outcome, _BY_THE_RULES).match if isinstance(outcome, Answer) else None
