"""Jobs against a payer in trouble, over real HTTP: every row is answered, and the payer's own log shows how kindly."""

from __future__ import annotations

import io
import json
from collections import defaultdict

import pytest

from bulkclaims import BulkClaims, MemoryRepository, Owner, Settings
from bulkclaims.lookup import BreakerPolicy, LookupProcessor, RetryPolicy, StediConnector, StediSettings
from bulkclaims.privacy import Secret
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}
IN_FLIGHT = 10

pytestmark = pytest.mark.slow


def run(tmp_path, endings, retry, breaker, jobs=None, **payer):
    """Look up a claim for each ending; gives the ended job and the payer's log."""
    rows = [f"PCN{number:07}{ending},ALMA,TESTER,03/04/1972,ZX1" for number, ending in enumerate(endings)]
    log = tmp_path / "log.jsonl"
    with PayerSimulator(SimulatorSettings(log=log, **payer)) as simulator:
        connector = StediConnector(
            StediSettings(
                organization_name="Clinic",
                api_key=Secret("try-me"),
                base_url=simulator.url,
                max_in_flight=IN_FLIGHT,
            )
        )
        store = MemoryRepository()
        processor = LookupProcessor(connector, limiter=store, retry=retry, breaker=breaker)
        with BulkClaims(store, processor, settings=jobs or Settings()) as bulk:
            file = io.BytesIO("\n".join([HEADER, *rows]).encode())
            job = bulk.submit(file, filename="claims.csv", owner=Owner("ACME"), defaults=DEFAULTS)
            ended = bulk.wait("ACME", job.id, timeout=90)
    return ended, [json.loads(line) for line in log.read_text().splitlines()]


def test_trouble_a_fifth_of_the_time(tmp_path):
    """429, 503, 504 and E1 each for one row in twenty: all are answered, after a wait that fits."""
    troubles = ["-429", "-FLAKY", "-504X1", "-E1"]
    endings = [troubles[number // 5 % 4] if number % 5 == 0 else "-PAID" for number in range(60)]
    retry = RetryPolicy(base_seconds=0.1, max_seconds=1, down_seconds=0.5)
    ended, log = run(tmp_path, endings, retry, BreakerPolicy(), retry_after=1)

    assert (ended.succeeded, ended.failed) == (60, 0)
    asked = defaultdict(list)
    for line in log:
        asked[line["claim_number"]].append(line)
    assert max(map(len, asked.values())) == 2
    for first, *again in asked.values():
        for second in again:
            waited = second["seconds"] - first["seconds"]
            # `Retry-After` of 429 and 503, our own half second after E1, some jitter after 504.
            assert waited >= {"429": 1, "503": 1, "504": 0}.get(str(first["answer"]), 0.5)
    for line in log:
        if line["answer"] == "429":
            # Those that were on their way arrive; nobody else asks until the second is over.
            later = [each for each in log if 0.2 < each["seconds"] - line["seconds"] < 1]
            assert not later


def test_an_outage_is_sat_out(tmp_path):
    """While the payer is away a few requests find out; when it is back one asks first, and then no more than may."""
    begins, ends = 0.5, 4.0
    retry = RetryPolicy(attempts=4, base_seconds=0.1, max_seconds=1, down_seconds=0.5)
    breaker = BreakerPolicy(first_seconds=1, longest_seconds=1)
    jobs = Settings(chunk_rows=50, sweep_seconds=0.2)
    ended, log = run(tmp_path, ["-PAID"] * 1000, retry, breaker, jobs, latency=0.02, outage=(begins, ends))

    assert (ended.succeeded, ended.failed) == (1000, 0)
    during = [line for line in log if begins <= line["seconds"] < ends]
    after = [line for line in log if line["seconds"] >= ends]
    assert {line["answer"] for line in during} == {"503"}
    # One lot in flight when it began, and one row each second from then on.
    assert len(during) <= 2 * IN_FLIGHT + 4
    assert [line["in_flight"] for line in after[:1]] == [1]
    assert max(line["in_flight"] for line in after) <= IN_FLIGHT
    first_moments = [line for line in after if line["seconds"] < after[0]["seconds"] + 0.02]
    assert len(first_moments) == 1


def test_rows_wait_with_their_reason(tmp_path):
    """Whoever looks at the job while its payer is away is told until when, and why."""
    with PayerSimulator(SimulatorSettings(outage=(0, 1000))) as simulator:
        settings = StediSettings(organization_name="Clinic", api_key=Secret("try-me"), base_url=simulator.url)
        processor = LookupProcessor(StediConnector(settings), breaker=BreakerPolicy(rows=3))
        with BulkClaims(MemoryRepository(), processor) as bulk:
            rows = "\n".join([HEADER, *(f"PCN{number},ALMA,TESTER,03/04/1972,ZX1" for number in range(50))])
            job = bulk.submit(io.BytesIO(rows.encode()), filename="claims.csv", owner=Owner("ACME"), defaults=DEFAULTS)
            while bulk.job("ACME", job.id).waiting_until is None:
                with pytest.raises(TimeoutError):
                    bulk.wait("ACME", job.id, timeout=0.1)
            progress = bulk.progress("ACME", job.id)
    assert progress.job.status == "PROCESSING"
    assert "The payer (stedi) does not answer." in progress.notice
