"""Rows and results survive their stay in a repository."""

from __future__ import annotations

import zlib
from datetime import UTC, date
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import PayloadUnreadable
from bulkclaims.payloads import open_result, open_rows, seal_result, seal_rows
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import CellError, Row, RowResult, SealedResult, Source

PLAIN = PlainCipher()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
AMOUNT = st.none() | st.decimals(-10_000, 10_000, places=2)


class ReversingCipher:
    """A cipher whose work can be seen: it turns bytes round."""

    def seal(self, plain: bytes) -> bytes:
        """Turn round."""
        return plain[::-1]

    def open(self, sealed: bytes) -> bytes:
        """Turn back."""
        return sealed[::-1]


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=8))
def test_any_rows_come_back(values):
    """Rows of any text come back as they were, with their numbers and their errors."""
    rows = [
        Row(2 * n + 1, ("a", "b"), tuple(cells), (CellError(2 * n + 1, "a", "odd", "It is odd."),) if n % 3 else ())
        for n, cells in enumerate(values)
    ]

    assert open_rows(seal_rows(rows, PLAIN), PLAIN) == rows


@given(
    TEXT, TEXT, AMOUNT, AMOUNT, st.none() | st.dates(), st.sampled_from(Source), st.none() | st.binary(),
    st.none() | st.datetimes(timezones=st.just(UTC)), st.none() | st.integers(0, 10**9).map(lambda ms: ms / 1000),
)  # fmt: skip
def test_any_result_comes_back(  # noqa: PLR0917 -- Hypothesis passes them in this order
    claim, error, charged, paid, processed, source, fingerprint, answered, seconds
):
    """A result of any content comes back as it was."""
    result = RowResult(
        7, claim, "Finalized", True, "ALMA TESTER", charged, paid, processed, error, claim,
        "PCN1", "F1", "65", "trace", source, 2, fingerprint, claim, answered, seconds, processed, error,
    )  # fmt: skip

    assert open_result(seal_result(result, PLAIN), PLAIN) == result


def test_a_result_of_an_older_version_has_no_next_action():
    """What was stored before there was one reads as blank, and so do payer, moment and seconds."""
    old = SealedResult(1, True, "Finalized", b'{"claim_number":"PCN1"}')
    assert open_result(old, PLAIN) == RowResult(1, "PCN1", "Finalized", True)


def test_payloads_pass_through_the_cipher():
    """What is stored is what the cipher made of it, rows and results alike."""
    row = Row(1, ("a",), ("PCN1",))
    result = RowResult(1, "PCN1", "Pending", True, "A B", Decimal(1), None, date(2026, 1, 2))

    rows_payload = seal_rows([row], ReversingCipher())
    sealed = seal_result(result, ReversingCipher())

    assert open_rows(rows_payload[::-1], PLAIN) == [row]
    assert open_rows(rows_payload, ReversingCipher()) == [row]
    assert open_result(evolve(sealed, payload=sealed.payload[::-1]), PLAIN) == result


def test_only_rows_refused_at_upload_are_marked_so():
    """A retry leaves alone what was refused at upload, and that alone."""
    result = RowResult(1, "", "Error", False)

    refused = {source for source in Source if seal_result(evolve(result, source=source), PLAIN).refused}

    assert refused == {Source.UPLOAD}


@pytest.mark.parametrize("payload", [b"", b"not packed", zlib.compress(b"not json"), zlib.compress(b"\xff")])
def test_damaged_rows_are_said_to_be_damaged(payload):
    """Bytes that are no payload are refused with a sentence of ours, not with a library's exception."""
    with pytest.raises(PayloadUnreadable, match="damaged"):
        open_rows(payload, PLAIN)


def test_damaged_results_are_said_to_be_damaged():
    """The same for results."""
    with pytest.raises(PayloadUnreadable, match="damaged"):
        open_result(SealedResult(1, True, "Finalized", b"{"), PLAIN)
