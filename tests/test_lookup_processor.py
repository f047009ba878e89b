"""The row processor: one result a row, slots kept until recorded, and every way to end early."""

import asyncio
import gc
import hashlib
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkclaims.errors import (
    AccessRefused,
    AnswerNotUnderstood,
    InquiryRefused,
    PayerUnavailable,
    QuotaSpent,
    RepositoryUnavailable,
)
from bulkclaims.interfaces import RunContext
from bulkclaims.lookup import StediConnector, StediSettings
from bulkclaims.lookup.inquiries import fingerprint, questions
from bulkclaims.lookup.pace.breaker import BreakerPolicy
from bulkclaims.lookup.pace.retrying import RetryPolicy
from bulkclaims.lookup.processor import LookupProcessor
from bulkclaims.privacy import Secret
from bulkclaims.records import (
    REQUIRED_COLUMNS,
    Answer,
    Capabilities,
    ClaimInquiry,
    ClaimStatus,
    Rate,
    Row,
    RowResult,
    Source,
)
from bulkclaims.repositories.limiter import MemoryLimiter
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)
UNMOVED = BreakerPolicy(rows=1000)
COLUMNS = (*REQUIRED_COLUMNS, "payer_id")


def row(number, claim_number=None, **cells):
    """A good row; its claim number tells the scripted payer what to do."""
    usual = {
        "claim_number": claim_number or f"C{number}",
        "first_name": "Alma",
        "last_name": "Tester",
        "date_of_birth": "03/04/1972",
        "subscriber_id": "ZX12",
        "payer_id": "99999",
    }
    return Row(number, COLUMNS, tuple({**usual, **cells}[name] for name in COLUMNS))


class Payer:
    """A connector in memory: finds every claim, unless *says* has something else to say about its number."""

    def __init__(self, says=None, **capabilities):
        self.capabilities = Capabilities("made-up", **capabilities)
        self.says = says or {}
        self.asked = []
        self.now = self.most = 0
        self.closed = False

    async def inquire(self, inquiry):
        """Say what is scripted, once the event loop has been round."""
        self.asked.append(inquiry.claim_number)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            said = self.says.get(inquiry.claim_number)
            if isinstance(said, list):
                said = said.pop(0) if said else None
            if isinstance(said, asyncio.Event):
                await said.wait()
            if isinstance(said, Exception):
                raise said
            if isinstance(said, Answer):
                return said
            return Answer((ClaimStatus("F1", payer_claim_number=inquiry.claim_number),))
        finally:
            self.now -= 1

    async def aclose(self):
        """Note it."""
        self.closed = True


