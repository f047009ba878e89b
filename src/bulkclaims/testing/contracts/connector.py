"""What every `Connector` must pass."""

from __future__ import annotations

import json
import logging
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from attrs import fields

from bulkclaims.errors import (
    AccessRefused,
    AnswerNotUnderstood,
    BulkClaimsError,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
)
from bulkclaims.lookup.matching import Match, MatchRules, NoMatch
from bulkclaims.lookup.outcomes import find
from bulkclaims.records import OPTIONAL_COLUMNS, Answer, ClaimInquiry
from bulkclaims.testing.contracts.asking import IN_TROUBLE, TOKEN, all_shown, in_turn, once
from bulkclaims.testing.malformed import (
    NO_ANSWERS,
    about_another,
    bomb,
    endless,
    lessened,
    misplaced,
    respelt,
    wrapped,
)
from bulkclaims.testing.scripted_payer import http_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkclaims.interfaces import Connector
    from bulkclaims.testing.contracts.asking import Sent

    Connect = Callable[[str], Connector]
    Outcome = Answer | BulkClaimsError

_BY_THE_RULES = MatchRules()
_MEMORY = 48 * 1024**2
"""More than an answer of the largest size may take, unpacked and read, and far less than what is sent."""


class ConnectorContract:
    """
    Every promise of `bulkclaims.interfaces.Connector`, for connectors that speak HTTP.

    A subclass, named `Test…`, has the fixtures below. Each test asks a real server on loopback, which gives a token to
    whoever asks for one by `client_credentials`.

        connect:  a function from a base URL to a new connector that asks there, with a key or with no credentials
        inquiry:  a `ClaimInquiry` that the connector can ask, with made-up cells of four letters or more
        found:    the body of an answer that holds the claim asked for
        nothing:  the body of an answer that says that there is no such claim
        secret:   what `connect` gives as the connector's key or password; of six characters or more, and in no row or
                  address. Unless it is overridden, nothing is known of one, and nothing is looked for
    """

    @pytest.fixture
    def secret(self) -> str:
        """What the connector is let in with."""
        return ""

    def test_a_claim_is_found(self, connect: Connect, inquiry: ClaimInquiry, found: object) -> None:
        """The claim asked for comes back with its number and a status."""
        answer = _ask(connect, inquiry, http_answer(found))
        assert isinstance(answer, Answer)
        assert inquiry.claim_number in {claim.payer_claim_number for claim in answer.claims}
        assert all(claim.category_code or claim.reported_status for claim in answer.claims)

    def test_nothing_found_is_an_answer(self, connect: Connect, inquiry: ClaimInquiry, nothing: object) -> None:
        """No such claim is no failure: it is an answer without claims, or with one of category D0 or A4."""
        answer = _ask(connect, inquiry, http_answer(nothing))
        assert isinstance(answer, Answer)
        assert all(claim.category_code in {"D0", "A4"} for claim in answer.claims)

    @pytest.mark.parametrize("body", NO_ANSWERS)
    def test_a_strange_body_is_never_not_found(self, connect: Connect, inquiry: ClaimInquiry, body: bytes) -> None:
        """A page, nothing, half an answer, or another container: not understood."""
        assert isinstance(_ask(connect, inquiry, http_answer(body)), AnswerNotUnderstood)

    @pytest.mark.parametrize("status", IN_TROUBLE)
    def test_a_payer_in_trouble_is_asked_again(self, connect: Connect, inquiry: ClaimInquiry, status: int) -> None:
        """Time-outs, throttling and server errors are `PayerUnavailable`, with the wait the payer asks for."""
        error = _ask(connect, inquiry, http_answer({}, status, Retry_After="7"))
        assert isinstance(error, PayerUnavailable)
        assert error.retry_after == 7
        assert error.throttled == (status == 429)

    def test_a_broken_connection_is_asked_again(self, connect: Connect, inquiry: ClaimInquiry) -> None:
        """A payer that hangs up is `PayerUnavailable`."""
        assert isinstance(_ask(connect, inquiry, None), PayerUnavailable)

    def test_refused_access_ends_the_job(self, connect: Connect, inquiry: ClaimInquiry) -> None:
        """403 is nothing a row could mend; what the payer says of it, perhaps of another patient, stays out of logs."""
        error = _ask(connect, inquiry, http_answer({"message": "CANARY is not covered", "error": "Ask CANARY."}, 403))
        assert isinstance(error, AccessRefused)
        assert "CANARY" not in str(error)

    def test_refused_data_is_the_rows_fault(self, connect: Connect, inquiry: ClaimInquiry) -> None:
        """400 is nothing that asking again could mend."""
        assert isinstance(_ask(connect, inquiry, http_answer({}, 400)), InquiryRefused)

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
    def test_nothing_of_the_row_gets_out(
        self, connect: Connect, inquiry: ClaimInquiry, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A payer that repeats the whole row in its error does not bring it into an exception or a log line."""
        cells = [str(value) for each in fields(ClaimInquiry) if (value := getattr(inquiry, each.name))]
        told = {"code": inquiry.last_name, "message": " ".join(cells), "error": inquiry.claim_number}
        with caplog.at_level(logging.INFO):
            error = _ask(connect, inquiry, http_answer(told, status))
        assert isinstance(error, BulkClaimsError)
        assert not [cell for cell in cells if len(cell) > 3 and cell in f"{error!r} {caplog.text}"]

    @pytest.mark.parametrize("share", [0.02, 0.25, 0.5, 0.75, 0.95])
    def test_an_answer_cut_short_is_never_not_found(
        self, connect: Connect, inquiry: ClaimInquiry, found: object, share: float
    ) -> None:
        """Half a body is not understood, unless it lacks nothing; one that ends before its length was broken off."""
        whole = _bytes_of(found)
        half = whole[: int(len(whole) * share)]
        outcome, entire = (_ask(connect, inquiry, http_answer(body)) for body in (half, whole))
        assert isinstance(entire, Answer)
        is_same = getattr(outcome, "claims", None) == entire.claims
        assert is_same or isinstance(outcome, AnswerNotUnderstood)
        broken = http_answer(half, Content_Length=str(len(whole)))
        assert isinstance(_ask(connect, inquiry, broken), PayerUnavailable)

    def test_another_root_is_never_not_found(self, connect: Connect, inquiry: ClaimInquiry, found: object) -> None:
        """The claim within something that the API does not have: not understood."""
        for body, outcome in _ask_all(connect, inquiry, wrapped(found)):
            assert isinstance(outcome, AnswerNotUnderstood), body

    @pytest.mark.parametrize("media_type", ["text/html", "text/plain; charset=utf-16", "application/json", ""])
    def test_a_body_counts_and_not_what_it_is_called(
        self, connect: Connect, inquiry: ClaimInquiry, found: object, media_type: str
    ) -> None:
        """A page called JSON is not understood; the claim called a page is found, or not understood either."""
        page = http_answer(b"<!doctype html><title>Maintenance</title>", Content_Type=media_type)
        assert isinstance(_ask(connect, inquiry, page), AnswerNotUnderstood)
        outcome = _ask(connect, inquiry, http_answer(found, Content_Type=media_type))
        assert isinstance(outcome, AnswerNotUnderstood) or isinstance(_match(inquiry, outcome), Match)

    def test_a_bomb_is_not_unpacked(self, connect: Connect, inquiry: ClaimInquiry) -> None:
        """What unpacks to 64 MiB is not understood, and takes no such memory."""
        answer, outcomes = bomb(), list[object]()
        peak = _peak(lambda: outcomes.append(_ask(connect, inquiry, answer)))
        assert isinstance(outcomes[0], AnswerNotUnderstood)
        assert peak < _MEMORY

    def test_an_answer_without_end_is_not_read_to_its_end(self, connect: Connect, inquiry: ClaimInquiry) -> None:
        """A GiB in chunks is not understood: it is broken off early, and takes no such memory."""
        sent, outcomes = list[int](), list[object]()
        peak = _peak(lambda: outcomes.append(_ask(connect, inquiry, endless(sent))))
        assert isinstance(outcomes[0], AnswerNotUnderstood)
        assert sum(sent) < _MEMORY
        assert peak < _MEMORY

    def test_anything_in_its_place_is_never_not_found(
        self, connect: Connect, inquiry: ClaimInquiry, found: object
    ) -> None:
        """Null, numbers, texts and objects wherever something else should stand: the claim, or a failure, or others."""
        for body, outcome in _ask_all(connect, inquiry, misplaced(found)):
            assert _match(inquiry, outcome) != NoMatch("nothing"), body

    def test_less_than_promised_is_no_crash(self, connect: Connect, inquiry: ClaimInquiry, found: object) -> None:
        """Where something lacks, or a list is empty: an answer, or a documented failure."""
        for body, outcome in _ask_all(connect, inquiry, lessened(found)):
            assert isinstance(outcome, Answer | ConnectorError), body

    def test_numbers_as_text_and_text_as_numbers(self, connect: Connect, inquiry: ClaimInquiry, found: object) -> None:
        """Payers write both: the same claim, or not understood; never another amount."""
        expected = _ask(connect, inquiry, http_answer(found))
        assert isinstance(expected, Answer)
        assert isinstance(_match(inquiry, expected), Match)
        for body, outcome in _ask_all(connect, inquiry, respelt(found)):
            is_same = getattr(outcome, "claims", None) == expected.claims
            assert is_same or isinstance(outcome, AnswerNotUnderstood), body

    def test_a_claim_of_another_number_is_not_shown(
        self, connect: Connect, inquiry: ClaimInquiry, found: object
    ) -> None:
        """It comes back with its own number, and so is not the one asked for."""
        for number in filter(None, (inquiry.claim_number, inquiry.patient_account_number)):
            found = about_another(found, number, "9" + number[::-1])
        outcome = _ask(connect, inquiry, http_answer(found))
        assert _match(inquiry, outcome) == NoMatch("other_claims")

    def test_its_secret_gets_nowhere(
        self, connect: Connect, inquiry: ClaimInquiry, found: object, secret: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whatever the payer does, it is in no `repr`, exception, traceback with variables, log line or answer."""
        with caplog.at_level(logging.DEBUG):
            shown = all_shown(connect, lambda connector: connector.inquire(inquiry), http_answer(found), secret)
        assert not [word for word in filter(None, (secret, TOKEN)) if word in shown + caplog.text]

    def test_its_needs_are_columns(self, connect: Connect) -> None:
        """What it cannot do without are columns that a file may have, and it has room for a look-up."""
        can = connect("http://127.0.0.1:1").capabilities
        assert {name for choice in can.needs for name in choice} <= set(OPTIONAL_COLUMNS)
        assert can.account
        assert can.max_in_flight >= 1


def _ask(connect: Connect, inquiry: ClaimInquiry, answer: Sent) -> Outcome:
    """What comes of one look-up at a payer that gives *answer*; it is asked once and let go of."""
    return once(connect, lambda connector: connector.inquire(inquiry), answer)


def _ask_all(connect: Connect, inquiry: ClaimInquiry, bodies: Sequence[object]) -> Iterator[tuple[object, Outcome]]:
    """Each body, with what comes of a look-up that is answered with it."""
    answers = [http_answer(body) for body in bodies]
    outcomes, _ = in_turn(connect, lambda connector: connector.inquire(inquiry), answers)
    return zip(bodies, outcomes, strict=True)


def _match(inquiry: ClaimInquiry, outcome: Outcome) -> Match | NoMatch | None:
    """What an outcome says of the claim; None where it is a failure, which is one of the documented ones."""
    assert isinstance(outcome, Answer | ConnectorError)
    return find(inquiry, outcome, _BY_THE_RULES).match if isinstance(outcome, Answer) else None


def _bytes_of(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _peak(act: Callable[[], object]) -> int:
    """The most memory that was taken while *act* ran, in bytes."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
