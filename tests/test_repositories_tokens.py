"""Tests of `bulkclaims.repositories.tokens`."""

from __future__ import annotations

import pytest

from bulkclaims.repositories.tokens import MemoryTokens
from bulkclaims.testing.contracts import TokenStoreContract


class TestMemoryTokens(TokenStoreContract):
    """The reference member passes the contract it is the reference of."""

    @pytest.fixture
    def tokens(self) -> MemoryTokens:
        """An empty store."""
        return MemoryTokens()