class Book:
    """What a runner would keep: recorded answers by fingerprint, and what was asked of it."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.asked = []

    async def recorded(self, marks):
        """Look up and note."""
        self.asked.append(list(marks))
        return {mark: self.answers[mark] for mark in marks if mark in self.answers}


def context(book=None, go_on=lambda: True, defaults=None, job="job"):
    """A run of a job."""
    return RunContext(
        SimpleNamespace(id=job, defaults=defaults or {}, waiting_until=None, total_rows=0),
        b"salt",
        go_on,
        (book or Book()).recorded,
    )


async def results_of(processor, rows, run=None):
    """All results, by row number."""
    found = {}
    async for batch in processor.process(rows, run or context()):
        assert batch
        for result in batch:
            assert result.row not in found
            found[result.row] = result
    return found


def process(payer, rows, run=None, **options):
    """Look *rows* up and return all results by row number; afterwards no slot is held and no task is left."""

    async def look_up():
        processor = LookupProcessor(payer, retry=QUICK, breaker=UNMOVED, **options)
        found = await results_of(processor, rows, run)
        await nothing_left(processor, payer)
        return found

    return asyncio.run(look_up())


async def nothing_left(processor, payer):
    """Make sure that no task lives on and every slot is free."""
    assert asyncio.all_tasks() == {asyncio.current_task()}
    slots = processor._lanes.get().slots
    assert slots._value == payer.capabilities.max_in_flight


def test_every_row_gets_its_own_result():
    """Row numbers and claim numbers stay together, and the payer was asked once for each."""
    payer = Payer()
    found = process(payer, [row(number) for number in range(1, 51)])
    assert {number: result.claim_number for number, result in found.items()} == {n: f"C{n}" for n in range(1, 51)}
    assert all(result.success and result.asked == 1 and result.source is Source.PAYER for result in found.values())
    assert sorted(payer.asked) == sorted(f"C{n}" for n in range(1, 51))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from(["fine", "D0", "E0", "E1", "503", "400", "html", "bug", "again"]), min_size=1, max_size=30
    ),
    st.integers(1, 8),
)
def test_whatever_payers_do_each_row_has_one_result(kinds, in_flight):
    """Any mixture of answers and failures: exactly one result for each row, and never more in flight than allowed."""
    outcomes = {
        "D0": Answer((ClaimStatus("D0", "35"),)),
        "E0": Answer((ClaimStatus("E0"),)),
        "E1": Answer((ClaimStatus("E1"),)),
        "503": PayerUnavailable(code="payer_down"),
        "400": InquiryRefused("refused"),
        "html": AnswerNotUnderstood("a page"),
        "bug": KeyError("x"),
        "again": [PayerUnavailable()],
    }
    says = {f"C{number}": outcomes[kind] for number, kind in enumerate(kinds, 1) if kind != "fine"}
    says = {name: list(said) if isinstance(said, list) else said for name, said in says.items()}
    payer = Payer(says, max_in_flight=in_flight)
    found = process(payer, [row(number) for number in range(1, len(kinds) + 1)])
    assert sorted(found) == list(range(1, len(kinds) + 1))
    assert payer.most <= in_flight
    for number, kind in enumerate(kinds, 1):
        result = found[number]
        assert result.success == (kind in {"fine", "again"})
        assert (result.fingerprint is not None) == (kind in {"fine", "again", "D0"})
        assert result.asked == {"E1": 4, "503": 4, "html": 2, "again": 2}.get(kind, 1)


def test_identical_rows_are_asked_once():
    """Rows that ask the same share one look-up; any different cell is another question."""
    payer = Payer()
    found = process(payer, [row(1, "A"), row(2, "A"), row(3, "A", last_name="Other"), row(4, "A")])
    assert payer.asked == ["A", "A"]
    assert {number: (result.source, result.asked) for number, result in found.items()} == {
        1: (Source.PAYER, 1),
        2: (Source.SAME_INQUIRY, 0),
        3: (Source.PAYER, 1),
        4: (Source.SAME_INQUIRY, 0),
    }


def test_a_look_up_takes_from_its_first_try_to_its_answer():
    """Waits between tries included; a row that shares the answer has its moment, and took no time of its own."""
    payer = Payer({"C1": PayerUnavailable(retry_after=0.05)}, max_in_flight=2)
    before = datetime.now(UTC)
    found = process(payer, [row(1), row(2, "C1"), row(3)])
    assert (found[1].status, found[1].asked, found[1].payer) == ("Error", 4, "99999")
    assert found[1].seconds >= 0.15 > found[3].seconds
    assert before < found[1].answered_at == found[2].answered_at
    assert found[2].seconds is None


def test_recorded_answers_are_not_asked_for_again():
    """What the job already has an answer for is given to the row with its own number; the book is asked once."""
    inquiry = ClaimInquiry.from_row(row(1, "A"), {})
    book = Book({fingerprint(inquiry, b"salt"): RowResult(900, "A", "Finalized", success=True, asked=2)})
    payer = Payer()
    found = process(payer, [row(1, "A"), row(2, "B"), row(3, "A")], context(book))
    assert payer.asked == ["B"]
    assert [len(marks) for marks in book.asked] == [2]
    assert [(found[n].source, found[n].asked, found[n].claim_number) for n in (1, 3)] == [
        (Source.SAME_INQUIRY, 0, "A")
    ] * 2


def test_fingerprints_cover_every_field_and_need_the_key():
    """No two different inquiries share one, and without the job's key it cannot be made."""
    inquiry = ClaimInquiry("A", "B", "C", date(1972, 3, 4), "D")
    others = [
        evolve(inquiry, **{name: "X"})
        for name in ("claim_number", "first_name", "last_name", "subscriber_id", "payer_id", "npi", "tin", "gender")
    ]
    others += [
        evolve(inquiry, first_service_date=date(2025, 1, 1)),
        evolve(inquiry, last_service_date=date(2025, 1, 1)),
    ]
    others += [evolve(inquiry, claim_number="AB", first_name=""), evolve(inquiry, patient_account_number="X")]
    marks = {fingerprint(each, b"salt") for each in [inquiry, *others]} | {fingerprint(inquiry, b"other")}
    assert len(marks) == len(others) + 2
    assert fingerprint(inquiry, b"salt") == fingerprint(evolve(inquiry), b"salt")
    assert hashlib.blake2b(digest_size=16).digest_size == len(fingerprint(inquiry, b"salt"))


