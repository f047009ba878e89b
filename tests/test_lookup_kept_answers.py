"""Answers kept for other jobs of the organisation, when the host wants it."""

from __future__ import annotations

import asyncio
import re

import pytest
from lookups import Payer, context, paid, results, row

from bulkclaims.errors import RepositoryUnavailable, SettingsWrong
from bulkclaims.lookup import Kept, KeptAnswers, LookupProcessor
from bulkclaims.privacy import Secret
from bulkclaims.records import Answer, ClaimStatus, Source
from bulkclaims.repositories.memory import MemoryRepository

KEY = Secret("sixteen characters and more")


class Turned:
    """A cipher that can be told from none."""

    def seal(self, plain):
        """Turn it round."""
        return plain[::-1]

    open = seal


def run(payer, store, *, rows=(1,), job=None, key=KEY, hours=1.0):
    """Look rows up, as one job of several."""

    async def look_up():
        answers = KeptAnswers(Kept(store, Turned()), key, hours)
        found, end = await results(LookupProcessor(payer, answers=answers), [row(number) for number in rows], job)
        assert end is None
        return found

    return asyncio.run(look_up())


@pytest.fixture
def store():
    """Where answers are kept, with a clock to set."""
    kept = MemoryRepository(lambda: kept.now)
    kept.now = 1_000_000.0
    return kept


def test_a_fresh_answer_is_not_asked_for_again(store):
    """The second job has it, marked as such, with the moment at which the payer gave it."""
    run(Payer(), store, rows=range(1, 301))
    payer = Payer()
    found = run(payer, store, rows=range(1, 302), job=context(id="another"))
    assert payer.asked == ["C301"]
    assert (found[1].source, found[1].asked, found[1].status) == (Source.KEPT, 0, "Finalized")
    assert re.fullmatch(r"as the payer answered an earlier job on \d\d/\d\d/\d{4} at \d\d:\d\d UTC", found[1].note)
    assert found[301].source is Source.PAYER
    assert (found[1].payer, found[1].seconds) == ("87726", None)
    assert found[1].answered_at < found[301].answered_at
    assert found[301].seconds is not None


def test_rows_that_ask_the_same_share_it(store):
    """As they would share a payer's answer; a note of its own stays."""
    payer = Payer(lambda inquiry: Answer((paid(inquiry.claim_number), paid(inquiry.claim_number))))
    run(payer, store)

    async def look_up():
        answers = KeptAnswers(Kept(store, Turned()), KEY)
        twice = [row(1), row(2, claim_number="C1")]
        return await results(LookupProcessor(Payer(), answers=answers), twice)

    found, _ = asyncio.run(look_up())
    assert [found[number].source for number in (1, 2)] == [Source.KEPT, Source.SAME_INQUIRY]
    assert found[1].note.startswith(
        "the payer has 2 versions of this claim; the latest is shown; as the payer answered"
    )


@pytest.mark.parametrize(
    "other", [{"job": context(organisation="OTHER")}, {"key": Secret("another key, long enough")}, {"rows": (2,)}]
)
def test_it_is_kept_for_this_organisation_and_inquiry_alone(store, other):
    """Nobody else gets it."""
    run(Payer(), store)
    payer = Payer()
    run(payer, store, **other)
    assert len(payer.asked) == 1


def test_another_account_is_asked_by_itself(store):
    """The same claim at another payer is another one."""
    run(Payer(), store)
    payer = Payer(account="another")
    run(payer, store)
    assert payer.asked == ["C1"]


def test_it_does_not_stay_fresh(store):
    """After the hours that were set the payer is asked anew."""
    run(Payer(), store)
    store.now += 3601
    payer = Payer()
    run(payer, store)
    assert payer.asked == ["C1"]


def test_only_successes_are_kept(store):
    """Whoever retries what was not found wants the payer asked."""
    nothing = Payer(lambda _: Answer((ClaimStatus("D0"),)))
    run(nothing, store)
    run(nothing, store)
    assert nothing.asked == ["C1", "C1"]


def test_a_kept_answer_is_not_kept_for_longer(store):
    """It would never be asked for again."""
    run(Payer(), store)
    store.now += 3000
    run(Payer(), store)
    store.now += 3000
    payer = Payer()
    run(payer, store)
    assert payer.asked == ["C1"]


def test_what_is_kept_tells_nothing(store):
    """Marks and payloads are no use without their keys."""
    run(Payer(), store)
    ((mark, kept),) = store._scopes["ACME"].items()
    assert b"C1" not in mark + kept.payload
    assert b"TESTER" not in kept.payload.upper()


class Away(MemoryRepository):
    """A store that is away."""

    def find_kept(self, scope, marks):
        """Fail."""
        raise RepositoryUnavailable("gone")

    def keep(self, scope, payloads, seconds):
        """Fail."""
        raise RepositoryUnavailable("gone")


def test_a_store_that_is_away_costs_requests_alone(caplog):
    """The rows have their answers all the same, and the log says why they were asked for."""
    found = run(Payer(), Away())
    assert found[1].success
    assert "asked anew" in caplog.text
    assert "not kept" in caplog.text


@pytest.mark.parametrize(("key", "hours"), [(Secret("short"), 1.0), (KEY, 0.0)])
def test_settings_that_cannot_be(store, key, hours):
    """A key that can be guessed, or nothing kept at all."""
    with pytest.raises(SettingsWrong):
        KeptAnswers(Kept(store, Turned()), key, hours)
