"""Web processes that are killed: an upload is a job whole or not at all, and may be sent again."""

from __future__ import annotations

import io
import threading

import httpx
import pytest
from claims import DEFAULTS, claims_file
from installation import SETTINGS, Submitted, installed
from invariants import check
from processes import until
from sqlalchemy import func, select

from bulkclaims.errors import ApiProblem
from bulkclaims.testing import servers
from bulkclaims_sqlalchemy.tables import chunks, jobs, payloads

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("abandoned", [2.0, 3600.0], ids=["swept-away", "within-a-minute"])
def test_killed_in_the_midst_of_an_upload(tmp_path, abandoned):
    """Of the upload nothing is seen, in a while nothing is left, and the same file under the same key is a job."""
    with (
        servers.postgresql_server() as database,
        servers.valkey_server() as broker,
        installed(
            tmp_path,
            database=database.url,
            queue="celery",
            broker=broker.url,
            in_flight=25,
            settings=SETTINGS | {"abandoned_seconds": abandoned},
        ) as site,
    ):
        file = claims_file(2500)  # more than is read ahead before a row is stored
        upload_half(site, file)
        site.start_web()
        assert list(site.client.jobs()) == []
        info = until(lambda: upload_again(site, file), seconds=90)
        site.jobs.append(Submitted(info.id, file))
        assert (count(site, jobs), count(site, chunks), count(site, payloads)) == (1, 50, 50)
        check(site)


def upload_half(site, file):
    """Send a part of the file, wait until some of it is stored, and kill whoever stores it."""
    killed = threading.Event()

    def pieces():
        yield (
            b'--edge\r\nContent-Disposition: form-data; name="file"; filename="claims.csv"\r\n'
            b"Content-Type: text/csv\r\n\r\n" + file[: len(file) // 2]
        )
        until(lambda: count(site, chunks))
        site.web.kill()
        killed.set()
        yield b" " * 65536

    headers = {
        "authorization": "Bearer chaos",
        "content-type": "multipart/form-data; boundary=edge",
        "content-length": str(len(file)),
        "idempotency-key": "k1",
    }
    with pytest.raises(httpx.TransportError):
        httpx.post(site.address + "bulk/upload/", content=pieces(), headers=headers)
    assert killed.is_set()


def upload_again(site, file):
    """Send the same file under the same key; nothing as long as the upload before may be under way."""
    try:
        return site.client.upload(io.BytesIO(file), filename="claims.csv", defaults=DEFAULTS, key="k1")
    except ApiProblem as problem:
        if problem.status != 409:
            raise
        return None


def count(site, table):
    """How many rows a table has."""
    with site.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_killed_before_it_rang(tmp_path):
    """A job that was stored, and of which no worker heard, is rung for by the next web process."""
    with (
        servers.mariadb_server() as database,
        servers.valkey_server() as broker,
        installed(tmp_path, database=database.url, queue="rq", broker=broker.url) as site,
    ):
        site.start_web(faults={"lost": 1.0}, settings=SETTINGS | {"sweep_seconds": None})
        site.submit(100)
        for web in site.webs:
            web.kill()
        site.start_web()
        check(site)
