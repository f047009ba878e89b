"""Searches of all of a provider's claims in some days: how few there are, and that they say what single ones would."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lookups import Payer, context, paid, results, row

from bulkclaims import BulkClaims, MemoryRepository, Owner
from bulkclaims.errors import (
    AccessRefused,
    InquiryRefused,
    PageGone,
    PayerAway,
    PayerUnavailable,
    QuotaSpent,
    WindowIncomplete,
    WindowTooFull,
)
from bulkclaims.lookup import BreakerPolicy, LookupProcessor, RetryPolicy, UhcConnector, UhcSettings
from bulkclaims.lookup.window_search import MOST_BOOKS
from bulkclaims.planning.windows import halves, provider_of, service_days, spans, stretched
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry, Source, Window, WindowPage
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)
FIRST = date(2026, 1, 5)
ASKED = ClaimInquiry("C1", "ALMA", "TESTER", date(1972, 3, 4), "ZX12", payer_id="87726", tin="12-3456789")


@given(st.sets(st.integers(730_000, 730_400), max_size=60), st.integers(1, 90))
def test_spans_hold_all_days_and_are_few(days, longest):
    """Each day is in exactly one span, none is too long, and two that follow one another could not be one."""
    found = [(first.toordinal(), last.toordinal()) for first, last in spans(days, longest)]
    assert all(last - first < longest for first, last in found)
    assert sorted(day for first, last in found for day in days if first <= day <= last) == sorted(days)
    assert all(first in days and last in days for first, last in found)
    assert all(later - first >= longest for (first, _), (later, _) in pairwise(found))


@given(st.integers(1, 20), st.sets(st.integers(0, 40)), st.integers(0, 40))
def test_a_window_is_stretched_to_days_that_may_be_wanted(days, read, today):
    """It keeps its days, grows to its limit, and stops before a day that was read or has not come yet."""
    ordinal = FIRST.toordinal()
    window = Window("87726", "123456789", FIRST, FIRST + timedelta(days=days - 1))
    longer = stretched(window, 20, {ordinal + day for day in read}, FIRST + timedelta(days=today))
    assert longer.first == FIRST
    assert days <= longer.days <= 20
    added = range(days, longer.days)
    assert not read.intersection(added)
    assert longer.days == days or longer.days - 1 <= today
    assert longer.days == 20 or longer.days in read or longer.days - 1 >= today


@given(st.dates(date(2025, 1, 1), date(2026, 12, 31)), st.integers(1, 90))
def test_halves_are_the_whole(first, days):
    """No day is lost and none is in both; one day has no halves."""
    window = Window("87726", "123456789", first, first + timedelta(days=days - 1))
    parts = halves(window)
    assert (len(parts) == 0) == (days == 1)
    if parts:
        one, other = parts
        assert (one.first, other.last) == (window.first, window.last)
        assert one.last + timedelta(days=1) == other.first
        assert abs(one.days - other.days) <= 1


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        ({"first_service_date": FIRST}, 1),
        ({"last_service_date": FIRST}, 1),
        ({"first_service_date": FIRST, "last_service_date": FIRST + timedelta(days=9)}, 10),
        ({"first_service_date": FIRST, "last_service_date": FIRST + timedelta(days=10)}, None),
        ({"first_service_date": FIRST, "last_service_date": FIRST - timedelta(days=1)}, None),
        ({}, None),
    ],
)
def test_days_of_service(cells, days):
    """One date is a day; what is too long, or ends before it begins, is in no window."""
    found = service_days(evolve(ASKED, **cells), 10)
    assert (found and len(found)) == days


def test_whose_claims():
    """Payer and tax id, in digits; nobody's without both."""
    assert provider_of(ASKED) == ("87726", "123456789")
    assert provider_of(evolve(ASKED, tin=" ")) is None
    assert provider_of(evolve(ASKED, payer_id="")) is None


