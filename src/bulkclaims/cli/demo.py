"""`bulkclaims simulate-payer` and `demo`: the whole path without a payer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from bulkclaims.cli.options import NOT_DONE, common_options
from bulkclaims.cli.run import run_file
from bulkclaims.errors import SettingsWrong, UploadRejected
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.simulator import DIALECTS, SimulatorSettings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.cli.options import Terminal
    from bulkclaims.cli.settings import CommandSettings

_KEY = "demo"
_IN_FLIGHT = 50
_SUFFIXES = ("-PAID", "-PAID", "-PAID", "-PAID", "-PEND", "-DENY", "-INFO", "-NF")
_DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}


@click.command("simulate-payer")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where to listen on this machine; any free port unless given.",
)
@click.option("--api-key", default="try-me", show_default=True, help="The key that requests must bring.")
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="stedi",
    show_default=True,
    help="Whose API it speaks.",
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, help="Seconds before each answer.")
@click.option("--error-rate", type=click.FloatRange(0, 1), default=0.0, help="Share of requests answered 503.")
@click.option("--rate-limit", type=click.IntRange(1), help="Requests in any second; more are answered 429.")
@click.option("--max-in-flight", type=click.IntRange(1), help="Requests at a time; more are answered 429.")
@click.option("--retry-after", type=click.IntRange(0), help="Seconds in the Retry-After header of a 429 or 503.")
@click.option("--outage", type=(float, float), help="From and until when, in seconds, all is answered 503.")
@click.option(
    "--claims",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A claims file whose claims it knows by their days of service.",
)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="A file for a line about each request.")
@click.option("--while-stdin-is-open", "with_parent", is_flag=True, hidden=True)
def simulate_payer(*, with_parent: bool, **options: Any) -> None:  # noqa: ANN401 -- the options above, as `SimulatorSettings` names them
    """Run a made-up payer on this machine until Ctrl-C; prints one line, `ready URL`, once it takes requests."""

    def ready(url: str) -> None:
        click.echo(f"ready {url}")
        if with_parent:
            threading.Thread(target=_end_with_parent, daemon=True).start()

    try:
        serve(SimulatorSettings(**options), ready)
    except UploadRejected as error:
        click.echo(f"{options['claims']} cannot be used. {error}", err=True)
        raise click.exceptions.Exit(NOT_DONE) from error
    except OSError as error:
        what = error.filename or f"Port {options['port']}"
        click.echo(f"{what} cannot be used: {os.strerror(error.errno or 0)}.", err=True)
        raise click.exceptions.Exit(NOT_DONE) from error


def _end_with_parent() -> None:
    """End once standard input does, which nobody writes to: however the process at its other end has ended."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Rows of the made-up file, of which 3 % are bad.",
)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to keep the files.")
@common_options
def demo(terminal: Terminal, rows: int, folder: Path | None) -> None:
    """Run a made-up file against a simulated payer, over real HTTP, and leave the files to be looked at."""
    where = ("--folder", str(folder)) if folder else ()
    advice = f"Begin again with: {terminal.command('demo', '--rows', str(rows), *where)}"
    folder = folder or Path(tempfile.mkdtemp(prefix="bulkclaims-demo-"))
    claims, results = folder / "claims.csv", folder / "results.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with claims.open("wb") as file:
            file.writelines(claims_csv(rows, bad_every=33, suffixes=_SUFFIXES))
    except OSError as error:
        raise SettingsWrong(f"The folder {folder} cannot be used: {error.strerror}.") from error
    terminal.note(f"Made up {rows:,} claims in {claims}; a simulated payer answers, 50 ms for each.")
    with simulated_payer() as url:
        settings = demo_settings(terminal.settings, folder, url)
        run_file(attrs.evolve(terminal, settings=settings), claims, results, advice)


def demo_settings(settings: CommandSettings, folder: Path, url: str) -> CommandSettings:
    """
    Put the simulated payer in the place of real ones.

    Args:
        settings: What else is set stays, but for kept answers: made-up ones serve no other job.
        folder: Where the database and the payer's key are to be.
        url: Where the payer is.
    """
    (folder / "payer.key").write_text(_KEY, encoding="utf-8")
    payer = {
        "connector": "stedi",
        "base_url": url,
        "organization_name": "Sample Clinic PC",
        "api_key_file": "payer.key",
        "max_in_flight": _IN_FLIGHT,
    }
    database = f"sqlite:///{folder / 'jobs.db'}"
    return attrs.evolve(
        settings, database=database, payer=payer, payers={}, answers={}, defaults=_DEFAULTS, folder=folder
    )


@contextmanager
def simulated_payer() -> Iterator[str]:
    """Run the simulated payer in a process of its own, as a real one would be."""
    options = ["--latency", "0.05", "--api-key", _KEY, "--while-stdin-is-open"]
    command = [sys.executable, "-m", "bulkclaims.cli", "simulate-payer", *options]
    pipe = subprocess.PIPE
    # In a session of its own, Ctrl-C at the terminal does not reach it, so that answers in flight still arrive.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:  # noqa: S603 -- this program itself
        yield process.stdout.readline().split()[1] if process.stdout else ""
