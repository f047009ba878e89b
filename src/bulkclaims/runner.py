"""
One chunk: lease it, look its rows up, record the answers as they come. The worker process's side.

What makes a worker safe to kill at any moment: answers are recorded under a lease with a fence; a look-up keeps its
slot until its row is recorded, so that no more answers can be lost than there are look-ups in flight; and a lease that
is not renewed runs out by itself, whereupon the chunk goes on elsewhere with the rows that have no answer yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from bulkclaims.errors import (
    AccessRefused,
    BulkClaimsError,
    ChunkBroken,
    JobNotFound,
    LeaseLost,
    PayerAway,
    QuotaSpent,
    RepositoryUnavailable,
)
from bulkclaims.event_loop import EventLoopThread
from bulkclaims.forks import process_name
from bulkclaims.interfaces import RunContext
from bulkclaims.jobs import Settings
from bulkclaims.payloads import open_result, open_rows, seal_result
from bulkclaims.privacy import describe
from bulkclaims.records import ERROR, NOT_FOUND, RowResult, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkclaims.dispatch import Doorbell
    from bulkclaims.interfaces import Cipher, RowProcessor, WorkStore
    from bulkclaims.jobs import Chunk, Lease
    from bulkclaims.records import Row, SealedResult

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""How often a worker looks whether another job waits for its first one."""
_PATIENCE_SECONDS = (0.1, 30.0)
"""For how long such a job waits meanwhile: an idle worker would have come sooner, and one that nobody could begin for
so long is not to keep others from their work."""
NOTHING_FOUND = (
    "None of the first {} rows was found, so the job was paused before more was asked. Check the payer id and the "
    "provider's NPI and tax id: a payer finds only claims of the provider that sent them. Retry the job to go on."
)
"""Why a job ends early whose rows are all not found."""
_ANSWERS_AT_A_TIME = 500
"""A chunk may be of any size; a repository is promised that it is asked for some hundred fingerprints at most."""


