"""A payer that is away is left alone, its rows wait, and one of them finds out when it is back."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from lookups import Payer, context, results, row

from bulkclaims.errors import (
    AnswerNotUnderstood,
    InquiryRefused,
    PayerAway,
    PayerUnavailable,
    RepositoryUnavailable,
    SettingsWrong,
)
from bulkclaims.lookup import BreakerPolicy, LookupProcessor, RetryPolicy
from bulkclaims.lookup.pace.breaker import Breaker
from bulkclaims.lookup.pace.retrying import Stopped
from bulkclaims.repositories.limiter import MemoryLimiter

ONCE = RetryPolicy(attempts=1, base_seconds=0, max_seconds=0, down_seconds=0)
ROWS = [row(number) for number in range(1, 31)]
AWAY = PayerUnavailable(code="payer_down")
FOR_LONG = BreakerPolicy(rows=3)


def run(payer, rows=ROWS, *, policy=FOR_LONG, retry=ONCE, job=None, limiter=None):
    """Look rows up once; gives results and what ended the run."""

    async def look_up():
        return await results(LookupProcessor(payer, retry=retry, breaker=policy, limiter=limiter), rows, job)

    return asyncio.run(look_up())


def test_rows_of_a_payer_that_is_away_wait():
    """After three different rows in a row without an answer nobody asks, and the rest of the chunk is put aside."""
    payer = Payer(lambda _: AWAY, max_in_flight=1)
    found, end = run(payer)
    assert isinstance(end, PayerAway)
    assert 30 <= end.seconds <= 36
    assert "made-up" in str(end)
    assert payer.asked == ["C1", "C2", "C3"]
    assert [result.status for result in found.values()] == ["Error", "Error", "Error"]


@pytest.mark.parametrize("answers", [None, InquiryRefused("no"), PayerUnavailable(throttled=True, retry_after=0)])
def test_any_answer_shows_that_it_is_there(answers):
    """An answer between failures, a refusal, or even that it is asked too often."""
    payer = Payer(lambda inquiry: answers if int(inquiry.claim_number[1:]) % 3 == 0 else AWAY, max_in_flight=1)
    found, end = run(payer, ROWS[:8])
    assert end is None
    assert len(found) == 8


def test_one_row_alone_may_fail_as_often_as_it_likes():
    """Tries of the same row count once: it may be that row which the payer cannot bear."""
    payer = Payer(lambda _: AWAY)
    found, end = run(payer, ROWS[:2], retry=RetryPolicy(attempts=5, base_seconds=0, max_seconds=0, down_seconds=0))
    assert end is None
    assert [result.asked for result in found.values()] == [5, 5]


def test_answers_that_nobody_understands_count_too():
    """A page about maintenance in place of every answer is a payer that is away."""
    _, end = run(Payer(lambda _: AnswerNotUnderstood("a page"), max_in_flight=1))
    assert isinstance(end, PayerAway)


def test_rows_that_wait_for_another_try_are_put_aside_at_once():
    """Nobody sits out a wait of his own when the payer is known to be away."""
    payer = Payer(lambda _: AWAY, max_in_flight=10)
    found, end = run(payer, retry=RetryPolicy(down_seconds=3000, max_seconds=3000))
    assert isinstance(end, PayerAway)
    assert not found
    assert len(payer.asked) == 10


class Clocked:
    """A breaker whose event loop's clock a test puts forward."""

    def __init__(self, monkeypatch, policy=FOR_LONG, limiter=None):
        self.now = 0.0
        loop = asyncio.get_running_loop()
        clock = loop.time
        monkeypatch.setattr(loop, "time", lambda: clock() + self.now)
        self.breaker = Breaker(policy, "made-up", limiter)

    async def fail(self, *marks, error=AWAY):
        """Rows ask and fail."""
        for mark in marks:
            await self.breaker.failed(mark, error)
            self.breaker.leave(mark)


def clocked(test):
    """Run an asynchronous test with a clock of its own."""

    def run_it(monkeypatch):
        asyncio.run(test(monkeypatch))

    run_it.__doc__, run_it.__name__ = test.__doc__, test.__name__
    return run_it


@clocked
async def test_one_row_finds_out_and_the_others_wait_for_it(monkeypatch):
    """When the time is over one asks; once it has its answer all may."""
    told = Clocked(monkeypatch)
    breaker = told.breaker
    await told.fail(b"1", b"2", b"3")
    assert not breaker.closed
    with pytest.raises(PayerAway):
        await breaker.admit(b"4", lambda: True)
    told.now += 30
    assert breaker.closed
    await breaker.admit(b"4", lambda: True)
    await breaker.admit(b"4", lambda: True)  # the same row, once more
    looks = iter([True, False])
    with pytest.raises(Stopped):
        await breaker.admit(b"5", lambda: next(looks))
    breaker.answered()
    breaker.leave(b"4")
    await breaker.admit(b"5", lambda: True)
    await breaker.admit(b"6", lambda: True)


