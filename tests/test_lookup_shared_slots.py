"""Slots shared with other workers: as many as are granted, in turn, and given back."""

import asyncio
import threading

import pytest

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.lookup.pace.shared_slots import SharedSlots
from bulkclaims.repositories.limiter import MemoryLimiter

LONG = 3600.0


class Store(MemoryLimiter):
    """A limiter that may be out of reach, or broken, and notes who called it from which thread."""

    def __init__(self):
        super().__init__()
        self.fault = None
        self.failed = threading.Semaphore(0)
        self.asked = []
        self.threads = set()

    def occupy(self, account, holder, under_way, most, seconds):
        """Note, and fail or grant."""
        self.asked.append((holder, under_way))
        self._meet()
        return super().occupy(account, holder, under_way, most, seconds)

    def vacate(self, account, holder):
        """Likewise."""
        self._meet()
        super().vacate(account, holder)

    def _meet(self):
        self.threads.add(threading.current_thread())
        if self.fault is not None:
            self.failed.release()
            raise self.fault

    def left(self, most):
        """How many somebody else would get."""
        granted = super().occupy("stedi", "somebody else", 0, most, LONG)
        super().vacate("stedi", "somebody else")
        return granted


@pytest.fixture
def store():
    """A limiter."""
    return Store()


def slots_of(store, most=10, most_in_all=10, seconds=LONG, again_seconds=0.001):
    """Slots of one event loop; by default they are asked for once, and again while there are none."""
    return SharedSlots(store, "stedi", most, most_in_all, seconds, again_seconds)


