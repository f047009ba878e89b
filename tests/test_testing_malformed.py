"""Answers that are wrong in one way each."""

from __future__ import annotations

import pytest

from bulkclaims.testing.malformed import about_another, at, doubled, dropped, places, put, renamed, retyped

BODY = {"claims": [{"number": "PCN7", "paid": 80.5}, {"number": "PCN8"}]}
PAID = ("claims", 0, "paid")


def test_every_place_is_known():
    """From the outside in."""
    assert list(places(BODY)) == [
        ("claims",), ("claims", 0), ("claims", 0, "number"), PAID, ("claims", 1), ("claims", 1, "number"),
    ]  # fmt: skip
    assert at(BODY, PAID) == 80.5


def test_what_is_changed_is_a_copy():
    """The right answer stays right."""
    assert put(BODY, PAID, None)["claims"][0] == {"number": "PCN7", "paid": None}
    assert dropped(BODY, PAID)["claims"][0] == {"number": "PCN7"}
    assert renamed(BODY, PAID)["claims"][0] == {"number": "PCN7", "paidOther": 80.5}
    assert renamed(BODY, ("claims", 0))["claims"] == BODY["claims"][::-1]
    assert doubled(BODY, PAID)["claims"][0]["paid"] == [80.5, 80.5]
    assert [claim["number"] for claim in doubled(BODY, ("claims", 1))["claims"]] == ["PCN7", "PCN8", "PCN8"]
    assert about_another(BODY, "PCN7", "PCN9")["claims"][0]["number"] == "PCN9"
    assert about_another(b"REF*1K*PCN7~", "PCN7", "PCN9") == b"REF*1K*PCN9~"
    assert BODY["claims"][0] == {"number": "PCN7", "paid": 80.5}


@pytest.mark.parametrize(
    ("value", "other"),
    [(80.5, "80.5"), (7, "7"), ("8", 8), ("007", None), ("80.5", None), ("²", None), (True, None), (None, None)],
)
def test_numbers_as_text_and_text_as_numbers(value, other):
    """Only where it is the same number."""
    assert retyped(value) == other
