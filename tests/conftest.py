"""What many tests of the core start from."""

from __future__ import annotations

import io
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO

import pytest
from attrs import define, field

from bulkclaims.access import Principal, Role
from bulkclaims.errors import NotAuthenticated
from bulkclaims.jobs import Owner, Settings
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.testing.wsgi import served, wsgi_app
from bulkclaims.web import WebApi

TOKEN = "CANARY-TOKEN"
PREFIX = "/api/v1/claims/"
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"


@pytest.fixture
def repository():
    """An empty repository."""
    return MemoryRepository()


@pytest.fixture
def owner():
    """Whom the tests' jobs belong to."""
    return Owner("ACME", "bea")


@pytest.fixture
def claims():
    """Make the upload of a file with some good rows, and with bad ones where they are wanted."""

    def make(rows: int, *, bad: tuple[int, ...] = ()) -> IO[bytes]:
        lines = [HEADER]
        lines += [
            f"PCN{number:06},ALMA,TESTER,{'13/45/1972' if number in bad else '03/04/1972'},ZX{number:06}"
            for number in range(1, rows + 1)
        ]
        return io.BytesIO("\n".join(lines).encode())

    return make


@define
class HttpService:
    """The HTTP API on a port of this machine. Its chunks run when a test says so, and it fails as it is told."""

    bulk: BulkClaims
    bell: RememberingDispatcher
    repository: MemoryRepository
    url: str = ""
    token: str = TOKEN
    faults: list = field(factory=list)
    """What the next requests meet: an answer's status, headers and body; `drop`; `lose`, once all is done; a number of
    bytes of the answer, after which it breaks off; or None."""
    heard: list = field(factory=list)
    """Method, address and headers of every request."""

    def run(self, chunks=-1):
        """Run some chunks that wait, all unless told otherwise."""
        while self.bell.dispatched and chunks != 0:
            self.bulk.run(self.bell.dispatched.pop(0))
            chunks -= 1

    def app(self, api):
        """Wrap *api* in faults."""

        def app(environ, start_response):
            body = environ["wsgi.input"]
            headers = {name[5:].lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
            self.heard.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], headers))
            fault = self.faults.pop(0) if self.faults else None
            if fault is None:
                return api(environ, start_response)
            if isinstance(fault, int):
                return cut(api(environ, start_response), fault, body.raw._sock)
            if fault == "lose":
                b"".join(api(environ, start_response))
            else:
                body.read(int(environ.get("CONTENT_LENGTH") or 0))
            if fault in ("drop", "lose"):
                body.raw._sock.shutdown(socket.SHUT_RDWR)
                raise BrokenPipeError
            status, answered, content = fault
            start_response(f"{status} Scripted", list(answered.items()))
            return [content]

        return app


def cut(pieces, size, connection):
    """Pass on so many bytes of an answer, and break the connection."""
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            connection.shutdown(socket.SHUT_RDWR)
            raise BrokenPipeError


class OneToken:
    """Knows one token."""

    def authenticate(self, headers, native):  # noqa: D102 -- stated in `interfaces.Authenticator`
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise NotAuthenticated("The token is not known.", code="token_unknown")
        return Principal("ACME", "bea", Role.MANAGE)


@pytest.fixture
def http_service(repository):
    """The HTTP API, served."""
    bell = RememberingDispatcher()
    settings = Settings(chunk_rows=2, window=1, sweep_seconds=None)
    with BulkClaims(repository, InstantProcessor(), dispatcher=bell, settings=settings) as bulk:
        service = HttpService(bulk, bell, repository)
        with served(service.app(wsgi_app(WebApi(bulk, OneToken()), PREFIX))) as address:
            service.url = address + PREFIX
            yield service


class IdentityProvider:
    """A server of public keys on loopback, which counts how often it is asked."""

    def __init__(self):
        self.keys = []
        self.status = 200
        self.body = None
        """Answered instead of the keys; the pieces of an iterator follow as they come."""
        self.asked = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                body = json.dumps({"keys": provider.keys}).encode() if provider.body is None else provider.body
                self.send_response(provider.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                try:
                    for piece in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(piece)
                except OSError:
                    pass  # nobody reads on

            def log_message(self, *_):
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider(monkeypatch):
    """An identity provider that runs and has no keys yet."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = IdentityProvider()
    yield provider
    provider.stop()
