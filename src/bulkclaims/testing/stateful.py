"""A state machine that drives a `JobRepository` through anything that can happen and compares it with a plain model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, evolve, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from bulkclaims.errors import LeaseLost, NotNow
from bulkclaims.jobs import Chunk, JobStatus, NewChunk
from bulkclaims.testing.contracts.scenes import LONG, OURS, ROWS, SUMMARY, new_job, recorded, refusal, result, rows_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from unittest import TestCase

    from hypothesis.stateful import MultipleResults

    from bulkclaims.interfaces import JobRepository
    from bulkclaims.jobs import Job, JobId, Lease
    from bulkclaims.records import SealedResult

Answers = list[tuple[int, bool]]

MOST_JOBS = 2
"""More jobs at a time would only dilute what happens to each."""
MOST_CHUNKS = 3

places = st.integers(1, ROWS)
few_rows = st.just(frozenset[int]()) | st.sets(places)
some_answers = st.lists(st.tuples(places, st.booleans()), max_size=ROWS + 1)
"""Which of a chunk's rows are answered, and whether they succeed; perhaps one of them twice."""
spans = st.sampled_from([0, LONG])
rarely = st.sampled_from([False, False, False, True])


@define
class ChunkModel:
    """What a chunk should be like."""

    results: dict[int, SealedResult]
    asked_before: dict[int, int] = field(factory=dict)
    holder: Lease | None = None
    live: bool = False
    rung: bool = False
    parked: bool = False
    fence: int = 0
    attempts: int = 0

    @property
    def finished(self) -> bool:
        """Whether each row has a result."""
        return len(self.results) == ROWS

    def reopen(self) -> None:
        """Take back what a retry asks again."""
        for row, kept in list(self.results.items()):
            if not (kept.success or kept.refused):
                self.asked_before[row] = kept.asked
                del self.results[row]
        self.holder, self.live, self.rung, self.parked, self.attempts = None, False, False, False, 0

    def give_back(self) -> None:
        """Let go of it."""
        self.holder, self.live, self.attempts = None, False, max(self.attempts - 1, 0)


@define
class JobModel:
    """What a job should be like."""

    chunks: list[ChunkModel]
    late_at_once: bool
    status: JobStatus = JobStatus.PENDING
    cancel_requested: bool = False
    problem: str = ""
    """Why it is to fail, while it is active."""
    run: int = 1
    waiting: tuple[float, str] | None = None
    """For how long something was put aside, and why."""
    ended: Job | None = None
    """The job as it was when it ended: nothing but a retry changes it."""

    @property
    def going(self) -> bool:
        """Whether further rows may be looked up."""
        late = self.late_at_once and self.status is JobStatus.PROCESSING
        return not (self.status.ended or self.cancel_requested or self.problem or late)

    @property
    def results(self) -> dict[int, SealedResult]:
        """All results by row."""
        return {row: kept for chunk in self.chunks for row, kept in chunk.results.items()}

    def settled(self) -> JobStatus:
        """The status that `settle` should find."""
        if self.status.ended:
            return self.status
        if all(chunk.finished for chunk in self.chunks):
            return JobStatus.COMPLETED
        if self.going or any(chunk.live for chunk in self.chunks):
            return self.status
        return JobStatus.CANCELLED if self.cancel_requested else JobStatus.FAILED


