"""Inquiries that a payer answers later: sent once, polled by whoever comes, put aside when it takes long."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from lookups import Payer, context, paid, results, row

from bulkclaims.errors import (
    AccessExpired,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerAway,
    PayerUnavailable,
    QuotaSpent,
    RepositoryUnavailable,
    TicketGone,
)
from bulkclaims.lookup import Kept, LookupProcessor, RetryPolicy, tickets
from bulkclaims.records import Answer, ClaimStatus, Ticket
from bulkclaims.repositories.memory import MemoryRepository

QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)
DOWN = Answer((ClaimStatus("E1"),))


class Mirror:
    """A cipher that can be told from none."""

    def seal(self, plain):
        """Turn it round."""
        return plain[::-1]

    open = seal


class LatePayer(Payer):
    """Takes an inquiry, and follows a script at each poll: None is "not yet"; the last word stays."""

    def __init__(self, *script, at_once=False, **capabilities):
        super().__init__(**capabilities)
        self.script = list(script)
        self.at_once = at_once
        self.started, self.polled, self.discarded = [], [], []
        self.forgetting = None

    async def start(self, inquiry):
        """Take it."""
        self.started.append(inquiry.claim_number)
        return self.found(inquiry) if self.at_once else Ticket(f"T{len(self.started)}", 86400)

    async def poll(self, ticket, inquiry):
        """Say the next word."""
        self.polled.append(ticket.id)
        said = self.script.pop(0) if self.script else "found"
        if isinstance(said, Exception):
            raise said
        return self.found(inquiry) if said == "found" else said

    def found(self, inquiry):
        """A paid claim."""
        return Answer((paid(inquiry.claim_number),))

    async def discard(self, ticket):
        """Forget it."""
        self.discarded.append(ticket.id)
        if self.forgetting:
            raise self.forgetting


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    """A payer's patience is tried without waiting for it."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))


def run(payer, store=None, rows=(1,), job=None, **options):
    """Look rows up; gives results and what ended the run."""

    async def look_up():
        kept = Kept(store or MemoryRepository(), Mirror())
        processor = LookupProcessor(payer, retry=QUICK, tickets=kept, **options)
        return await results(processor, [row(number) for number in rows], job)

    return asyncio.run(look_up())


def test_an_answer_that_comes_later_is_polled_for():
    """Sent once, polled until it is there, and deleted at the payer once it is recorded."""
    payer, store = LatePayer(None, None), MemoryRepository()
    found, end = run(payer, store)
    assert (found[1].status, found[1].asked, end) == ("Finalized", 1, None)
    assert (payer.started, payer.polled, payer.discarded) == (["C1"], ["T1"] * 3, ["T1"])
    assert kept_of(store) == {}


def kept_of(store):
    """What the store keeps for the job."""
    return store._scopes.get("job", {})


def test_an_answer_that_comes_at_once_needs_no_ticket():
    """Nothing is kept and nothing deleted."""
    payer = LatePayer(at_once=True)
    found, _ = run(payer)
    assert (found[1].success, payer.polled, payer.discarded) == (True, [], [])


def test_without_a_store_the_process_remembers_it():
    """As for a host that runs in one process."""

    async def look_up():
        return await results(LookupProcessor(payer, retry=QUICK), [row(1)])

    payer = LatePayer(None)
    found, _ = asyncio.run(look_up())
    assert (found[1].success, payer.started) == (True, ["C1"])


class Killed(LatePayer):
    """A payer whose worker does not outlive the first poll."""

    async def poll(self, ticket, inquiry):
        """End it all."""
        raise asyncio.CancelledError


def left_by_a_killed_worker():
    """A store with the ticket of an inquiry whose worker died."""
    store = MemoryRepository()

    async def killed():
        processor = LookupProcessor(Killed(), retry=QUICK, tickets=Kept(store, Mirror()))
        await results(processor, [row(1)])

    asyncio.run(killed())
    return store


def test_whoever_comes_after_a_killed_worker_polls_on():
    """The ticket is in the store before the first poll, sealed; the inquiry is never sent twice."""
    store = left_by_a_killed_worker()
    (sealed,) = [entry.payload for entry in kept_of(store).values()]
    assert b"T1" not in sealed

    payer = LatePayer(None)
    found, end = run(payer, store)
    assert (found[1].success, found[1].asked, found[1].seconds, end) == (True, 1, None, None)
    assert (payer.started, payer.polled) == ([], ["T1", "T1"])


def test_another_job_sends_its_own():
    """Tickets belong to a job."""
    payer = LatePayer()
    run(payer, left_by_a_killed_worker(), job=context(id="another"))
    assert payer.started == ["C1"]


def test_what_takes_long_is_put_aside_and_polled_on_later(monkeypatch):
    """The worker goes on with others; the chunk comes back after a minute, and polls by the id."""
    monkeypatch.setattr(tickets, "WAITS", (0.0, 1000.0))
    store, payer = MemoryRepository(), LatePayer(None)
    found, end = run(payer, store)
    assert (found, payer.polled) == ({}, ["T1"])
    assert isinstance(end, PayerAway)
    assert end.seconds == 60
    assert "still at work" in str(end)
    payer = LatePayer()
    assert run(payer, store)[0][1].success
    assert payer.started == []


def test_a_row_that_waits_does_not_keep_others(monkeypatch):
    """Those that are answered are recorded; only what is left is put aside, for the shortest of all reasons."""
    monkeypatch.setattr(tickets, "WAITS", (0.0, 1000.0))
    found, end = run(LatePayer(None, "found", None, max_in_flight=1), rows=(1, 2, 3))
    assert list(found) == [2]
    assert isinstance(end, PayerAway)


