"""Tests of `bulkclaims_django.repository.kept`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.testing.contracts.scenes import LONG
from bulkclaims_django import models

if TYPE_CHECKING:
    from bulkclaims_django.repository import DjangoRepository


def test_what_has_lapsed_is_deleted(using: str, repository: DjangoRepository) -> None:
    """Also more of it than one transaction takes; what is younger stays."""
    for some in range(5):
        repository.keep("acme", {b"%d" % number: b"old" for number in range(some * 500, some * 500 + 500)}, 0)
    repository.keep("acme", {b"young": b"kept"}, LONG)
    repository.purge(LONG, LONG)
    assert [bytes(mark) for mark in models.Kept.objects.using(using).values_list("mark", flat=True)] == [b"young"]
