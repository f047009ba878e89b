"""Tests of `bulkclaims_django.signals`: who hears that a job has ended, and when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from bulkclaims.jobs import JobStatus
from bulkclaims.testing.contracts.scenes import LONG, OURS, answer, crowd, finish, take, upload
from bulkclaims_django.repository import DjangoRepository
from bulkclaims_django.signals import job_ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.jobs import Job


@pytest.fixture
def ended() -> Iterator[list[Job]]:
    """The jobs that were told of."""
    told: list[Job] = []

    def hear(sender: type, job: Job, **_: Any) -> None:
        told.append(job)

    job_ended.connect(hear, sender=DjangoRepository)
    yield told
    job_ended.disconnect(hear, sender=DjangoRepository)


def test_each_end_is_told_once(repository: DjangoRepository, ended: list[Job]) -> None:
    """However a run ends, receivers get the job as it then stands; calls that end nothing tell nothing."""
    stopped = upload(repository, deadline_seconds=0)
    take(repository, stopped, seconds=0)
    wished = upload(repository)
    lease = take(repository, wished)
    repository.cancel(OURS, wished.id)
    repository.release(lease)

    ends = [
        upload(repository, refused=range(1, 7)),
        finish(repository, upload(repository)),
        repository.cancel(OURS, upload(repository).id),
        repository.settle(wished.id),
        repository.settle(stopped.id),
        repository.fail(upload(repository).id, "No."),
    ]
    for job in ends:
        repository.settle(job.id)
        repository.fail(job.id, "Again.")
        repository.publish(job.id, job.upload)

    assert ended == ends


def test_each_run_ends_once(repository: DjangoRepository, ended: list[Job]) -> None:
    """A job that was reopened ends again, and that is told, too."""
    job = finish(repository, upload(repository), failing={1})
    repository.reopen(OURS, job.id)
    answer(repository, job, 0)
    repository.settle(job.id)

    assert [(one.run, one.status) for one in ended] == [(1, JobStatus.COMPLETED), (2, JobStatus.COMPLETED)]


def test_many_at_the_same_moment_tell_once(repository: DjangoRepository, ended: list[Job]) -> None:
    """Of callers that would all end the job, the one that did tells."""
    job = upload(repository, chunks=1)
    answer(repository, job, 0)

    crowd(lambda number: repository.settle(job.id) if number % 2 else repository.fail(job.id, "No."))

    assert ended == [repository.get(OURS, job.id)]


@pytest.mark.parametrize("committed", [True, False])
def test_a_hosts_transaction_is_waited_for(
    using: str, repository: DjangoRepository, ended: list[Job], *, committed: bool
) -> None:
    """Within an atomic block the end is told when the block commits, and never when it does not."""
    job = upload(repository)

    with transaction.atomic(using=using):
        repository.fail(job.id, "No.")
        assert ended == []
        transaction.set_rollback(not committed, using=using)

    assert [one.problem for one in ended] == (["No."] if committed else [])


def test_a_receiver_that_fails_harms_nobody(
    repository: DjangoRepository, ended: list[Job], caplog: pytest.LogCaptureFixture
) -> None:
    """The others are called, the operation returns, and the log names the receiver and not what it said."""

    def fail(**_: Any) -> None:
        raise ValueError("CHANTAL KISA")

    job_ended.connect(fail)
    try:
        with caplog.at_level(logging.DEBUG):
            job = repository.fail(upload(repository).id, "No.")
    finally:
        job_ended.disconnect(fail)

    assert ended == [job]
    assert "fail of job_ended failed. ValueError at test_django_signals.py" in caplog.text
    assert "KISA" not in caplog.text


def test_a_receiver_may_use_the_repository(repository: DjangoRepository) -> None:
    """The end is committed, and no lock is held, when a receiver is called."""
    purged: list[int] = []

    def clear(job: Job, **_: Any) -> None:
        assert repository.get(OURS, job.id) == job
        repository.delete(OURS, job.id)
        purged.append(repository.purge(0, LONG))

    job_ended.connect(clear)
    try:
        job = upload(repository)
        repository.fail(job.id, "No.")
    finally:
        job_ended.disconnect(clear)

    assert purged == [0]
    assert repository.find(OURS).count == 0
