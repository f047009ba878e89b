"""`bulkclaims check`: everything that is wrong with a file, grouped and located; nothing is stored or sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs
import click
from rich.text import Text

from bulkclaims.cli import wiring
from bulkclaims.cli.files import open_claims
from bulkclaims.cli.options import ALL_SUCCEEDED, SOME_FAILED, common_options

if TYPE_CHECKING:
    from bulkclaims.cli.options import Terminal
    from bulkclaims.client import CheckInfo
    from bulkclaims.intake import CheckReport, Problem
    from bulkclaims.records import UploadFacts


@click.command()
@click.argument("claims", type=click.Path(path_type=Path))
@common_options
def check(terminal: Terminal, claims: Path) -> None:
    """
    Say what is wrong with CLAIMS, without sending anything.

    Exits with 0 when every row can be sent, 1 when some cannot, 2 when the file as a whole cannot be used.
    """
    intake = wiring.checker(terminal.settings)
    with open_claims(claims) as upload:
        report = intake.check(upload, terminal.settings.defaults)
    say_report(terminal, report, report.facts)


def say_report(terminal: Terminal, report: CheckReport | CheckInfo, facts: UploadFacts | CheckInfo) -> NoReturn:
    """Say what is wrong with a file, and end with the exit code that says so, too."""
    terminal.give(attrs.asdict(report))
    terminal.say(_summary(report, facts))
    for problem in report.problems:
        terminal.say(_sentence(problem))
    raise click.exceptions.Exit(SOME_FAILED if report.bad_rows else ALL_SUCCEEDED)


def _summary(report: CheckReport | CheckInfo, facts: UploadFacts | CheckInfo) -> str:
    good = report.total_rows - report.bad_rows
    lines = [
        f"{report.total_rows:,} rows, {good:,} can be sent, {report.bad_rows:,} cannot.",
        f"Read as {facts.encoding}, cells separated by {_NAMES.get(facts.delimiter, facts.delimiter)}.",
        *facts.notes,
    ]
    return "\n".join(lines)


_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


def _sentence(problem: Problem) -> Text:
    where = ", ".join(str(row) for row in problem.rows) + (" …" if problem.count > len(problem.rows) else "")
    rows, row = ("1 row ", "row") if problem.count == 1 else (f"{problem.count:,} rows", "rows")
    column = f"{problem.column}: " if problem.column else ""
    return Text.assemble((rows, "red"), f" {column}{problem.message} ", (f"({problem.code}; {row} {where})", "dim"))
