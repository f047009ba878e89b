"""The simulated payer as a server on loopback: in a thread for tests, or a process of its own."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from bulkclaims.testing.simulator.app import PayerApp
from bulkclaims.testing.simulator.settings import SimulatorSettings

try:
    import uvicorn
except ModuleNotFoundError as error:
    sentence = "The payer simulator needs further packages: pip install 'bulkclaims[simulator]'"
    raise ModuleNotFoundError(sentence, name=error.name) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOOPBACK = "127.0.0.1"
_ENDS = (signal.SIGINT, signal.SIGTERM)
_CLOSING_SECONDS = 5.0
"""How long to wait for the server's thread: uvloop 0.21 now and then never returns from closing its loop, which by then
serves nobody."""


class PayerSimulator:
    """
    A simulated payer in a thread of this process, while it is entered.

    Args:
        settings: What it is like.
    """

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self._settings = settings or SimulatorSettings()
        self._held = ExitStack()
        self.url = ""
        """Such as `http://127.0.0.1:54321`, while it runs."""

    @property
    def requests(self) -> Sequence[str]:
        """The claim number of every look-up so far, in the order of arrival."""
        return tuple(self._app.requests)

    def __enter__(self) -> Self:
        """Start, and return once it listens."""
        with ExitStack() as held:
            listener, self.url = _listen(self._settings, held)
            self._app, server = _server(self._settings, held)
            thread = threading.Thread(target=server.run, args=([listener],), name="payer-simulator", daemon=True)
            held.callback(thread.join, _CLOSING_SECONDS)
            held.callback(setattr, server, "should_exit", True)  # noqa: FBT003 -- an attribute's value
            thread.start()
            self._held = held.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self._held.close()


def serve(settings: SimulatorSettings, ready: Callable[[str], None]) -> None:
    """
    Serve until SIGINT or SIGTERM; to be called from the main thread.

    Args:
        settings: What the payer is like.
        ready: Called with the address once requests are taken.

    Raises:
        OSError: The port is taken.
    """
    # Blocked before the server's thread starts, so that no thread but this one gets them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        with PayerSimulator(settings) as payer:
            ready(payer.url)
            signal.sigwait(_ENDS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(settings: SimulatorSettings, held: ExitStack) -> tuple[socket.socket, str]:
    """Listen at once: requests wait in the socket until the server takes them."""
    listener = held.enter_context(socket.create_server((_LOOPBACK, settings.port), backlog=1024))
    return listener, f"http://{_LOOPBACK}:{listener.getsockname()[1]}"


def _server(settings: SimulatorSettings, held: ExitStack) -> tuple[PayerApp, uvicorn.Server]:
    log = held.enter_context(settings.log.open("a", buffering=1, encoding="utf-8")) if settings.log else None
    app = PayerApp(settings, log)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        interface="asgi3",
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="critical",
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    return app, uvicorn.Server(config)
