"""`bulkclaims serve`: the HTTP API on this machine, to try it out or to write a client against."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bulkclaims.access import Role
from bulkclaims.cli import wiring
from bulkclaims.cli.demo import demo_settings, simulated_payer
from bulkclaims.cli.options import common_options
from bulkclaims.errors import SettingsWrong
from bulkclaims.jobs import Settings
from bulkclaims.testing.wsgi import served
from bulkclaims.web.tokens import issue_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from wsgiref.types import WSGIApplication

    from bulkclaims.cli.options import Terminal
    from bulkclaims.cli.settings import CommandSettings
    from bulkclaims.interfaces import TokenStore
    from bulkclaims.service import BulkClaims

_ENDS = (signal.SIGINT, signal.SIGTERM)
_TOKEN_LASTS = timedelta(days=1)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; any free port unless given.")
@common_options
def serve(terminal: Terminal, port: int) -> None:
    """
    Serve the HTTP API to this machine until Ctrl-C; prints one line, `ready URL token TOKEN`, once it does.

    Without a [payer] in the settings a simulated payer answers, and jobs are kept for as long as this runs. For
    evaluation: a host application of your own serves everybody else.
    """
    # Blocked before any thread starts, so that no thread but this one gets them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        with ExitStack() as held:
            is_set = terminal.settings.payer or terminal.settings.payers
            settings = terminal.settings if is_set else _simulated(terminal, held)
            url, token = _start(settings, port, held)
            click.echo(f"ready {url} token {token}")
            signal.sigwait(_ENDS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _simulated(terminal: Terminal, held: ExitStack) -> CommandSettings:
    terminal.note("No [payer] is set: a simulated one answers, and what is kept is deleted at the end.")
    folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="bulkclaims-serve-")))
    return demo_settings(terminal.settings, folder, held.enter_context(simulated_payer()))


def _start(settings: CommandSettings, port: int, held: ExitStack) -> tuple[str, str]:
    # Who serves uploads does not watch each job as `run` does: deadline and sweeps are those of any process.
    jobs = attrs.evolve(settings.jobs, deadline_seconds=Settings().deadline_seconds, sweep_seconds=5.0)
    bulk, store = held.enter_context(wiring.service(attrs.evolve(settings, jobs=jobs)))
    bulk.start()
    app = _app(bulk, store, settings.defaults)
    issued = issue_token(
        store,
        organisation=settings.organisation,
        user="serve",
        role=Role.MANAGE,
        lifetime=_TOKEN_LASTS,
        now=datetime.now(UTC),
    )
    try:
        return held.enter_context(served(app, port)), issued.text
    except OSError as error:
        raise SettingsWrong(f"Port {port} cannot be used: {os.strerror(error.errno or 0)}.") from error


def _app(bulk: BulkClaims, store: TokenStore, defaults: Mapping[str, str]) -> WSGIApplication:
    from flask import Flask  # noqa: PLC0415 -- no other command needs it

    from bulkclaims_flask import BulkClaims as Extension  # noqa: PLC0415

    app = Flask("bulkclaims")
    app.config["BULKCLAIMS_DEFAULTS"] = defaults
    Extension().init_app(app, bulk, tokens=store)
    return app
