"""After a 429 nobody asks for a while, and then few at a time."""

import asyncio
from itertools import pairwise

import pytest

from bulkclaims.errors import PayerUnavailable
from bulkclaims.lookup.pace.quiet import QUIET_SECONDS, Quiet
from bulkclaims.lookup.pace.retrying import Stopped


def told(seconds=None):
    """A 429."""
    return PayerUnavailable(throttled=True, retry_after=seconds)


def go_on():
    """Never stop."""
    return True


def test_a_burst_is_told_once():
    """Of many in flight that all hear 429, one makes it quiet; only a longer wish is heard again."""

    async def run():
        quiet = Quiet(300)
        began = [await quiet.turn(go_on) for _ in range(5)]
        return [quiet.throttled(told(7), moment) for moment in began] + [quiet.throttled(told(60), began[0])]

    assert asyncio.run(run()) == [7, None, None, None, None, 60]


def test_a_look_up_that_began_after_the_quiet_is_heard_again():
    """It was no part of the burst, so the payer wants quiet once more, however short."""

    async def run():
        quiet = Quiet(300)
        first = quiet.throttled(told(0.1), await quiet.turn(go_on))
        return first, quiet.throttled(told(0.1), await quiet.turn(go_on))

    assert asyncio.run(run()) == (0.1, 0.1)


@pytest.mark.parametrize(("asked", "waited"), [(None, QUIET_SECONDS), (86_400, 300), (0, 0)])
def test_the_payers_wish_has_bounds(asked, waited):
    """A payer that does not say how long gets two seconds, one that says a day as long as is set, never for nothing."""

    async def run():
        quiet = Quiet(300)
        return quiet.throttled(told(asked), await quiet.turn(go_on))

    assert asyncio.run(run()) == waited


def test_afterwards_look_ups_begin_one_by_one():
    """Of forty that began at once twenty a second begin after the quiet, evenly and then more and more."""

    async def run():
        quiet = Quiet(300)
        began = [await quiet.turn(go_on) for _ in range(40)]
        quiet.throttled(told(0.1), began[0])
        ended = began[0] + 0.1
        return [moment - ended for moment in await asyncio.gather(*(quiet.turn(go_on) for _ in range(10)))]

    moments = asyncio.run(run())
    gaps = [later - earlier for earlier, later in pairwise(moments)]

    assert moments[0] >= 0
    assert gaps[0] == pytest.approx(0.05, abs=0.001)
    assert all(0.03 < later < earlier for earlier, later in pairwise(gaps))


def test_whoever_waits_hears_of_the_next_429():
    """A look-up that has its turn already waits again when the payer is asked too often meanwhile."""

    async def run():
        quiet = Quiet(300)
        began = await quiet.turn(go_on)
        quiet.throttled(told(0.1), began)
        waiting = asyncio.create_task(quiet.turn(go_on))
        await asyncio.sleep(0)
        assert quiet.throttled(told(2), began) == 2
        return await waiting - began

    assert asyncio.run(run()) >= 2


def test_a_stopped_job_does_not_wait():
    """The quiet ends in an hour, the job ends now."""

    async def run():
        quiet = Quiet(3600)
        quiet.throttled(told(3600), await quiet.turn(go_on))
        await quiet.turn(lambda: False)

    with pytest.raises(Stopped):
        asyncio.run(run())


def test_starts_are_counted_for_a_second(monkeypatch):
    """What began long before the 429 says nothing of how fast the payer was asked."""

    async def run():
        quiet, loop = Quiet(300), asyncio.get_running_loop()
        real, ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + ahead)
        for _ in range(100):
            await quiet.turn(go_on)
        ahead = 5.0
        began = [await quiet.turn(go_on) for _ in range(20)]
        quiet.throttled(told(0), began[0])
        return [await quiet.turn(go_on) for _ in range(2)]

    first, second = asyncio.run(run())

    assert second - first == pytest.approx(0.1, abs=0.02)


def test_with_each_429_they_do_not_become_fewer_for_ever():
    """Single 429s among many rows leave some look-ups in a second."""

    async def run():
        quiet = Quiet(300)
        for _ in range(5):
            quiet.throttled(told(0), await quiet.turn(go_on))
        return [await quiet.turn(go_on) for _ in range(2)]

    first, second = asyncio.run(run())

    assert second - first == pytest.approx(0.25, abs=0.02)
