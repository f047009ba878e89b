"""One job, several payers: each row is asked of its own, and none holds up the others."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from lookups import Payer, context, results, row

from bulkclaims.errors import AccessRefused, PayerAway, PayerUnavailable, QuotaSpent, SettingsWrong
from bulkclaims.lookup import BreakerPolicy, LookupProcessor, PayerRouter, RetryPolicy, routing
from bulkclaims.records import Source

QUICK = RetryPolicy(attempts=1, base_seconds=0, max_seconds=0, down_seconds=0)
WATCHFUL = BreakerPolicy(rows=2)


def processor(payer):
    """Who asks a payer."""
    return LookupProcessor(payer, retry=QUICK, breaker=WATCHFUL)


def run(routes, rows, otherwise=None, job=None):
    """Look rows up by routes from payer id to payer; gives results and what ended the run."""

    async def look_up():
        router = PayerRouter({name: processor(payer) for name, payer in routes.items()}, otherwise)
        found, end = await results(router, rows, job)
        await router.aclose()
        return found, end

    return asyncio.run(look_up())


def mixed(count, *payers):
    """Rows whose payer ids take turns."""
    return [row(number, payer_id=payers[number % len(payers)]) for number in range(1, count + 1)]


def test_each_row_is_asked_of_its_payer():
    """By the column, or by the job's default where that is blank."""
    one, two = Payer(account="one"), Payer(account="two")
    rows = [row(1, payer_id="11111"), row(2, payer_id="22222"), row(3, payer_id="")]
    found, end = run({"11111": one, "22222": two}, rows, job=context(defaults={"payer_id": "22222"}))
    assert (one.asked, sorted(two.asked), end) == (["C1"], ["C2", "C3"], None)
    assert all(result.success for result in found.values())
    assert (one.closed, two.closed) == (1, 1)


def test_a_payer_that_nobody_set_up_is_the_rows_fault():
    """Nothing is asked, and the sentence does not quote the cell."""
    found, _ = run({"11111": Payer()}, [row(1, payer_id="CANARY"), row(2, payer_id="11111")])
    assert (found[1].success, found[1].source, found[2].success) == (False, Source.WORKER, True)
    assert found[1].error == "Not asked: no payer is set up for this row's payer_id; correct the row"
    assert (found[1].claim_number, found[1].patient_name) == ("C1", "Alma Tester")


def test_all_others_may_have_a_payer_too():
    """A clearinghouse for whatever has no route of its own."""
    house = Payer(account="house")
    found, _ = run({"11111": Payer()}, mixed(4, "11111", "33333", "44444"), processor(house))
    assert len(found) == 4
    assert len(house.asked) == 3
    assert house.closed == 1


def test_a_payer_that_is_away_does_not_hold_up_the_others():
    """Its rows are put aside; all others of the chunk are answered."""
    down = Payer(lambda _: PayerUnavailable(code="payer_down"), account="down", max_in_flight=1)
    found, end = run({"11111": down, "22222": Payer(account="up")}, mixed(60, "11111", "22222"))
    assert isinstance(end, PayerAway)
    assert len(down.asked) == 2
    assert sum(result.success for result in found.values()) == 30
    assert "(down)" in str(end)


def test_a_payer_that_is_slow_does_not_hold_up_the_others():
    """Answers of one are recorded while the other has not said anything yet."""

    async def look_up():
        go = asyncio.Event()

        async def slowly():
            await go.wait()

        slow = Payer(lambda _: slowly(), account="slow")
        router = PayerRouter({"11111": processor(slow), "22222": processor(Payer(account="quick"))})
        seen = []
        async for batch in router.process(mixed(20, "11111", "22222"), context()):
            seen += [result.row for result in batch]
            if len(seen) == 10:
                go.set()
        return seen

    seen = asyncio.run(look_up())
    assert {number % 2 for number in seen[:10]} == {1}
    assert len(seen) == 20


def test_the_soonest_of_several_counts():
    """The chunk comes back when the first of its payers may be there again."""
    rows = mixed(20, "11111", "22222")
    long = Payer(lambda _: PayerUnavailable(retry_after=200, code="payer_down"), account="long", max_in_flight=1)
    short = Payer(lambda _: PayerUnavailable(code="payer_down"), account="short", max_in_flight=1)
    _, end = run({"11111": long, "22222": short}, rows)
    assert "(short)" in str(end)