class Provider(Payer):
    """A payer that knows one claim for each row, C1 on the first day, C2 on the second, and so on, a few on a page."""

    def __init__(self, rows, page_size=10, trouble=None, **capabilities):
        super().__init__(page_size=page_size, window_days=30, **capabilities)
        self.claims = {number: FIRST + timedelta(days=(number - 1) % 60) for number in range(1, rows + 1)}
        self.trouble = list(trouble or ())
        self.windows = []

    async def inquire_window(self, window, page=""):
        """List the claims of a window, a page at a time."""
        self.windows.append((window.first, window.last, page))
        assert window.days <= 30
        said = self.trouble.pop(0) if self.trouble else None
        await asyncio.sleep(0)
        if isinstance(said, Exception):
            raise said
        found = [number for number, day in self.claims.items() if window.first <= day <= window.last]
        first, size = int(page or 0), self.capabilities.page_size
        claims = tuple(self.claim(number) for number in found[first : first + size])
        return WindowPage(claims, str(first + size) if found[first + size :] else "")

    def claim(self, number):
        """What it says of a claim."""
        return paid(f"C{number}", last_name="TESTER", date_of_birth=date(1972, 3, 4))


def rows_of(count, **cells):
    """Rows of a provider, one for each of its claims."""
    return [
        row(
            n, **{"tin": "123456789", "first_service_date": f"{FIRST + timedelta(days=(n - 1) % 60):%m/%d/%Y}", **cells}
        )
        for n in range(1, count + 1)
    ]


def run(payer, rows, job=None, **options):
    """Look rows up; gives results and what ended the run."""

    async def look_up():
        return await results(LookupProcessor(payer, retry=QUICK, **options), rows, job)

    return asyncio.run(look_up())


def test_many_rows_are_answered_from_a_few_pages():
    """Nothing is asked singly, and each result says how it was found."""
    payer = Provider(120)
    found, end = run(payer, rows_of(120))
    assert end is None
    assert (len(found), payer.asked, len(payer.windows)) == (120, [], 12)
    assert {(result.source, result.asked, result.status) for result in found.values()} == {
        (Source.WINDOW, 1, "Finalized")
    }


def test_rows_that_ask_the_same_are_answered_together():
    """As for single look-ups."""
    rows = rows_of(10)
    found, _ = run(Provider(10), [*rows, evolve(rows[0], number=11)])
    assert (found[1].source, found[11].source) == (Source.WINDOW, Source.SAME_INQUIRY)
    assert (found[1].payer, found[1].seconds) == ("87726", None)
    assert found[1].answered_at == found[11].answered_at is not None


def test_what_no_window_holds_is_asked_for_singly():
    """Rows without dates, and those whose claims are not listed."""
    payer = Provider(10)
    rows = [*rows_of(10), row(11, tin="123456789"), row(12, tin="123456789", first_service_date="01/06/2026")]
    found, _ = run(payer, rows)
    assert (payer.asked, len(found)) == (["C11", "C12"], 12)


def test_two_rows_are_asked_for_as_quickly_by_themselves():
    """No window is searched for them."""
    payer = Provider(2)
    run(payer, rows_of(2))
    assert (payer.windows, payer.asked) == ([], ["C1", "C2"])


def test_another_patients_claim_is_not_shown():
    """A listed claim of the number is asked for by itself, and then refused as it always is."""
    payer = Provider(3)
    payer.claim = lambda number: paid(f"C{number}", last_name="STRANGER")
    found, _ = run(payer, rows_of(3))
    assert payer.asked == ["C1", "C2", "C3"]
    assert all(result.source is Source.PAYER for result in found.values())


def test_of_several_versions_the_latest_counts():
    """Also when they stand on different pages."""
    payer = Provider(30, page_size=1)
    payer.claim = lambda number: paid("C1", effective_date=FIRST + timedelta(days=number))
    found, _ = run(payer, [evolve(each, number=n) for n, each in enumerate(rows_of(30), 1)])
    assert "30 versions" in found[1].note


def test_a_window_that_is_too_full_is_halved():
    """Down to what the payer lists; the claims of both halves are there."""
    payer = Provider(90, trouble=[WindowTooFull("over 500")] * 2)
    found, _ = run(payer, rows_of(90))
    lengths = [(last - first).days + 1 for first, last, page in payer.windows if not page]
    assert (len(found), payer.asked) == (90, [])
    assert sorted(lengths) == [15, 15, 15, 15, 30, 30]


def test_a_window_that_the_payer_cannot_bring_together_is_halved_after_some_tries():
    """It is asked again first, since it may have been a moment's trouble."""
    payer = Provider(60, trouble=[WindowIncomplete()] * 4)
    payer.claims = {number: FIRST + timedelta(days=number % 30) for number in range(60)}
    found, _ = run(payer, rows_of(30))
    lengths = [(last - first).days + 1 for first, last, page in payer.windows if not page]
    assert lengths == [30, 30, 30, 30, 15, 15]
    assert payer.asked == []
    assert len(found) == 30