@frozen
class ChunkRunner:
    """Runs chunks, several at a time on as many threads, with all their look-ups on one event loop."""

    repository: WorkStore
    processor: RowProcessor
    cipher: Cipher
    doorbell: Doorbell
    settings: Settings = field(factory=Settings)
    loop: EventLoopThread = field(factory=EventLoopThread)
    stopping: threading.Event = field(factory=threading.Event)
    """Set it, and no further look-up begins; chunks are handed back once those in flight are recorded."""

    def run(self, chunk: Chunk) -> bool:
        """
        Run one chunk as far as it goes, then ring for the next ones of its job.

        On its way it makes way for jobs that nobody has begun: it begins them itself, since their messages may stand
        behind many others', and then goes on.

        Called by whatever a dispatcher delivers to. Twice for the same chunk does no harm: the lease decides.

        Returns:
            False when the process is stopping: what is left of the chunk is free, and whoever hears of it next has it.

        Raises:
            RepositoryUnavailable: Nothing is lost; the sweep brings the chunk back.
            ChunkBroken: Likewise, after an error that was not foreseen.
        """
        waiting = [chunk]  # the one to run next is the last one
        while waiting and not self.stopping.is_set():
            lease = self.repository.lease(waiting[-1], _worker_name(), self.settings.lease_seconds)
            if lease is not None and (unbegun := self._work_and_tell(lease)):
                waiting.append(unbegun)
                continue
            # A job that is over ends now, also when this process is stopping and others may have no part of it.
            see_to = self.repository.settle if self.stopping.is_set() else self.doorbell.ring
            with contextlib.suppress(JobNotFound):  # deleted since the message was sent
                see_to(waiting.pop().job_id)
        return not self.stopping.is_set()

    def _work_and_tell(self, lease: Lease) -> Chunk | None:
        """Work, and return what to run before the rest of it."""
        facts = _facts(lease)
        log.debug("Chunk %d of job %s was leased.", lease.chunk.number, lease.chunk.job_id, extra=facts)
        began = time.monotonic()
        try:
            return self._work(lease, facts)
        except BulkClaimsError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever a host's part runs into, its text may quote a row
            raise ChunkBroken(f"An error that was not foreseen: {describe(error)}") from None
        finally:
            seconds = round(time.monotonic() - began, 3)
            sentence = "Chunk %d of job %s was held for %.1f seconds."
            extra = {**facts, "seconds": seconds}
            log.info(sentence, lease.chunk.number, lease.chunk.job_id, seconds, extra=extra)

    def _work(self, lease: Lease, facts: Mapping[str, object]) -> Chunk | None:
        chunk, unbegun = lease.chunk, None
        try:
            if lease.attempts > self.settings.max_attempts:
                self._give_up(lease)
            else:
                unbegun = self.loop.run(self._look_up(lease))
        except LeaseLost as lost:
            log.warning("Chunk %d of job %s: %s", chunk.number, chunk.job_id, lost, extra=facts)
            return None
        except PayerAway as away:
            sentence = "Chunk %d of job %s is put aside for %.0f seconds. %s"
            log.info(sentence, chunk.number, chunk.job_id, away.seconds, away, extra=facts)
            self.repository.park(lease, away.seconds, away.message)
            return None
        except (AccessRefused, QuotaSpent) as refusal:
            log.error("Job %s cannot go on. %s", chunk.job_id, refusal, extra=facts)
            with contextlib.suppress(JobNotFound):  # deleted meanwhile, as may be once the lease has expired
                self.repository.fail(chunk.job_id, str(refusal))
        # Any other exception leaves the lease to expire: that counts as an attempt, and keeps a broken part from being
        # tried in a tight circle.
        self.repository.release(lease)
        return unbegun

    def _unanswered(self, lease: Lease) -> list[Row]:
        return [row for row in open_rows(lease.payload, self.cipher) if row.number not in lease.answered]

    def _give_up(self, lease: Lease) -> None:
        sentence = (
            f"Given up: {lease.attempts - 1} workers in a row ended while they looked up this part of the file. "
            "Retry the job; if it happens again, tell your administrator."
        )
        given_up = [_failed(row, sentence, Source.WORKER) for row in self._unanswered(lease)]
        self.repository.record(lease, [seal_result(result, self.cipher) for result in given_up])
        log.error("Chunk %d of job %s was given up.", lease.chunk.number, lease.chunk.job_id, extra=_facts(lease))

    async def _look_up(self, lease: Lease) -> Chunk | None:
        rows = self._unanswered(lease)
        tenure = _Tenure(lease, rows, self.repository, self.cipher, self.settings, self.stopping)
        context = RunContext(lease.job, self.cipher.open(lease.job.salt), tenure.go_on, tenure.recorded)
        beside = [asyncio.create_task(work) for work in (tenure.renew(), tenure.make_way())]
        try:
            async with contextlib.aclosing(self.processor.process(rows, context)) as batches:
                async for batch in batches:
                    await tenure.record(batch)
        finally:
            # Not cancelled: the thread of a call under way would go on with the database, perhaps while the host forks.
            tenure.over.set()
            await asyncio.gather(*beside)
        return tenure.unbegun


