"""Workers that are killed or frozen, at any moment: it costs time and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from chance import chance
from claims import CANARY
from installation import installed
from invariants import check
from processes import until
from queue_contents import everything_in
from sqlalchemy import select

from bulkclaims.testing import servers
from bulkclaims_sqlalchemy.tables import accesses


def killed_again_and_again(site, kills, rows):
    """Kill workers at moments of chance, each with all its processes, and start others in their place."""
    random = chance()
    site.submit(rows)
    for moment in sorted(random.sample(range(rows // 10, rows * 8 // 10), kills)):
        site.until_asked(moment)
        random.choice(site.workers).kill()
        site.lose()
        site.keep_workers(2)


@pytest.mark.slow
def test_celery_workers_killed(tmp_path):
    """Workers killed with all their processes, at any moment, cost no more than what they had in flight."""
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue="celery", broker=broker.url) as site,
    ):
        killed_again_and_again(site, 2, 500)
        assert CANARY not in everything_in(broker.url)
        check(site)
        assert CANARY not in everything_in(broker.url)


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("kind", "database", "broker"),
    [("celery", "mariadb", "rabbitmq"), ("celery", "postgresql", "valkey"), ("rq", "postgresql", "valkey")],
)
def test_workers_killed_again_and_again(tmp_path, kind, database, broker):
    """However often it happens, with whichever queue and database."""
    with (
        getattr(servers, f"{database}_server")() as store,
        getattr(servers, f"{broker}_server")() as queue,
        installed(tmp_path, database=store.url, queue=kind, broker=queue.url) as site,
    ):
        killed_again_and_again(site, 8, 1500)
        check(site)


@pytest.mark.chaos
def test_rq_work_horses_killed(tmp_path):
    """A work-horse that is killed alone costs no more than what it had in flight."""
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue="rq", broker=broker.url) as site,
    ):
        site.submit(300)
        for moment in (40, 160):
            site.until_asked(moment)
            victim = site.busy_worker()
            victim.kill_children()
            site.lose()
        assert CANARY not in everything_in(broker.url)
        check(site)


@pytest.mark.chaos
@pytest.mark.parametrize("part", ["children", "parent"])
@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_a_part_of_a_worker_killed(tmp_path, kind, part):
    """A worker of which only the part that looks up is killed, or only the part that hears, comes to the same."""
    random = chance()
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue=kind, broker=broker.url) as site,
    ):
        site.submit(1000)
        for moment in sorted(random.sample(range(50, 800), 3)):
            site.until_asked(moment)
            victim = site.busy_worker()
            getattr(victim, f"kill_{part}")()
            site.lose()
            site.keep_workers(2)
        check(site)


@pytest.mark.chaos
@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_a_frozen_worker_that_wakes_up_late(tmp_path, kind):
    """A worker frozen until its chunk has gone to another is refused what it writes when it goes on."""
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue=kind, broker=broker.url, latency=0.2) as site,
    ):
        site.submit(300)
        site.until_asked(30)
        victim, held = site.freeze_worker()
        site.lose()
        site.until_leased_again(held)
        victim.thaw()
        check(site, asks_recorded_rows=True)
        until(lambda: b"The lease on this chunk was lost" in victim.log.read_bytes())


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["-2d", "+2d"])
@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_clocks_that_leap(tmp_path, kind, step):
    """Clocks that leap in the midst of a chunk take nobody's lease and lose none: the database's clock counts."""
    assert shutil.which("faketime"), "This test needs faketime, which is not installed here: apt-get install faketime"
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue=kind, broker=broker.url, workers=1) as site,
    ):
        clock, by_clock = movable_clock(tmp_path)
        site.start_web(prefix=by_clock)
        site.start_worker(prefix=by_clock)
        site.submit(600)
        site.until_asked(100)
        until(lambda: site.held_by(site.workers[1]))
        today = subprocess.check_output([*by_clock, "date", "+%F"])
        clock.write_text(step)
        assert today != subprocess.check_output([*by_clock, "date", "+%F"])
        site.lose(0)
        for moment, victim in ((200, site.workers[0]), (350, site.workers[1])):
            site.until_asked(moment)
            until(lambda victim=victim: site.held_by(victim))
            victim.kill()
            site.lose()
            site.start_worker(prefix=by_clock)
        check(site)


def movable_clock(folder):
    """A file that says how wrong the wall clock is, and what makes a program go by it. The steady clock stays right."""
    clock = folder / "clock"
    clock.write_text("+0")
    says = (f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    # faketime itself would have the clock run at one difference for good.
    return clock, ("faketime", "-f", "+0", "env", "-u", "FAKETIME", *says)


@pytest.mark.chaos
@pytest.mark.parametrize(("kind", "broker"), [("celery", "valkey"), ("celery", "rabbitmq"), ("rq", "valkey")])
def test_half_a_minute_after_a_kill_its_chunk_goes_on(tmp_path, kind, broker):
    """With the times that hosts have unless they say otherwise, it goes on elsewhere in less than 30 seconds."""
    settings = {"chunk_rows": 50, "ring_again_seconds": 2.0}
    with (
        servers.postgresql_server() as database,
        getattr(servers, f"{broker}_server")() as queue,
        installed(tmp_path, database=database.url, queue=kind, broker=queue.url, settings=settings) as site,
    ):
        site.submit(300)
        site.until_asked(30)
        victim, held = site.freeze_worker()
        victim.kill()
        killed_at = time.monotonic()
        site.lose()
        site.until_leased_again(held)
        seconds = time.monotonic() - killed_at
        print(f"{kind} on {broker}: {seconds:.1f} seconds from the kill to the next lease of {len(held)} chunk")  # noqa: T201
        assert seconds < 30
        check(site)


@pytest.mark.chaos
@pytest.mark.parametrize(("kind", "sweeps"), [("celery", False), ("rq", True)])
def test_without_a_web_process_the_other_workers_see_to_it(tmp_path, kind, sweeps):
    """When the web process dies with a worker, others bring its chunk back: Celery's by themselves, RQ's by cron."""
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue=kind, broker=broker.url) as site,
    ):
        site.submit(200)
        site.until_asked(150)
        victim = site.busy_worker()
        site.web.kill()
        victim.kill()
        site.lose()
        site.until_ended(meanwhile=site.sweep if sweeps else lambda: None)
        site.start_web()
        check(site)


LIMITS = {"per_second": 20, "in_flight": 6}


@pytest.mark.chaos
@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_workers_killed_under_a_payers_limits(tmp_path, kind):
    """Those that are left keep together to the payer's limits, never above them, and go on with the one token."""
    account = {"face": "optum", "limits": LIMITS, "latency": 0.2}
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue=kind, broker=broker.url, **account) as site,
    ):
        killed_again_and_again(site, 3, 500)
        check(site)
        assert site.log.refused == []
        with site.engine.connect() as connection:
            assert connection.scalars(select(accesses.c.serial)).all() == [1]