def test_defaults_complete_rows_and_missing_needs_are_said():
    """What the file lacks comes from the job; what neither has is a sentence, and nothing is sent."""
    payer = Payer(needs=(frozenset({"payer_id"}), frozenset({"npi", "tin"})))
    found = process(payer, [row(1), row(2, payer_id="")], context(defaults={"npi": "1999999984"}))
    assert found[1].success
    assert found[2].error == "Not asked: this payer needs payer_id; add the column or set it for the whole job"
    assert payer.asked == ["C1"]
    without = process(Payer(needs=payer.capabilities.needs), [row(1)])
    assert "this payer needs NPI or TIN" in without[1].error


@pytest.mark.parametrize(
    ("cells", "defaults"),
    [({"date_of_birth": "1972"}, {}), ({}, {"first_service_date": "never"}), ({"subscriber_id": ""}, {})],
)
def test_a_row_that_cannot_be_read_is_a_failed_row(cells, defaults):
    """A date that is none, in the row or in the job's defaults, or a blank required cell, costs only that row."""
    payer = Payer()
    found = process(payer, [row(1, **cells)], context(defaults=defaults))
    assert (found[1].status, found[1].success, found[1].asked, found[1].claim_number) == ("Error", False, 0, "C1")
    assert payer.asked == []


def test_questions_of_no_rows_are_none():
    """An empty chunk has neither questions nor results."""
    assert questions([], {}, b"", ()) == ({}, [])
    assert process(Payer(), []) == {}


def test_a_look_up_keeps_its_slot_until_its_batch_is_recorded():
    """While a batch is being recorded nothing more is asked than the free slots allow."""

    async def run():
        payer = Payer(max_in_flight=3)
        processor = LookupProcessor(payer)
        batches = processor.process([row(number) for number in range(1, 10)], context())
        first = await anext(batches)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(first) <= 3
        assert len(payer.asked) == 3
        second = await anext(batches)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(payer.asked) <= 3 + len(first)
        rest = [result async for batch in batches for result in batch]
        assert sorted(result.row for result in [*first, *second, *rest]) == list(range(1, 10))
        await nothing_left(processor, payer)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("job_of_the_small", "ends_first"), [("another", "small"), ("job", "large")], ids=["two jobs", "one job"]
)
def test_jobs_take_turns_and_chunks_of_one_follow_one_another(job_of_the_small, ends_first):
    """Two chunks at once share the slots; a small one waits for a large one only if both are of one job."""

    async def run():
        payer = Payer(max_in_flight=2)
        processor = LookupProcessor(payer)
        ended = []

        async def chunk(name, job, rows):
            await results_of(processor, rows, context(job=job))
            ended.append(name)

        large = [row(number) for number in range(1, 101)]
        small = [row(number) for number in range(101, 104)]
        await asyncio.gather(chunk("large", "job", large), chunk("small", job_of_the_small, small))
        assert payer.most == 2
        assert ended[0] == ends_first
        await nothing_left(processor, payer)

    asyncio.run(run())


def test_a_processor_serves_one_event_loop_after_another():
    """Its slots belong to the loop that runs it: a second loop in the same process gets its own."""
    payer = Payer(max_in_flight=1)
    processor = LookupProcessor(payer)
    for _ in range(2):
        assert len(asyncio.run(results_of(processor, [row(1), row(2), row(3)]))) == 3


