"""The repository keeps every promise of its seams, in every kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.testing.contracts import (
    AccessStoreContract,
    JobRepositoryContract,
    KeptWithJobsContract,
    LimiterContract,
    TokenStoreContract,
)
from bulkclaims.testing.stateful import repository_machine

if TYPE_CHECKING:
    from bulkclaims_sqlalchemy import SqlRepository


class TestSqlRepository(JobRepositoryContract):
    """Jobs."""


class TestSqlLimiter(LimiterContract):
    """Rates."""

    @pytest.fixture
    def limiter(self, repository: SqlRepository) -> SqlRepository:
        """The repository is the limiter."""
        return repository


class TestSqlTokens(TokenStoreContract):
    """Tokens."""

    @pytest.fixture
    def tokens(self, repository: SqlRepository) -> SqlRepository:
        """The repository keeps tokens, too."""
        return repository


class TestSqlAccess(AccessStoreContract):
    """Access tokens of payers."""

    @pytest.fixture
    def access(self, repository: SqlRepository) -> SqlRepository:
        """The repository keeps these, too."""
        return repository


class TestSqlKept(KeptWithJobsContract):
    """What workers keep for a while."""

    @pytest.fixture
    def kept(self, repository: SqlRepository) -> SqlRepository:
        """The repository keeps this, too."""
        return repository


def test_any_story_ends_as_modelled(repository: SqlRepository) -> None:
    """Whatever users and workers do, in whatever order, the database and a plain model agree."""
    repository_machine(lambda: repository, examples=8, steps=30)("runTest").debug()
