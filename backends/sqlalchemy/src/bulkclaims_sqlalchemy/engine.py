"""How each kind of database is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}
_BUSY_SECONDS = 5.0
"""How long SQLite waits where a connection is made; `transactions` waits for its turn to write by itself."""
_IDLE_SECONDS = 10
"""How long a server waits for the next statement of a transaction: less than the usual lease."""
_KEPT_STATEMENTS = 8
"""How many prepared statements a SQLite connection keeps, of the driver's usual 128. Statements of as many places as a
batch has rows are all different; kept, they made a run of 100,000 rows 17 MiB larger."""


def engine_for(url: str) -> Engine:
    """
    Prepare connections to the database at *url*; none is made yet.

    Args:
        url: `sqlite:///file`, `postgresql://…` or `mariadb://…`, as SQLAlchemy reads them.

    Raises:
        SettingsWrong: It is not such a URL, or its driver is not installed.
    """
    address = _address(url)
    try:
        if address.get_backend_name() == "sqlite":
            engine = create_engine(
                address,
                hide_parameters=True,
                pool_use_lifo=True,
                connect_args={"timeout": _BUSY_SECONDS, "cached_statements": _KEPT_STATEMENTS},
            )
            event.listen(engine, "connect", _prepare_sqlite)
        else:
            engine = create_engine(address, hide_parameters=True, isolation_level="READ COMMITTED")
            event.listen(engine, "connect", _prepare_server)
    except ModuleNotFoundError as error:
        raise SettingsWrong(
            f"The database's driver {error.name} is not installed: install bulkclaims-sqlalchemy[postgresql] or "
            "bulkclaims-sqlalchemy[mariadb]."
        ) from error
    return engine


def _address(url: str) -> URL:
    # The URL may hold a password, so that no sentence here repeats it.
    try:
        address = make_url(url)
        address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
        name = address.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise SettingsWrong("The database URL cannot be read; one looks like sqlite:///bulkclaims.db.") from error
    if name not in _DRIVERS:
        raise SettingsWrong("The database URL names none of sqlite, postgresql and mariadb.")
    if name == "sqlite" and address.database in {None, "", ":memory:"}:
        raise SettingsWrong("A SQLite database must be a file: in memory, each connection would see its own.")
    return address


def _prepare_server(connection: Any, _: object) -> None:  # noqa: ANN401 -- a driver's connection
    # A worker that is frozen in the midst of a transaction would keep its locks, and with them its chunk, for ever.
    is_postgresql = type(connection).__module__.partition(".")[0] == "psycopg"
    name = "idle_in_transaction_session_timeout" if is_postgresql else "idle_transaction_timeout"
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {name} = {_IDLE_SECONDS * (1000 if is_postgresql else 1)}")
    connection.commit()


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 -- a driver's connection
    # FULL: a commit has reached the disk, so that not even a power cut takes back what was recorded.
    # Each thread's connection has a cache of its own: 400 KiB, of SQLite's usual 2,000, keep what a chunk needs.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5", "cache_size=-400"):
        connection.execute(f"PRAGMA {pragma}").close()
