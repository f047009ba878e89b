"""Slots of the shared limiter: in order, and few calls at high rates."""

import asyncio
import threading

import pytest

from bulkclaims.errors import QuotaSpent
from bulkclaims.lookup.pace.pacing import HEADROOM, Pacer
from bulkclaims.lookup.pace.retrying import Stopped
from bulkclaims.records import Rate


class NotedLimiter:
    """Grants every slot after *delay*, as many as *left*, and notes what it was asked and on which thread."""

    def __init__(self, delay=0.0, left=10**6):
        self.delay, self.left = delay, left
        self.calls = []
        self.threads = set()

    def reserve(self, account, count, rate):
        """Grant, until nothing is left."""
        self.threads.add(threading.current_thread())
        self.calls.append((account, count, rate))
        if count > self.left:
            raise QuotaSpent("nothing is left of today's budget")
        self.left -= count
        return self.delay

    def postpone(self, account, seconds):
        """Note the wish."""
        self.threads.add(threading.current_thread())
        self.calls.append((account, "postpone", seconds))


def turns(limiter, rate, number, go_on=lambda: True):
    """Take *number* turns at once; return what each came to."""

    async def run():
        pacer = Pacer(limiter, "stedi", rate)
        return await asyncio.gather(*(pacer.turn(go_on) for _ in range(number)), return_exceptions=True)

    return asyncio.run(run())


def test_a_slow_rate_takes_slots_one_by_one():
    """Below a hundred a second nobody reserves ahead: each turn is one call, never on the event loop's thread."""
    limiter = NotedLimiter()
    turns(limiter, Rate(50, per_day=1000), 3)
    assert limiter.calls == [("stedi", 1, Rate(50 * HEADROOM, per_day=1000))] * 3
    assert threading.main_thread() not in limiter.threads


def test_a_fast_rate_takes_several_but_no_more_than_wait():
    """At 500 a second ten slots come with one call; the first and the last call take only what is waited for."""
    limiter = NotedLimiter()
    turns(limiter, Rate(500), 25)
    assert [count for _, count, _ in limiter.calls] == [1, 10, 10, 4]


def test_slots_of_one_call_are_apart():
    """Nine slots of one call are spread at the rate: the last is waited for."""

    async def run():
        pacer, loop = Pacer(NotedLimiter(), "stedi", Rate(500)), asyncio.get_running_loop()
        begin = loop.time()
        await asyncio.gather(*(pacer.turn(lambda: True) for _ in range(10)))
        return loop.time() - begin

    assert asyncio.run(run()) >= 8 / 500


def test_a_slot_far_away_is_not_waited_for_by_a_stopped_job():
    """The job is stopped while its turn is an hour away."""
    assert [type(each) for each in turns(NotedLimiter(delay=3600), Rate(1), 2, go_on=lambda: False)] == [Stopped] * 2


def test_the_last_slots_of_a_day_are_used():
    """Too few are left for a whole handful: they are taken one by one, and then the budget is spent."""
    outcomes = turns(NotedLimiter(left=2), Rate(500, per_day=2), 3)
    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "NoneType", "QuotaSpent"]


def test_postponing_gives_up_what_was_reserved_ahead():
    """The limiter hears of it, and the next turn is a new slot of its."""
    limiter = NotedLimiter()

    async def run():
        pacer = Pacer(limiter, "stedi", Rate(500))
        await asyncio.gather(*(pacer.turn(lambda: True) for _ in range(3)))
        pacer._slots.append(0.0)
        await pacer.postpone(7)
        await pacer.turn(lambda: True)

    asyncio.run(run())
    assert limiter.calls[-2:] == [("stedi", "postpone", 7), ("stedi", 1, Rate(500 * HEADROOM))]


def test_who_waits_behind_holds_no_slot_that_could_be_lost():
    """Ten look-ups wait for a slot that is far away; one alone was reserved, and it is kept when all are stopped."""
    limiter, goes_on = NotedLimiter(delay=3600), [True]

    async def run():
        pacer = Pacer(limiter, "stedi", Rate(1))
        turns = [asyncio.create_task(pacer.turn(lambda: goes_on[0])) for _ in range(10)]
        while not pacer._slots:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0)
        goes_on[0] = False
        return await asyncio.gather(*turns, return_exceptions=True), len(pacer._slots)

    outcomes, left = asyncio.run(run())
    assert [type(each) for each in outcomes] == [Stopped] * 10
    assert (len(limiter.calls), left) == (1, 1)


def test_who_waits_for_a_slot_is_pushed_back_with_all_others():
    """After a 429 a slot that was reserved before does not count, not even for the look-up that waits for it."""
    limiter = NotedLimiter(delay=0.1)

    async def run():
        pacer = Pacer(limiter, "stedi", Rate(1))
        turn = asyncio.create_task(pacer.turn(lambda: True))
        while not pacer._slots:  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0)
        await pacer.postpone(7)
        await turn

    asyncio.run(run())
    assert [call[1] for call in limiter.calls] == [1, "postpone", 1]


def test_a_slot_left_over_goes_stale():
    """Time that passed is not used: others' slots are close behind."""
    limiter = NotedLimiter()

    async def run():
        pacer = Pacer(limiter, "stedi", Rate(1))
        pacer._slots.append(asyncio.get_running_loop().time() - 1)
        await pacer.turn(lambda: True)

    asyncio.run(run())
    assert len(limiter.calls) == 1


@pytest.mark.parametrize("rate", [0.1, 1, 99])
def test_every_rate_takes_at_least_one(rate):
    """However slow the payer, one slot at a time can be had."""
    limiter = NotedLimiter()
    turns(limiter, Rate(rate), 1)
    assert limiter.calls[0][1] == 1
