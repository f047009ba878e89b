"""What may be done to a job, and what a new run begins with: the same in each repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulkclaims.errors import NotNow
from bulkclaims.jobs import JobStatus

if TYPE_CHECKING:
    from bulkclaims.jobs import Job

ALL_REFUSED = "Every row was refused at upload: correct the rows named in the error log and upload the file again."
TOO_LATE = "The job was not done by its deadline. What was answered is kept; retry the job to go on from there."
NO_REASON = "The job could not go on, and whatever stopped it did not say why; the service's log may."
"""What stands in for a blank reason: where one is noted, it has to show."""

MOST_PATIENCE = 8
"""How many times longer than the first bell one counts that was never answered: not quite three minutes by default."""

NOT_WAITING: dict[str, Any] = {"waiting_until": None, "waiting_for": ""}
"""What changes of a job that waits for its payer once its run is over."""


def check_cancellable(job: Job) -> None:
    """
    See that there is something to cancel.

    Raises:
        NotNow: The job has ended.
    """
    if job.status.ended:
        raise NotNow("The job has ended already; there is nothing left to cancel.")


def check_reopenable(job: Job) -> None:
    """
    See that another run would have something to ask.

    Raises:
        NotNow: The job has not ended, or none of its rows can be retried.
    """
    if not job.status.ended:
        raise NotNow("The job is not over; it can be retried once it has ended.")
    if job.succeeded + job.refused == job.total_rows:
        raise NotNow("No row of the job can be retried: each succeeded or was refused at upload.")


def check_deletable(job: Job) -> None:
    """
    See that nobody works on the job.

    Raises:
        NotNow: It has not ended; the sentence says what to do first.
    """
    if job.status.ended:
        return
    if job.cancel_requested:
        raise NotNow("The job was cancelled, but a worker may still hold a part of it; try again in a minute.")
    raise NotNow("The job is not over; cancel it before deleting it.")


def reopened(job: Job, now: object) -> dict[str, Any]:
    """
    Give what changes of a job when another run begins.

    Args:
        job: As the last run left it.
        now: The moment, as the repository writes it: its database's own word for it, perhaps.
    """
    return {
        "status": JobStatus.PENDING,
        "failed": job.refused,
        "cancel_requested": False,
        "problem": "",
        "run": job.run + 1,
        "answered_before": job.succeeded + job.refused,
        "queued_at": now,
        "started_at": None,
        "worker_seen_at": None,
        "ended_at": None,
        "deadline_at": None,
        **NOT_WAITING,
    }