@clocked
async def test_who_finds_out_in_vain_has_all_wait_for_longer(monkeypatch):
    """Each time twice as long, up to a limit; a row that waits behind it is told so."""
    told = Clocked(monkeypatch, BreakerPolicy(rows=3, longest_seconds=100))
    await told.fail(b"1", b"2", b"3")
    for seconds in (30, 60, 100, 100):
        assert seconds - 1 <= told.breaker.away().seconds <= 1.2 * seconds
        told.now += seconds
        await told.breaker.admit(b"4", lambda: True)
        await told.fail(b"4")
    with pytest.raises(PayerAway):
        await told.breaker.admit(b"5", lambda: True)


@clocked
async def test_a_row_that_found_out_nothing_lets_another_try(monkeypatch):
    """It was stopped, say, before it was sent."""
    told = Clocked(monkeypatch)
    await told.fail(b"1", b"2", b"3")
    told.now += 30
    await told.breaker.admit(b"4", lambda: True)
    told.breaker.leave(b"4")
    await told.breaker.admit(b"5", lambda: True)


@clocked
async def test_what_was_under_way_when_it_was_found_out_changes_nothing(monkeypatch):
    """A hundred look-ups that fail together open it once."""
    told = Clocked(monkeypatch)
    await told.fail(*(bytes([number]) for number in range(100)))
    assert told.breaker.away().seconds <= 36


@clocked
async def test_the_payer_may_say_how_long(monkeypatch):
    """`Retry-After` counts where it is longer, within the limit."""
    told = Clocked(monkeypatch)
    await told.fail(b"1", b"2", b"3", error=PayerUnavailable(code="payer_down", retry_after=90))
    assert 89 <= told.breaker.away().seconds <= 108


@clocked
async def test_patience_has_an_end(monkeypatch):
    """A payer that is away for long is asked all the same, so that rows end; its first answer makes all as it was."""
    told = Clocked(monkeypatch, BreakerPolicy(rows=3, first_seconds=10, patience_seconds=50))
    await told.fail(b"1", b"2", b"3")
    for seconds in (10, 20):
        told.now += seconds
        await told.breaker.admit(b"4", lambda: True)
        await told.fail(b"4")
    told.now += 40
    for mark in (b"5", b"6", b"7", b"8"):
        await told.breaker.admit(mark, lambda: True)
    await told.fail(b"5", b"6", b"7", b"8")
    assert told.breaker.closed
    told.breaker.answered()
    await told.fail(b"1", b"2", b"3")
    assert not told.breaker.closed


@clocked
async def test_an_outage_of_yesterday_is_another_one(monkeypatch):
    """Patience that ran out then does not keep it closed today."""
    told = Clocked(monkeypatch)
    await told.fail(b"1", b"2", b"3")
    told.now += 100_000
    await told.fail(b"1", b"2")
    assert told.breaker.closed
    await told.fail(b"3")
    assert 29 <= told.breaker.away().seconds <= 36


def test_other_workers_are_told():
    """A worker that begins while the account is held back puts its chunk aside before it asks."""
    limiter = MemoryLimiter()
    run(Payer(lambda _: AWAY, max_in_flight=1), limiter=limiter)
    fine = Payer()
    found, end = run(fine, limiter=limiter)
    assert (found, fine.asked) == ({}, [])
    assert 20 < end.seconds <= 36


def test_a_short_hold_is_waited_for():
    """Two seconds after a 429 are no reason to put a chunk aside."""
    limiter = MemoryLimiter()
    limiter.postpone("made-up", 2)
    found, end = run(Payer(), ROWS[:1], limiter=limiter)
    assert (len(found), end) == (1, None)


class Gone(MemoryLimiter):
    """A store that cannot be told anything."""

    def postpone(self, account, seconds):
        """Fail."""
        raise RepositoryUnavailable("gone")


def test_without_a_store_it_is_left_alone_all_the_same(caplog):
    """The log says that others were not told."""
    with caplog.at_level(logging.WARNING):
        _, end = run(Payer(lambda _: AWAY, max_in_flight=1), limiter=Gone())
    assert isinstance(end, PayerAway)
    assert "were not told" in caplog.text


def test_a_new_worker_of_a_job_that_waited_lets_one_row_ask_first():
    """It has seen nothing itself; that rows of the job were put aside is enough."""
    most = 0
    under_way = 0

    async def slowly():
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return AWAY

    payer = Payer(lambda _: slowly(), max_in_flight=10)
    found, end = run(payer, job=context(waiting_until=datetime(2026, 1, 5, tzinfo=UTC)))
    assert isinstance(end, PayerAway)
    assert (len(payer.asked), most, len(found)) == (1, 1, 1)


def test_a_second_chunk_of_the_same_worker_is_put_aside_at_once():
    """What one chunk has found out serves the next."""

    async def twice():
        payer = Payer(lambda _: AWAY, max_in_flight=1)
        processor = LookupProcessor(payer, retry=ONCE, breaker=FOR_LONG)
        await results(processor, ROWS)
        return await results(processor, [row(99)]), payer.asked

    (found, end), asked = asyncio.run(twice())
    assert (found, len(asked)) == ({}, 3)
    assert isinstance(end, PayerAway)


@pytest.mark.parametrize("name", ["rows", "first_seconds", "longest_seconds", "patience_seconds"])
def test_settings_that_cannot_be(name):
    """A payer is left alone for some time, and not for ever."""
    with pytest.raises(SettingsWrong, match=name):
        BreakerPolicy(**{name: 0})
