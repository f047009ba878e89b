"""`manage.py bulkclaims_run`: a worker that needs no queue."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import evolve
from django.core.management import BaseCommand

from bulkclaims.jobs import Settings
from bulkclaims_django.conf import conf
from bulkclaims_django.management.errors import plainly
from bulkclaims_django.service import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.service import BulkClaims

_ENDS = (signal.SIGINT, signal.SIGTERM)


class Command(BaseCommand):
    """Runs jobs until it is stopped; any number of such processes share them."""

    help = "Run jobs in this process until it is stopped."

    def handle(self, **_: object) -> None:
        """Sweep, run what is found, and again."""
        with plainly(), make(None, _settings()) as bulk, _stopped_by_signals(bulk) as stopped:
            bulk.sweep()
            bulk.start()
            self.stdout.write("Running jobs; Ctrl-C or SIGTERM ends it.")
            stopped.wait()
        self.stdout.write("Stopped; what is answered is kept, and the rest goes on elsewhere or later.")


def _settings() -> Settings:
    """Give the project's, but that chunks are looked for by this process, and soon, whoever was rung for."""
    jobs = conf().jobs
    seconds = jobs.sweep_seconds or Settings().sweep_seconds or 0
    return evolve(jobs, sweep_seconds=seconds, ring_again_seconds=min(jobs.ring_again_seconds, seconds))


@contextmanager
def _stopped_by_signals(bulk: BulkClaims) -> Iterator[threading.Event]:
    """Stop at Ctrl-C or a polite kill: what is in flight is still recorded. A second one ends the process at once."""
    stopped = threading.Event()

    def stop(*_: object) -> None:
        for each in _ENDS:
            signal.signal(each, signal.SIG_DFL)
        bulk.stop()
        stopped.set()

    before = {number: signal.signal(number, stop) for number in _ENDS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
