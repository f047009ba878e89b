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
from bulkclaims.cli.progress import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkclaims.cli.options import Terminal
    from bulkclaims.client import CheckInfo
    from bulkclaims.intake import CheckReport
    from bulkclaims.jobs import PayerPlan
    from bulkclaims.records import Problem, UploadFacts


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
    for plan in report.plan:
        terminal.say(plan_sentence(plan))
    raise click.exceptions.Exit(SOME_FAILED if report.bad_rows else ALL_SUCCEEDED)


def _summary(report: CheckReport | CheckInfo, facts: UploadFacts | CheckInfo) -> str:
    good = report.total_rows - report.bad_rows
    lines = [
        f"{_counted(report.total_rows)}, {good:,} can be sent, {report.bad_rows:,} cannot.",
        f"Read as {facts.encoding}, cells separated by {_NAMES.get(facts.delimiter, facts.delimiter)}.",
        *facts.notes,
    ]
    return "\n".join(lines)


def plan_sentence(plan: PayerPlan) -> str:
    """Say what it takes to ask one payer account."""
    searches = f", {plan.searches:,} of them searches by dates of service" if plan.searches else ""
    most = f" (at most {plan.most_calls:,})" if plan.most_calls != plan.calls else ""
    lasts = f"; at its rate that takes {duration(max(1.0, plan.seconds))}" if plan.seconds else ""
    budget = f"; its budget of {plan.per_day:,} a day spreads them over {plan.days:,} days" if plan.days > 1 else ""
    calls = _counted(plan.calls, "request")
    return f"To ask {plan.account} for {_counted(plan.rows)}: {calls}{most}{searches}{lasts}{budget}."


def _ranges(rows: Sequence[int]) -> str:
    """Say *rows*, which ascend, with a dash for three or more that follow one another: `1, 4, 7-9`."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    parts = (f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)  # noqa: PLR2004
    return ", ".join(parts)


_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


def _counted(number: int, what: str = "row") -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _sentence(problem: Problem) -> Text:
    where = _ranges(problem.rows) + (" …" if problem.count > len(problem.rows) else "")
    rows, row = ("1 row ", "row") if problem.count == 1 else (_counted(problem.count), "rows")
    column = f"{problem.column}: " if problem.column else ""
    return Text.assemble((rows, "red"), f" {column}{problem.message} ", (f"({problem.code}; {row} {where})", "dim"))
