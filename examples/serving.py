"""What the examples need around them: a made-up payer, a port, programs beside each other, and an end that is clean."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.request import urlopen

from bulkclaims.testing.wsgi import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from wsgiref.types import WSGIApplication

PAYER_KEY = "try-me"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UP_SECONDS = 60.0


@contextmanager
def simulated_payer() -> Iterator[str]:
    """Run the simulated payer in a process of its own, as a real one would be; gives its address."""
    command = [sys.executable, "-m", "bulkclaims.cli", "simulate-payer", "--latency", "0.2", "--api-key", PAYER_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


def ending() -> threading.Event:
    """Make an event that Ctrl-C, SIGTERM and a terminal's end set; whatever is under way then is done to its end."""
    over = threading.Event()
    for number in ENDS:
        signal.signal(number, lambda *_: over.set())
    return over


# An application in this process


def serve(app: WSGIApplication, token: str) -> None:
    """Serve *app* until Ctrl-C; prints one line once it does. `PORT` names the port, any free one by default."""
    over = ending()
    port = os.environ.get("PORT", "0")
    with ExitStack() as held:
        try:
            url = held.enter_context(served(app, int(port)))
        except (OSError, ValueError):
            refuse_port(port)
        print(f"ready {url} token {token}", flush=True)
        over.wait()


def refuse_port(port: str) -> NoReturn:
    """End, and say what to do about it."""
    sys.exit(f"The port {port} cannot be used; name another one with PORT=.")


# Programs beside each other


def free_address() -> str:
    """Say where the web process is to listen: at the port that `PORT` names, any free one by default."""
    port = os.environ.get("PORT", "0")
    try:
        with socket.create_server(("127.0.0.1", int(port))) as found:
            return f"127.0.0.1:{found.getsockname()[1]}"
    except (OSError, ValueError, OverflowError):
        refuse_port(port)


def started(held: ExitStack, server: AbstractContextManager[str]) -> str:
    """Start a server, to be stopped with *held*; gives its URL."""
    # It may share our process group, and at a terminal's Ctrl-C it is not to end before those who need it.
    deaf_to = {signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, deaf_to)
    try:
        return held.enter_context(server)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, deaf_to)


def on_path(environment: dict[str, str]) -> dict[str, str]:
    """Add *environment* to our own, with the programs that are installed beside this Python first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, **environment, "PATH": path}


def printed(command: str) -> str:
    """Run a program to its end; gives what it printed."""
    return subprocess.run(
        shlex.split(command), env=on_path({}), stdout=subprocess.PIPE, text=True, check=True, start_new_session=True
    ).stdout.strip()


@contextmanager
def running(command: str, **environment: str) -> Iterator[None]:
    """Run a program as a service manager would: it is told to end, and waited for."""
    # In a session of its own no terminal's Ctrl-C reaches it: we end one after the other.
    with subprocess.Popen(
        shlex.split(command), env=on_path(environment), stdout=sys.stderr, start_new_session=True
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for_the_end(address: str, token: str, workers_are_up: Callable[[], bool], over: threading.Event) -> None:
    """Print one line once web process and workers are up; return when all is to end."""
    url = f"http://{address}"
    give_up_at = time.monotonic() + UP_SECONDS
    while not over.is_set() and not (answers(url) and workers_are_up()):
        if time.monotonic() > give_up_at:
            sys.exit("Not everything came up; what was said above tells why.")
        over.wait(0.1)
    if not over.is_set():
        print(f"ready {url} token {token}", flush=True)
    over.wait()


def answers(url: str) -> bool:
    """Whether the application behind *url* has a page to show."""
    try:
        with urlopen(url, timeout=10):
            return True
    except OSError:
        return False