async def rounds():
    """Let everybody who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def at_rest(slots):
    """No slot is held, and no task is left."""
    await slots.settled()
    await rounds()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(("most", "most_in_all"), [(10, 3), (4, 10)])
def test_who_is_alone_has_all_slots_but_no_more_than_here(store, most, most_in_all):
    """As many as both numbers allow; the next one waits, and whoever waits longest comes first."""

    async def run():
        slots, got = slots_of(store, most, most_in_all), []

        async def take(number):
            await slots.acquire()
            got.append(number)

        tasks = [asyncio.create_task(take(number)) for number in range(6)]
        await tasks[min(most, most_in_all) - 1]
        await rounds()
        assert len(got) == min(most, most_in_all)
        for _ in range(6):
            slots.release()
            await rounds()
        assert got == list(range(6))
        await at_rest(slots)

    asyncio.run(run())
    assert threading.main_thread() not in store.threads


def test_workers_together_keep_to_the_number(store):
    """Four that work without a break never have more under way than all may have, and each has its part."""
    now, most, done = [0], [0], [0] * 4

    async def work(slots, worker):
        while min(done) < 25:
            await slots.acquire()
            now[0] += 1
            most[0] = max(most[0], now[0])
            await asyncio.sleep(0.001)
            now[0] -= 1
            done[worker] += 1
            slots.release()

    async def run():
        crew = [slots_of(store, 10, 6, seconds=0.9, again_seconds=0.002) for _ in range(4)]
        await asyncio.gather(*(work(slots, worker) for worker, slots in enumerate(crew) for _ in range(8)))
        await asyncio.gather(*(slots.settled() for slots in crew))
        await at_rest(crew[0])

    asyncio.run(run())
    assert most[0] <= 6
    assert store.left(6) == 6


def test_what_nobody_wants_is_given_back(store):
    """Once the last slot is free others may have all, and who comes later asks anew."""

    async def run():
        slots = slots_of(store)
        for _ in range(2):
            await slots.acquire()
            left = store.left(10)
            slots.release()
            await at_rest(slots)
            assert (left, store.left(10)) == (0, 10)
        await at_rest(slots)

    asyncio.run(run())
    assert len(store.asked) == 2


def test_what_is_wanted_after_all_is_kept(store):
    """Who waits until it is given back does not wait for those who came since."""

    async def run():
        slots = slots_of(store)
        await slots.acquire()
        slots.release()
        gone = asyncio.create_task(slots.settled())
        await slots.acquire()
        await gone
        assert store.left(10) == 0
        slots.release()
        await at_rest(slots)

    asyncio.run(run())


def test_who_comes_while_it_is_given_back_asks_anew(store):
    """Between the two another worker may have taken it; nobody is forgotten."""

    async def run():
        slots, gate = slots_of(store), threading.Event()
        vacate = store.vacate
        store.vacate = lambda *share: gate.wait(10) and vacate(*share)
        await slots.acquire()
        slots.release()
        await rounds()
        late = asyncio.create_task(slots.acquire())
        await rounds()
        assert not late.done()
        gate.set()
        await late
        slots.release()
        await at_rest(slots)

    asyncio.run(run())
    assert len(store.asked) == 2


def test_nothing_begins_while_the_limiter_counts(store):
    """What was said to be under way is all there is until the answer is there."""

    async def run():
        slots, gate, counting = slots_of(store, seconds=0.3), threading.Event(), threading.Event()
        await slots.acquire()
        occupy = store.occupy
        store.occupy = lambda *asked: (counting.set(), gate.wait(10), occupy(*asked))[2]
        await asyncio.to_thread(counting.wait, 10)
        late = asyncio.create_task(slots.acquire())
        await rounds()
        assert not late.done()
        store.occupy = occupy
        gate.set()
        await late
        for _ in range(2):
            slots.release()
        await at_rest(slots)

    asyncio.run(run())


def test_a_share_that_cannot_be_renewed_lapses(store, caplog):
    """Then no slot is given until the limiter is back; the log tells it once."""

    async def run():
        slots = slots_of(store, most=2, seconds=0.05)
        await slots.acquire()
        store.fault = RepositoryUnavailable("The database is gone.")
        await asyncio.sleep(0.06)  # time is all that is to pass
        slots.release()
        late = asyncio.create_task(slots.acquire())
        for _ in range(5):
            await asyncio.to_thread(store.failed.acquire)
        assert not late.done()
        store.fault = None
        await late
        slots.release()
        await at_rest(slots)

    asyncio.run(run())
    assert caplog.text.count("is not known. RepositoryUnavailable: The database is gone.") == 1


def test_a_share_that_cannot_be_given_back_is_told(store, caplog):
    """It lapses by itself."""

    async def run():
        slots = slots_of(store)
        await slots.acquire()
        store.fault = RepositoryUnavailable("The database is gone.")
        slots.release()
        await at_rest(slots)

    asyncio.run(run())
    assert "was not given back; it lapses by itself. RepositoryUnavailable: The database is gone." in caplog.text


def test_a_limiter_that_is_broken_is_told_to_all_who_wait(store, monkeypatch):
    """Nobody waits for ever; who leaves just before or just after leaves; and the next one asks again."""

    async def run():
        slots = slots_of(store)
        waiting = [asyncio.create_task(slots.acquire()) for _ in range(4)]

        async def fail(*_):
            first, _, third, _ = slots._waiters
            first.add_done_callback(lambda _: waiting[1].cancel())
            third.cancel()
            raise ValueError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "to_thread", fail)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert list(map(type, outcomes)) == [ValueError, asyncio.CancelledError, asyncio.CancelledError, ValueError]
        await slots.acquire()
        slots.release()
        await at_rest(slots)

    asyncio.run(run())


def test_who_leaves_takes_no_slot_along(store):
    """Cancelled while it waits, or in the very moment that it got its slot, it leaves none held."""

    async def run():
        slots = slots_of(store, most=1)
        await slots.acquire()
        first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
        await rounds()
        first.cancel()
        await rounds()
        slots.release()
        assert slots._taken == 1
        second.cancel()
        await rounds()
        assert first.cancelled()
        assert second.cancelled()
        assert slots._taken == 0
        await at_rest(slots)

    asyncio.run(run())


def test_who_is_leaving_is_passed_over(store):
    """A slot that comes free goes to the next one who still waits."""

    async def run():
        slots = slots_of(store, most=1)
        await slots.acquire()
        first, second = (asyncio.create_task(slots.acquire()) for _ in range(2))
        await rounds()
        first.cancel()
        slots.release()
        await second
        slots.release()
        await at_rest(slots)

    asyncio.run(run())


def test_the_last_who_waits_leaves(store):
    """Nobody wants anything any more, so nothing is kept."""

    async def run():
        store.occupy = lambda *_: 0
        slots = slots_of(store)
        waiting = asyncio.create_task(slots.acquire())
        await rounds()
        waiting.cancel()
        await rounds()
        await at_rest(slots)

    asyncio.run(run())


def test_closing_gives_back_what_is_still_held(store):
    """At once, and whoever waits is sent away; closing what was never asked for does nothing."""

    async def run():
        slots = slots_of(store, most=1)
        await slots.acquire()
        waiting = asyncio.create_task(slots.acquire())
        await rounds()
        await slots.aclose()
        await rounds()
        assert waiting.cancelled()
        assert store.left(10) == 10
        assert asyncio.all_tasks() == {asyncio.current_task()}
        slots.release()
        await slots_of(store).aclose()

    asyncio.run(run())
