"""What an adapter must pass on a real network: bodies that come and go in pieces, and clients that leave."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts.host_scenes import LIMIT, PREFIX, claims, hosting, upload
from bulkclaims.testing.wsgi import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.jobs import JobId, NewChunk, StoredChunk
    from bulkclaims.testing.contracts.host_scenes import Host, Mount

SECONDS = 30.0
"""How long anything may take before a test gives up."""
_BOUNDARY = "made-up-boundary"
_START = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="claims.csv"\r\n'
    "Content-Type: text/csv\r\n\r\n"
).encode()
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()


class WireContract:
    """Uploads and results stream, limits hold, and whoever leaves leaves nothing behind. A part of `ViewContract`."""

    def test_an_upload_is_stored_as_it_arrives(self, mount: Mount) -> None:
        """The first rows are in the repository before the last ones were sent."""
        repository = _Watched()
        with hosting(mount, repository=repository) as host, served(host.app) as url:
            file = claims(20_000)
            with _uploading(host, url, len(file)) as connection:
                connection.sendall(file[: len(file) // 2])
                assert repository.added.wait(SECONDS)
                assert host.repository.find("north").count == 0
                connection.sendall(file[len(file) // 2 :] + _END)
                assert _status(connection) == 201
            assert host.repository.find("north").jobs[0].total_rows == 20_000

    def test_a_client_that_leaves_leaves_nothing_behind(self, mount: Mount) -> None:
        """When the connection breaks in the middle of an upload, what was stored of it is discarded."""
        repository = _Watched()
        with hosting(mount, repository=repository) as host, served(host.app) as url:
            file = claims(20_000)
            with _uploading(host, url, len(file)) as connection:
                connection.sendall(file[: len(file) // 2])
                assert repository.added.wait(SECONDS)
            assert repository.discarded.wait(SECONDS)
            assert host.repository.find("north").count == 0
            assert host.repository.purge(0, 0) == 0

    def test_one_byte_too_many_is_refused(self, host: Host) -> None:
        """A file of exactly the limit is taken; one byte more is 413, and the client hears it."""
        file = claims(5)
        padded = file + b"\n" * (LIMIT - len(file))
        with served(host.app) as url, _client(host, url) as client:
            answers = [upload(client, padded), upload(client, padded + b"\n")]
        assert [answer.status_code for answer in answers] == [201, 413]
        assert answers[1].json()["code"] == "file_too_large"

    def test_a_refused_body_is_not_read_to_its_end(self, host: Host) -> None:
        """Of a file that says it has a gigabyte, a client that has sent a few megabytes hears 413."""
        with served(host.app) as url, _uploading(host, url, 1024**3) as connection:
            connection.sendall(claims(5) + b"\n" * (3 * LIMIT))
            assert _status(connection) == 413

    def test_results_are_sent_as_they_are_read(self, mount: Mount) -> None:
        """The first rows arrive before the last ones are read from the repository."""
        repository = _Slow()
        with hosting(mount, repository=repository) as host:
            job_id = host.ended_job(4000)
            repository.hold_after = 1500
            with (
                served(host.app) as url,
                _client(host, url) as client,
                client.stream("GET", f"csv-jobs/{job_id}/results/") as response,
            ):
                pieces = response.iter_bytes()
                first = next(pieces)
                repository.go_on.set()
                rest = b"".join(pieces)
        assert first.startswith(b"row,claim_number")
        assert (first + rest).count(b"\r\n") == 4001

    def test_a_slow_client_keeps_nobody_waiting(self, host: Host) -> None:
        """While one upload trickles in, others are answered."""
        with served(host.app) as url, _uploading(host, url, 1000) as slow, _client(host, url) as client:
            slow.sendall(claims(1)[:20])
            assert client.get("csv-jobs/").status_code == 200
            assert upload(client, claims(1)).status_code == 201


class _Watched(MemoryRepository):
    """Tells when a chunk was added, and when an upload was discarded."""

    def __init__(self) -> None:
        super().__init__()
        self.added, self.discarded = threading.Event(), threading.Event()

    def add(self, job_id: JobId, chunk: NewChunk) -> None:
        """Add, and tell."""
        super().add(job_id, chunk)
        self.added.set()

    def discard(self, job_id: JobId) -> None:
        """Discard, and tell."""
        super().discard(job_id)
        self.discarded.set()


class _Slow(MemoryRepository):
    """Holds back chunks from some number on until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.hold_after: int | None = None
        self.go_on = threading.Event()

    def chunks(self, organisation: str, job_id: JobId, first: int = 0) -> Iterator[StoredChunk]:
        """Give chunks, and perhaps wait in between."""
        for chunk in super().chunks(organisation, job_id, first):
            if self.hold_after is not None and chunk.number > self.hold_after:
                assert self.go_on.wait(SECONDS)
            yield chunk


@contextmanager
def _client(host: Host, url: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {host.tokens['manager']}"}
    with httpx.Client(base_url=url + PREFIX, headers=headers, timeout=SECONDS) as client:
        yield client


@contextmanager
def _uploading(host: Host, url: str, size: int) -> Iterator[socket.socket]:
    """A connection on which an upload of *size* bytes has begun."""
    place = urlsplit(url)
    head = "\r\n".join(
        [
            f"POST {PREFIX}bulk/upload/ HTTP/1.1",
            f"Host: {place.netloc}",
            f"Authorization: Bearer {host.tokens['manager']}",
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
            f"Content-Length: {len(_START) + size + len(_END)}",
            "Connection: close",
            "\r\n",
        ]
    )
    with socket.create_connection((place.hostname, place.port), timeout=SECONDS) as connection:
        connection.sendall(head.encode() + _START)
        yield connection


def _status(connection: socket.socket) -> int:
    """The status of the answer that arrives."""
    answer = b""
    while b"\r\n" not in answer:
        answer += connection.recv(64)
    return int(answer.split(b" ")[1])
