"""A server's process: started and waited for, stopped, or killed and started again where it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOOPBACK = "127.0.0.1"


class ServerMissing(RuntimeError):
    """A server that a test needs is not installed, or did not start; the sentence says what to do."""


@frozen
class Server:
    """A server that a test may kill, and start again at the same address and on the same data."""

    url: str = field(repr=False)
    kill: Callable[[], None]
    """Ends all its processes at once, as a power cut would, and returns when they are gone."""
    start: Callable[[], None]
    """Starts it again, and returns when it answers."""


@define
class ServerProcess:
    """A program that serves, with all its children, which share its session."""

    command: Sequence[str]
    folder: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and ask until it answers."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 -- the system's own server
                self.command,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await(self._process)

    def stop(self) -> None:
        """Ask it to end; then see to it that nothing is left."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        while self.is_ready():  # its children, which are not ours to wait for, take a moment to go
            time.sleep(0.01)

    @property
    def _log(self) -> Path:
        return self.folder / f"{Path(self.command[0]).name}.log"

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > give_up_at:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise ServerMissing(f"{self._log.stem} did not start; the end of what it said:\n{said}")
            time.sleep(0.05)


@contextmanager
def serving(process: ServerProcess) -> Iterator[ServerProcess]:
    """Keep the process up, and stop it at the end."""
    try:
        process.start()
        yield process
    finally:
        process.stop()


@contextmanager
def server_folder() -> Iterator[Path]:
    """Make a folder for one server."""
    # Not pytest's: its paths are longer than a socket's may be, and closed to the user that PostgreSQL runs as.
    with TemporaryDirectory(prefix="bulkclaims-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def greets(address: Path) -> bool:
    """Whether something behind the socket speaks first, as MariaDB does once it takes connections."""
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        client.connect(str(address))
        return bool(client.recv(1))
    return False


def answers(port: int, greeting: bytes) -> bool:
    """Whether something at the port replies to its protocol's greeting."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1) as client:
        client.sendall(greeting)
        return bool(client.recv(1))
    return False


def prepare(command: Sequence[str], folder: Path) -> None:
    """Run a program that has to be done before a server starts."""
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603 -- the system's own
    if done.returncode:
        raise ServerMissing(f"{command[0]} failed: {(done.stdout + done.stderr).decode(errors='replace')[-3000:]}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different since they are held until the last one is found."""
    holders = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports
