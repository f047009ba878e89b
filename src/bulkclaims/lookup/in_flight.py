"""Look-ups under way for one chunk, each on a slot that it keeps until its results are recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from bulkclaims.errors import QuotaSpent
from bulkclaims.lookup.pace.retrying import LOOK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from bulkclaims.lookup.inquiries import Question
    from bulkclaims.records import RowResult

    Results = list[RowResult] | None


_GATHER_SECONDS = 0.01
"""How long an answer waits at most for others to be recorded with it."""
_GATHER_SHARE = 8
"""A batch waits no longer once it holds an eighth of the chunk's slots: few slots never idle for long, and the payer is
not asked in bursts as large as batches."""


class Slots(Protocol):
    """What `asyncio.Semaphore` has for those who use it."""

    def acquire(self) -> Awaitable[object]:
        """Wait for a slot."""

    def release(self) -> None:
        """Give it back."""


class InFlight:
    """
    Starts a look-up whenever a slot is free, and collects results until they are fetched.

    Recording costs much for each batch and little for each row, and slots are kept meanwhile; a batch therefore gathers
    for a moment that is short beside any payer's answer, and shorter the fewer slots there are.

    Jobs that share *slots* take turns: each waits for one slot at a time, and a slot goes to who waits longest. Of one
    job, a chunk begins its look-ups when the one before has begun all of its own: so few chunks have many slots each,
    and what is recorded at a time is much.

    Args:
        slots: Shared by everything that asks this payer on this event loop.
        beginning: Held while look-ups are begun; shared by all chunks of the job.
        look_up: Brings a question's results, or None when the job is not to go on.
        go_on: Whether to start another look-up.
    """

    def __init__(
        self,
        slots: Slots,
        beginning: asyncio.Lock,
        look_up: Callable[[Question], Coroutine[Any, Any, Results]],
        go_on: Callable[[], bool],
    ) -> None:
        self._slots = slots
        self._beginning = beginning
        self._look_up = look_up
        self._go_on = go_on
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answered: list[list[RowResult]] = []
        self._fetched = 0
        self._feeding: asyncio.Task[Any]
        self._fatal: BaseException | None = None
        self._spent: QuotaSpent | None = None
        self._ready = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self, questions: Iterable[Question]) -> None:
        """Begin to look up *questions*, in order."""
        self._feeding = self._begin(self._feed(questions), self._ended)
        self._look(self._feeding)

    async def next_batch(self) -> list[RowResult]:
        """
        Free the slots of the batch before, which is recorded by now, and wait for the next.

        Returns:
            Everything known by then; nothing when all is done.

        Raises:
            QuotaSpent: No look-up was begun any more, once all that were under way have ended: they are asked already,
                and counted.
            BaseException: What else ended a look-up, once all results known before were fetched.
        """
        self._free()
        while self._tasks:
            await self._ready.wait()
            self._ready.clear()
            if self._answered or self._fatal:
                break
        if self._gathering:
            self._gathering.cancel()
            self._gathering = None
        if (error := self._fatal or self._spent) and not self._answered:
            raise error
        batch, self._answered = self._answered, []
        self._fetched = len(batch)
        return [result for results in batch for result in results]

    async def stop(self) -> None:
        """Cancel what is under way, wait until it is gone, and free every slot."""
        self._stopped = True
        if self._looking:
            self._looking.cancel()
        self._fetched += len(self._answered)
        self._free()
        while self._tasks:
            self._cancel()
            await asyncio.wait(self._tasks)

    async def _feed(self, questions: Iterable[Question]) -> None:
        async with self._beginning:
            for question in questions:
                await self._slots.acquire()
                if not self._go_on():
                    self._slots.release()
                    return
                self._begin(self._look_up(question), self._looked_up)

    def _begin(self, work: Coroutine[Any, Any, Any], ended: Callable[[asyncio.Task[Any]], object]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(ended)
        return task

    def _look(self, feed: asyncio.Task[Any]) -> None:
        """See now and then whether to go on: where others have all the slots, to wait for one may take long."""
        if not self._go_on():
            feed.cancel()
        elif not feed.done():
            self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look, feed)

    def _looked_up(self, task: asyncio.Task[Results]) -> None:
        results = self._ended(task)
        if results is None or self._stopped:
            self._slots.release()
        else:
            self._answered.append(results)
            self._gather()

    def _ended(self, task: asyncio.Task[Results]) -> Results:
        self._tasks.discard(task)
        if not self._tasks:
            self._ready.set()
        if task.cancelled():
            return None
        if error := task.exception():
            self._end_by(error)
            return None
        return task.result()

    def _end_by(self, error: BaseException) -> None:
        if isinstance(error, QuotaSpent):
            self._spent = self._spent or error
            self._feeding.cancel()
        else:
            self._fatal = self._fatal or error
            self._ready.set()
            self._cancel()

    def _gather(self) -> None:
        if len(self._answered) * _GATHER_SHARE >= len(self._answered) + len(self._tasks):
            self._ready.set()
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(_GATHER_SECONDS, self._ready.set)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _free(self) -> None:
        for _ in range(self._fetched):
            self._slots.release()
        self._fetched = 0
