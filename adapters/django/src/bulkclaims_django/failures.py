"""What can go wrong with a database, in this library's words. No sentence quotes the database: it may quote a row."""

from __future__ import annotations

from django.db import Error

from bulkclaims.errors import RepositoryUnavailable

NEEDS_UPGRADE = "needs_upgrade"
"""The code of errors that `migrate` mends."""
UPGRADE_ADVICE = "Run `python manage.py migrate` and try again."

# SQLite's primary result codes, SQLSTATEs of PostgreSQL, error numbers of MariaDB.
_PRIMARY = 0xFF
_BUSY, _LOCKED, _IO_ERROR, _FULL, _CANNOT_OPEN, _READ_ONLY = 5, 6, 10, 13, 14, 8
_PASSING = {_BUSY, _LOCKED, "40001", "40P01", "55P03", "57P01", "57P03", "53300", 1020, 1040, 1205, 1213}
_LOST = {0, 2006, 2013, 2055}
_DISK_FULL = {_FULL, "53100", 1021, 1114}
_NO_TABLE = {"42P01", 1146}
_NO_COLUMN = {"42703", 1054}
_NO_ENTRY = {_IO_ERROR, _CANNOT_OPEN, _READ_ONLY}


class Conflict(Exception):
    """Another transaction came first; look again and repeat."""


class ConnectionLost(Exception):
    """The database did not answer, or no longer does; connect and repeat."""


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is repeated."""
    return isinstance(error, Conflict | ConnectionLost) or (isinstance(error, Error) and _code(error) in _PASSING)


def says_lost(error: Error) -> bool:
    """Whether MariaDB's driver says that the connection is gone; it may connect anew when asked whether it is."""
    return _code(error) in _LOST


def unavailable(error: Exception) -> RepositoryUnavailable:
    """Say what a failure of the database means, and what to do about it."""
    code = _code(error) if isinstance(error, Error) else None
    if code in _DISK_FULL:
        return RepositoryUnavailable(
            "The job database is full: its disk, or the size it may have, is used up. Nothing was stored; make room "
            "and try again."
        )
    if code in _NO_TABLE or "no such table" in str(error):
        return RepositoryUnavailable(f"The job database lacks its tables. {UPGRADE_ADVICE}", code=NEEDS_UPGRADE)
    if code in _NO_COLUMN or "no column named" in str(error) or "no such column" in str(error):
        return RepositoryUnavailable(
            f"The job database's tables are those of an older version. {UPGRADE_ADVICE}", code=NEEDS_UPGRADE
        )
    if code in _NO_ENTRY:
        return RepositoryUnavailable(
            "The job database's file cannot be read or written: see to its folder, its permissions and its disk."
        )
    if is_passing(error):
        return RepositoryUnavailable("The job database is too busy or out of reach just now; try again soon.")
    return RepositoryUnavailable(f"The job database did not do what was asked of it ({type(error).__name__}).")


def _code(error: Error) -> int | str | None:
    """The driver's own code for what went wrong, if it has one."""
    cause = error.__cause__ or error
    if (extended := getattr(cause, "sqlite_errorcode", None)) is not None:
        return int(extended) & _PRIMARY
    # MariaDB's number says more than the state beside it.
    number = cause.args[0] if cause.args else None
    return number if isinstance(number, int) else getattr(cause, "sqlstate", getattr(cause, "pgcode", None))
