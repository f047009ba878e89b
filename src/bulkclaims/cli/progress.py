"""What a run shows of itself while it runs, and what it sums up at the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from attrs import define, field
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bulkclaims.jobs import JobStatus
from bulkclaims.records import ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from bulkclaims.cli.options import Terminal
    from bulkclaims.records import ResultLine

_PLAIN_SECONDS = 5.0
"""How often a run that writes to a file or pipe, not a terminal, says where it is."""
_OFTEN = 5
"""How many reasons for failure the summary lists."""


class Standing(Protocol):
    """How a job stands, in numbers."""

    @property
    def status(self) -> JobStatus:
        """Where it is in its life."""

    @property
    def total_rows(self) -> int:
        """All its rows."""

    @property
    def processed(self) -> int:
        """Those with a result."""

    @property
    def succeeded(self) -> int:
        """Those that were answered."""

    @property
    def failed(self) -> int:
        """Those that were not."""


class Display(Protocol):
    """Shows a job as it stands; called a few times a second."""

    def show(self, job: Standing) -> None:
        """Show *job*."""

    def close(self) -> None:
        """Leave the last state standing."""


@define
class _Speed:
    """Rows a second since this run began to watch, and the seconds left at that speed."""

    began: float = 0.0
    already: int | None = None

    def of(self, job: Standing) -> tuple[float, str]:
        if self.already is None:
            self.began, self.already = time.monotonic(), job.processed
        rate = (job.processed - self.already) / max(time.monotonic() - self.began, 0.001)
        return rate, duration((job.total_rows - job.processed) / rate) if rate > 0 else "?"


def duration(seconds: float) -> str:
    """Say *seconds* as a clock does: minutes and seconds, with hours if need be."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class BarDisplay:
    """A bar in a terminal: rows, successes, failures, rows a second, time left."""

    def __init__(self, console: Console) -> None:
        self._speed = _Speed()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:10}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("[green]{task.fields[succeeded]} ok[/] [red]{task.fields[failed]} failed[/]"),
            TextColumn("{task.fields[rate]:.0f} rows/s"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]} left"),
            console=console,
        )
        self._task = self._progress.add_task("", total=None, succeeded=0, failed=0, rate=0.0, left="?")
        self._progress.start()

    def show(self, job: Standing) -> None:
        """Show *job*."""
        rate, left = self._speed.of(job)
        self._progress.update(
            self._task,
            description=job.status.lower(),
            total=job.total_rows,
            completed=job.processed,
            succeeded=job.succeeded,
            failed=job.failed,
            rate=rate,
            left=left,
        )

    def close(self) -> None:
        """Leave the bar as it is."""
        self._progress.stop()


class LineDisplay:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._speed = _Speed()
        self._said = 0.0

    def show(self, job: Standing) -> None:
        """Show *job*, unless it was shown just now."""
        rate, left = self._speed.of(job)
        if time.monotonic() - self._said >= _PLAIN_SECONDS or job.status.ended:
            self._said = time.monotonic()
            self._console.print(
                f"{job.status} {job.processed}/{job.total_rows} rows, {job.succeeded} ok, {job.failed} failed, "
                f"{rate:.0f} rows/s, {left} left",
                soft_wrap=True,
            )

    def close(self) -> None:
        """Nothing is left open."""


class NoDisplay:
    """Nothing, where a program reads along."""

    def show(self, job: Standing) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is left open."""


def display_of(terminal: Terminal, status: JobStatus) -> Display:
    """Make the display that suits where a command writes, for a job of this status."""
    if terminal.as_json or status.ended:
        return NoDisplay()
    return BarDisplay(terminal.err) if terminal.err.is_terminal else LineDisplay(terminal.err)


@define
class Tally:
    """Counts results by status word and by reason as they pass on their way into the file."""

    statuses: Counter[tuple[str, bool]] = field(factory=Counter)
    reasons: Counter[str] = field(factory=Counter)
    compared: int = 0
    """Results that an earlier job says something of, if only that it has no such row."""
    changed: int = 0
    unknown: int = 0
    """Those of which earlier jobs have no answer, so that nobody knows whether they changed."""

    def count(self, lines: Iterable[ResultLine]) -> Iterator[ResultLine]:
        """Pass *lines* on, counted."""
        for line in lines:
            result = line.result
            self.statuses[result.status, result.success] += 1
            if result.error:
                self.reasons[result.error] += 1
            if line.earlier:
                self.compared += 1
                self.changed += line.earlier.changed
                self.unknown += line.earlier.status in {"", ERROR}
            yield line

    def table(self) -> Table:
        """Make the summary that a person reads when the run is over."""
        table = Table(box=None, pad_edge=False)
        table.add_column("status")
        table.add_column("rows", justify="right")
        for (status, success), rows in self.statuses.most_common():
            table.add_row(Text(status, style="green" if success else "red"), f"{rows:,}")
        for reason, rows in self.reasons.most_common(_OFTEN):
            table.add_row(Padding(reason, (0, 0, 0, 2)), f"{rows:,}", style="dim")
        if self.compared:
            table.add_row("changed since the earlier job", f"{self.changed:,}")
        if self.unknown:
            table.add_row("no earlier answer", f"{self.unknown:,}")
        return table


class Ended(Standing, Protocol):
    """How a job stands that has ended."""

    @property
    def problem(self) -> str:
        """Why it ended as FAILED."""


def headline(job: Ended) -> str:
    """Say in a sentence what an ended job came to."""
    match job.status:
        case JobStatus.FAILED:
            return f"The run ended early. {job.problem}"
        case JobStatus.CANCELLED:
            return f"Cancelled after {job.processed:,} of {job.total_rows:,} rows"
        case _:
            return f"{job.succeeded:,} of {job.total_rows:,} rows answered"
