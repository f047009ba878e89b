"""What all commands have in common: options, output for people or programs, errors as sentences."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
import click
from attrs import frozen
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table

from bulkclaims.access import misnamed
from bulkclaims.cli.settings import CommandSettings, read_settings
from bulkclaims.errors import ApiProblem, BulkClaimsError, SettingsWrong, UploadRejected
from bulkclaims.jobs import JobStatus, Outcome
from bulkclaims.privacy import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.text import Text

    from bulkclaims.client import JobInfo
    from bulkclaims.jobs import Job

ALL_SUCCEEDED, SOME_FAILED, NOT_DONE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: by outcome of the job, 2 when the command could not do what was asked, 130 after Ctrl-C."""

_DEFAULT_CONFIG = Path("bulkclaims.toml")


@frozen
class Terminal:
    """Where a command writes: results of its work to standard output, everything else to standard error."""

    settings: CommandSettings
    as_json: bool
    out: Console
    err: Console
    given: tuple[str, ...] = ()
    """The options of all commands that stood on the command line."""

    def command(self, *words: str) -> str:
        """Say a command as it can be typed to work on what this one worked on."""
        return shlex.join(("bulkclaims", *words, *self.given))

    def say(self, what: str | Text | Table) -> None:
        """Write *what* for a person; nothing when a program reads along."""
        if not self.as_json:
            # Long lines are the terminal's to break: a path or an id that we broke could not be copied.
            with standard_output():
                self.out.print(what, soft_wrap=not isinstance(what, Table))

    def note(self, text: str | Text) -> None:
        """Write *text* beside the output."""
        self.err.print(text, soft_wrap=True)

    def give(self, value: object) -> None:
        """Write *value* as JSON; nothing when a person reads along."""
        if self.as_json:
            with standard_output():
                click.echo(json.dumps(value, indent=2, default=str))


class OutputLost(SettingsWrong):
    """Standard output cannot be written, so that nothing can be said there of it either."""

    code = "output_unwritable"


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """
    Write to standard output, to the last byte.

    Raises:
        OutputLost: It cannot be written.
    """
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in its buffer would fail once more at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputLost(f"Standard output cannot be written: {error.strerror}.") from error


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command takes, and hand it a `Terminal` made of them."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="BULKCLAIMS_CONFIG",
        help="Settings file; bulkclaims.toml if that is here.",
    )
    @click.option(
        "--database",
        envvar="BULKCLAIMS_DATABASE",
        help="SQLAlchemy URL of the database; sqlite:///bulkclaims.db unless the settings say otherwise.",
    )
    @click.option("--organisation", "--org", help="Whose jobs and tokens; 'local' unless the settings say otherwise.")
    @click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")
    @wraps(command)
    def with_options(
        *args: Any,  # noqa: ANN401 -- whatever the command takes
        config: Path | None,
        database: str | None,
        organisation: str | None,
        as_json: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        terminal = terminal_of(as_json=as_json, given=tuple(_given(click.get_current_context())))
        with errors_told(terminal):
            settings = read_settings(config or (_DEFAULT_CONFIG if _DEFAULT_CONFIG.exists() else None))
            settings = attrs.evolve(
                settings,
                database=database or settings.database,
                organisation=settings.organisation if organisation is None else organisation,
            )
            if wrong := misnamed(settings.organisation):
                raise SettingsWrong(wrong)
            command(attrs.evolve(terminal, settings=settings), *args, **kwargs)

    return with_options


def _given(context: click.Context) -> Iterator[str]:
    for name in ("config", "database", "organisation"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            yield from (f"--{name}", _without_password(str(context.params[name])))
    if context.params["as_json"]:
        yield "--json"


def _without_password(url: str) -> str:
    """Leave a password out of what may end in a log."""
    return re.sub(r"(?<=://)([^:/]*):[^@]*@", r"\1:***@", url)


@contextmanager
def errors_told(terminal: Terminal) -> Iterator[None]:
    """End the command with a sentence and an exit code, whatever happens."""
    try:
        yield
    except BulkClaimsError as error:
        _refuse(terminal, error)
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        # click ends quietly when nobody reads on, as in `| head`.
        raise
    except KeyboardInterrupt:
        terminal.note("Stopped.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001 -- a traceback may quote a row, and helps nobody at a terminal
        sentence = f"This is a bug of bulkclaims, not of your file: {describe(error)}."
        _refuse(terminal, BulkClaimsError(sentence, code="bug"))


def terminal_of(*, as_json: bool, given: tuple[str, ...] = ()) -> Terminal:
    """Make the terminal of a command that has read no settings yet."""
    return Terminal(CommandSettings(), as_json, _console(), _console(stderr=True), given)


def _console(*, stderr: bool = False) -> Console:
    """Make a console that takes all text literally: a file name may well hold [brackets] or :colons:."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def _refuse(terminal: Terminal, error: BulkClaimsError) -> None:
    if not terminal.as_json or isinstance(error, OutputLost):
        terminal.note(error.message)
    try:
        terminal.give({"error": _error_as_json(error)})
    except OutputLost as lost:
        terminal.note(f"{error.message}\n{lost.message}")
    raise click.exceptions.Exit(NOT_DONE)


def _error_as_json(error: BulkClaimsError) -> dict[str, Any]:
    guesses = error.guesses if isinstance(error, UploadRejected | ApiProblem) else {}
    return {
        "code": error.code,
        "message": error.message,
        "at_fault": error.at_fault,
        "retry_helps": error.retry_helps,
        **({"guesses": guesses} if guesses else {}),
    }


def exit_code(job: Job | JobInfo) -> int:
    """0 when every row was answered, 1 otherwise."""
    done = job.status is JobStatus.COMPLETED and job.outcome is Outcome.ALL_SUCCEEDED
    return ALL_SUCCEEDED if done else SOME_FAILED
