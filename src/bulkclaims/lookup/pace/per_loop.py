"""Things that belong to one event loop and must not exist before it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PerLoop(Generic[T]):
    """
    One *T* for each event loop, made when it is first needed there.

    Sockets, locks and semaphores bind to the loop they are first used on. Made so late, none of them exists in a parent
    process that forks its workers, and a second loop in the same process gets its own.

    Args:
        make: Makes a new *T*; called on the loop that will own it.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """The running loop's own."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(loop)
        if kept is None:
            kept = self._kept[loop] = self._make()
        return kept

    def drop(self) -> T | None:
        """Forget the running loop's own and return it, if there is one."""
        return self._kept.pop(asyncio.get_running_loop(), None)