@pytest.mark.parametrize("fatal", [AccessRefused("key"), RepositoryUnavailable("limiter")])
def test_a_fatal_failure_ends_the_chunk_after_what_is_known(fatal):
    """Results already known come first, then the exception; nothing else is asked and no task is left."""

    async def run():
        payer = Payer({"C3": fatal, "C4": asyncio.Event()}, max_in_flight=4)
        processor = LookupProcessor(payer)
        found = []

        async def fetch():
            async for batch in processor.process([row(number) for number in range(1, 30)], context()):
                found.extend(result.row for result in batch)

        with pytest.raises(type(fatal)):
            await fetch()
        assert {1, 2} <= set(found)
        assert not {3, 4} & set(found)
        assert len(payer.asked) < 10
        await nothing_left(processor, payer)

    asyncio.run(run())


def test_a_spent_budget_lets_what_is_under_way_end():
    """Look-ups that were asked, and counted, bring their rows; none begins any more; the exception comes last."""

    async def run():
        held = [asyncio.Event(), asyncio.Event()]
        payer = Payer({"C1": held[0], "C2": held[1], "C3": QuotaSpent("budget")}, max_in_flight=4)
        processor = LookupProcessor(payer)
        batches = processor.process([row(number) for number in range(1, 30)], context())
        found = [(await anext(batches))[0].row]
        asked = len(payer.asked)
        for event in held:
            event.set()
            found.append((await anext(batches))[0].row)
        with pytest.raises(QuotaSpent):
            await anext(batches)
        assert found == [4, 1, 2]
        assert len(payer.asked) == asked == 4
        await nothing_left(processor, payer)

    asyncio.run(run())


@pytest.mark.parametrize("also", [QuotaSpent("second"), AccessRefused("key")])
def test_of_a_spent_budget_and_something_worse_the_worse_is_told(also):
    """A refusal ends the wait for what is under way; another word of the spent budget changes nothing."""

    async def run():
        payer = Payer({"C1": QuotaSpent("first"), "C2": also, "C3": asyncio.Event()}, max_in_flight=3)
        if isinstance(also, QuotaSpent):
            payer.says["C3"].set()
        processor = LookupProcessor(payer)
        found = []

        async def fetch():
            async for batch in processor.process([row(number) for number in range(1, 30)], context()):
                found.extend(result.row for result in batch)

        with pytest.raises(type(also), match="first" if isinstance(also, QuotaSpent) else "key"):
            await fetch()
        assert found == ([3] if isinstance(also, QuotaSpent) else [])
        assert len(payer.asked) == 3
        await nothing_left(processor, payer)

    asyncio.run(run())


def test_a_stopped_job_asks_nothing_more():
    """Rows whose turn has not come get no result; those in flight do."""
    payer = Payer(max_in_flight=2)
    found = process(payer, [row(number) for number in range(1, 20)], context(go_on=lambda: len(payer.asked) < 5))
    assert len(found) == len(payer.asked) == 5


def test_a_job_stopped_before_it_began_asks_nothing():
    """No row is asked, and nothing is left waiting."""
    payer = Payer()
    assert process(payer, [row(1)], context(go_on=lambda: False)) == {}
    assert payer.asked == []


def test_a_job_stopped_between_tries_leaves_the_row_unanswered():
    """A failed try is not repeated once the job is stopped, and is no result: the row may be asked by a later run."""
    payer = Payer({"C1": PayerUnavailable()}, max_in_flight=1)
    assert process(payer, [row(1)], context(go_on=lambda: len(payer.asked) < 1)) == {}
    assert payer.asked == ["C1"]


def test_an_abandoned_generator_leaves_nothing_behind():
    """Closed in the middle, with answers known and look-ups hanging, it frees every slot and ends every task."""

    async def run():
        payer = Payer({"C2": asyncio.Event()}, max_in_flight=3)
        processor = LookupProcessor(payer)
        batches = processor.process([row(number) for number in range(1, 10)], context())
        await anext(batches)
        for _ in range(20):
            await asyncio.sleep(0)
        await batches.aclose()
        await nothing_left(processor, payer)

    asyncio.run(run())


class Watched(str):
    """Text that can be watched for being forgotten."""

    __slots__ = ("__weakref__",)


class Hesitant(Payer):
    """Is away when it is asked first."""

    async def inquire(self, inquiry):
        """Answer from the second time on."""
        if not self.asked:
            self.asked.append(inquiry.claim_number)
            raise PayerUnavailable
        return await super().inquire(inquiry)