class RepositoryMachine(RuleBasedStateMachine):
    """
    Uploads, workers, users and sweeps, in any order, against one repository.

    Time is played by leases and bells that last an hour or nothing at all.
    """

    uploads: Bundle[JobId] = Bundle("uploads")
    published: Bundle[JobId] = Bundle("published")
    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self, repository: JobRepository) -> None:
        super().__init__()
        self.repository = repository
        self.begun: dict[JobId, JobModel] = {}
        self.jobs: dict[JobId, JobModel] = {}

    @initialize(target=published, late_at_once=rarely, refused=few_rows)
    def upload(self, *, late_at_once: bool, refused: AbstractSet[int]) -> JobId:
        """Have a job of two chunks from the start, so that most steps find something to do."""
        job_id = self._begin(late_at_once=late_at_once, refused=refused)
        self._add(job_id, frozenset())
        return self._publish(job_id)

    @precondition(lambda self: len(self.begun) + len(self.jobs) < MOST_JOBS)
    @rule(target=uploads, late_at_once=rarely, refused=few_rows)
    def begin(self, *, late_at_once: bool, refused: AbstractSet[int]) -> JobId:
        """Begin an upload and add its first chunk."""
        return self._begin(late_at_once=late_at_once, refused=refused)

    @rule(job_id=uploads, refused=few_rows)
    def add(self, job_id: JobId, refused: AbstractSet[int]) -> None:
        """Add a chunk with some rows refused."""
        if len(self.begun[job_id].chunks) < MOST_CHUNKS:  # pragma: no branch -- not every story gets so far
            self._add(job_id, refused)

    @rule(target=published, job_id=consumes(uploads))
    def publish(self, job_id: JobId) -> JobId:
        """Make the job visible."""
        return self._publish(job_id)

    @rule(job_id=consumes(uploads))
    def discard(self, job_id: JobId) -> None:
        """Abandon an upload."""
        self.repository.discard(job_id)
        del self.begun[job_id]

    @rule(job_id=published, window=st.integers(1, MOST_CHUNKS), again_after=spans)
    def ring(self, job_id: JobId, window: int, again_after: float) -> None:
        """Ring what is not out."""
        model = self.jobs[job_id]
        unfinished = [number for number, chunk in enumerate(model.chunks) if not chunk.finished]
        out = [n for n in unfinished if model.chunks[n].live or (model.chunks[n].rung and again_after)]
        waiting = [number for number in unfinished if number not in out and not model.chunks[number].parked]
        expected = waiting[: max(window - len(out), 0)] if model.going else []
        assert list(self.repository.ring(job_id, window, again_after)) == [Chunk(job_id, n) for n in expected]
        for number in expected:
            model.chunks[number].rung = True

    @rule(target=leases, job_id=published, number=st.integers(0, MOST_CHUNKS - 1), seconds=spans, answers=some_answers)
    def run(self, job_id: JobId, number: int, seconds: float, answers: Answers) -> Lease | MultipleResults[Lease]:
        """Take a chunk and answer some of its rows, or be told that it is not to be had."""
        lease = self._lease(job_id, number, seconds)
        if lease is None:
            return multiple()
        self._record(lease, answers)
        return lease

    @rule(job_id=published, success=st.booleans())
    def work_off(self, *, job_id: JobId, success: bool) -> None:
        """Answer every row of the chunks that are to be had: by single answers hardly any job would get done."""
        for number in range(len(self.jobs[job_id].chunks)):
            lease = self._lease(job_id, number, LONG)
            if lease is not None:
                self._record(lease, [(place, success) for place in range(1, ROWS + 1)])

    @rule(lease=leases, seconds=spans)
    def renew_or_expire(self, lease: Lease, seconds: float) -> None:
        """Hold on for an hour, or let the lease expire."""
        model, chunk = self._held(lease)
        if chunk is None:
            with pytest.raises(LeaseLost):
                self.repository.renew(lease, seconds)
            return
        assert self.repository.renew(lease, seconds) is model.going
        chunk.live = seconds > 0

    @rule(lease=leases, answers=some_answers)
    def record(self, lease: Lease, answers: Answers) -> None:
        """Record some rows, perhaps again, perhaps too late."""
        self._record(lease, answers)

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        """Give a chunk back, perhaps again, perhaps too late."""
        self.repository.release(lease)
        _, chunk = self._held(lease)
        if chunk is not None:
            chunk.give_back()

    @rule(lease=leases, seconds=spans, reason=st.sampled_from(["The payer is away.", "It rests."]))
    def park(self, lease: Lease, seconds: float, reason: str) -> None:
        """Put a chunk aside, for an hour or for no time at all, perhaps again, perhaps too late."""
        self.repository.park(lease, seconds, reason)
        model, chunk = self._held(lease)
        if chunk is None:
            return
        chunk.give_back()
        if not chunk.finished:  # pragma: no branch -- nor here
            chunk.rung, chunk.parked = False, seconds > 0
            if model.waiting is None or seconds >= model.waiting[0]:  # pragma: no branch -- nor here
                model.waiting = seconds, reason

    @rule(job_id=published, problem=st.sampled_from(["", "No.", "Never."]))
    def stop(self, job_id: JobId, problem: str) -> None:
        """End a job before its time: somebody wants to, or it cannot go on."""
        if problem:
            self._fail(job_id, problem)
        else:
            self._cancel(job_id)

    @rule(job_id=published)
    def settle(self, job_id: JobId) -> None:
        """End the job if it is over."""
        self._settled(self.jobs[job_id], self.repository.settle(job_id))

    @rule(job_id=published, fail_first=st.booleans())
    def reopen(self, *, job_id: JobId, fail_first: bool) -> None:
        """Retry what failed and what was never asked, if need be of a job made to fail."""
        if fail_first:
            self._fail(job_id, "No.")
        model = self.jobs[job_id]
        kept = [row for row, one in model.results.items() if one.success or one.refused]
        if not model.status.ended or len(kept) == ROWS * len(model.chunks):
            with pytest.raises(NotNow):
                self.repository.reopen(OURS, job_id)
            return
        self.repository.reopen(OURS, job_id)
        model.status, model.cancel_requested, model.ended = JobStatus.PENDING, False, None
        model.problem = ""
        model.run += 1
        for chunk in model.chunks:
            chunk.reopen()

    @invariant()
    def jobs_are_as_modelled(self) -> None:
        """Status, counters and rows are the model's, and a job that has ended stays what it was."""
        assert {job.id for job in self.repository.find(OURS).jobs} >= set(self.jobs)
        for job_id, model in self.jobs.items():
            job = self.repository.get(OURS, job_id)
            assert recorded(self.repository, job) == model.results
            succeeded = sum(kept.success for kept in model.results.values())
            assert (job.succeeded, job.failed) == (succeeded, len(model.results) - succeeded)
            assert (job.status, job.run, job.cancel_requested) == (model.status, model.run, model.cancel_requested)
            assert job.status.ended or job.problem == model.problem
            assert (job.waiting_until is None, job.waiting_for) == (
                model.waiting is None,
                "" if model.waiting is None else model.waiting[1],
            )
            assert model.ended is None or model.ended == job
            assert (job_id in self.repository.active()) is not job.status.ended

    # Hypothesis wraps the rules, so that they cannot call each other.

    def _begin(self, *, late_at_once: bool, refused: AbstractSet[int]) -> JobId:
        job_id = self.repository.begin(new_job(deadline_seconds=0 if late_at_once else None))
        self.begun[job_id] = JobModel([], late_at_once)
        self._add(job_id, refused)
        return job_id

    def _add(self, job_id: JobId, refused: AbstractSet[int]) -> None:
        chunks = self.begun[job_id].chunks
        refusals = [refusal(row) for place, row in enumerate(rows_in(len(chunks)), 1) if place in refused]
        self.repository.add(job_id, NewChunk(len(chunks), ROWS, b"rows", tuple(refusals)))
        chunks.append(ChunkModel({kept.row: kept for kept in refusals}))

    def _publish(self, job_id: JobId) -> JobId:
        model = self.jobs[job_id] = self.begun.pop(job_id)
        job = self.repository.publish(job_id, SUMMARY)
        if all(chunk.finished for chunk in model.chunks):
            self._end(model, job, JobStatus.FAILED)
        return job_id

    def _lease(self, job_id: JobId, number: int, seconds: float) -> Lease | None:
        model = self.jobs[job_id]
        lease = self.repository.lease(Chunk(job_id, number), "w1", seconds)
        chunk = model.chunks[number] if number < len(model.chunks) else None
        if chunk is None or chunk.finished or chunk.live or chunk.parked or not model.going:
            assert lease is None
            return None
        assert lease is not None
        chunk.attempts += 1
        assert (lease.attempts, lease.answered) == (chunk.attempts, frozenset(chunk.results))
        assert lease.fence > chunk.fence
        chunk.fence, chunk.holder, chunk.live, chunk.rung = lease.fence, lease, seconds > 0, False
        chunk.parked = False
        model.status = JobStatus.PROCESSING
        return lease

    def _record(self, lease: Lease, answers: Answers) -> None:
        rows = rows_in(lease.chunk.number)
        results = [result(rows[place - 1], success=success) for place, success in answers]
        model, chunk = self._held(lease)
        if chunk is None:
            with pytest.raises(LeaseLost):
                self.repository.record(lease, results)
            return
        assert self.repository.record(lease, results) is model.going
        for one in results:
            if one.row not in chunk.results:
                chunk.results[one.row] = evolve(one, asked=one.asked + chunk.asked_before.get(one.row, 0))
                chunk.attempts = 0

    def _cancel(self, job_id: JobId) -> None:
        model = self.jobs[job_id]
        if model.status.ended:
            with pytest.raises(NotNow):
                self.repository.cancel(OURS, job_id)
            return
        job = self.repository.cancel(OURS, job_id)
        model.cancel_requested = True
        if model.status is JobStatus.PENDING:
            self._end(model, job, JobStatus.CANCELLED)

    def _fail(self, job_id: JobId, problem: str) -> None:
        model = self.jobs[job_id]
        if not model.status.ended:
            model.problem = model.problem or problem
        self._settled(model, self.repository.fail(job_id, problem))

    def _settled(self, model: JobModel, job: Job) -> None:
        expected = model.settled()
        assert job.status is expected
        if expected.ended and not model.status.ended:
            self._end(model, job, expected)

    def _held(self, lease: Lease) -> tuple[JobModel, ChunkModel | None]:
        model = self.jobs[lease.chunk.job_id]
        chunk = model.chunks[lease.chunk.number]
        holds = model.status is JobStatus.PROCESSING and chunk.holder == lease
        return model, chunk if holds else None

    def _end(self, model: JobModel, job: Job, status: JobStatus) -> None:
        assert job.status is status
        assert bool(job.problem) is (status is JobStatus.FAILED)
        assert status is not JobStatus.FAILED or model.problem in {"", job.problem}
        model.status, model.ended, model.waiting = status, job, None


def repository_machine(make: Callable[[], JobRepository], *, examples: int = 100, steps: int = 40) -> type[TestCase]:
    """
    A test case, for a module variable named `Test…`, that drives the repositories that *make* gives.

    Args:
        make: Gives a repository for each example. It may hold jobs of earlier examples.
        examples: How many stories to tell.
        steps: How long each may get.
    """

    class Machine(RepositoryMachine):
        def __init__(self) -> None:
            super().__init__(make())

    case: Any = Machine.TestCase
    case.settings = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    return case  # type: ignore[no-any-return]
