"""What a process that forks its workers must not hand down, and what it is called."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable


def forget_in_children(forget: Callable[[], None]) -> None:
    """
    Have a bound method called in each process that is forked from now on.

    Threads do not come along, so whatever counts on one begins anew there.

    Args:
        forget: Called as long as its object lives.
    """
    method = WeakMethod(forget)
    os.register_at_fork(after_in_child=lambda: (forget := method()) and forget())


def process_name() -> str:
    """Name this process among all that share a repository; asked for anew, since a fork makes another of it."""
    return f"{socket.gethostname()}:{os.getpid()}"
