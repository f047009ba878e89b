"""Tests of `bulkclaims.repositories.access`."""

from __future__ import annotations

import pytest

from bulkclaims.repositories.access import MemoryAccess
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts import AccessStoreContract


class TestMemoryAccess(AccessStoreContract):
    """The reference member passes the contract it is the reference of."""

    @pytest.fixture
    def access(self) -> MemoryRepository:
        """An empty store."""
        return MemoryRepository()


def test_times_go_by_the_stores_clock() -> None:
    """Who fetches has its seconds, and a token is good for its own."""
    times = [1000.0]
    access = MemoryAccess(lambda: times[-1])
    access.begin_access("optum", 0, 20)
    times.append(1019)
    assert access.begin_access("optum", 0, 20) is False
    times.append(1020)
    assert access.begin_access("optum", 0, 20) is True
    access.keep_access("optum", 0, b"sealed", 300)
    times.append(1120)
    found = access.find_access("optum")
    assert found is not None
    assert found.seconds_left == 200