@define
class _Tenure:
    """The time one worker holds one lease: renews it, records under it, and knows when to stop asking."""

    lease: Lease
    rows: Sequence[Row]
    repository: WorkStore
    cipher: Cipher
    settings: Settings
    stopping: threading.Event
    wanted: bool = True
    none_found: bool = True
    sought_in_vain: int = 0
    """Rows of which the payer said so far that it has no such claim."""
    unbegun: Chunk | None = None
    """What was made way for."""
    over: asyncio.Event = field(factory=asyncio.Event)

    def go_on(self) -> bool:
        return self.wanted and not self.stopping.is_set()

    async def record(self, batch: Sequence[RowResult]) -> None:
        sealed = [self._sealed(result) for result in batch]
        if not await asyncio.to_thread(self.repository.record, self.lease, sealed):
            self.wanted = False
        self.none_found = self.none_found and not any(result.success for result in batch)
        self.sought_in_vain += sum(result.status == NOT_FOUND for result in batch)
        if self._finds_nothing():
            sentence = NOTHING_FOUND.format(self.sought_in_vain)
            await asyncio.to_thread(self.repository.fail, self.lease.chunk.job_id, sentence)
            self.wanted = False

    def _finds_nothing(self) -> bool:
        """Whether the job's first rows were asked in vain, one and all, and nobody has said yet to go on regardless."""
        enough = self.settings.pause_after_none_found
        first_try = self.lease.chunk.number == 0 and self.lease.job.run == 1 and not self.lease.job.succeeded
        return bool(enough) and self.none_found and first_try and self.sought_in_vain >= (enough or 0)

    def _sealed(self, result: RowResult) -> SealedResult:
        """*result*, or in place of one that cannot be kept a failure of its row: its neighbours are not at fault."""
        try:
            return seal_result(result, self.cipher)
        except (TypeError, ValueError, AttributeError) as error:
            chunk = self.lease.chunk
            log.error("Chunk %d of job %s: a result cannot be kept. %s", chunk.number, chunk.job_id, describe(error))
        row = next(row for row in self.rows if row.number == result.row)
        failure = _failed(row, "The look-up brought a result that cannot be kept; tell your administrator.")
        return seal_result(evolve(failure, asked=result.asked), self.cipher)

    async def recorded(self, fingerprints: Sequence[bytes]) -> Mapping[bytes, RowResult]:
        found: dict[bytes, SealedResult] = {}
        for first in range(0, len(fingerprints), _ANSWERS_AT_A_TIME):
            some = fingerprints[first : first + _ANSWERS_AT_A_TIME]
            found |= await asyncio.to_thread(self.repository.answers, self.lease.chunk.job_id, some)
        return {fingerprint: open_result(sealed, self.cipher) for fingerprint, sealed in found.items()}

    async def make_way(self) -> None:
        """
        Stop once another job waits for its first worker.

        So a small job waits for a look-up, and not for the chunks of large ones.
        """
        while self.wanted:
            if await self._ends_within(_LOOK_SECONDS):
                return
            with contextlib.suppress(RepositoryUnavailable):
                self.unbegun = await asyncio.to_thread(self.repository.unbegun, *_PATIENCE_SECONDS)
            if self.unbegun:
                self.wanted = False

    async def _ends_within(self, seconds: float) -> bool:
        """Wait for so long, or until the tenure is over, and tell which."""
        await asyncio.wait([over := asyncio.ensure_future(self.over.wait())], timeout=seconds)
        over.cancel()
        return self.over.is_set()

    async def renew(self) -> None:
        while True:
            if await self._ends_within(self.settings.renew_seconds):
                return
            try:
                if not await asyncio.to_thread(self.repository.renew, self.lease, self.settings.lease_seconds):
                    self.wanted = False
            except LeaseLost:
                self.wanted = False
                return
            except RepositoryUnavailable as failure:
                log.warning("A lease was not renewed and may expire. %s", describe(failure))


def _facts(lease: Lease) -> dict[str, object]:
    """What every log record about a lease carries beside its sentence, for those who search logs by field."""
    chunk = lease.chunk
    return {
        "job": chunk.job_id,
        "chunk": chunk.number,
        "lease": lease.fence,
        "attempt": lease.attempts,
        "worker": lease.worker,
        "rows_answered_before": len(lease.answered),
    }


def _failed(row: Row, sentence: str, source: Source = Source.PAYER) -> RowResult:
    cells = row.cells
    return RowResult(
        row=row.number,
        claim_number=cells["claim_number"],
        patient_name=f"{cells['first_name']} {cells['last_name']}",
        status=ERROR,
        success=False,
        error=sentence,
        source=source,
    )


def _worker_name() -> str:
    """Names this thread among all workers, for people who look into the repository."""
    return f"{process_name()}:{threading.get_ident():x}"