def test_a_claim_that_two_windows_list_is_one():
    """Its days lie in both; it has no two versions."""
    payer = Provider(60)
    payer.claim = lambda number: paid("C1")
    found, _ = run(payer, rows_of(60))
    assert found[1].note == ""


def test_a_day_that_is_too_full_is_asked_for_singly():
    """It cannot be halved."""
    payer = Provider(3, trouble=[WindowTooFull("over 500")])
    payer.claims = dict.fromkeys(range(1, 4), FIRST)
    run(payer, rows_of(3, first_service_date="01/05/2026"))
    assert payer.asked == ["C1", "C2", "C3"]


def test_a_search_that_the_payer_forgot_begins_anew_once():
    """A second time its rows are asked for by themselves."""
    payer = Provider(10, trouble=[PageGone("stale")])
    run(payer, rows_of(10))
    assert (len(payer.windows), payer.asked) == (2, [])
    payer = Provider(10, trouble=[PageGone("stale")] * 2)
    run(payer, rows_of(10))
    assert (len(payer.windows), len(payer.asked)) == (2, 10)


def test_a_page_is_asked_for_again_when_the_payer_is_away():
    """As a single look-up would be."""
    payer = Provider(10, trouble=[PayerUnavailable(), PayerUnavailable()])
    run(payer, rows_of(10))
    assert (len(payer.windows), payer.asked) == (3, [])


def test_a_search_that_fails_costs_nothing(caplog):
    """Its rows are asked for by themselves; the log says why."""
    payer = Provider(10, trouble=[InquiryRefused("The range is too long.")])
    with caplog.at_level(logging.INFO):
        found, _ = run(payer, rows_of(10))
    assert (len(found), len(payer.asked)) == (10, 10)
    assert "The range is too long." in caplog.text


def test_a_provider_with_many_other_claims_is_asked_singly():
    """A search is given up when it has taken as many requests as its rows would."""
    payer = Provider(300, page_size=1)
    found, _ = run(payer, rows_of(5))
    assert (len(found), len(payer.windows), len(payer.asked)) == (5, 5, 5)


def test_refused_access_ends_the_job():
    """It would be refused for each row alike."""
    _, end = run(Provider(10, trouble=[AccessRefused("no")]), rows_of(10))
    assert isinstance(end, AccessRefused)


def test_what_was_read_before_the_end_has_answers():
    """A budget that is spent in the second window costs no answer of the first."""
    payer = Provider(120, page_size=100)
    search = payer.inquire_window

    async def inquire_window(window, page=""):
        if window.first > FIRST:
            raise QuotaSpent("Today's budget is used up.")
        return await search(window, page)

    payer.inquire_window = inquire_window
    found, end = run(payer, rows_of(120))
    assert isinstance(end, QuotaSpent)
    assert len(found) == 60
    assert payer.asked == []


def test_a_payer_that_is_away_has_its_rows_put_aside():
    """Whether it is found out by a search or by a row."""
    payer = Provider(10, trouble=[PayerUnavailable()] * 9)
    found, end = run(payer, rows_of(10), breaker=BreakerPolicy(rows=1))
    assert (found, payer.asked) == ({}, [])
    assert isinstance(end, PayerAway)


def test_a_search_waits_for_the_row_that_finds_out_whether_the_payer_is_back():
    """And is not made when it is not: the rows are put aside, without a request of their own."""

    async def look_up():
        asked, waits = asyncio.Event(), asyncio.Event()

        async def still_away():
            asked.set()
            await waits.wait()
            raise PayerUnavailable(retry_after=60)

        payer = Provider(10, trouble=[PayerUnavailable()])
        payer.says = lambda _: still_away()
        processor = LookupProcessor(payer, retry=QUICK, breaker=BreakerPolicy(rows=1, first_seconds=0.01))
        await results(processor, rows_of(10))
        while not processor._lanes.get().breaker.closed:  # noqa: ASYNC110 -- it goes by the clock
            await asyncio.sleep(0)
        probe = asyncio.create_task(results(processor, rows_of(1)))
        await asked.wait()
        looks = 0

        def go_on():
            nonlocal looks
            looks += 1
            if looks == 2:  # the first look is before it begins, the second while it waits
                waits.set()
            return True

        searched = len(payer.windows)
        found, end = await results(processor, rows_of(10), context(go_on=go_on))
        await probe
        return found, end, len(payer.windows) - searched, payer.asked

    found, end, searches, asked = asyncio.run(look_up())
    assert (found, searches, asked) == ({}, 0, ["C1"])
    assert isinstance(end, PayerAway)
    assert 50 < end.seconds < 90


