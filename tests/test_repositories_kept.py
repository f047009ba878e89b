"""Tests of `bulkclaims.repositories.kept`."""

from __future__ import annotations

import pytest

from bulkclaims.repositories.kept import MemoryKept
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts import KeptWithJobsContract


class TestMemoryKept(KeptWithJobsContract):
    """The reference member passes the contract it is the reference of."""

    @pytest.fixture
    def kept(self) -> MemoryRepository:
        """An empty store."""
        return MemoryRepository()


def test_what_is_kept_lapses_when_its_seconds_are_over() -> None:
    """Not before, and counted from when it was kept last."""
    times = [1000.0]
    kept = MemoryKept(lambda: times[-1])
    kept.keep("acme", {b"mark": b"first"}, 60)
    times.append(1030)
    kept.keep("acme", {b"mark": b"second"}, 60)
    times.append(1089)
    assert kept.find_kept("acme", [b"mark"]) == {b"mark": b"second"}
    times.append(1090)
    assert kept.find_kept("acme", [b"mark"]) == {}


def test_what_has_lapsed_takes_no_memory() -> None:
    """`purge` drops it, and scopes that are empty."""
    times = [1000.0]
    repository = MemoryRepository(lambda: times[-1])
    repository.keep("acme", {b"old": b"1"}, 60)
    repository.keep("other", {b"old": b"1", b"young": b"2"}, 60)
    times.append(1060)
    repository.keep("other", {b"young": b"3"}, 60)
    repository.purge(60, 60)
    times.append(1000)
    assert repository.find_kept("acme", [b"old"]) == {}
    assert repository.find_kept("other", [b"old", b"young"]) == {b"young": b"3"}