def test_what_takes_for_ever_ends_as_an_error(monkeypatch):
    """Half an hour after it was sent, or after its job was retried, which then polls on."""
    monkeypatch.setattr(tickets, "WAITS", (0.0, 1000.0))
    monkeypatch.setattr(tickets, "LONGEST_SECONDS", 0)
    payer, store = LatePayer(None), MemoryRepository()
    found, end = run(payer, store)
    assert (found[1].status, end, len(kept_of(store))) == ("Error", None, 1)
    assert found[1].error.startswith("The payer has not answered in 0 minutes")
    assert found[1].next_action == "Retry the job later."
    monkeypatch.setattr(tickets, "LONGEST_SECONDS", 1800)
    retried = context(queued_at=datetime.now(UTC))
    payer = LatePayer(None, None)
    assert isinstance(run(payer, store, job=retried)[1], PayerAway)
    assert (payer.started, payer.polled) == ([], ["T1", "T1"])


def test_what_cannot_be_understood_is_polled_again_and_then_forgotten():
    """A page about maintenance may go away; a retry of the job is to have a new answer all the same."""
    page, store = AnswerNotUnderstood("a page"), MemoryRepository()
    payer = LatePayer(page)
    assert run(payer, store)[0][1].success
    assert payer.started == ["C1"]
    payer = LatePayer(page, page)
    assert run(payer, store)[0][1].status == "Error"
    assert (payer.started, kept_of(store)) == (["C1"], {})


def test_a_second_search_that_cannot_be_understood_is_forgotten_too():
    """It has a ticket of its own."""
    nothing, page, store = Answer(()), AnswerNotUnderstood("a page"), MemoryRepository()
    payer = LatePayer(nothing, page, page, searches_by=(frozenset({"subscriber_id"}),))
    rows = [row(1, first_service_date="01/05/2026")]

    async def look_up():
        processor = LookupProcessor(payer, retry=QUICK, tickets=Kept(store, Mirror()), second_search=True)
        return await results(processor, rows)

    found, _ = asyncio.run(look_up())
    assert (found[1].status, payer.started, kept_of(store)) == ("Error", ["C1", ""], {})


@pytest.mark.parametrize(
    "trouble", [PayerUnavailable(), PayerUnavailable(throttled=True, retry_after=0), AccessExpired("x")]
)
def test_trouble_while_polling_sends_nothing_again(trouble):
    """A poll is repeated; the inquiry is not."""
    payer = LatePayer(None, trouble, None)
    found, _ = run(payer)
    assert (found[1].success, payer.started) == (True, ["C1"])


def test_a_forgotten_inquiry_is_sent_anew_once():
    """The payer lost it; it is lost no further."""
    payer = LatePayer(TicketGone("gone"))
    found, _ = run(payer)
    assert (found[1].success, found[1].asked, payer.started) == (True, 2, ["C1", "C1"])


def test_an_inquiry_that_is_forgotten_again_and_again_ends_as_an_error():
    """It is not sent for ever."""
    payer = LatePayer(*[TicketGone("gone")] * 100)
    found, _ = run(payer)
    assert (found[1].status, len(payer.started)) == ("Error", 8)
    assert "forgot this inquiry" in found[1].error


def test_an_answer_that_a_system_is_down_is_asked_for_anew():
    """The same ticket would say so again."""
    payer = LatePayer(DOWN)
    found, _ = run(payer)
    assert (found[1].success, payer.started) == (True, ["C1", "C1"])
    assert payer.discarded == ["T1", "T2"]


def test_a_refusal_forgets_the_ticket():
    """A retry of the job is to have a new answer."""
    payer, store = LatePayer(InquiryRefused("no")), MemoryRepository()
    found, _ = run(payer, store)
    assert (found[1].status, kept_of(store)) == ("Error", {})


@pytest.mark.parametrize("failure", [ConnectorError("no"), QuotaSpent("no"), KeyError("CANARY")])
def test_a_payer_that_does_not_delete_costs_nothing(caplog, failure):
    """It will by itself; the row has its answer."""
    payer = LatePayer()
    payer.forgetting = failure
    with caplog.at_level(logging.DEBUG):
        assert run(payer)[0][1].success
    assert "until its time is over" in caplog.text
    assert "CANARY" not in caplog.text


class Forgetful(MemoryRepository):
    """A store that fails when something is to be dropped."""

    def drop_kept(self, scope, marks):
        """Fail."""
        raise RepositoryUnavailable("gone")


def test_a_store_that_does_not_drop_costs_nothing(caplog):
    """The ticket lapses by itself."""
    assert run(LatePayer(), Forgetful())[0][1].success
    assert "A ticket is kept until its time is over" in caplog.text


def test_a_ticket_of_another_key_is_not_used(caplog):
    """Keys may have been changed meanwhile; the inquiry is sent anew."""
    store = left_by_a_killed_worker()
    ((mark, _),) = kept_of(store).items()
    store.keep("job", {mark: b"{}"[::-1]}, 60)
    payer = LatePayer()
    assert run(payer, store)[0][1].success
    assert payer.started == ["C1"]
    assert "cannot be read" in caplog.text


def test_a_ticket_of_another_inquiry_is_not_used():
    """Whoever can write into the store cannot swap answers."""
    store = left_by_a_killed_worker()
    ((mark, entry),) = kept_of(store).items()
    other = bytes(16)
    store.keep("job", {other: entry.payload}, 60)

    async def opened():
        return await Kept(store, Mirror()).find("job", [mark, other])

    assert list(asyncio.run(opened())) == [mark]
