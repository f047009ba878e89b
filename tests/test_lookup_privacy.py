"""What is kept between look-ups, put aside or planned names no patient: neither in the store nor in any log."""

from __future__ import annotations

import asyncio
import io
import logging
import traceback

import pytest
from ciphers import AesCipher
from lookups import context, results, row

from bulkclaims import BulkClaims, Owner
from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.jobs import JobStatus, Settings
from bulkclaims.lookup import (
    AvailityConnector,
    AvailitySettings,
    BreakerPolicy,
    Kept,
    KeptAnswers,
    LookupProcessor,
    OptumRealConnector,
    OptumRealSettings,
    RetryPolicy,
    StediConnector,
    StediSettings,
    UhcConnector,
    UhcSettings,
    tickets,
)
from bulkclaims.privacy import Secret
from bulkclaims.records import Source
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.fakes import RememberingDispatcher
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings
from bulkclaims_sqlalchemy import open_repository, upgrade

CANARY = "CANARY"
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id,first_service_date"
DEFAULTS = {"payer_id": "87726", "npi": "1999999984", "tin": "123456789"}
SECRET = Secret("try-me")
KEY = Secret("sixteen characters and more")
QUICK = RetryPolicy(attempts=2, base_seconds=0, max_seconds=0, down_seconds=0)
WATCHFUL = BreakerPolicy(rows=1)
FIRST_TICKET = b"900000001"
"""The id that the simulated payer gives to the first inquiry."""
OURS, ANOTHER = AesCipher(b"1" * 32), AesCipher(b"2" * 32)


def claims(*endings):
    """A file with a row for each of these endings of claim numbers."""
    lines = [
        f"{CANARY}{n}{ending},{CANARY}FIRST,{CANARY}LAST,03/04/1972,{CANARY}7,11/14/2025"
        for n, ending in enumerate(endings)
    ]
    return io.BytesIO("\n".join([HEADER, *lines]).encode())


@pytest.fixture
def store(tmp_path):
    """A database in a file."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    upgrade(url)
    opened = open_repository(url)
    yield opened
    opened.close()


@pytest.fixture
def told_nothing(store, tmp_path, caplog):
    """Checks that whatever is in the database's files, in the log and in *texts* names no patient."""

    def told_nothing(*texts):
        kept = [path.name for path in tmp_path.iterdir() if CANARY.encode() in path.read_bytes()]
        assert kept == []
        assert [text for text in (caplog.text, *map(str, texts), *map(repr, texts)) if CANARY in text] == []

    caplog.set_level(logging.DEBUG)
    return told_nothing


def connector_of(dialect, url):
    """Ask the simulated payer of this dialect."""
    client = {"client_id": "simulator", "client_secret": SECRET, "base_url": url}
    match dialect:
        case "stedi":
            return StediConnector(StediSettings(organization_name="Sample", api_key=SECRET, base_url=url))
        case "availity":
            return AvailityConnector(AvailitySettings(provider_name="Sample", **client | {"base_url": f"{url}/v1"}))
        case "optum-real":
            return OptumRealConnector(OptumRealSettings(**client))
        case "uhc":
            return UhcConnector(UhcSettings(**client))


def run(store, connector, upload, cipher=OURS):
    """Run a file as far as it goes by itself, with all that may be kept; gives the job and its results."""
    kept = Kept(store, cipher)
    processor = LookupProcessor(
        connector, retry=QUICK, breaker=WATCHFUL, limiter=store, tickets=kept, answers=KeptAnswers(kept, KEY)
    )
    bell = RememberingDispatcher()
    settings = Settings(sweep_seconds=None)
    with BulkClaims(store, processor, dispatcher=bell, cipher=OURS, settings=settings) as bulk:
        job = bulk.submit(upload, filename="claims.csv", owner=Owner("ACME"), defaults=DEFAULTS)
        bell.deliver(bulk.run)
        return bulk.job("ACME", job.id), list(bulk.rows("ACME", job.id))