@pytest.mark.parametrize("payer", [Payer, Hesitant])
def test_rows_are_forgotten_once_they_are_answered(payer):
    """No cycle keeps patients' data, and memory with it, until the garbage collector comes round."""
    names = [Watched("Tester") for _ in range(4)]
    watched = [weakref.ref(name) for name in names]
    rows = [row(number, last_name=name) for number, name in enumerate(names, 1)]
    gc.disable()
    try:
        assert len(process(payer(), rows)) == len(rows)
        del rows, names
        assert [reference() for reference in watched] == [None] * len(watched)
    finally:
        gc.enable()


def test_a_cancelled_chunk_leaves_nothing_behind():
    """Cancelled while it waits for answers: likewise, also when a look-up will not be cancelled."""

    class Stubborn(Payer):
        async def inquire(self, inquiry):
            try:
                return await super().inquire(inquiry)
            except asyncio.CancelledError:
                return Answer(())

    async def run():
        payer = Stubborn({"C1": asyncio.Event(), "C2": asyncio.Event()}, max_in_flight=2)
        processor = LookupProcessor(payer)
        chunk = asyncio.create_task(results_of(processor, [row(1), row(2), row(3)]))
        for _ in range(50):
            await asyncio.sleep(0)
        assert payer.now == 2
        chunk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await chunk
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await nothing_left(processor, payer)

    asyncio.run(run())


def test_a_connectors_bug_is_a_failed_row_and_a_log_line_without_its_data(caplog):
    """An exception no contract allows costs its row; log and result tell where, and nothing of the row."""
    with caplog.at_level(logging.DEBUG):
        found = process(Payer({"SECRET7": KeyError("SECRET7")}), [row(1, "SECRET7")])
    assert (found[1].status, found[1].success, found[1].fingerprint) == ("Error", False, None)
    assert "SECRET7" not in caplog.text + found[1].error
    assert "KeyError in inquire" in caplog.text


def test_a_connector_that_answers_nonsense_costs_its_row():
    """An answer of a wrong kind is a bug of the connector too."""
    nonsense = Answer((ClaimStatus(None, payer_claim_number="C1"),))
    assert process(Payer({"C1": nonsense}), [row(1), row(2)])[1].status == "Error"


class Slots:
    """A limiter that grants everything at once and counts."""

    def __init__(self):
        self.granted, self.told = 0, []

    def reserve(self, _account, count, _rate):
        """Grant."""
        self.granted += count
        return 0.0

    def postpone(self, _account, seconds):
        """Note it."""
        self.told.append(seconds)

    def postponed(self, _account):
        """Nobody holds the account back."""
        return 0.0


def test_each_try_takes_a_slot_and_a_429_postpones():
    """With a rate, every try is paced and a 429 is told to all workers."""
    limiter = Slots()
    throttled = PayerUnavailable(throttled=True, retry_after=0)
    payer = Payer({"C1": [throttled]}, rate=Rate(50))
    assert process(payer, [row(1), row(2)], limiter=limiter)[1].asked == 2
    assert limiter.granted == 3
    assert limiter.told == [0]


def test_without_a_rate_the_limiter_is_left_alone():
    """A connector that names no rate is limited by its slots alone."""
    limiter = Slots()
    process(Payer({"C1": [PayerUnavailable(throttled=True, retry_after=0)]}), [row(1)], limiter=limiter)
    assert (limiter.granted, limiter.told) == (0, [])


class Noted(Payer):
    """Notes when each look-up began, and when the payer first said 429."""

    def __init__(self, says, **capabilities):
        super().__init__(says, **capabilities)
        self.began, self.told_at = [], 0.0

    async def inquire(self, inquiry):
        """Note, and do as ever."""
        self.began.append(asyncio.get_running_loop().time())
        try:
            return await super().inquire(inquiry)
        except PayerUnavailable:
            self.told_at = asyncio.get_running_loop().time()
            raise


@pytest.mark.parametrize("rate", [None, Rate(200)], ids=["no rate", "a rate"])
@pytest.mark.slow
def test_nobody_asks_while_the_payer_wants_quiet(rate):
    """One row is told `Retry-After: 1`: within that second no row begins, and then all are asked."""
    payer = Noted({"C5": [PayerUnavailable(throttled=True, retry_after=1)]}, rate=rate, max_in_flight=6)
    processor = LookupProcessor(payer, limiter=MemoryRepository())

    found = asyncio.run(results_of(processor, [row(number) for number in range(1, 21)]))
    later = [moment - payer.told_at for moment in payer.began if moment > payer.told_at]

    assert all(result.success for result in found.values())
    assert len(later) >= 10
    assert min(later) >= 0.999


