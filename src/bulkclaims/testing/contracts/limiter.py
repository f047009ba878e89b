"""What every `Limiter` must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import QuotaSpent
from bulkclaims.records import Rate
from bulkclaims.testing.contracts.scenes import LONG, crowd

if TYPE_CHECKING:
    from bulkclaims.interfaces import Limiter

GAP = 1000.0
"""Seconds between two slots: so many that the time a test takes is nothing beside them."""
SLOW = Rate(per_second=1 / GAP)
TOLERANCE = GAP / 2


class OccupancyContract:
    """What is promised of look-ups at a time. A part of `LimiterContract`."""

    def test_who_is_alone_may_have_all(self, limiter: Limiter) -> None:
        """Also when it asks again, however many it has under way."""
        assert [limiter.occupy("stedi", "a", under_way, 10, LONG) for under_way in (0, 10, 3)] == [10] * 3

    def test_a_newcomer_waits_until_others_have_shrunk(self, limiter: Limiter) -> None:
        """What others have under way is promised to nobody, and what they let go of goes to the newcomer."""
        limiter.occupy("stedi", "a", 0, 10, LONG)
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 0
        assert limiter.occupy("stedi", "a", 10, 10, LONG) == 5
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 0
        assert limiter.occupy("stedi", "a", 8, 10, LONG) == 5
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 2
        assert limiter.occupy("stedi", "a", 5, 10, LONG) == 5
        assert limiter.occupy("stedi", "b", 2, 10, LONG) == 5

    def test_what_is_not_under_way_is_free_at_once(self, limiter: Limiter) -> None:
        """A holder that has few under way when it is told to shrink keeps nothing beyond its share."""
        limiter.occupy("stedi", "a", 0, 10, LONG)
        limiter.occupy("stedi", "b", 0, 10, LONG)
        limiter.occupy("stedi", "a", 1, 10, LONG)
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 5

    def test_everybody_gets_one_as_far_as_they_go(self, limiter: Limiter) -> None:
        """Of five holders of four look-ups four have one each once all have asked again; who comes late has none."""
        told = dict.fromkeys("abcde", 0)
        for _ in range(3):
            told = {holder: limiter.occupy("stedi", holder, told[holder], 4, LONG) for holder in told}
            told = {holder: min(slots, 1) for holder, slots in told.items()}
        assert sorted(told.values()) == [0, 1, 1, 1, 1]

    def test_a_share_lapses(self, limiter: Limiter) -> None:
        """Who did not ask again in time, as one that was killed, holds up nobody; it may come back."""
        limiter.occupy("stedi", "a", 0, 10, 0)
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 10
        assert limiter.occupy("stedi", "a", 0, 10, LONG) == 0

    def test_a_share_given_back_is_free_at_once(self, limiter: Limiter) -> None:
        """Giving it back twice, or without having any, does nothing."""
        limiter.occupy("stedi", "a", 0, 10, LONG)
        limiter.vacate("stedi", "nobody")
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 0
        for _ in range(2):
            limiter.vacate("stedi", "a")
        assert limiter.occupy("stedi", "b", 0, 10, LONG) == 10

    def test_accounts_share_nothing(self, limiter: Limiter) -> None:
        """Each has look-ups, holders and lapses of its own, whatever case its name is in; slots in time are others."""
        limiter.occupy("stedi", "a", 0, 10, LONG)
        assert limiter.occupy("STEDI", "a", 0, 7, LONG) == 7
        assert limiter.occupy("optum", "A", 0, 3, LONG) == 3
        limiter.vacate("optum", "a")
        assert limiter.occupy("optum", "b", 0, 3, LONG) == 0
        assert limiter.reserve("stedi", 1, SLOW) == pytest.approx(0, abs=TOLERANCE)

    def test_nobody_takes_the_last_one_twice(self, limiter: Limiter) -> None:
        """Of many who ask at the same moment no two are promised the same."""
        for most in (1, 3, 8):
            told = crowd(lambda number, most=most: limiter.occupy(f"account {most}", f"w{number}", 0, most, LONG))  # type: ignore[misc]
            assert 1 <= sum(told) <= most


class LimiterContract(OccupancyContract):
    """
    Every promise of `bulkclaims.interfaces.Limiter`.

    A subclass, named `Test…`, has a fixture `limiter` that gives each test a limiter nobody has asked yet. No test
    waits: slots are so far apart that the test itself takes no time beside them. A budget by day is tested within one
    day: a run across midnight UTC may fail.
    """

    def test_the_first_slot_is_now(self, limiter: Limiter) -> None:
        """An account that nobody asked can be asked at once."""
        assert limiter.reserve("stedi", 1, SLOW) == pytest.approx(0, abs=1)

    def test_slots_follow_each_other_at_the_rate(self, limiter: Limiter) -> None:
        """Each reservation comes after all slots reserved before it."""
        waits = [limiter.reserve("stedi", count, SLOW) for count in (1, 3, 2, 1)]
        assert waits == pytest.approx([0, GAP, 4 * GAP, 6 * GAP], abs=TOLERANCE)

    def test_waits_are_never_negative(self, limiter: Limiter) -> None:
        """A fast account never says that its slot has passed."""
        fast = Rate(per_second=1e6)
        assert all(limiter.reserve("stedi", 1, fast) >= 0 for _ in range(20))

    def test_unused_time_is_not_saved_up(self, limiter: Limiter) -> None:
        """Slots that nobody used are lost: after a fast second the slow rate starts at once and without a burst."""
        limiter.reserve("stedi", 1, Rate(per_second=1e6))
        waits = [limiter.reserve("stedi", 1, SLOW) for _ in range(3)]
        assert waits == pytest.approx([0, GAP, 2 * GAP], abs=TOLERANCE)

    def test_accounts_do_not_wait_for_each_other(self, limiter: Limiter) -> None:
        """Each account has slots, budget and postponement of its own."""
        limiter.reserve("stedi", 5, Rate(SLOW.per_second, per_day=5))
        limiter.postpone("optum", 7 * GAP)
        assert limiter.reserve("availity", 1, Rate(SLOW.per_second, per_day=5)) == pytest.approx(0, abs=TOLERANCE)
        assert limiter.reserve("optum", 1, SLOW) == pytest.approx(7 * GAP, abs=TOLERANCE)
        assert limiter.reserve("stedi", 1, SLOW) == pytest.approx(5 * GAP, abs=TOLERANCE)

    def test_a_postponed_account_waits(self, limiter: Limiter) -> None:
        """After `postpone` the next slot comes no sooner, and the following ones behind it at the rate."""
        limiter.postpone("stedi", 3 * GAP)
        waits = [limiter.reserve("stedi", 1, SLOW) for _ in range(2)]
        assert waits == pytest.approx([3 * GAP, 4 * GAP], abs=TOLERANCE)

    def test_postponing_never_brings_slots_forward(self, limiter: Limiter) -> None:
        """A shorter postponement, or one within what is reserved, changes nothing."""
        limiter.reserve("stedi", 5, SLOW)
        limiter.postpone("stedi", GAP)
        assert limiter.reserve("stedi", 1, SLOW) == pytest.approx(5 * GAP, abs=TOLERANCE)
        limiter.postpone("stedi", 9 * GAP)
        limiter.postpone("stedi", 2 * GAP)
        assert limiter.reserve("stedi", 1, SLOW) == pytest.approx(9 * GAP, abs=TOLERANCE)

    def test_who_is_postponed_can_be_told(self, limiter: Limiter) -> None:
        """For how long, of several moments the latest; what was reserved before or after does not count."""
        limiter.reserve("stedi", 5, SLOW)
        assert limiter.postponed("stedi") == 0
        limiter.postpone("stedi", 3 * GAP)
        limiter.postpone("stedi", GAP)
        limiter.reserve("stedi", 5, SLOW)
        assert limiter.postponed("stedi") == pytest.approx(3 * GAP, abs=TOLERANCE)

    def test_who_is_not_postponed_can_be_told(self, limiter: Limiter) -> None:
        """Never asked, or held back no longer, or another account is."""
        limiter.postpone("optum", GAP)
        limiter.postpone("stedi", 0)
        limiter.occupy("availity", "a", 0, 10, LONG)
        assert [limiter.postponed(account) for account in ("stedi", "OPTUM", "availity", "never asked")] == [0] * 4

    def test_a_days_budget_ends(self, limiter: Limiter) -> None:
        """As many as the budget holds can be reserved, then `QuotaSpent` says whose fault it is."""
        rate = Rate(per_second=1e6, per_day=5)
        limiter.reserve("stedi", 3, rate)
        limiter.reserve("stedi", 2, rate)
        with pytest.raises(QuotaSpent) as spent:
            limiter.reserve("stedi", 1, rate)
        assert spent.value.at_fault == "payer"

    def test_a_refused_reservation_takes_nothing(self, limiter: Limiter) -> None:
        """When too few are left neither budget nor slots are used up."""
        rate = Rate(SLOW.per_second, per_day=5)
        limiter.reserve("stedi", 3, rate)
        with pytest.raises(QuotaSpent):
            limiter.reserve("stedi", 3, rate)
        assert limiter.reserve("stedi", 2, rate) == pytest.approx(3 * GAP, abs=TOLERANCE)

    def test_a_refused_first_reservation_takes_nothing(self, limiter: Limiter) -> None:
        """More than a day's budget is refused also when nothing was reserved before."""
        rate = Rate(SLOW.per_second, per_day=2)
        with pytest.raises(QuotaSpent):
            limiter.reserve("stedi", 3, rate)
        assert limiter.reserve("stedi", 2, rate) == pytest.approx(0, abs=TOLERANCE)

    def test_workers_at_the_same_moment_get_different_slots(self, limiter: Limiter) -> None:
        """Of many reservations at once each has its own slot, without gaps."""
        waits = crowd(lambda _: [limiter.reserve("stedi", 1, SLOW) for _ in range(5)])
        assert sorted(round(wait / GAP) for some in waits for wait in some) == list(range(40))

    def test_workers_at_the_same_moment_keep_to_the_budget(self, limiter: Limiter) -> None:
        """Of many reservations at once as many succeed as the budget holds."""
        rate = Rate(per_second=1e6, per_day=10)

        def reserved(_: int) -> int:
            try:
                limiter.reserve("stedi", 2, rate)
            except QuotaSpent:
                return 0
            return 2

        assert sum(crowd(reserved)) == 10
