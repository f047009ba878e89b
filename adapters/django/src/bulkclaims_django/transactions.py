"""Transactions: whole or not at all, and repeated when the database says "not now"."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from django.db import Error, OperationalError, connections, transaction
from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from bulkclaims_django import models
from bulkclaims_django.connections import tidied
from bulkclaims_django.failures import Conflict, ConnectionLost, is_passing, says_lost, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
T = TypeVar("T")

_STOP = stop_after_attempt(6)
_WAIT = wait_random_exponential(multiplier=0.02, max=1.0)
_repeated = Retrying(retry=retry_if_exception(is_passing), stop=_STOP, wait=_WAIT, reraise=True)
_repeated_within = Retrying(retry=retry_if_exception_type(Conflict), stop=_STOP, wait=_WAIT, reraise=True)
"""Within a transaction of the host's, which is not ours to repeat, there is only going back to a savepoint."""

_LOOK_SECONDS = 0.004
"""How long a writer that waits for SQLite's lock looks away at most."""

_turns: dict[str, threading.Lock] = {}
"""Who may write to a SQLite database, by alias: this process's threads wait here for each other, since SQLite itself
looks only now and then, and by chance."""

# Its holder did not come along.
os.register_at_fork(after_in_child=_turns.clear)


class Database:
    """
    Runs functions as transactions. Safe to use from any thread.

    Within an atomic block of the host's they are part of its transaction: they take effect when the host commits, and
    a failure that only a repeat of the whole could mend is the host's to repeat.

    Args:
        using: The database's alias.
    """

    def __init__(self, using: str) -> None:
        self.using = using

    def write(self, body: Callable[Concatenate[str, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run `body(alias, ...)` in a transaction that is committed unless it raises.

        Repeated as a whole when the database was busy, found a deadlock or was lost, or on `Conflict`.

        Raises:
            RepositoryUnavailable: The database could not, also not after some repeats.
        """

        def attempt() -> T:
            with self._writing():
                return body(self.using, *args, **kwargs)

        return self._run(attempt)

    def read(self, body: Callable[Concatenate[str, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `body(alias, ...)`, which only reads, without a transaction; otherwise as `write` does."""
        return self._run(lambda: body(self.using, *args, **kwargs))

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call *act* once what was written is committed: now, unless the host's own transaction is still open."""
        if connections[self.using].in_atomic_block:
            transaction.on_commit(act, using=self.using)
        else:
            with tidied():
                act()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        connection = connections[self.using]
        if connection.vendor != "sqlite":
            with transaction.atomic(using=self.using):
                yield
        elif connection.in_atomic_block:
            # A host's transaction may hold SQLite's own lock already, which whoever has the turn would wait for.
            with _begun(self.using):
                yield
        else:
            with self._turn(), _begun_patiently(connection):
                yield

    def _turn(self) -> threading.Lock:
        return _turns.setdefault(self.using, threading.Lock())

    def _run(self, attempt: Callable[[], T]) -> T:
        with tidied():
            connection = connections[self.using]
            repeated = _repeated_within if connection.in_atomic_block else _repeated
            try:
                returned: T = repeated(_watched, connection, attempt)
            except (Error, Conflict, ConnectionLost) as error:
                failure = unavailable(error)
            else:
                return returned
        # Out here, so that no traceback leads to the database's own words.
        raise failure


def _begun(using: str) -> ExitStack:
    """
    Begin a transaction of SQLite with a write as its first statement.

    Django begins them "deferred" by default, and one that reads first and writes later cannot wait for its turn: it
    fails when anybody else has written in between.
    """
    with ExitStack() as begun:
        begun.enter_context(transaction.atomic(using=using))
        models.Limit.objects.using(using).filter(account="").update(spent=0)
        return begun.pop_all()


@contextmanager
def _begun_patiently(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """
    Begin a transaction of SQLite that may write, or wait until it may.

    SQLite itself looks for the lock at ever longer intervals, up to a tenth of a second, so that between two processes
    the one that writes without a break leaves the other no gap to find. Here the waiting one looks all the time.
    """
    with ExitStack() as begun:
        with _not_waiting(connection) as patience:
            give_up_at = time.monotonic() + patience
            while True:
                try:
                    begun.enter_context(_begun(connection.alias))
                    break
                except OperationalError as error:
                    if not is_passing(error) or time.monotonic() > give_up_at:
                        raise
                    time.sleep(random.uniform(0, _LOOK_SECONDS))  # noqa: S311 -- no secret
        yield


@contextmanager
def _not_waiting(connection: BaseDatabaseWrapper) -> Iterator[float]:
    """Have SQLite fail at once where it would wait; gives the seconds that the project's `timeout` lets it wait."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        (milliseconds,) = cursor.fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield milliseconds / 1000
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")


def _watched(connection: BaseDatabaseWrapper, attempt: Callable[[], T]) -> T:
    """Make the attempt; when the connection is gone, see to it that the next one begins with a new one."""
    try:
        return attempt()
    except Error as error:
        if connection.in_atomic_block or not _is_gone(connection, error):
            raise
        connection.close()
        raise ConnectionLost from error


def _is_gone(connection: BaseDatabaseWrapper, error: Error) -> bool:
    if connection.vendor == "sqlite":
        return False
    return connection.connection is None or says_lost(error) or not connection.is_usable()
