"""Behind a real server with threads, the application forked after it was loaded."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from bulkclaims.testing.contracts.host_scenes import claims

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = """
from flask import Flask

from bulkclaims import BulkClaims, MemoryRepository
from bulkclaims.access import Principal, Role
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims_flask import BulkClaims as Extension


class Everybody:
    def authenticate(self, headers, native):
        return Principal("ACME", "bea", Role.MANAGE)


app = Flask("host")
Extension().init_app(app, BulkClaims(MemoryRepository(), InstantProcessor()), authenticator=Everybody())
"""
SECONDS = 30.0


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Run gunicorn with one worker of a few threads, forked from a parent that has loaded the application."""
    (tmp_path / "host.py").write_text(APP)
    command = [sys.executable, "-m", "gunicorn", "--preload", "--worker-class", "gthread", "--threads", "4"]
    command += ["--bind", "127.0.0.1:0", "--chdir", str(tmp_path), "host:app"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        lines = iter(server.stderr.readline, "")
        yield next(found[1] for line in lines if (found := re.search(r"Listening at: (\S+)", line)))
        server.terminate()
        server.stderr.read()


def test_a_slow_client_keeps_nobody_waiting(url: str) -> None:
    """While one upload trickles in, another is taken, run in the forked worker, and its results are read."""
    place = urlsplit(url)
    head = f"POST /api/v1/claims/bulk/upload/ HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n"
    with (
        socket.create_connection((place.hostname, place.port), timeout=SECONDS) as slow,
        httpx.Client(base_url=f"{url}/api/v1/claims/", timeout=SECONDS) as client,
    ):
        slow.sendall(f"{head}Content-Type: multipart/form-data; boundary=X\r\n\r\n--X\r\n".encode())
        job_id = client.post("bulk/upload/", files={"file": ("claims.csv", claims(300))}).json()["id"]
        while client.get(f"csv-jobs/{job_id}/progress/").json()["status"] in {"PENDING", "PROCESSING"}:
            pass
        results = client.get(f"csv-jobs/{job_id}/results/").text

    assert results.count(",True,") == 300
