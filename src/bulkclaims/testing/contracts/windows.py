"""What every `WindowConnector` must pass."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import (
    AccessRefused,
    AnswerNotUnderstood,
    BulkClaimsError,
    ConnectorError,
    PayerUnavailable,
    WindowTooFull,
)
from bulkclaims.records import OPTIONAL_COLUMNS, WindowPage
from bulkclaims.testing.contracts.asking import IN_TROUBLE, TOKEN, all_shown, heard_elsewhere, in_turn, once
from bulkclaims.testing.malformed import NO_ANSWERS, bomb, endless, lessened, misplaced, wrapped
from bulkclaims.testing.scripted_payer import http_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkclaims.interfaces import WindowConnector
    from bulkclaims.records import ClaimStatus, Window
    from bulkclaims.testing.contracts.asking import Sent

    Connect = Callable[[str], WindowConnector]
    Outcome = WindowPage | BulkClaimsError


class WindowConnectorContract:
    """
    What `bulkclaims.interfaces.WindowConnector` promises beyond `Connector`, for connectors that speak HTTP.

    A subclass, named `Test…`, has the fixtures below. Each test asks a real server on loopback, which gives a token to
    whoever asks for one by `client_credentials`.

        connect:   a function from a base URL to a new connector that asks there
        window:    a `Window` that the connector can ask for; its `tin` is in no address and no setting
        pages:     the bodies of one search, two or more, as they are asked for one after the other; with a claim each
        empty:     the body that says that there is no claim in these days
        too_full:  the body that says that there are more claims than the payer lists; None, unless it is overridden,
                   where the payer lists them all
        secret:    what `connect` gives as the connector's key or password; of six characters or more, and in no
                   address; "" for none
    """

    @pytest.fixture
    def too_full(self) -> object:
        """What the payer says of too many claims."""
        return None

    def test_pages_are_read_to_the_end(self, connect: Connect, window: Window, pages: Sequence[object]) -> None:
        """Each is asked for once, with what the one before it gave; after the last there is no more to ask with."""

        async def read(connector: WindowConnector) -> list[WindowPage]:
            """Read page after page."""
            found = [await connector.inquire_window(window)]
            while found[-1].next_page:
                found.append(await connector.inquire_window(window, found[-1].next_page))
            return found

        found = once(connect, read, [http_answer(body) for body in pages])
        assert isinstance(found, list)
        assert len(found) == len(pages) >= 2
        assert all(page.claims for page in found)
        assert all(_is_told(claim) for page in found for claim in page.claims)

    def test_a_page_that_is_asked_for_anew_is_the_same(
        self, connect: Connect, window: Window, pages: Sequence[object]
    ) -> None:
        """A connector remembers nothing of a search: another worker may go on with it."""
        first = _ask(connect, window, http_answer(pages[0]))
        assert isinstance(first, WindowPage)
        again = _ask(connect, window, http_answer(pages[-1]), first.next_page)
        (_, last), _ = in_turn(connect, _in_pairs(window), map(http_answer, (pages[0], pages[-1])))
        assert again == last

    def test_no_claims_are_an_answer(self, connect: Connect, window: Window, empty: object) -> None:
        """One page without any, and none after it."""
        assert _ask(connect, window, http_answer(empty)) == WindowPage(())

    def test_too_many_claims_are_not_some(self, connect: Connect, window: Window, too_full: object) -> None:
        """The window is to be split."""
        assert too_full is None or isinstance(_ask(connect, window, http_answer(too_full)), WindowTooFull)

    @pytest.mark.parametrize("body", NO_ANSWERS)
    def test_a_strange_body_is_no_empty_page(self, connect: Connect, window: Window, body: bytes) -> None:
        """A page of the web, nothing, half an answer, or another container: not understood."""
        assert isinstance(_ask(connect, window, http_answer(body)), AnswerNotUnderstood)

    def test_a_malformed_body_is_no_empty_page(self, connect: Connect, window: Window, pages: Sequence[object]) -> None:
        """Anything anywhere it should not be, another root, or half of it: the claims, or a failure."""
        whole = json.dumps(pages[0]).encode()
        halves = [whole[: int(len(whole) * share)] for share in (0.02, 0.25, 0.5, 0.75, 0.95)]
        for body, outcome in _ask_all(connect, window, [*misplaced(pages[0]), *wrapped(pages[0]), *halves]):
            assert isinstance(outcome, ConnectorError) or _claims_of(outcome), body

    def test_less_than_promised_is_no_crash(self, connect: Connect, window: Window, pages: Sequence[object]) -> None:
        """Where something lacks, or a list is empty: a page, or a documented failure."""
        for body, outcome in _ask_all(connect, window, lessened(pages[0])):
            assert isinstance(outcome, WindowPage | ConnectorError), body

    def test_what_is_too_large_is_not_read(self, connect: Connect, window: Window) -> None:
        """What unpacks to 64 MiB, or has no end."""
        for answer in (bomb(), endless([])):
            assert isinstance(_ask(connect, window, answer), AnswerNotUnderstood)

    @pytest.mark.parametrize("status", IN_TROUBLE)
    def test_a_payer_in_trouble_is_asked_again(self, connect: Connect, window: Window, status: int) -> None:
        """By the caller, and not by itself; with the wait that the payer asks for."""
        error = _ask(connect, window, http_answer({}, status, Retry_After="7"))
        assert isinstance(error, PayerUnavailable)
        assert error.retry_after == 7

    def test_a_broken_connection_is_asked_again(
        self, connect: Connect, window: Window, pages: Sequence[object]
    ) -> None:
        """Before the answer, or in its midst."""
        broken = (None, http_answer(pages[0])[:-2])
        assert all(isinstance(_ask(connect, window, answer), PayerUnavailable) for answer in broken)

    def test_refused_access_ends_the_job(self, connect: Connect, window: Window) -> None:
        """403 is nothing that a row could mend."""
        assert isinstance(_ask(connect, window, http_answer({"message": "no"}, 403)), AccessRefused)

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
    def test_nothing_of_anyone_gets_out(
        self, connect: Connect, window: Window, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Anyone may be meant, so no word of the payer's own gets into an exception or a log line; nor does the TIN."""
        words = {"code": "CANARY1", "message": f"{window.tin} CANARY2", "description": "CANARY3", "error": "CANARY4"}
        with caplog.at_level(logging.DEBUG):
            error = _ask(connect, window, http_answer({**words, "errors": [words]}, status))
        assert isinstance(error, BulkClaimsError)
        hidden = ("CANARY", window.tin, window.tin.replace("-", ""))
        assert not [word for word in hidden if word in f"{error!r} {caplog.text}"]

    def test_no_token_goes_elsewhere(self, connect: Connect, window: Window) -> None:
        """A payer that sends us to another host is not followed."""

        def moved(url: str) -> bytes:
            return http_answer({}, 307, Location=f"{url}/")

        assert heard_elsewhere(connect, _first(window), moved) == []

    def test_its_secret_gets_nowhere(
        self,
        connect: Connect,
        window: Window,
        pages: Sequence[object],
        secret: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Whatever the payer does, it is in no `repr`, exception, traceback with variables, log line or page."""
        with caplog.at_level(logging.DEBUG):
            shown = all_shown(connect, _first(window), http_answer(pages[0]), secret)
        assert not [word for word in filter(None, (secret, TOKEN)) if word in shown + caplog.text]

    def test_it_says_how_it_searches(self, connect: Connect) -> None:
        """For how many days at a time, how many claims a page has, and what it needs."""
        can = connect("http://127.0.0.1:1").capabilities
        assert can.page_size
        assert can.window_days
        assert {name for choice in can.needs for name in choice} <= set(OPTIONAL_COLUMNS)


def _first(window: Window) -> Callable[[WindowConnector], Awaitable[WindowPage]]:
    return lambda connector: connector.inquire_window(window)


def _in_pairs(window: Window) -> Callable[[WindowConnector], Awaitable[WindowPage]]:
    """The first page, and then the one after it."""
    page = ""

    async def ask(connector: WindowConnector) -> WindowPage:
        nonlocal page
        found = await connector.inquire_window(window, page)
        page = found.next_page
        return found

    return ask


def _ask(connect: Connect, window: Window, answer: Sent, page: str = "") -> Outcome:
    """What comes of one page asked for; it is asked for once."""
    return once(connect, lambda connector: connector.inquire_window(window, page), answer)


def _ask_all(connect: Connect, window: Window, bodies: Sequence[object]) -> list[tuple[object, Outcome]]:
    """Each body, with what comes of a page that it is the answer to."""
    outcomes, _ = in_turn(connect, _first(window), map(http_answer, bodies))
    return list(zip(bodies, outcomes, strict=True))


def _claims_of(outcome: Outcome) -> Sequence[ClaimStatus]:
    assert isinstance(outcome, WindowPage)
    return outcome.claims


def _is_told(claim: ClaimStatus) -> bool:
    return bool(claim.payer_claim_number and (claim.category_code or claim.reported_status))
