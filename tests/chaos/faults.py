"""A queue that does all that a dispatcher may: lose messages, deliver them twice, late and in any order."""

from __future__ import annotations

import threading

from attrs import define


@define
class FaultyDispatcher:
    """Does to messages what it is told to, by chance, before another dispatcher has them."""

    dispatcher: object
    random: object
    times: int = 1
    """How often each message is sent."""
    lost: float = 0.0
    """The share of messages that never arrive."""
    late_seconds: float = 0.0
    """The longest time that a message is held back; each for another, so that they overtake each other."""

    def dispatch(self, chunks):  # noqa: D102 -- stated in `interfaces.Dispatcher`
        sent = [chunk for chunk in chunks for _ in range(self.times) if self.random.random() >= self.lost]
        self.random.shuffle(sent)
        if not self.late_seconds:
            self.dispatcher.dispatch(sent)
            return
        for chunk in sent:
            held = threading.Timer(self.random.uniform(0, self.late_seconds), self.dispatcher.dispatch, [[chunk]])
            held.daemon = True
            held.start()
