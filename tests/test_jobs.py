"""A job does its own arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from bulkclaims.errors import SettingsWrong
from bulkclaims.jobs import Job, JobId, JobStatus, Outcome, Owner, Progress, Settings, UploadSummary, Workers
from bulkclaims.records import UploadFacts

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def job():
    """A job of 100 rows, half way."""
    facts = UploadFacts("utf-8", ",", ("claim_number",), 1000, "")
    return Job(
        id=JobId("1"),
        owner=Owner("ACME"),
        filename="claims.csv",
        status=JobStatus.PROCESSING,
        total_rows=100,
        succeeded=43,
        failed=2,
        upload=UploadSummary(facts),
        created_at=NOON,
        queued_at=NOON,
    )


def test_progress_reads_as_the_guide_shows_it(job):
    """45 of 100 rows, 43 of them successes, are 45.0 and 95.6 percent."""
    assert (job.processed, job.progress_percentage, job.success_rate) == (45, 45.0, 95.6)
    assert job.outcome is None


@pytest.mark.parametrize(
    ("succeeded", "failed", "progress", "rate"),
    [(0, 0, 0.0, 0.0), (99_999, 0, 99.9, 100.0), (99_999, 1, 100.0, 99.9), (100_000, 0, 100.0, 100.0)],
)
def test_a_hundred_percent_is_all(job, succeeded, failed, progress, rate):
    """100.0 is shown when nothing is open, or nothing failed, and never by rounding."""
    job = evolve(job, total_rows=100_000, succeeded=succeeded, failed=failed)

    assert (job.progress_percentage, job.success_rate) == (progress, rate)


@pytest.mark.parametrize(
    ("status", "succeeded", "outcome"),
    [
        (JobStatus.COMPLETED, 100, Outcome.ALL_SUCCEEDED),
        (JobStatus.COMPLETED, 99, Outcome.PARTIAL),
        (JobStatus.CANCELLED, 1, Outcome.PARTIAL),
        (JobStatus.COMPLETED, 0, Outcome.NONE_SUCCEEDED),
        (JobStatus.FAILED, 0, Outcome.NONE_SUCCEEDED),
        (JobStatus.PENDING, 0, None),
    ],
)
def test_an_ended_job_says_what_it_came_to(job, status, succeeded, outcome):
    """The outcome tells what the status does not; a job that runs has none."""
    assert evolve(job, status=status, succeeded=succeeded).outcome is outcome


def test_a_job_of_no_rows_has_made_no_progress(job):
    """Nothing is divided by zero."""
    assert evolve(job, total_rows=0, succeeded=0, failed=0).progress_percentage == 0.0


def after(job, seconds, **changes):
    """How the job moves, so many seconds after noon."""
    return Progress(evolve(job, **changes), NOON + timedelta(seconds=seconds))


def test_a_waiting_job_says_for_how_long(job):
    """Waiting counts from when this run was queued; a clock that lags behind the database's never makes it negative."""
    waiting = {"status": JobStatus.PENDING}

    assert after(job, 240, **waiting).queued_seconds == 240
    assert after(job, -3, **waiting).queued_seconds == 0
    assert after(job, 240).queued_seconds is None


def test_the_time_left_follows_from_this_runs_speed(job):
    """25 rows in 50 s, without the 20 that were answered before, leave 110 s for the 55 that are open."""
    assert after(job, 50, started_at=NOON, answered_before=20).eta_seconds == 110


@pytest.mark.parametrize(
    "changes",
    [
        {"status": JobStatus.PENDING, "started_at": NOON},
        {"status": JobStatus.COMPLETED, "started_at": NOON},
        {"started_at": NOON, "answered_before": 45},
        {},
    ],
    ids=["waiting", "ended", "nothing answered yet", "not started"],
)
def test_the_time_left_may_not_be_known(job, changes):
    """Nothing is promised before the first answer, nor when nothing runs."""
    assert after(job, 50, **changes).eta_seconds is None


