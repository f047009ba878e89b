"""Making and updating the tables, and noticing that nobody did."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, select, table

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims_sqlalchemy.engine import engine_for
from bulkclaims_sqlalchemy.failures import NEEDS_UPGRADE, UPGRADE_ADVICE
from bulkclaims_sqlalchemy.tables import REVISION, VERSION_TABLE
from bulkclaims_sqlalchemy.transactions import Database

if TYPE_CHECKING:
    from alembic.config import Config

_versions = table(VERSION_TABLE, column("version_num"))


def upgrade(target: str | Engine | Connection) -> None:
    """
    Make the tables, or bring them to this version; what they hold is kept. Does nothing when they are.

    Args:
        target: A URL as for `open_repository`, or a host's engine, or its connection, whose transaction is then left
            to the host. A SQLite file that does not exist is made, for its owner's eyes alone.

    Raises:
        RepositoryUnavailable: The database cannot be reached or changed.
        SettingsWrong: The URL cannot be used.
    """
    if isinstance(target, Connection):
        _upgrade(target)
    elif isinstance(target, Engine):
        _make_file(target)
        Database(target).write(_upgrade)
    else:
        engine = engine_for(target)
        try:
            upgrade(engine)
        finally:
            engine.dispose()


def check_schema(database: Database) -> None:
    """
    See that the tables are those of this version.

    Raises:
        RepositoryUnavailable: They are not, and what to do about it; its code is `needs_upgrade`.
    """
    file = _file(database.engine)
    if file is not None and not file.exists():
        # To connect would make it.
        raise RepositoryUnavailable(f"There is no job database yet. {UPGRADE_ADVICE}", code=NEEDS_UPGRADE)
    revision = database.read(_revision)
    if revision != REVISION:
        raise RepositoryUnavailable(
            f"The job database's tables are of version {revision}; this bulkclaims-sqlalchemy needs {REVISION}. "
            f"{UPGRADE_ADVICE}",
            code=NEEDS_UPGRADE,
        )


def _revision(connection: Connection) -> str | None:
    return connection.scalar(select(_versions.c.version_num))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 -- slow to import, and needed only here
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        command.upgrade(migration_config(connection), "head")
    except CommandError as error:
        raise RepositoryUnavailable(
            "The job database was made by a newer version of bulkclaims-sqlalchemy: install that version."
        ) from error


def migration_config(connection: Connection) -> Config:
    """The migrations as Alembic's commands take them, run on *connection* and without any file of settings."""
    from alembic.config import Config  # noqa: PLC0415 -- slow to import, and needed only here

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _file(engine: Engine) -> Path | None:
    """The file of a SQLite database that is an ordinary file."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name.startswith(("file:", ":")):
        return None
    return Path(name)


def _make_file(engine: Engine) -> None:
    file = _file(engine)
    if file is None:
        return
    try:
        # SQLite would make it readable for everyone.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise RepositoryUnavailable(f"The job database {file} cannot be made: {error.strerror}.") from error
