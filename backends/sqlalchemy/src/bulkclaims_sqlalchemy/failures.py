"""What can go wrong with a database, in this library's words. No sentence quotes the database: it may quote a row."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError

from bulkclaims.errors import RepositoryUnavailable

NEEDS_UPGRADE = "needs_upgrade"
"""The code of errors that `upgrade` mends."""
UPGRADE_ADVICE = "Run `bulkclaims db upgrade` and try again."

# SQLite's primary result codes, SQLSTATEs of PostgreSQL, error numbers of MariaDB.
_PRIMARY = 0xFF
_BUSY, _LOCKED, _IO_ERROR, _FULL, _CANNOT_OPEN, _READ_ONLY = 5, 6, 10, 13, 14, 8
_PASSING = {_BUSY, _LOCKED, "40001", "40P01", "55P03", "57P01", "57P03", "53300", 1020, 1040, 1205, 1213}
_AWAY = {2002, 2003, 2006, 2013}
_AWAY_CLASS = "08"
_DISK_FULL = {_FULL, "53100", 1021, 1114}
_NO_TABLE = {"42P01", 1146}
_NO_ENTRY = {_IO_ERROR, _CANNOT_OPEN, _READ_ONLY}


class Conflict(Exception):
    """Another transaction came first; look again and repeat."""


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is repeated."""
    if isinstance(error, Conflict):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or _code(error) in _PASSING or _is_away(error)


def unavailable(error: Exception) -> RepositoryUnavailable:
    """Say what a failure of the database means, and what to do about it."""
    code = _code(error) if isinstance(error, DBAPIError) else None
    if code in _DISK_FULL:
        return RepositoryUnavailable(
            "The job database is full: its disk, or the size it may have, is used up. Nothing was stored; make room "
            "and try again."
        )
    if code in _NO_TABLE or "no such table" in str(getattr(error, "orig", "")):
        return RepositoryUnavailable(f"The job database lacks its tables. {UPGRADE_ADVICE}", code=NEEDS_UPGRADE)
    if code in _NO_ENTRY:
        return RepositoryUnavailable(
            "The job database's file cannot be read or written: see to its folder, its permissions and its disk."
        )
    if is_passing(error):
        # A server that is away looks like one that knows no such user or database: PostgreSQL's driver tells neither.
        advice = " If it stays so, see to its server and to the URL." if _is_away(error) else ""
        return RepositoryUnavailable(f"The job database is too busy or out of reach just now; try again soon.{advice}")
    return RepositoryUnavailable(
        f"The job database did not do what was asked of it ({type(getattr(error, 'orig', error)).__name__})."
    )


def _is_away(error: Exception) -> bool:
    """Whether no connection could be made, or it was lost."""
    if not isinstance(error, OperationalError):
        return False
    code = _code(error)
    if isinstance(code, str):
        return code.startswith(_AWAY_CLASS)
    # PostgreSQL's driver has no SQLSTATE for what no server said.
    return code in _AWAY or (code is None and hasattr(error.orig, "sqlstate"))


def _code(error: DBAPIError) -> int | str | None:
    """The driver's own code for what went wrong, if it has one."""
    cause = error.orig
    if (extended := getattr(cause, "sqlite_errorcode", None)) is not None:
        return int(extended) & _PRIMARY
    # MariaDB's number says more than the state beside it.
    number = cause.args[0] if cause is not None and cause.args else None
    return number if isinstance(number, int) else getattr(cause, "sqlstate", None)
