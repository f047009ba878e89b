"""
What makes it safe to fork a process that uses a database.

SQLite's locks belong to a process and its bookkeeping of them is copied by a fork, so that a child would believe in
locks it does not hold; a server's socket would be shared by two. So there must be no connection at that moment.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 5.0
"""Seconds a fork waits for transactions under way: they are short, but a server may hang."""


class ForkGate:
    """
    Lets transactions pass, and none while the process forks.

    Args:
        close: Closes all connections that no transaction uses.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close
        self._moved = threading.Condition()
        self._under_way = 0
        self._shut = False
        _gates.add(self)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Count the block as a transaction; wait first for a fork under way."""
        with self._moved:
            self._moved.wait_for(lambda: not self._shut)
            self._under_way += 1
        try:
            yield
        finally:
            with self._moved:
                self._under_way -= 1
                self._moved.notify_all()

    def shut(self) -> None:
        """Let no transaction begin, and wait for those under way to end."""
        self._moved.acquire()
        self._shut = True
        self._moved.wait_for(lambda: not self._under_way, _PATIENCE)

    def open_again(self, *, in_child: bool) -> None:
        """Go on; in a child without those transactions whose threads did not come along."""
        if in_child:
            self._under_way = 0
        self._shut = False
        self._moved.notify_all()
        self._moved.release()


_gates: weakref.WeakSet[ForkGate] = weakref.WeakSet()
_one_fork = threading.Lock()
_shut_gates: list[ForkGate] = []


def _before() -> None:
    _one_fork.acquire()
    _shut_gates[:] = _gates
    for gate in _shut_gates:
        gate.shut()
    # Only now: two gates may lead to one pool of connections.
    for gate in _shut_gates:
        gate.close()


def _after(*, in_child: bool) -> None:
    for gate in _shut_gates:
        gate.open_again(in_child=in_child)
    _shut_gates.clear()
    _one_fork.release()


os.register_at_fork(
    before=_before,
    after_in_parent=lambda: _after(in_child=False),
    after_in_child=lambda: _after(in_child=True),
)