def test_a_job_that_nobody_comes_for_says_so(job):
    """After half a minute without a worker progress tells it, with the cure; before, and while it runs, nothing."""
    waiting = {"status": JobStatus.PENDING}

    assert after(job, 29, **waiting).notice == ""
    assert after(job, 240, **waiting).notice.startswith("Queued for 240 seconds and no worker has come")
    assert after(job, 240).notice == ""


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [
        (None, "Queued for 240 seconds and no worker has come for it; check that workers are running."),
        (Workers(0, None), "Queued for 240 seconds, and no worker has ever been seen: start one."),
        (
            Workers(0, NOON - timedelta(hours=3)),
            "Queued for 240 seconds, and no worker has been seen since 2026-11-24 09:00:00 UTC: start one.",
        ),
        (Workers(1, NOON), "Queued for 240 seconds: 1 worker is running, and none has come for it yet."),
        (Workers(7, NOON), "Queued for 240 seconds: 7 workers are running, and none has come for it yet."),
    ],
    ids=["not looked for", "never", "gone", "one", "several"],
)
def test_a_job_that_waits_says_why(job, workers, sentence):
    """Whether there are workers is told apart: to wait, to start one, or to see why they are gone."""
    progress = evolve(after(job, 240, status=JobStatus.PENDING), workers=workers)

    assert progress.notice == sentence


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (0.5, "12:00 UTC"),
        (299.5, "12:05 UTC"),
        (300, "12:05 UTC"),
        (301, "12:06 UTC"),
        (12 * 3600, "2026-11-25 00:00 UTC"),
    ],
)
def test_a_job_whose_rows_are_put_aside_says_until_when(job, seconds, moment):
    """To the minute, in which they go on or have gone on; the day is named where it is another."""
    waiting = {"waiting_until": NOON + timedelta(seconds=seconds), "waiting_for": "The payer is away."}

    assert after(job, 0, **waiting).notice == f"Some rows wait until {moment}: The payer is away."


def test_a_job_that_waits_no_longer_says_nothing(job):
    """Once the moment has come, or the job has ended."""
    waiting = {"waiting_until": NOON + timedelta(seconds=60), "waiting_for": "The payer is away."}

    assert after(job, 60, **waiting).notice == ""
    assert after(job, 0, **waiting, status=JobStatus.CANCELLED).notice == ""


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"lease_seconds": 4, "renew_seconds": 5},
            r"renew_seconds is to be at most half of lease_seconds, and is 5 of 4:",
        ),
        ({"renew_seconds": 7.6}, r"renew_seconds is to be at most half of lease_seconds, and is 7\.6 of 15:"),
        ({"renew_seconds": 0}, "The setting renew_seconds is to be above zero, and is 0"),
        ({"lease_seconds": -1}, "The setting lease_seconds is to be above zero, and is -1"),
        ({"lease_seconds": float("nan")}, "The setting lease_seconds is to be above zero, and is nan"),
        ({"chunk_rows": 0}, "The setting chunk_rows is to be above zero"),
        ({"window": 0}, "The setting window is to be above zero"),
        ({"max_attempts": 0}, "The setting max_attempts is to be above zero"),
        ({"sweep_seconds": 0}, "The setting sweep_seconds is to be above zero"),
        ({"retention_seconds": -1}, "The setting retention_seconds is to be zero or more, and is -1"),
        ({"deadline_seconds": -1}, "The setting deadline_seconds is to be zero or more"),
    ],
)
def test_settings_that_no_run_could_keep_are_refused(wrong, sentence):
    """A lease that is shorter than two renewals would pass to another worker undisturbed; the sentence names both."""
    with pytest.raises(SettingsWrong, match=sentence):
        Settings(**wrong)


def test_a_lease_is_renewed_in_time_whatever_its_length():
    """Whoever changes only how long a lease lasts has two renewals to lose still."""
    assert [Settings(lease_seconds=seconds).renew_seconds for seconds in (6, 90)] == [2, 30]


def test_half_a_lease_is_time_enough():
    """The bound itself is allowed, and so is to keep nothing and to wait for nothing."""
    settings = Settings(lease_seconds=10, renew_seconds=5, retention_seconds=0, deadline_seconds=None)

    assert (settings.renew_seconds, settings.deadline_seconds) == (5, None)