@pytest.mark.parametrize("dialect", ["stedi", "availity", "optum-real", "uhc"])
def test_kept_answers_and_plans(store, told_nothing, monkeypatch, dialect):
    """Another job has them, and only with the key."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))
    with PayerSimulator(SimulatorSettings(dialect=dialect)) as payer:
        for source in (Source.PAYER, Source.KEPT):
            job, rows = run(store, connector_of(dialect, payer.url), claims("-PAID", "-DENY"))
            assert [result.source for result in rows] == [source] * 2
        told_nothing(job, *job.upload.plan)
        asked = len(payer.requests)
        job, _ = run(store, connector_of(dialect, payer.url), claims("-PAID"), ANOTHER)
    assert job.succeeded == 1
    assert len(payer.requests) == asked + 1
    told_nothing(job)


def test_answers_sealed_with_another_key_are_told_of_without_a_word_of_them(store, told_nothing, caplog):
    """The log says that they cannot be read."""
    with PayerSimulator() as payer:
        for cipher in (OURS, ANOTHER):
            run(store, connector_of("stedi", payer.url), claims("-PAID"), cipher)
    assert "cannot be read and is not used" in caplog.text
    told_nothing()


def test_tickets_and_what_waits_for_them(store, told_nothing, monkeypatch, tmp_path):
    """A claim whose answer takes long is put aside; neither its ticket nor the reason tells whose it is."""
    monkeypatch.setattr(tickets, "WAITS", (0.0, 1000.0))
    with PayerSimulator(SimulatorSettings(dialect="availity")) as payer:
        job, _ = run(store, connector_of("availity", payer.url), claims("-SLOWPOLL"))
    assert (job.status, job.processed) == (JobStatus.PROCESSING, 0)
    assert "still at work" in job.waiting_for
    told_nothing(job, job.waiting_for)
    assert FIRST_TICKET not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("dialect", ["stedi", "availity", "optum-real", "uhc"])
def test_what_waits_for_a_payer_that_is_away(store, told_nothing, caplog, dialect):
    """Neither the reason nor the log tells whose claims wait."""
    with PayerSimulator(SimulatorSettings(dialect=dialect, outage=(0, 1e6))) as payer:
        job, _ = run(store, connector_of(dialect, payer.url), claims("-PAID", "-PAID", "-PAID"))
    assert (job.status, job.processed) == (JobStatus.PROCESSING, 0)
    assert "does not answer" in job.waiting_for
    assert "is left alone" in caplog.text
    told_nothing(job, job.waiting_for)


TALKS = {"code": CANARY, "message": f"{CANARY}FIRST {CANARY}LAST has no claim {CANARY}0"}
SAYINGS = [
    http_answer({"errors": [TALKS]}),
    http_answer({"errors": [{**TALKS, "extensions": {"code": CANARY}}], "data": None}),
    http_answer(TALKS, 400),
    http_answer(TALKS, 403),
    http_answer(f"<p>{CANARY}</p>".encode(), 500),
    http_answer({"claims": [{"claimNumber": [CANARY]}], "data": {"searchClaim": {"claims": [CANARY]}}}),
    http_answer({"claims": [], "transactionId": [CANARY]}),
]


@pytest.mark.parametrize("connect", [UhcConnector, OptumRealConnector])
@pytest.mark.parametrize("says", SAYINGS)
def test_a_search_of_days_that_a_payer_talks_about(connect, says, caplog):
    """Whatever stands in its answer may be of any patient, and is in no log, result or exception."""
    settings = {UhcConnector: UhcSettings, OptumRealConnector: OptumRealSettings}[connect]
    rows = [
        row(n, claim_number=f"C{n}", tin="123456789", first_name="Alma", first_service_date="11/14/2025")
        for n in range(4)
    ]

    async def script(heard):
        return http_answer({"access_token": "token", "expires_in": 3600}) if "token" in heard.path else says

    async def look_up():
        async with ScriptedPayer(script) as payer:
            connector = connect(settings(client_id="us", client_secret=SECRET, base_url=payer.url))
            processor = LookupProcessor(connector, retry=QUICK)
            found, end = await results(processor, rows)
            await processor.aclose()
            return found, end, [heard for heard in payer.heard if "token" not in heard.path]

    with caplog.at_level(logging.DEBUG):
        found, end, asked = asyncio.run(look_up())
    assert asked
    assert found or end
    shown = [traceback.format_exception(end) if end else "", repr(end), caplog.text, *map(repr, found.values())]
    assert not [text for text in shown if CANARY in str(text)]


class Away(MemoryRepository):
    """A store that fails, and quotes what it was given."""

    def find_kept(self, scope, marks):
        """Fail."""
        raise RepositoryUnavailable("gone") from ValueError(f"{CANARY} {marks}")

    def keep(self, scope, payloads, seconds):
        """Fail."""
        raise RepositoryUnavailable("gone") from ValueError(f"{CANARY} {payloads}")


def test_a_store_that_is_away(caplog):
    """What it was to keep is not in the log."""
    cells = {"claim_number": f"{CANARY}1-PAID", "first_name": CANARY, "last_name": CANARY, "subscriber_id": CANARY}

    async def look_up(url):
        processor = LookupProcessor(connector_of("stedi", url), answers=KeptAnswers(Kept(Away(), OURS), KEY))
        found, end = await results(processor, [row(1, **cells)], context(defaults=DEFAULTS))
        await processor.aclose()
        return found, end

    with caplog.at_level(logging.DEBUG), PayerSimulator() as payer:
        found, end = asyncio.run(look_up(payer.url))
    assert (found[1].success, end) == (True, None)
    assert "not kept" in caplog.text
    assert CANARY not in caplog.text
    assert CANARY not in repr(found)
