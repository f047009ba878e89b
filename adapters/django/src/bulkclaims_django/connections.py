"""
Whose a connection is. Django keeps one for each thread and closes it when a request ends; other threads have no end.

So what an operation finds open is the host's and left alone: a request, a command or a test goes on with it. What an
operation opened itself is closed behind it, or, where `CONN_MAX_AGE` lets connections persist, once it is that old.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Opened(threading.local):
    """The drivers' connections that were opened here on this thread and may still be open, by alias."""

    def __init__(self) -> None:
        self.by_alias: dict[str, Any] = {}


_opened = _Opened()


@contextmanager
def tidied() -> Iterator[None]:
    """Leave no connection open behind the block that was not open before it."""
    before = {one.alias: one.connection for one in connections.all(initialized_only=True)}
    try:
        yield
    finally:
        for one in connections.all(initialized_only=True):
            if one.connection is not before.get(one.alias):
                _opened.by_alias[one.alias] = one.connection
            if one.connection is not None and one.connection is _opened.by_alias.get(one.alias):
                _close(one)


def _close(connection: Any) -> None:  # noqa: ANN401
    # In an atomic block the host goes on with it.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
