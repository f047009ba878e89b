"""One event loop in a process, made when it is needed, never before a fork."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

import pytest

from bulkclaims.event_loop import EventLoopThread


@pytest.fixture
def loop():
    """A loop thread, ended after the test."""
    loop = EventLoopThread()
    yield loop
    loop.close()


async def where():
    """Tell the loop and thread this runs on."""
    return asyncio.get_running_loop(), threading.get_ident()


def test_nothing_exists_before_it_is_needed(loop):
    """A process that looks nothing up has no loop and no thread of it."""
    assert not loop.started


def test_all_work_runs_on_one_loop(loop):
    """Work from several threads meets on one loop, in one thread that is none of theirs."""
    places = []
    threads = [threading.Thread(target=lambda: places.append(loop.run(where()))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(places)) == 1
    assert places[0][1] not in {thread.ident for thread in threads}


def test_an_exception_reaches_who_asked(loop):
    """What the work raises is raised where `run` was called."""

    async def fail():
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        loop.run(fail())


def test_work_ends_with_whoever_waits_for_it(loop):
    """A task queue's time limit interrupts the thread that waits; the work does not go on behind its back."""
    begun, interrupted, ended = threading.Event(), threading.Event(), threading.Event()

    async def work():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    class Limit(BaseException):
        pass

    def interrupt(*_):
        if not interrupted.is_set():
            interrupted.set()
            raise Limit

    def interrupt_who_waits(waiting):
        begun.wait(30)
        # Again, since a signal just before Python begins to wait is noticed only when another one ends the waiting.
        while not interrupted.wait(0.01):
            if sys._current_frames()[waiting].f_code.co_name == "wait":
                os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    interrupter = threading.Thread(target=interrupt_who_waits, args=(threading.get_ident(),))
    interrupter.start()
    with pytest.raises(Limit):
        loop.run(work())
    interrupter.join()
    signal.signal(signal.SIGALRM, before)

    assert ended.wait(30)


def test_a_closed_loop_can_be_closed_again_and_begin_anew(loop):
    """Closing twice does no harm, and later work gets a fresh loop."""
    first, _ = loop.run(where())
    loop.close()
    loop.close()
    second, _ = loop.run(where())

    assert first.is_closed()
    assert second is not first


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_makes_a_loop_of_its_own(loop):
    """A child forked while the loop runs in its parent does not wait for a thread that it does not have."""
    loop.run(where())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if not loop.started and loop.run(where()) else 1
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert loop.started


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_after_the_loop_was_forgotten_does_no_harm():
    """The fork hook does not keep a loop thread alive, nor stumble over one that is gone."""
    EventLoopThread()
    child = os.fork()
    if child == 0:
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