REFUSALS = [AccessRefused("The payer gives no token."), QuotaSpent("Today's budget is used up; retry tomorrow.")]


def job_of(accounts, **job):
    """A run of a job whose plan is for so many payer accounts."""
    return context(upload=SimpleNamespace(plan=(None,) * accounts), **job)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_payer_that_cannot_be_asked_does_not_hold_up_the_others(refusal):
    """Its own rows fail with its sentence, for a retry to ask for; later chunks of the run do not try it again."""
    closed, fine = Payer(lambda _: refusal, account="closed", max_in_flight=1), Payer(account="fine")

    async def look_up():
        router = PayerRouter({"11111": processor(closed), "22222": processor(fine)})
        rows = mixed(40, "11111", "22222")
        first, second = rows[:20], rows[20:]
        found, end = await results(router, first, job_of(2))
        more, end_of_more = await results(router, second, job_of(2))
        assert (end, end_of_more) == (None, None)
        asked = len(closed.asked)
        _, _ = await results(router, rows, job_of(2, id="another"))
        return found | more, asked, len(closed.asked)

    found, asked, asked_by_another = asyncio.run(look_up())
    assert (asked, asked_by_another) == (1, 2)
    assert sum(result.success for result in found.values()) == 20
    refused = [result for result in found.values() if not result.success]
    assert {result.error for result in refused} == {f"Not asked at closed: {refusal.message}"}
    assert all(result.fingerprint is None and result.asked == 0 for result in refused)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_job_of_one_payer_ends_with_its_sentence(refusal):
    """Once others have answered, even beside a payer that is away."""
    _, end = run({"11111": Payer(lambda _: refusal, max_in_flight=1)}, mixed(10, "11111"), job=job_of(1))
    assert end is refusal


def test_few_refusals_are_remembered(monkeypatch):
    """Memory does not grow with jobs."""
    monkeypatch.setattr(routing, "_MOST_REFUSED", 2)
    closed = Payer(lambda _: REFUSALS[0], account="closed", max_in_flight=1)

    async def look_up():
        router = PayerRouter({"11111": processor(closed)})
        for job in range(5):
            await results(router, mixed(3, "11111"), job_of(2, id=f"job{job}"))
        return len(router._refused)

    assert asyncio.run(look_up()) == 2


def test_whoever_takes_no_more_leaves_nothing_under_way():
    """A lease was lost, say, half-way."""

    async def look_up():
        routes = {"11111": processor(Payer(account="one")), "22222": processor(Payer(account="two"))}
        batches = PayerRouter(routes).process(mixed(100, "11111", "22222"), context())
        await anext(batches)
        await batches.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(look_up())


def test_a_bug_ends_it_at_once():
    """What no part of ours raises on purpose is not kept for later."""

    async def recorded(_marks):
        raise KeyError("CANARY")

    _, end = run({"11111": Payer(), "22222": Payer()}, mixed(4, "11111", "22222"), job=context(recorded=recorded))
    assert isinstance(end, KeyError)


def test_what_can_be_asked_of_whom():
    """For whoever checks an upload."""
    one, house = processor(Payer(account="one")), processor(Payer(account="house"))
    assert PayerRouter({"11111": one}, house).capabilities_for("11111").account == "one"
    assert PayerRouter({"11111": one}, house).capabilities_for("22222").account == "house"
    assert PayerRouter({"11111": one}).capabilities_for("22222") is None
    with pytest.raises(SettingsWrong, match="at least one route"):
        PayerRouter({})


def test_a_spent_budget_loses_nothing_of_any_payer():
    """What was under way at the payer whose budget is spent is answered, as is all that others were asked."""
    go = asyncio.Event()

    async def when_the_other_is_done():
        await go.wait()

    def last_of_all(_):
        if len(other.asked) == 10:
            go.set()

    says = {"C2": when_the_other_is_done, "C4": lambda: QuotaSpent("Spent.")}
    spent = Payer(lambda inquiry: says[inquiry.claim_number](), account="spent", max_in_flight=2)
    other = Payer(last_of_all, account="other", max_in_flight=1)
    found, end = run({"11111": spent, "22222": other}, mixed(20, "11111", "22222"), job=job_of(2))
    assert end is None
    assert spent.asked == ["C2", "C4"]
    succeeded = [number for number, result in found.items() if result.success]
    assert sorted(succeeded) == [1, 2, 3, *range(5, 20, 2)]
    assert len(found) == 20
