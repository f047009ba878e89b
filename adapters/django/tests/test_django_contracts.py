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
    from bulkclaims_django.repository import DjangoRepository


class TestDjangoRepository(JobRepositoryContract):
    """Jobs."""


class TestDjangoLimiter(LimiterContract):
    """Rates."""

    @pytest.fixture
    def limiter(self, repository: DjangoRepository) -> DjangoRepository:
        """The repository is the limiter."""
        return repository


class TestDjangoTokens(TokenStoreContract):
    """Tokens."""

    @pytest.fixture
    def tokens(self, repository: DjangoRepository) -> DjangoRepository:
        """The repository keeps tokens, too."""
        return repository


class TestDjangoAccess(AccessStoreContract):
    """Access tokens of payers."""

    @pytest.fixture
    def access(self, repository: DjangoRepository) -> DjangoRepository:
        """The repository keeps these, too."""
        return repository


class TestDjangoKept(KeptWithJobsContract):
    """What workers keep for a while."""

    @pytest.fixture
    def kept(self, repository: DjangoRepository) -> DjangoRepository:
        """The repository keeps this, too."""
        return repository


def test_any_story_ends_as_modelled(repository: DjangoRepository) -> None:
    """Whatever users and workers do, in whatever order, the database and a plain model agree."""
    repository_machine(lambda: repository, examples=8, steps=30)("runTest").debug()
