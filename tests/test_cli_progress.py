"""Tests of `bulkclaims.cli.progress`."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from attrs import evolve
from rich.console import Console

from bulkclaims.cli import progress
from bulkclaims.cli.progress import BarDisplay, LineDisplay, NoDisplay, Tally, headline
from bulkclaims.jobs import Job, JobId, JobStatus, Owner, UploadSummary
from bulkclaims.records import Earlier, ResultLine, Row, RowResult, UploadFacts

FACTS = UploadFacts("utf-8", ",", (), 1, "")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Job(
    id=JobId("x"), owner=Owner("ACME"), filename="claims.csv", status=JobStatus.PROCESSING, total_rows=2000,
    succeeded=10, failed=2, upload=UploadSummary(FACTS), created_at=NEW_YEAR, queued_at=NEW_YEAR,
)  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def screen():
    """What was written."""
    return io.StringIO()


def test_lines_come_at_once_then_now_and_then_and_at_the_end(clock, screen):
    """The first state, one every five seconds, and the last are told, with the rate of this run and the time left."""
    display = LineDisplay(Console(file=screen, width=200))
    display.show(JOB)
    clock[0] += 1
    display.show(evolve(JOB, succeeded=500))
    clock[0] += 4
    display.show(evolve(JOB, succeeded=510))
    clock[0] += 1
    display.show(evolve(JOB, succeeded=1998, status=JobStatus.COMPLETED))
    display.close()

    assert screen.getvalue().splitlines() == [
        "PROCESSING 12/2000 rows, 10 ok, 2 failed, 0 rows/s, ? left",
        "PROCESSING 512/2000 rows, 510 ok, 2 failed, 100 rows/s, 0:15 left",
        "COMPLETED 2000/2000 rows, 1998 ok, 2 failed, 331 rows/s, 0:00 left",
    ]


def test_hours_are_told_as_hours(clock, screen):
    """A long wait is told in hours, minutes and seconds."""
    display = LineDisplay(Console(file=screen, width=200))
    display.show(JOB)
    clock[0] += 10
    display.show(evolve(JOB, succeeded=11))
    assert "5:31:10 left" in screen.getvalue()


def test_the_bar_ends_with_the_last_state(screen):
    """A terminal keeps the last state when the run is over, also a narrow one."""
    for width in (40, 120):
        display = BarDisplay(Console(file=screen, width=width, force_terminal=True, color_system=None))
        display.show(JOB)
        display.show(evolve(JOB, succeeded=1998, status=JobStatus.COMPLETED))
        display.close()
    *_, last, _ = screen.getvalue().splitlines()
    assert "2000/2000" in last
    assert "1998 ok 2 failed" in last


def test_nothing_is_shown_to_a_program():
    """The third display does nothing, whatever it is told."""
    display = NoDisplay()
    assert display.show(JOB) is None
    assert display.close() is None


def test_the_summary_counts_words_and_the_five_commonest_reasons(screen):
    """Rows are counted by their word, and reasons by how often they were given; brackets stay."""
    tally = Tally()
    results = [RowResult(1, "PCN1", "Finalized", True)]
    results += [RowResult(n, "PCN1", "Error", False, error=f"Reason {n % 7} [HTTP {n % 7}]") for n in range(2, 30)]
    lines = [ResultLine(Row(result.row, (), ()), result) for result in results]
    lines.append(ResultLine(Row(30, (), ()), results[0], Earlier("Pending", changed=True, days_in_status=None)))
    assert list(tally.count(lines)) == lines
    Console(file=screen, width=100, markup=False, highlight=False).print(tally.table())
    lines = [line.split() for line in screen.getvalue().splitlines()]

    assert lines[0] == ["status", "rows"]
    assert lines[1:3] == [["Error", "28"], ["Finalized", "2"]]
    assert len(lines) == 3 + 5 + 1
    assert lines[-1] == ["changed", "since", "the", "earlier", "job", "1"]
    assert lines[3][:2] == ["Reason", "2"]
    assert lines[3][2:] == ["[HTTP", "2]", "4"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (JobStatus.COMPLETED, "10 of 2,000 rows answered"),
        (JobStatus.FAILED, "The run ended early. No key."),
        (JobStatus.CANCELLED, "Cancelled after 12 of 2,000 rows"),
    ],
)
def test_the_headline_says_how_the_run_ended(status, sentence):
    """Each way to end has its sentence."""
    assert headline(evolve(JOB, status=status, problem="No key.")) == sentence
