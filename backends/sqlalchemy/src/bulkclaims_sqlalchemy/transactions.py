"""Transactions: whole or not at all, and repeated when the database says "not now"."""

from __future__ import annotations

import random
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from bulkclaims_sqlalchemy.failures import Conflict, is_passing, unavailable
from bulkclaims_sqlalchemy.forks import ForkGate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

P = ParamSpec("P")
T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a writer waits for SQLite's lock before its whole transaction is repeated."""
_LOOK_SECONDS = 0.004
"""How long a waiting writer looks away at most."""

_repeated = Retrying(
    retry=retry_if_exception(is_passing),
    # Not six times as long as a driver waits for a server that does not answer.
    stop=stop_after_attempt(6) | stop_after_delay(30),
    wait=wait_random_exponential(multiplier=0.02, max=1.0),
    reraise=True,
)


class Database:
    """
    Runs functions as transactions. Safe to use from any thread, and in a process forked at any moment.

    Args:
        engine: A host's own, or one of `engine_for`. Its pool is shared, its settings are left alone.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = _hushed(engine)
        self._writing = _hushed(engine)
        self._turn: AbstractContextManager[object] = nullcontext()
        if engine.dialect.name == "sqlite":
            # A transaction that reads first and writes later could not wait for its turn; so a writer waits at once:
            # for this process's other threads here, since SQLite itself looks only now and then, and by chance.
            event.listen(self._writing, "begin", _begin_immediate)
            self._turn = threading.Lock()
        self._gate = ForkGate(engine.dispose)

    def write(self, body: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run `body(connection, ...)` in a transaction that is committed unless it raises.

        Repeated as a whole when the database was busy, found a deadlock or was lost, or on `Conflict`.

        Raises:
            RepositoryUnavailable: The database could not, also not after some repeats.
        """

        def attempt() -> T:
            with self._gate.passing(), self._turn, self._writing.begin() as connection:
                return body(connection, *args, **kwargs)

        return _run(attempt)

    def read(self, body: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `body(connection, ...)`, which only reads; otherwise as `write` does."""

        def attempt() -> T:
            with self._gate.passing(), self._reading.begin() as connection:
                return body(connection, *args, **kwargs)

        return _run(attempt)


def _run(attempt: Callable[[], T]) -> T:
    try:
        return _repeated(attempt)
    except (SQLAlchemyError, Conflict) as error:
        failure = unavailable(error)
    # Outside of `except`: a server may quote the row that it refused, and tracebacks are logged.
    raise failure


def _hushed(engine: Engine) -> Engine:
    """A view of the engine whose exceptions quote no parameters."""
    view = engine.execution_options()
    view.hide_parameters = True
    return view


def _begin_immediate(connection: Connection) -> None:
    """
    Take SQLite's write lock, or wait for it.

    SQLite itself looks for the lock at ever longer intervals, up to a tenth of a second, so that between two processes
    the one that writes without a break leaves the other no gap to find. Here the waiting one looks all the time.
    """
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except DBAPIError as error:
            if not is_passing(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(random.uniform(0, _LOOK_SECONDS))  # noqa: S311 -- no secret
        else:
            return