def test_a_job_that_is_stopped_searches_no_more():
    """Neither for the next page nor for a row."""
    payer = Provider(120)
    left = iter([True] * 8)
    found, end = run(payer, rows_of(120), context(go_on=lambda: next(left, False)))
    assert (payer.asked, end) == ([], None)
    assert len(payer.windows) < 12
    assert len(found) < 120


def test_chunks_of_a_job_share_what_was_read():
    """Four chunks at a time, whose rows lie in the same days, read each page once; another run reads anew."""
    payer, rows = Provider(120, max_in_flight=3), rows_of(120)

    async def look_up():
        processor = LookupProcessor(payer, retry=QUICK)
        chunks = [rows[first::4] for first in range(4)]
        of_all = context(total_rows=120)
        done = await asyncio.gather(*(results(processor, chunk, of_all) for chunk in chunks))
        assert all(end is None for _, end in done)
        assert processor._lanes.get().slots._value == 3
        read = len(payer.windows)
        await results(processor, chunks[0], context(queued_at=datetime(2026, 1, 6, tzinfo=UTC)))
        return sum(len(found) for found, _ in done), read

    found, read = asyncio.run(look_up())
    assert found == 120
    assert 12 <= read <= 14
    assert len(payer.windows) > read


def test_who_waits_for_another_chunks_search_can_be_stopped():
    """It does not wait for the end of that search."""

    async def look_up():
        reading, go = asyncio.Event(), asyncio.Event()
        payer = Provider(60, max_in_flight=1)
        search = payer.inquire_window

        async def slowly(window, page=""):
            reading.set()
            await go.wait()
            return await search(window, page)

        payer.inquire_window = slowly
        processor = LookupProcessor(payer, retry=QUICK)
        first = asyncio.create_task(results(processor, rows_of(60)))
        await reading.wait()
        looks = iter([True, True])
        stopped = await results(processor, rows_of(60), context(go_on=lambda: next(looks, False)))
        go.set()
        return stopped, await first

    (found, end), (others, _) = asyncio.run(look_up())
    assert (found, end, len(others)) == ({}, None, 60)


def test_few_providers_are_remembered():
    """Memory does not grow with a file of many providers."""

    async def look_up():
        processor = LookupProcessor(Provider(3), retry=QUICK)
        for number in range(MOST_BOOKS + 3):
            await results(processor, rows_of(3, tin=f"{100_000_000 + number}"))
        return len(processor._windows.get()._books)

    assert asyncio.run(look_up()) == MOST_BOOKS


@pytest.mark.slow
def test_a_thousand_rows_take_thirty_calls(tmp_path):
    """UnitedHealthcare's search by provider: 1,000 rows over 60 days, as an upload, over real HTTP."""
    rows = [
        f"ZE{number:06}-PAID,ALMA,TESTER,03/04/1972,ZX{number:05},{FIRST + timedelta(days=number % 60):%m/%d/%Y}"
        for number in range(1000)
    ]
    header = "claim_number,first_name,last_name,date_of_birth,subscriber_id,first_service_date"
    book = tmp_path / "claims.csv"
    book.write_text("\n".join([header, *rows]))
    log = tmp_path / "log.jsonl"
    with PayerSimulator(SimulatorSettings(dialect="uhc", claims=book, log=log)) as payer:
        settings = UhcSettings(client_id="simulator", client_secret=Secret("try-me"), base_url=payer.url)
        with BulkClaims(MemoryRepository(), LookupProcessor(UhcConnector(settings))) as bulk:
            job = bulk.submit(
                io.BytesIO(book.read_bytes()),
                filename="claims.csv",
                owner=Owner("ACME"),
                defaults={"payer_id": "87726", "tin": "123456789"},
            )
            (plan,) = job.upload.plan
            ended = bulk.wait("ACME", job.id, timeout=60)
        assert (ended.succeeded, ended.failed) == (1000, 0)
        assert payer.requests == ()
    calls = len(log.read_text().splitlines())
    assert calls <= 30
    assert plan.calls <= calls
