"""Databases that are killed or full: nothing can be recorded meanwhile, and what was recorded is all there."""

from __future__ import annotations

import gc
import os
import subprocess
from contextlib import contextmanager, suppress

import pytest
from installation import installed
from invariants import check
from processes import until

from bulkclaims.testing import servers

# MariaDB's driver leaves the socket behind on which nobody answered.
pytestmark = [pytest.mark.chaos, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    yield
    gc.collect()  # now, while nobody minds


@pytest.mark.parametrize("kind", ["celery", "rq"])
@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_a_database_killed_and_started_again(tmp_path, kind, database):
    """Workers lose what they had in flight, and go on by themselves once it is back."""
    with (
        getattr(servers, f"{database}_server")() as store,
        servers.valkey_server() as queue,
        installed(tmp_path, database=store.url, queue=kind, broker=queue.url) as site,
    ):
        site.submit(800)
        for moment in (100, 400):
            site.until_asked(moment)
            store.kill()
            store.start()
            site.lose(2)
        # A supervisor's part: a worker that does not start without a database is started again.
        check(site, meanwhile=lambda: site.keep_workers(2))


def test_the_embedded_default_killed(tmp_path):
    """One process that takes uploads and runs them goes on, once it is started again, with what it left behind."""
    with installed(tmp_path, database=f"sqlite:///{tmp_path}/jobs.db", queue="", workers=0) as site:
        site.submit(500)
        for moment in (50, 150, 300):
            site.until_asked(moment)
            site.web.kill()
            site.lose()
            site.start_web()
        check(site)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system that is small enough to be filled")
def test_a_disk_that_is_full(tmp_path):
    """While the disk of the embedded store is full nothing is recorded or lost, and once there is room it goes on."""
    with (
        small_disk(tmp_path / "disk") as disk,
        installed(tmp_path, database=f"sqlite:///{disk}/jobs.db", queue="", workers=0) as site,
    ):
        site.submit(500)
        site.until_asked(100)
        fill(disk / "ballast")
        # For longer than a lease lasts; each chunk that had one when the disk was full loses what it had in flight.
        until(lambda: site.web.log.read_bytes().count(b"A sweep was cut short") > 10)
        site.lose(site.web.log.read_bytes().count(b"A chunk ended early"))
        (disk / "ballast").unlink()
        check(site)


@contextmanager
def small_disk(folder):
    """A file system of some megabytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast):
    """Leave no room on a disk."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
