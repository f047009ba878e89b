"""
The one `BulkClaims` of a process: made when it is first used, closed when the process ends.

A process that forks its workers before it used any of this hands them nothing. What it did use, a child forgets, and
makes its own. May be imported before Django is set up, as the module of a Celery application is.
"""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen
from django.core.signals import setting_changed
from django.db import Error, connections, router

from bulkclaims.parsing import UploadParser
from bulkclaims.service import BulkClaims
from bulkclaims.web import WebApi
from bulkclaims.web.authenticators import AnyOf, HostUsers
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_django.conf import NAME, conf
from bulkclaims_django.dispatch import LocalOnCommit, OnCommit

if TYPE_CHECKING:
    from bulkclaims.interfaces import Authenticator, Dispatcher
    from bulkclaims.jobs import Chunk, Settings
    from bulkclaims_django.repository import DjangoRepository

__all__ = ["alias", "api", "close", "make", "repository", "run", "service", "stand_by", "stop", "sweep"]


def service() -> BulkClaims:
    """
    Give this process's service.

    Raises:
        SettingsWrong: The setting `BULKCLAIMS` does not allow for one.
    """
    return _held.get().bulk


def api() -> WebApi:
    """
    Give this process's HTTP API for a request; opens the connection to its database, and begins to sweep.

    Raises:
        SettingsWrong: As `service` does.
    """
    held = _held.get()
    # A process that was started anew goes on with the jobs of the one before, though nobody uploads to it.
    held.bulk.start()
    with suppress(Error):
        # One for all that is about to be asked. What keeps it from opening, the first who asks will tell in a sentence.
        connections[alias()].ensure_connection()
    return held.api


def run(chunk: Chunk) -> bool:
    """
    Run one chunk in this process, and begin to sweep; what a task queue delivers ends here.

    Returns:
        False when this process is stopping: give the message back to the queue, for another to hear.
    """
    return service().run(chunk)


def stand_by() -> None:
    """Be a worker from now on: show that this process lives, and sweep; `run` does so by itself."""
    service().stand_by()


def sweep() -> None:
    """Bring back what was left behind by workers that died and messages that were lost."""
    service().sweep()


def stop() -> None:
    """Begin no further look-up in this process. Returns at once; `close` waits for those in flight."""
    _held.stop()


def close() -> None:
    """Stop, wait until what is in flight is recorded, and let go of everything; the next use begins anew."""
    _held.close()


def alias() -> str:
    """Give the alias of the database where jobs live."""
    from bulkclaims_django import models  # noqa: PLC0415 -- models need Django set up

    return conf().database or router.db_for_write(models.Job)


def repository() -> DjangoRepository:
    """Give the repository of jobs, which is also the limiter and where tokens are kept."""
    from bulkclaims_django.repository import DjangoRepository  # noqa: PLC0415 -- models need Django set up

    return DjangoRepository(alias())


def make(dispatcher: Dispatcher | None, settings: Settings) -> BulkClaims:
    """
    Make a service beside the process's own.

    Args:
        dispatcher: What takes chunks to workers; None to run them on threads of this service.
        settings: How jobs are run.

    Raises:
        SettingsWrong: The setting `BULKCLAIMS` names no processor, and there is no *dispatcher*.
    """
    said, store = conf(), repository()
    return BulkClaims(
        store,
        said.processor(store) if said.processor else None,
        parser=UploadParser(max_bytes=said.max_upload_bytes),
        dispatcher=dispatcher,
        cipher=said.cipher() if said.cipher else None,
        settings=settings,
        payers=said.payers,
    )


@frozen
class _Held:
    """What a process holds."""

    bulk: BulkClaims
    api: WebApi


def _hold() -> _Held:
    said, authenticator = conf(), _authenticator()
    dispatcher: Dispatcher
    if said.dispatcher is None:
        dispatcher = LocalOnCommit(lambda chunk: bulk.run(chunk), alias())  # noqa: PLW0108 -- it is made below
    else:
        dispatcher = OnCommit(said.dispatcher(), alias())
    bulk = make(dispatcher, said.jobs)
    return _Held(bulk, WebApi(bulk, authenticator, said.authorize, said.defaults))


def _authenticator() -> Authenticator:
    said, store = conf(), repository()
    if said.authenticator is not None:
        return said.authenticator(store)
    tokens = TokenAuthenticator(store)
    return AnyOf(tokens, HostUsers(said.host_user)) if said.host_user else tokens


class _Holder:
    """Makes what a process holds once, and lets go of it once."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._made: _Held | None = None

    def get(self) -> _Held:
        with self._lock:
            if self._made is None:
                self._made = _hold()
            return self._made

    def stop(self) -> None:
        if self._made is not None:
            self._made.bulk.stop()

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.bulk.close()


def _begin_anew(*, setting: str, **_: object) -> None:
    if setting == NAME:
        close()


_held = _Holder()
setting_changed.connect(_begin_anew, dispatch_uid="bulkclaims_django.service")
# `atexit` comes too late: Python waits for the threads of a pool before, and these would first run what they have.
getattr(threading, "_register_atexit", atexit.register)(close)
