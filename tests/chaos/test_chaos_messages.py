"""Messages that come twice, late, in any order or never, and more than one process that rings."""

from __future__ import annotations

import pytest
from chance import chance
from installation import SETTINGS, installed
from invariants import check

from bulkclaims.testing import servers

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(
    "faults",
    [{"times": 2}, {"late_seconds": 4.0}, {"lost": 0.4}, {"times": 3, "late_seconds": 2.0, "lost": 0.5}],
    ids=["twice", "late", "lost", "all"],
)
@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_messages_go_wrong(tmp_path, kind, faults):
    """Nothing is asked twice, whatever becomes of messages."""
    seed = chance().randrange(10**6)
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as queue,
        installed(tmp_path, database=database.url, queue=kind, broker=queue.url, faults=faults, seed=seed) as site,
    ):
        site.submit(500)
        check(site)


def test_many_sweep_at_once(tmp_path):
    """Two web processes and the workers all look for what was left behind, all the time, and nobody gets it twice."""
    settings = SETTINGS | {"sweep_seconds": 0.02}
    with (
        servers.mariadb_server() as database,
        servers.valkey_server() as queue,
        installed(tmp_path, database=database.url, queue="celery", broker=queue.url, settings=settings) as site,
    ):
        site.start_web()
        site.submit(500)
        site.submit(100, name="OTHER")
        site.until_asked(200)
        site.workers[0].kill()
        site.lose()
        site.keep_workers(2)
        check(site)
