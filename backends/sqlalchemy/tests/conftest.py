"""One empty database of each kind, made once for a test run and emptied for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims_sqlalchemy import SqlRepository, upgrade
from bulkclaims_sqlalchemy.engine import engine_for
from bulkclaims_sqlalchemy.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

SERVERS = [pytest.param(name, marks=pytest.mark.service(name)) for name in ("postgresql", "mariadb")]


@pytest.fixture(scope="session", params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'jobs.db'}"
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def engine(url: str) -> Iterator[Engine]:
    """Connections to a database with all tables."""
    upgrade(url)
    engine = engine_for(url)
    yield engine
    engine.dispose()


@pytest.fixture
def repository(engine: Engine) -> SqlRepository:
    """An empty repository in each kind of database."""
    empty(engine)
    return SqlRepository(engine)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database of the test's own, with all tables."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    upgrade(url)
    return url


def empty(engine: Engine) -> None:
    """Delete all rows."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
