"""What a repository promises of the processes that run chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkclaims.jobs import Workers
from bulkclaims.testing.contracts.scenes import LONG, crowd, take, upload

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobRepository


class BeatContract:
    """Who runs chunks can be told from signs of life, however many jobs there are."""

    def test_at_first_no_worker_was_ever_seen(self, repository: JobRepository) -> None:
        """A repository that nobody worked for knows of none; a job that waits is no sign of life."""
        upload(repository)
        assert repository.workers(LONG) == Workers(0, None)

    def test_each_process_counts_once(self, repository: JobRepository) -> None:
        """However often it beats; names that differ in case alone are two."""
        for worker in ("host-a:1", "host-a:2", "host-a:1", "HOST-A:1", "host-a:1"):
            repository.beat(worker)
        assert repository.workers(LONG).alive == 3

    def test_a_beat_has_the_repositorys_time(self, repository: JobRepository) -> None:
        """The latest beat of any process counts, by the clock that jobs go by."""
        queued_at = upload(repository).queued_at
        repository.beat("host-a:1")
        first = repository.workers(LONG).seen_at
        repository.beat("host-b:1")
        second = repository.workers(LONG).seen_at
        taken_at = take(repository, upload(repository)).job.worker_seen_at
        assert first is not None
        assert second is not None
        assert taken_at is not None
        assert queued_at <= first <= second <= taken_at

    def test_a_worker_that_fell_silent_was_seen_all_the_same(self, repository: JobRepository) -> None:
        """It is not alive any more, and when it was seen is still told."""
        repository.beat("host-a:1")
        seen = repository.workers(LONG)
        assert seen.seen_at is not None
        assert repository.workers(0) == Workers(0, seen.seen_at)

    def test_old_beats_are_forgotten_but_for_the_latest(self, repository: JobRepository) -> None:
        """`purge` does not count them as deleted, and leaves young ones alone."""
        for worker in ("host-a:1", "host-a:2"):
            repository.beat(worker)
        before = repository.workers(LONG)
        repository.purge(LONG, LONG)
        assert repository.workers(LONG) == before
        while repository.workers(LONG).seen_at == before.seen_at:
            repository.beat("host-a:3")  # until the clock has ticked
        latest = repository.workers(LONG).seen_at
        assert repository.purge(0, LONG) == 0
        assert repository.workers(LONG) == Workers(1, latest)
        assert repository.purge(0, LONG) == 0
        assert repository.workers(LONG) == Workers(1, latest)

    def test_beats_at_the_same_moment_are_all_noted(self, repository: JobRepository) -> None:
        """Also those of one process, from two of its threads."""
        crowd(lambda number: repository.beat(f"host-a:{number // 2}"))
        assert repository.workers(LONG).alive == 4