@pytest.mark.parametrize(
    ("limits", "most_refused"),
    [({"rate_limit": 10}, 30), ({"max_in_flight": 5, "latency": 0.05}, 30)],
    ids=["rate", "in flight"],
)
@pytest.mark.slow
def test_a_payer_that_limits_us_refuses_few_and_no_row_fails(limits, most_refused):
    """Twenty look-ups at a time at a payer that takes fewer: after the first burst hardly any is refused."""
    with PayerSimulator(SimulatorSettings(retry_after=1, **limits)) as payer:
        settings = StediSettings(
            organization_name="Sample Clinic PC", base_url=payer.url, api_key=Secret("try-me"), max_in_flight=20
        )
        processor = LookupProcessor(StediConnector(settings))
        rows = [row(number, f"PCN{number}-PAID") for number in range(1, 41)]

        async def look_up():
            found = await results_of(processor, rows, context(defaults={"npi": "1999999984"}))
            await processor.aclose()
            return found

        found = asyncio.run(look_up())
        refused = len(payer.requests) - len(rows)

    assert all(result.success for result in found.values())
    assert 0 < refused <= most_refused


def test_workers_share_what_the_payer_takes_at_a_time():
    """Two workers, each an event loop of its own, keep to the number together, and leave nothing kept behind."""
    limiter = MemoryRepository()
    lock, counts = threading.Lock(), {"now": 0, "most": 0}

    class Shared(Payer):
        async def inquire(self, inquiry):
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts.values())
            try:
                await asyncio.sleep(0.002)
                return await super().inquire(inquiry)
            finally:
                with lock:
                    counts["now"] -= 1

    def work(first):
        async def look_up():
            processor = LookupProcessor(Shared(max_in_flight=10, in_flight_in_all=4), limiter=limiter)
            found = await results_of(processor, [row(number) for number in range(first, first + 60)])
            left = asyncio.all_tasks() - {asyncio.current_task()}
            await processor.aclose()
            return found, left

        return asyncio.run(look_up())

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(work, [1, 101]))

    assert [len(found) for found, _ in outcomes] == [60, 60]
    assert [left for _, left in outcomes] == [set(), set()]
    assert 1 <= counts["most"] <= 4
    assert limiter.occupy("made-up", "somebody else", 0, 4, 60) == 4


@pytest.mark.parametrize("options", [{}, {"limiter": MemoryRepository()}], ids=["no limiter", "no number for all"])
def test_a_worker_that_shares_nothing_keeps_its_own_number(options):
    """Without a limiter, or without a number for all, slots are those of the process."""
    payer = Payer(max_in_flight=2, **({} if options else {"in_flight_in_all": 1}))
    process(payer, [row(number) for number in range(1, 9)], **options)
    assert payer.most == 2


def test_who_waits_for_others_stops_when_it_is_asked_to():
    """While others have all the slots, a job that was cancelled ends without one."""
    limiter, wanted = MemoryRepository(), [True]
    limiter.occupy("made-up", "somebody else", 0, 4, 3600)

    async def run():
        payer = Payer(in_flight_in_all=4)
        processor = LookupProcessor(payer, limiter=limiter)
        waiting = asyncio.create_task(results_of(processor, [row(1)], context(go_on=lambda: wanted[0])))
        await asyncio.sleep(0)
        wanted[0] = False
        assert await waiting == {}
        assert payer.asked == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_closing_closes_the_connector():
    """The worker's end is passed on."""
    payer = Payer()
    asyncio.run(LookupProcessor(payer).aclose())
    assert payer.closed


class Preparing(Payer):
    """Needs something before each look-up, which may fail."""

    def __init__(self, *failures):
        super().__init__()
        self.failures = [*failures]
        self.order = []

    async def prepare(self):
        """Take long, or fail."""
        self.order.append("prepare")
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)


