"""Jobs kept in this process: the reference member, for tests, demonstrations and reading."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import Factory, define, evolve

from bulkclaims.errors import JobNotFound, LeaseLost, UploadRepeated
from bulkclaims.jobs import Chunk, Job, JobId, JobPage, JobStatus, Lease, StoredChunk
from bulkclaims.repositories import rules
from bulkclaims.repositories.access import MemoryAccess
from bulkclaims.repositories.beats import MemoryBeats
from bulkclaims.repositories.kept import MemoryKept
from bulkclaims.repositories.limiter import MemoryLimiter
from bulkclaims.repositories.tokens import MemoryTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bulkclaims.jobs import NewChunk, NewJob, UploadSummary
    from bulkclaims.records import SealedResult


@define
class _Chunk:
    rows: int
    payload: bytes
    results: dict[int, SealedResult]
    asked_before: dict[int, int] = Factory(dict)
    """By row: how often earlier runs asked for it."""
    fence: int = 0
    attempts: int = 0
    leased_until: datetime | None = None
    """None while nobody holds the chunk; in the past when its holder is late but nobody has taken over."""
    rung_at: datetime | None = None
    """None when the bell was not rung, or somebody came."""
    patience: int = 1
    """For how many times *again_after* that bell counts."""
    parked_until: datetime | None = None
    """Until then it is put aside."""

    @property
    def finished(self) -> bool:
        return len(self.results) == self.rows

    def live(self, now: datetime) -> bool:
        return self.leased_until is not None and self.leased_until > now

    def parked(self, now: datetime) -> bool:
        return self.parked_until is not None and self.parked_until > now

    def out(self, now: datetime, again_after: float) -> bool:
        span = timedelta(seconds=again_after * self.patience)
        return self.live(now) or (self.rung_at is not None and self.rung_at + span > now)

    def ring(self, now: datetime) -> None:
        self.patience = 1 if self.rung_at is None else min(2 * self.patience, rules.MOST_PATIENCE)
        self.rung_at = now

    def give_back(self) -> None:
        self.leased_until = None
        self.attempts = max(self.attempts - 1, 0)

    def reopen(self) -> None:
        for row, result in list(self.results.items()):
            if not (result.success or result.refused):
                self.asked_before[row] = result.asked
                del self.results[row]
        self.attempts, self.leased_until, self.rung_at, self.parked_until = 0, None, None, None


@define
class _Upload:
    job: NewJob
    alive_at: datetime
    chunks: dict[int, _Chunk] = Factory(dict)


@define
class _Stored:
    job: Job
    chunks: dict[int, _Chunk]
    key: str


class MemoryRepository(MemoryLimiter, MemoryTokens, MemoryAccess, MemoryKept, MemoryBeats):
    """
    A `JobRepository` in plain dictionaries, lost when the process ends.

    A `Limiter`, `TokenStore`, `AccessStore` and `KeptStore`, too.

    Args:
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        MemoryTokens.__init__(self)
        MemoryAccess.__init__(self, now)
        MemoryKept.__init__(self, now)
        MemoryBeats.__init__(self, now)
        self._uploads: dict[JobId, _Upload] = {}
        self._jobs: dict[JobId, _Stored] = {}

    def begin(self, job: NewJob, in_flight_seconds: float = 60.0) -> JobId:  # noqa: D102 -- the contracts stand in `interfaces`
        job_id = JobId(str(uuid4()))
        with self._lock:
            if job.key:
                self._claim_key(job.owner.organisation, job.key, in_flight_seconds)
            self._uploads[job_id] = _Upload(job, self._now())
        return job_id

    def _claim_key(self, organisation: str, key: str, in_flight_seconds: float) -> None:
        for job_id, stored in self._jobs.items():
            if (stored.job.owner.organisation, stored.key) == (organisation, key):
                raise UploadRepeated(job_id)
        for job_id, upload in list(self._uploads.items()):
            if (upload.job.owner.organisation, upload.job.key) == (organisation, key):
                if upload.alive_at + timedelta(seconds=in_flight_seconds) > self._now():
                    raise UploadRepeated
                del self._uploads[job_id]

    def add(self, job_id: JobId, chunk: NewChunk) -> None:  # noqa: D102
        refused = {result.row: result for result in chunk.refused}
        with self._lock:
            upload = self._upload(job_id)
            upload.chunks[chunk.number] = _Chunk(chunk.rows, chunk.payload, refused)
            upload.alive_at = self._now()

    def publish(self, job_id: JobId, summary: UploadSummary) -> Job:  # noqa: D102
        with self._lock:
            upload = self._upload(job_id)
            now = self._now()
            total = sum(chunk.rows for chunk in upload.chunks.values())
            refused = sum(len(chunk.results) for chunk in upload.chunks.values())
            job = Job(
                id=job_id,
                owner=upload.job.owner,
                filename=upload.job.filename,
                status=JobStatus.PENDING,
                total_rows=total,
                succeeded=0,
                failed=refused,
                refused=refused,
                answered_before=refused,
                upload=summary,
                defaults=dict(upload.job.defaults),
                salt=upload.job.salt,
                deadline_seconds=upload.job.deadline_seconds,
                created_at=now,
                queued_at=now,
            )
            del self._uploads[job_id]
            stored = self._jobs[job_id] = _Stored(job, upload.chunks, upload.job.key)
            return self._end(stored, JobStatus.FAILED, rules.ALL_REFUSED) if refused == total else job

    def discard(self, job_id: JobId) -> None:  # noqa: D102
        with self._lock:
            self._uploads.pop(job_id, None)

    def get(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        with self._lock:
            return self._owned(organisation, job_id).job

    def find(  # noqa: D102, PLR0913 -- the contract's criteria
        self,
        organisation: str,
        *,
        status: JobStatus | None = None,
        search: str = "",
        created_after: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> JobPage:
        with self._lock:
            newest_first = [stored.job for stored in reversed(self._jobs.values())]
        found = tuple(
            job
            for job in newest_first
            if job.owner.organisation == organisation
            and (status is None or job.status is status)
            and search.casefold() in job.filename.casefold()
            and (created_after is None or job.created_at > created_after)
        )
        return JobPage(len(found), found[offset : offset + limit])

    def chunks(self, organisation: str, job_id: JobId, first: int = 0) -> Iterator[StoredChunk]:  # noqa: D102
        with self._lock:
            chunks = sorted(self._owned(organisation, job_id).chunks.items())
        return (self._read(number, chunk) for number, chunk in chunks if number >= first)

    def cancel(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        with self._lock:
            stored = self._owned(organisation, job_id)
            rules.check_cancellable(stored.job)
            stored.job = evolve(stored.job, cancel_requested=True)
            pending = stored.job.status is JobStatus.PENDING
            return self._end(stored, JobStatus.CANCELLED) if pending else stored.job

    def reopen(self, organisation: str, job_id: JobId) -> Job:  # noqa: D102
        with self._lock:
            stored = self._owned(organisation, job_id)
            job = stored.job
            rules.check_reopenable(job)
            for chunk in stored.chunks.values():
                chunk.reopen()
            stored.job = evolve(job, **rules.reopened(job, self._now()))
            return stored.job

    def delete(self, organisation: str, job_id: JobId) -> None:  # noqa: D102
        with self._lock:
            rules.check_deletable(self._owned(organisation, job_id).job)
            self._erase(job_id)

    def ring(self, job_id: JobId, window: int, again_after: float) -> Sequence[Chunk]:  # noqa: D102
        with self._lock:
            stored, now = self._jobs.get(job_id), self._now()
            if stored is None or not _going(stored.job, now):
                return []
            unfinished = {number: chunk for number, chunk in stored.chunks.items() if not chunk.finished}
            out = sum(chunk.out(now, again_after) for chunk in unfinished.values())
            free = {number: chunk for number, chunk in unfinished.items() if not chunk.parked(now)}
            waiting = sorted(number for number, chunk in free.items() if not chunk.out(now, again_after))
            chosen = waiting[: max(window - out, 0)]
            for number in chosen:
                unfinished[number].ring(now)
            return [Chunk(job_id, number) for number in chosen]

    def lease(self, chunk: Chunk, worker: str, seconds: float) -> Lease | None:  # noqa: D102
        with self._lock:
            stored, now = self._jobs.get(chunk.job_id), self._now()
            if stored is None or not _going(stored.job, now):
                return None
            kept = stored.chunks.get(chunk.number)
            if kept is None or kept.finished or kept.live(now) or kept.parked(now):
                return None
            if stored.job.status is JobStatus.PENDING:
                stored.job = _started(stored.job, now)
            stored.job = evolve(stored.job, worker_seen_at=now)
            kept.fence += 1
            kept.attempts += 1
            kept.leased_until, kept.rung_at, kept.parked_until = now + timedelta(seconds=seconds), None, None
            answered = frozenset(kept.results)
            return Lease(chunk, stored.job, worker, kept.fence, kept.attempts, kept.payload, answered)

    def renew(self, lease: Lease, seconds: float) -> bool:  # noqa: D102
        with self._lock:
            stored, chunk = self._held(lease)
            now = self._now()
            chunk.leased_until = now + timedelta(seconds=seconds)
            return _going(stored.job, now)

    def record(self, lease: Lease, results: Sequence[SealedResult]) -> bool:  # noqa: D102
        with self._lock:
            stored, chunk = self._held(lease)
            # Reversed, so that of two results for one row the first one stays.
            new = {result.row: result for result in reversed(results) if result.row not in chunk.results}
            for row, result in new.items():
                chunk.results[row] = evolve(result, asked=result.asked + chunk.asked_before.get(row, 0))
            now = self._now()
            stored.job = evolve(_counted(stored.job, new.values()), worker_seen_at=now)
            if new:
                chunk.attempts = 0
            return _going(stored.job, now)

    def release(self, lease: Lease) -> None:  # noqa: D102
        with self._lock:
            try:
                _, chunk = self._held(lease)
            except LeaseLost:
                return
            chunk.give_back()

    def park(self, lease: Lease, seconds: float, reason: str) -> None:  # noqa: D102
        with self._lock:
            try:
                stored, chunk = self._held(lease)
            except LeaseLost:
                return
            chunk.give_back()
            if chunk.finished:
                return
            until, earlier = self._now() + timedelta(seconds=seconds), stored.job.waiting_until
            chunk.parked_until, chunk.rung_at = until, None
            if earlier is None or earlier <= until:
                stored.job = evolve(stored.job, waiting_until=until, waiting_for=reason)

    def answers(self, job_id: JobId, fingerprints: Collection[bytes]) -> Mapping[bytes, SealedResult]:  # noqa: D102
        with self._lock:
            stored = self._jobs.get(job_id)
            if stored is None:
                return {}
            wanted = frozenset(fingerprints)
            return {
                result.fingerprint: result
                for chunk in stored.chunks.values()
                for result in chunk.results.values()
                if result.fingerprint is not None and result.fingerprint in wanted
            }

    def settle(self, job_id: JobId) -> Job:  # noqa: D102
        with self._lock:
            stored, now = self._published(job_id), self._now()
            job = stored.job
            if job.status.ended:
                return job
            if job.processed == job.total_rows:
                return self._end(stored, JobStatus.COMPLETED)
            if _going(job, now) or any(chunk.live(now) for chunk in stored.chunks.values()):
                return job
            if job.cancel_requested:
                return self._end(stored, JobStatus.CANCELLED)
            return self._end(stored, JobStatus.FAILED, job.problem or rules.TOO_LATE)

    def fail(self, job_id: JobId, problem: str) -> Job:  # noqa: D102
        with self._lock:
            stored = self._published(job_id)
            job = stored.job
            if not (job.status.ended or job.problem):
                stored.job = evolve(job, problem=problem or rules.NO_REASON)
            return self.settle(job_id)

    def active(self) -> Sequence[JobId]:  # noqa: D102
        with self._lock:
            return [job_id for job_id, stored in self._jobs.items() if not stored.job.status.ended]

    def unbegun(self, at_least: float, less_than: float) -> Chunk | None:  # noqa: D102
        with self._lock:
            now = self._now()
            latest, earliest = now - timedelta(seconds=at_least), now - timedelta(seconds=less_than)
            pending = (stored for stored in self._jobs.values() if stored.job.status is JobStatus.PENDING)
            waiting = [stored for stored in pending if earliest < stored.job.queued_at <= latest]
            if not waiting:
                return None
            newest = max(reversed(waiting), key=lambda stored: stored.job.queued_at)
            unfinished = (number for number, chunk in newest.chunks.items() if len(chunk.results) < chunk.rows)
            return next((Chunk(newest.job.id, number) for number in unfinished), None)

    def purge(self, ended_before: float, abandoned_before: float) -> int:  # noqa: D102
        self._forget_beats(ended_before)
        self._forget_lapsed()
        with self._lock:
            now = self._now()
            ended = _older_than(now, ended_before, {key: stored.job.ended_at for key, stored in self._jobs.items()})
            begun = _older_than(now, abandoned_before, {key: upload.alive_at for key, upload in self._uploads.items()})
            for job_id in ended:
                self._erase(job_id)
            for job_id in begun:
                del self._uploads[job_id]
            return len(ended) + len(begun)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _upload(self, job_id: JobId) -> _Upload:
        try:
            return self._uploads[job_id]
        except KeyError:
            raise JobNotFound from None

    def _published(self, job_id: JobId) -> _Stored:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise JobNotFound from None

    def _owned(self, organisation: str, job_id: JobId) -> _Stored:
        stored = self._published(job_id)
        if stored.job.owner.organisation != organisation:
            raise JobNotFound
        return stored

    def _held(self, lease: Lease) -> tuple[_Stored, _Chunk]:
        stored = self._jobs.get(lease.chunk.job_id)
        if stored is None or stored.job.status is not JobStatus.PROCESSING:
            raise LeaseLost
        chunk = stored.chunks[lease.chunk.number]
        if chunk.fence != lease.fence or chunk.leased_until is None:
            raise LeaseLost
        return stored, chunk

    def _erase(self, job_id: JobId) -> None:
        del self._jobs[job_id]
        self._drop_scope(job_id)

    def _read(self, number: int, chunk: _Chunk) -> StoredChunk:
        with self._lock:
            return StoredChunk(number, chunk.payload, tuple(chunk.results[row] for row in sorted(chunk.results)))

    def _end(self, stored: _Stored, status: JobStatus, problem: str = "") -> Job:
        stored.job = evolve(stored.job, status=status, problem=problem, ended_at=self._now(), **rules.NOT_WAITING)
        return stored.job


def _going(job: Job, now: datetime) -> bool:
    late = job.deadline_at is not None and job.deadline_at <= now
    return not (job.status.ended or job.cancel_requested or job.problem or late)


def _started(job: Job, now: datetime) -> Job:
    seconds = job.deadline_seconds
    deadline = None if seconds is None else now + timedelta(seconds=seconds)
    return evolve(job, status=JobStatus.PROCESSING, started_at=now, deadline_at=deadline)


def _counted(job: Job, results: Collection[SealedResult]) -> Job:
    succeeded = sum(result.success for result in results)
    return evolve(job, succeeded=job.succeeded + succeeded, failed=job.failed + len(results) - succeeded)


def _older_than(now: datetime, seconds: float, times: Mapping[JobId, datetime | None]) -> list[JobId]:
    limit = now - timedelta(seconds=seconds)
    return [job_id for job_id, time in times.items() if time is not None and time <= limit]
