"""Brokers that are killed, or forget what they had: the repository holds the truth, so that only time is lost."""

from __future__ import annotations

import pytest
from installation import installed
from invariants import check
from kombu import Connection
from redis import Redis

from bulkclaims.testing import servers

pytestmark = pytest.mark.chaos
BROKERS = pytest.mark.parametrize(("kind", "broker"), [("celery", "valkey"), ("celery", "rabbitmq"), ("rq", "valkey")])


@BROKERS
def test_a_broker_killed_and_started_again(tmp_path, kind, broker):
    """While it is away uploads are taken all the same, and once it is back their chunks run as well."""
    with (
        servers.postgresql_server() as database,
        getattr(servers, f"{broker}_server")() as queue,
        installed(tmp_path, database=database.url, queue=kind, broker=queue.url) as site,
    ):
        site.submit(600)
        site.until_asked(100)
        queue.kill()
        site.lose(0)
        site.submit(100, name="DURING")
        queue.start()
        # A supervisor's part: a worker that gives up without a broker is started again.
        check(site, meanwhile=lambda: site.keep_workers(2))


@BROKERS
def test_a_broker_that_forgets(tmp_path, kind, broker):
    """Messages that were lost on the broker are sent again."""
    with (
        servers.postgresql_server() as database,
        getattr(servers, f"{broker}_server")() as queue,
        installed(tmp_path, database=database.url, queue=kind, broker=queue.url) as site,
    ):
        site.submit(600)
        for moment in (100, 300):
            site.until_asked(moment)
            forget(queue.url)
        # RQ's workers end when the server knows nothing of them any more.
        check(site, meanwhile=lambda: site.keep_workers(2))


def forget(url):
    """Drop all that stands on the broker."""
    if url.startswith("redis"):
        with Redis.from_url(url) as server:
            server.flushall()
    else:
        with Connection(url) as connection:
            connection.default_channel.queue_purge("celery")
