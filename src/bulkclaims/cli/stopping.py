"""Ctrl-C and a polite kill: what is under way comes to a clean end."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENDS = (signal.SIGINT, signal.SIGTERM)


@define
class Stop:
    """Whether the command was asked to stop; whoever does its work looks here where it can stop well."""

    asked: bool = False
    _at_once: bool = field(default=False, init=False)

    def ask(self) -> None:
        """Ask for it."""
        self.asked = True
        if self._at_once:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Do what can be broken off anywhere: being asked raises `KeyboardInterrupt` there."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False


@frozen
class StoppableUpload:
    """A file that raises `KeyboardInterrupt` once the command was asked to stop: an upload breaks off there alone."""

    file: IO[bytes]
    stop: Stop

    def read(self, size: int) -> bytes:
        """Read, and wait no longer for what a pipe has not sent when asked to stop."""
        with self.stop.at_once():
            if self.stop.asked:
                raise KeyboardInterrupt
            return self.file.read(size)


@contextmanager
def stopped_by_signals(also: Callable[[], None]) -> Iterator[Stop]:
    """Ask to stop at the first signal, and call *also*. A second one ends the process at once."""
    stop = Stop()

    def handle(*_: object) -> None:
        for each in _ENDS:
            signal.signal(each, signal.SIG_DFL)
        also()
        stop.ask()

    before = {number: signal.signal(number, handle) for number in _ENDS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
