"""What every `Connector` must pass."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from attrs import fields

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, BulkClaimsError, InquiryRefused, PayerUnavailable
from bulkclaims.records import OPTIONAL_COLUMNS, Answer, ClaimInquiry
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkclaims.interfaces import Connector
    from bulkclaims.testing.scripted_payer import Heard

    Connect = Callable[[str], Connector]


class ConnectorContract:
    """
    Every promise of `bulkclaims.interfaces.Connector`, for connectors that speak HTTP.

    A subclass, named `Test…`, has the fixtures below. Each test asks a real server on loopback. Tokens, where the
    connector wants one, are given by the subclass's `found` and `nothing`, which see each request.

        connect:  a function from a base URL to a new connector that asks there, with a key or with no credentials
        inquiry:  a `ClaimInquiry` that the connector can ask, with made-up cells of four letters or more
        found:    the body of an answer that holds the claim asked for
        nothing:  the body of an answer that says that there is no such claim
    """

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

    @pytest.mark.parametrize(
        "body", [b"<html>maintenance</html>", b"", b"null", b"{}", b"[]", b'{"other": []}', b'{"a']
    )
    def test_a_strange_body_is_never_not_found(self, connect: Connect, inquiry: ClaimInquiry, body: bytes) -> None:
        """A page, nothing, half an answer, or another container: not understood."""
        assert isinstance(_ask(connect, inquiry, http_answer(body)), AnswerNotUnderstood)

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
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

    def test_its_needs_are_columns(self, connect: Connect) -> None:
        """What it cannot do without are columns that a file may have, and it has room for a look-up."""
        can = connect("http://127.0.0.1:1").capabilities
        assert {name for choice in can.needs for name in choice} <= set(OPTIONAL_COLUMNS)
        assert can.account
        assert can.max_in_flight >= 1


def _ask(connect: Connect, inquiry: ClaimInquiry, answer: bytes | None) -> Answer | BulkClaimsError:
    """What comes of one look-up at a payer that gives *answer*; it is asked once and let go of."""

    async def script(_heard: Heard) -> bytes | None:
        return answer

    async def run() -> Answer | BulkClaimsError:
        async with ScriptedPayer(script) as payer:
            connector = connect(payer.url)
            try:
                return await connector.inquire(inquiry)
            except BulkClaimsError as error:
                return error
            finally:
                assert len(payer.heard) == 1
                await connector.aclose()

    return asyncio.run(run())
