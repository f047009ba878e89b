"""The repository whole, and how it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims_sqlalchemy.access import Access
from bulkclaims_sqlalchemy.engine import engine_for
from bulkclaims_sqlalchemy.jobs import Jobs
from bulkclaims_sqlalchemy.kept import Keeping
from bulkclaims_sqlalchemy.limiter import Limits
from bulkclaims_sqlalchemy.schema import check_schema
from bulkclaims_sqlalchemy.tokens import Tokens
from bulkclaims_sqlalchemy.transactions import Database
from bulkclaims_sqlalchemy.uploads import Uploads
from bulkclaims_sqlalchemy.work import Work

if TYPE_CHECKING:
    from sqlalchemy import Engine


class SqlRepository(Uploads, Jobs, Work, Limits, Tokens, Access, Keeping):
    """
    A `JobRepository`, `Limiter`, `TokenStore`, `AccessStore` and `KeptStore` in SQLite, PostgreSQL or MariaDB.

    Safe to use from any thread and any process, and to carry through a fork.

    Args:
        engine: The host's own engine; its pool is shared and its settings are left alone. `open_repository` makes one
            that suits.

    Raises:
        RepositoryUnavailable: The database cannot be reached, or its tables are not those of this version.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)
        check_schema(self._database)

    def close(self) -> None:
        """Let go of idle connections. The repository can still be used."""
        self._database.engine.dispose()


def open_repository(url: str) -> SqlRepository:
    """
    Open the jobs at *url*, which `upgrade` has made.

    Args:
        url: `sqlite:///bulkclaims.db`, `postgresql://user@host/name` or `mariadb://user@host/name`.

    Raises:
        RepositoryUnavailable: The database cannot be reached, or its tables are not those of this version.
        SettingsWrong: The URL cannot be used.
    """
    engine = engine_for(url)
    try:
        return SqlRepository(engine)
    except BaseException:
        engine.dispose()
        raise