class Orderly(MemoryLimiter):
    """Notes when a slot was reserved."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def reserve(self, account, count, rate):
        """Note it."""
        self.order.append("slot")
        return super().reserve(account, count, rate)


def test_what_takes_long_is_done_before_a_slot_is_taken():
    """While a token is fetched no slot runs out: the look-ups that wait for it are not all sent at once."""
    payer = Preparing(PayerUnavailable())
    payer.capabilities = Capabilities("made-up", rate=Rate(1000))

    (result,) = process(payer, [row(1)], limiter=Orderly(payer.order)).values()

    assert result.success
    assert payer.order == ["prepare", "prepare", "slot"]


def test_a_bug_before_a_look_up_costs_its_row():
    """What a connector's preparation runs into is told like a bug in the look-up itself, and nothing was asked."""
    payer = Preparing(KeyError("CANARY"))

    (result,) = process(payer, [row(1)]).values()

    assert (result.success, result.asked, payer.asked) == (False, 0, [])
    assert "within this service" in result.error


class Searching(Payer):
    """Finds claims by patient and dates, and by number only those it is told to."""

    def __init__(self, by_number=None, by_patient=None, **capabilities):
        ways = ({"claim_number"}, {"subscriber_id", "first_service_date"})
        capabilities = {"searches_by": tuple(map(frozenset, ways)), **capabilities}
        super().__init__({"": by_patient or [], **(by_number or {})}, **capabilities)

    async def inquire(self, inquiry):
        """Say what it finds."""
        self.asked.append(inquiry.claim_number)
        said = self.says.get(inquiry.claim_number)
        if isinstance(said, Exception):
            raise said
        return Answer(tuple(said or ()))


THE_CLAIM = ClaimStatus("F1", payer_claim_number="C-1", subscriber_id="ZX12", date_of_birth=date(1972, 3, 4))
ANOTHER = evolve(THE_CLAIM, payer_claim_number="X9")


def search_twice(payer, **cells):
    """Look up one row with dates of service, searching once more if need be."""
    columns = (*COLUMNS, "first_service_date")
    cells = {"first_service_date": "01/05/2026", **cells}
    asked = Row(1, columns, (*row(1).values, cells["first_service_date"]))
    return process(payer, [asked], second_search=True)[1]


class TestSecondSearch:
    """What is not found by its number is searched for once more, by patient and dates of service."""

    def test_it_finds_the_claim_of_that_number(self):
        """The number is compared all the same, in the form that the payer writes it."""
        payer = Searching(by_patient=[ANOTHER, THE_CLAIM])
        found = search_twice(payer)
        assert (payer.asked, found.success, found.asked) == (["C1", ""], True, 2)
        assert found.note == "found by a second search, without its number"
        assert found.payer_claim_number == "C-1"

    def test_another_claim_is_not_taken_for_it(self):
        """Nor is a second search that brings nothing anything but not found."""
        for nothing in ([ANOTHER], [ClaimStatus("D0")], []):
            payer = Searching(by_patient=nothing)
            found = search_twice(payer)
            assert (found.status, found.asked, payer.asked) == ("Not Found", 2, ["C1", ""])

    @pytest.mark.parametrize(
        ("payer", "cells"),
        [
            (Searching(by_number={"C1": [THE_CLAIM]}), {}),
            (Searching(by_number={"C1": [ANOTHER]}), {}),
            (Searching(by_number={"C1": InquiryRefused("no")}), {}),
            (Searching(), {"first_service_date": ""}),
            (Searching(searches_by=(frozenset({"claim_number"}),)), {}),
        ],
        ids=["found", "others", "refused", "no dates", "cannot"],
    )
    def test_it_is_made_only_where_it_may_help(self, payer, cells):
        """Not of what was found or refused, not without dates, and not at a payer that cannot."""
        search_twice(payer, **cells)
        assert payer.asked == ["C1"]

    def test_it_is_a_setting(self):
        """It may double what is asked."""
        payer = Searching()
        columns = (*COLUMNS, "first_service_date")
        process(payer, [Row(1, columns, (*row(1).values, "01/05/2026"))])
        assert payer.asked == ["C1"]

    def test_a_second_search_that_fails_is_the_rows_failure(self):
        """It is tried again like any other, and the row says what is wrong."""
        payer = Searching()
        payer.says[""] = PayerUnavailable()
        found = search_twice(payer)
        assert (found.status, payer.asked) == ("Error", ["C1", "", "", "", ""])
