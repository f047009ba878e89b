"""Processes that can be killed, frozen and waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
from attrs import define

if TYPE_CHECKING:
    from pathlib import Path

# What is killed tells nothing of what it has covered, and would be slower.
_OURS = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
LOOK_AGAIN = 0.02
"""Seconds between two looks at a condition that is waited for."""


def until(condition, seconds=60.0):
    """Wait until *condition* holds, and return what it came to."""
    give_up_at = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"Not within {seconds:g} seconds: {condition.__doc__ or condition}")
        time.sleep(LOOK_AGAIN)
    return found


@define(eq=False)
class Process:
    """A program with all its children, in sessions and groups of whatever kind."""

    popen: subprocess.Popen
    log: Path

    @classmethod
    def start(cls, command, folder, name, environment):
        """Start it; what it says is kept in a file named after it."""
        log = folder / f"{name}.log"
        with log.open("ab") as said:
            popen = subprocess.Popen(
                command,
                cwd=folder,
                env=_OURS | environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        return cls(popen, log)

    @property
    def children(self):
        """Whom it has forked: a Celery worker its pool, an RQ worker its work-horse."""
        return psutil.Process(self.popen.pid).children(recursive=True) if self.is_alive else []

    @property
    def is_alive(self):
        """Whether it runs."""
        return self.popen.poll() is None

    def kill(self):
        """End all of it at once, as a power cut would: none of it sees another part end."""
        self.freeze()
        _each(self._whole(), psutil.Process.kill)
        self.popen.wait()

    def kill_children(self):
        """End only those that look up."""
        _each(until(lambda: self.children), psutil.Process.kill)

    def kill_parent(self):
        """End only the one that was started, and leave its children orphans."""
        self.popen.kill()
        self.popen.wait()

    def freeze(self):
        """Let none of it run."""
        _each(self._whole(), psutil.Process.suspend)

    def thaw(self):
        """Let it run on, as if nothing had been."""
        _each(self._whole(), psutil.Process.resume)

    def stop(self):
        """Ask it to end, and wait; then see to it that nothing is left."""
        if self.is_alive:
            left = self._whole()
            self.popen.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(10)
            _each(left, psutil.Process.kill)
        self.popen.wait()

    def _whole(self):
        if not self.is_alive:
            return []
        return [psutil.Process(self.popen.pid), *self.children]


def _each(processes, act):
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            act(process)
