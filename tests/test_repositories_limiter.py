"""Tests of `bulkclaims.repositories.limiter`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import QuotaSpent
from bulkclaims.records import Rate
from bulkclaims.repositories.limiter import MemoryLimiter, Occupancy
from bulkclaims.testing.contracts import LimiterContract

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


class TestMemoryLimiter(LimiterContract):
    """The reference member passes the contract it is the reference of."""

    @pytest.fixture
    def limiter(self) -> MemoryLimiter:
        """A limiter nobody has asked yet."""
        return MemoryLimiter()


def test_a_slot_that_nobody_waited_for_is_lost() -> None:
    """After a pause the next slot is now, and the one after it comes at the rate: a pause buys no burst."""
    times = [NOON]
    limiter = MemoryLimiter(lambda: times[-1])
    rate = Rate(per_second=2)
    assert limiter.reserve("stedi", 4, rate) == 0
    times.append(NOON + 1)
    assert limiter.reserve("stedi", 1, rate) == 1
    times.append(NOON + HOUR)
    assert [limiter.reserve("stedi", 1, rate) for _ in range(2)] == [0, 0.5]


def test_a_postponement_ends() -> None:
    """Once its seconds are over the account is as free as any."""
    times = [NOON]
    limiter = MemoryLimiter(lambda: times[-1])
    limiter.postpone("stedi", 10)
    times.append(NOON + 4)
    assert limiter.reserve("stedi", 1, Rate(per_second=1)) == 6
    assert limiter.postponed("stedi") == 6
    times.append(NOON + 20)
    assert limiter.postponed("stedi") == 0
    assert limiter.reserve("stedi", 1, Rate(per_second=1)) == 0


def test_a_new_day_brings_a_new_budget() -> None:
    """The budget of a day ends at midnight UTC and not before."""
    times = [NOON]
    limiter = MemoryLimiter(lambda: times[-1])
    rate = Rate(per_second=100, per_day=3)
    limiter.reserve("stedi", 3, rate)
    times.append(NOON + 11.9 * HOUR)
    with pytest.raises(QuotaSpent):
        limiter.reserve("stedi", 1, rate)
    times.append(NOON + 12 * HOUR)
    limiter.reserve("stedi", 3, rate)


def test_a_share_lapses_when_its_seconds_are_over() -> None:
    """Not before, and counted from when it was last asked for."""
    times = [NOON]
    limiter = MemoryLimiter(lambda: times[-1])
    limiter.occupy("stedi", "a", 0, 10, 9)
    times.append(NOON + 5)
    assert limiter.occupy("stedi", "a", 10, 10, 9) == 10
    times.append(NOON + 13)
    assert limiter.occupy("stedi", "b", 0, 10, 9) == 0
    times.append(NOON + 14)
    assert limiter.occupy("stedi", "b", 0, 10, 9) == 10


class Obedient:
    """Some who share an account, and begin no more than they are told."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept = Occupancy()
        self.told: dict[str, int] = {}
        self.under_way: dict[str, int] = {}

    def ask(self, holder: str) -> None:
        """Say what is under way, and be told how many there may be."""
        under_way = self.under_way.setdefault(holder, 0)
        self.kept, self.told[holder] = self.kept.occupied(holder, under_way, self.most, 9, NOON)
        assert self.kept.share_of(holder).slots == max(under_way, self.told[holder])

    def begin(self, holder: str) -> None:
        """Use all that was told."""
        self.under_way[holder] = max(self.under_way.get(holder, 0), self.told.get(holder, 0))

    def end(self, holder: str) -> None:
        """Let half end."""
        self.under_way[holder] = self.under_way.get(holder, 0) // 2

    def leave(self, holder: str) -> None:
        """Let all end, and give the share back."""
        self.kept = self.kept.vacated(holder)
        for each in (self.told, self.under_way):
            each.pop(holder, None)

    def check(self) -> None:
        """Nobody is promised what another has, and no more is under way than may be."""
        assert self.kept.holders == self.told.keys()
        assert sum(self.under_way.values()) <= sum(share.slots for share in self.kept.shares) <= self.most


@given(
    most=st.integers(1, 12),
    steps=st.lists(st.tuples(st.sampled_from(["ask", "begin", "end", "leave"]), st.sampled_from("abcdefg"))),
)
def test_those_who_obey_never_have_too_many_and_never_starve(most: int, steps: list[tuple[str, str]]) -> None:
    """Whatever they do in whatever order; and once all have shrunk and asked again, each has its fair share."""
    crew = Obedient(most)
    for step, holder in steps:
        getattr(crew, step)(holder)
        crew.check()
    for _ in range(3):
        for holder in crew.told:
            crew.under_way[holder] = min(crew.under_way.get(holder, 0), crew.told[holder])
            crew.ask(holder)
            crew.check()
    if crew.told and len(crew.told) <= most:
        assert set(crew.told.values()) == {most // len(crew.told)}
