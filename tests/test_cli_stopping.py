"""Tests of `bulkclaims.cli.stopping`."""

from __future__ import annotations

import io
import os
import signal

import pytest

from bulkclaims.cli.stopping import Stop, StoppableUpload, stopped_by_signals


def test_only_what_can_be_broken_off_anywhere_is():
    """Being asked is noted; it interrupts nothing but what was said to be interruptible, while that is done."""
    stop, later = Stop(), Stop()
    with stop.at_once(), pytest.raises(KeyboardInterrupt):
        stop.ask()
    with later.at_once():
        pass
    later.ask()

    assert stop.asked
    assert later.asked


def test_an_upload_ends_at_its_next_read():
    """A file is read as it is until the command is asked to stop."""
    upload = StoppableUpload(io.BytesIO(b"abc"), Stop())

    assert (upload.read(2), upload.read(2)) == (b"ab", b"c")
    upload.stop.ask()
    with pytest.raises(KeyboardInterrupt):
        upload.read(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_once_and_the_next_one_is_the_systems(number):
    """The first signal asks to stop; then both do what they do to any program, until the command is over."""
    before, told = signal.getsignal(number), []
    with stopped_by_signals(lambda: told.append(1)) as stop:
        os.kill(os.getpid(), number)
        assert stop.asked
        assert {signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)} == {signal.SIG_DFL}

    assert told == [1]
    assert signal.getsignal(number) is before
