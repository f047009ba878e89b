"""`bulkclaims check`: everything that is wrong with a file, grouped and located; nothing is stored or sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import attrs
import click
from rich.text import Text

from bulkclaims.checking import report_csv
from bulkclaims.cli import wiring
from bulkclaims.cli.files import check_output, open_claims, write_whole
from bulkclaims.cli.layouts import layout_options
from bulkclaims.cli.options import ALL_SUCCEEDED, SOME_FAILED, common_options
from bulkclaims.cli.progress import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkclaims.checking import CheckReport
    from bulkclaims.cli.options import Terminal
    from bulkclaims.client import CheckInfo
    from bulkclaims.jobs import PayerPlan
    from bulkclaims.records import Layout, Problem, UploadFacts


_NOTED = 10
"""So many kinds of what is worth a look are said before a run goes on."""

report_option = click.option(
    "--report",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the report to this CSV file, with a line for each row that it lists.",
)


@click.command()
@click.argument("claims", type=click.Path(path_type=Path))
@report_option
@layout_options
@common_options
def check(terminal: Terminal, claims: Path, output: Path | None, *, layout: Layout) -> None:
    """
    Say what is wrong with CLAIMS, without sending anything.

    Exits with 0 when every row can be sent, 1 when some cannot, 2 when the file as a whole cannot be used.
    """
    settings = terminal.settings
    if output is not None:
        check_output(output, claims)
    with wiring.checker(settings) as intake, open_claims(claims) as upload:
        layout = attrs.evolve(layout, saved=settings.columns)
        report = intake.check(upload, settings.defaults, organisation=settings.organisation, layout=layout)
    if output is not None:
        write_whole(output, report_csv(report))
    say_report(terminal, report, report.facts)


def say_report(terminal: Terminal, report: CheckReport | CheckInfo, facts: UploadFacts | CheckInfo) -> NoReturn:
    """Say what is wrong with a file, and end with the exit code that says so, too."""
    terminal.give({**attrs.asdict(report, filter=_is_told), "truncated": report.truncated})
    terminal.say(_summary(report, facts))
    for problem in report.problems:
        terminal.say(problem_sentence(problem, "red"))
    say_warnings(terminal, report.warnings)
    for plan in report.plan:
        terminal.say(plan_sentence(plan))
    raise click.exceptions.Exit(SOME_FAILED if report.bad_rows else ALL_SUCCEEDED)


def say_warnings(terminal: Terminal, warnings: Sequence[Problem]) -> None:
    """Say what is worth a look in rows that are sent all the same."""
    for line in _warnings(warnings):
        terminal.say(line)


def note_warnings(terminal: Terminal, warnings: Sequence[Problem], job_id: str) -> None:
    """Say the first of it beside the output, and where the rest is."""
    for line in _warnings(warnings[:_NOTED]):
        terminal.note(line)
    if len(warnings) > _NOTED:
        terminal.note(f"… and {len(warnings) - _NOTED:,} more; see {terminal.command('show', job_id)}")


def _warnings(warnings: Sequence[Problem]) -> Iterator[str | Text]:
    if warnings:
        yield "Worth a look, though the rows are sent:"
    yield from (problem_sentence(problem, "yellow") for problem in warnings)


def _is_told(attribute: attrs.Attribute[object], _: object) -> bool:
    """The listed cells themselves are for the CSV file; the groups name their rows and shapes."""
    return attribute.name != "cells"


def _summary(report: CheckReport | CheckInfo, facts: UploadFacts | CheckInfo) -> str:
    good = report.total_rows - report.bad_rows
    separated = f"Read as {facts.encoding}, cells separated by {_NAMES.get(facts.delimiter, facts.delimiter)}."
    lines = [
        f"{_counted(report.total_rows)}, {good:,} can be sent, {report.bad_rows:,} cannot.",
        f"Read from the sheet {facts.sheet} of a workbook." if facts.sheet else separated,
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


def problem_sentence(problem: Problem, style: str) -> Text:
    """Say how many rows have a problem, which, and what stands there."""
    rows, row = ("1 row", "row") if problem.count == 1 else (_counted(problem.count), "rows")
    column = f"{problem.column}: " if problem.column else ""
    where = (
        [f"{row} {_ranges(problem.rows)}{' …' if problem.count > len(problem.rows) else ''}"] if problem.rows else []
    )
    seen = [f"such as {', '.join(problem.seen)}"] if problem.seen else []
    told = "; ".join([problem.code, *where, *seen])
    return Text.assemble((f"{rows}: " if where else "", style), f"{column}{problem.message} ", (f"({told})", "dim"))
