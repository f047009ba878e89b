"""The HTTP API under Django, on ASGI: the same answers, nothing that blocks the event loop, uploads of their size."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import connections
from django.test import Client
from django.urls import include, path

from bulkclaims import BulkClaims, MemoryRepository, Owner, Settings
from bulkclaims.access import Principal, Role
from bulkclaims.testing.contracts.host_scenes import hosting
from bulkclaims.testing.contracts.view_access import AccessViewContract
from bulkclaims.testing.contracts.view_jobs import JobViewContract
from bulkclaims.testing.contracts.view_uploads import UploadViewContract
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims.testing.files import claims_csv
from bulkclaims.web import WebApi
from bulkclaims.web.tokens import issue_token
from bulkclaims_django.asgi import limited
from bulkclaims_django.service import repository, service
from bulkclaims_django.urls import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from django.http import HttpRequest

    from bulkclaims.jobs import JobId, StoredChunk
    from bulkclaims.testing.contracts.host_scenes import Host

API = "/api/v1/claims/"
SECONDS = 30.0


def handler_for(api: WebApi, prefix: str) -> ASGIHandler:
    """Serve *api* beneath *prefix* of a project of its own, behind the usual middleware."""
    urls = (path(prefix.lstrip("/"), include((patterns(lambda: api), "bulkclaims"))),)
    handler = ASGIHandler()
    handler.request_class = type("Request", (ASGIRequest,), {"urlconf": urls})
    return handler


def through_wsgi(app: ASGIHandler) -> WSGIApplication:
    """Let a WSGI client ask an ASGI application: one request, and its answer whole."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read()
        sent = asyncio.run(_exchange(app, _scope(environ), body))
        headers = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
        start_response(f"{sent[0]['status']} Answered", headers)
        return [message.get("body", b"") for message in sent[1:]]

    return answer


def _scope(environ: WSGIEnvironment) -> dict[str, Any]:
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    ]
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": headers,
        "scheme": "http",
    }


async def _exchange(app: ASGIHandler, scope: dict[str, Any], body: bytes) -> list[Any]:
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    arriving.put_nowait({"type": "http.request", "body": body, "more_body": False})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, arriving.get, send)  # type: ignore[arg-type] -- the queue's messages are those of ASGI
    return sent


class TestDjangoOnAsgi(UploadViewContract, JobViewContract, AccessViewContract):
    """
    The views keep the promises of the HTTP API.

    Without those about bodies that stream in: Django takes in the whole body before it asks any view.
    """

    @pytest.fixture
    def mount(self) -> Callable[[WebApi, str], WSGIApplication]:
        """Make a project that serves the API beneath a prefix."""
        return lambda api, prefix: through_wsgi(handler_for(api, prefix))

    @pytest.fixture
    def host(self, mount: Callable[[WebApi, str], WSGIApplication]) -> Iterator[Host]:
        """A host with a service whose jobs live in memory."""
        with hosting(mount) as host:
            yield host


class Anybody:
    """Knows everybody as somebody of one organisation."""

    def authenticate(self, *_: object) -> Principal:
        """Let anybody in."""
        return Principal("ACME", "bea", Role.MANAGE)


class HeldBack(MemoryRepository):
    """Holds back all chunks but the first until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def chunks(self, organisation: str, job_id: JobId, first: int = 0) -> Iterator[StoredChunk]:
        """Give chunks, and wait behind the first."""
        for chunk in super().chunks(organisation, job_id, first):
            assert chunk.number == 0 or self.go_on.wait(SECONDS)
            yield chunk


@contextmanager
def uvicorn_serves(app: Any) -> Iterator[str]:
    """A real ASGI server on a free port of this machine; gives its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def token() -> str:
    """The `Authorization` of a program of ACME."""
    issued = issue_token(
        repository(), organisation="ACME", user="script", role=Role.MANAGE, lifetime=None, now=datetime.now(UTC)
    )
    return f"Bearer {issued.text}"


def test_a_file_goes_in_and_its_results_come_out(project: None) -> None:
    """The project's own service does the same work under ASGI, in the same database."""
    authorization = token()

    async def whole_way() -> str:
        transport = httpx.ASGITransport(app=ASGIHandler())  # type: ignore[arg-type] -- each calls a scope its own way
        headers = {"Authorization": authorization}
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://host.example{API}", headers=headers
        ) as asking:
            made = await asking.post("bulk/upload/", files={"file": b"".join(claims_csv(600))})
            job_id = made.json()["id"]
            await asyncio.to_thread(service().wait, "ACME", job_id, SECONDS)
            return (await asking.get(f"csv-jobs/{job_id}/results/")).text

    results = asyncio.run(whole_way())

    assert results.count("Finalized") == 600


def test_a_real_server_serves_it(project: None) -> None:
    """Uvicorn on a socket, a file larger than what Django keeps in memory, and several clients at a time."""
    authorization = token()
    file = b"".join(claims_csv(60_000))
    assert len(file) > 2_621_440

    with (
        uvicorn_serves(ASGIHandler()) as url,
        httpx.Client(base_url=f"{url}{API}", headers={"Authorization": authorization}, timeout=SECONDS) as asking,
    ):
        report = asking.post("bulk/upload/?dry_run=true", files={"file": file}).json()
        made = asking.post("bulk/upload/", files={"file": b"".join(claims_csv(3))})
        service().wait("ACME", made.json()["id"], timeout=SECONDS)
        results = asking.get(f"csv-jobs/{made.json()['id']}/results/").text

    assert report["total_rows"] == 60_000
    assert results.count("Finalized") == 3


def test_results_are_sent_as_they_are_read() -> None:
    """The first rows arrive before the last ones are read from the repository."""
    repository = HeldBack()
    file = claims_csv(3000)
    with BulkClaims(repository, InstantProcessor(), settings=Settings(chunk_rows=2000)) as bulk:
        repository.go_on.set()
        job = bulk.submit(_Pieces(file), filename="claims.csv", owner=Owner("ACME"))
        bulk.wait("ACME", job.id, timeout=SECONDS)
        repository.go_on.clear()
        handler = handler_for(WebApi(bulk, Anybody()), API)
        with uvicorn_serves(handler) as url, httpx.stream("GET", f"{url}{API}csv-jobs/{job.id}/results/") as response:
            pieces = response.iter_bytes()
            first = next(pieces)
            repository.go_on.set()
            rest = b"".join(pieces)

    assert first.startswith(b"row,claim_number")
    assert (first + rest).count(b"\r\n") == 3001


def test_a_slow_answer_keeps_nobody_waiting() -> None:
    """While one client's results wait for the repository, another is answered."""
    repository = HeldBack()
    with BulkClaims(repository, InstantProcessor(), settings=Settings(chunk_rows=2000)) as bulk:
        repository.go_on.set()
        job = bulk.submit(_Pieces(claims_csv(3000)), filename="claims.csv", owner=Owner("ACME"))
        bulk.wait("ACME", job.id, timeout=SECONDS)
        repository.go_on.clear()
        handler = handler_for(WebApi(bulk, Anybody()), API)
        with uvicorn_serves(handler) as url, httpx.stream("GET", f"{url}{API}csv-jobs/{job.id}/results/") as response:
            other = httpx.get(f"{url}{API}csv-jobs/", timeout=SECONDS)
            repository.go_on.set()
            response.read()

    assert other.json()["count"] == 1


class _Pieces:
    """A file that arrives in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _: int) -> bytes:
        """Give the next piece."""
        return next(self._pieces, b"")


MEGABYTE = 1024 * 1024
HUGE = 300 * MEGABYTE
BUFFERED = 24 * MEGABYTE
"""More than what the two ends of a connection within this machine hold back, and what is thrown away."""


@pytest.fixture
def to_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Whoever writes a temporary file fails, as there is no folder for it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))


def send_huge(url: str, *headers: str, path: str = f"{API}bulk/upload/") -> tuple[str, int]:
    """Send a form of 300 MB for as long as somebody takes it; gives the answer and how many bytes were taken."""
    host, port = url.removeprefix("http://").split(":")
    form = "multipart/form-data; boundary=X"
    head = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {form}", f"Content-Length: {HUGE}", *headers]
    begin = b'--X\r\nContent-Disposition: form-data; name="file"; filename="claims.csv"\r\n\r\n' + b"".join(
        claims_csv(1)
    )
    taken, piece = len(begin), b"".join(claims_csv(2000)).partition(b"\n")[2]
    with socket.create_connection((host, int(port)), timeout=SECONDS) as client:
        client.sendall("\r\n".join([*head, "", ""]).encode() + begin)
        try:
            while taken < HUGE:
                taken += client.send(piece)
        except (ConnectionResetError, BrokenPipeError):
            pass
        with client.makefile("rb") as answer:
            return answer.read().decode(), taken


@pytest.mark.parametrize(
    "authorization", ["", "Authorization: Basic YmVhOmd1ZXNzZWQ=", f"Authorization: Bearer bc_{'A' * 12}_{'b' * 43}"]
)
@pytest.mark.parametrize(
    ("below", "status"), [("bulk/upload/", 401), ("bulk/upload", 401), ("csv-jobs/J1/retry/", 401), ("nowhere", 404)]
)
def test_who_is_not_known_sends_in_vain(
    project: None, to_the_disk: None, authorization: str, below: str, status: int
) -> None:
    """Of 300 MB hardly more is taken than a connection holds, none is written, and the API says what it always says."""
    with uvicorn_serves(limited(ASGIHandler())) as url:
        answer, taken = send_huge(url, *([authorization] if authorization else []), path=f"{API}{below}")

    assert answer.startswith(f"HTTP/1.1 {status}")
    assert "application/problem+json" in answer
    assert "connection: close" in answer
    assert taken < BUFFERED


def test_who_waits_to_be_asked_is_not_asked(project: None) -> None:
    """A client that sends its body only when told to, as curl does, hears at once that it is not known."""
    with uvicorn_serves(limited(ASGIHandler())) as url:
        host, port = url.removeprefix("http://").split(":")
        head = [f"POST {API}bulk/upload/ HTTP/1.1", f"Host: {host}", f"Content-Length: {HUGE}", "Expect: 100-continue"]
        with socket.create_connection((host, int(port)), timeout=SECONDS) as client, client.makefile("rb") as answer:
            client.sendall("\r\n".join([*head, "", ""]).encode())

            assert answer.readline() == b"HTTP/1.1 401 Unauthorized\r\n"


def test_a_file_is_as_large_as_is_allowed(configured: Callable[..., None]) -> None:
    """It may have the very last byte; with one more it is refused; of a far larger one little is taken."""
    file = b"".join(claims_csv(20_000))
    configured(PROCESSOR=lambda _: InstantProcessor(), MAX_UPLOAD_BYTES=len(file))
    authorization = token()
    with (
        uvicorn_serves(limited(ASGIHandler())) as url,
        httpx.Client(base_url=f"{url}{API}", headers={"Authorization": authorization}, timeout=SECONDS) as asking,
    ):
        fits = asking.post("bulk/upload/", files={"file": file})
        above = asking.post("bulk/upload/", files={"file": file + b"\n"})
        far_above = asking.post("bulk/upload/", files={"file": file + bytes(MEGABYTE)})
        answer, taken = send_huge(url, f"Authorization: {authorization}")

    assert fits.status_code == 201
    assert [(one.status_code, one.json()["code"]) for one in (above, far_above)] == [(413, "file_too_large")] * 2
    assert "connection" not in far_above.headers
    assert answer.startswith("HTTP/1.1 413")
    assert '"code": "file_too_large"' in answer
    assert taken < len(file) + BUFFERED


def test_a_project_may_allow_any_size(configured: Callable[..., None]) -> None:
    """Without a limit the whole file is taken in."""
    configured(PROCESSOR=lambda _: InstantProcessor(), MAX_UPLOAD_BYTES=None)
    file = b"".join(claims_csv(210_000))
    assert len(file) > 10 * MEGABYTE

    with uvicorn_serves(limited(ASGIHandler())) as url:
        answer = httpx.post(
            f"{url}{API}bulk/upload/?dry_run=true",
            files={"file": file},
            headers={"Authorization": token()},
            timeout=SECONDS,
        )

    assert answer.json()["total_rows"] == 210_000


def session_user(request: HttpRequest) -> Principal | None:
    """A project's own function for its users."""
    return Principal("ACME", request.user.get_username(), Role.SUBMIT) if request.user.is_authenticated else None


def test_users_of_the_project_are_asked_for_by_the_api(configured: Callable[..., None]) -> None:
    """Who may have a session is known only within the project: its users upload, others send up to the limit."""
    configured(PROCESSOR=lambda _: InstantProcessor(), HOST_USER=session_user, MAX_UPLOAD_BYTES=MEGABYTE)
    browser = Client()
    browser.force_login(User.objects.create_user("bea"))
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    with uvicorn_serves(limited(ASGIHandler())) as url:
        made = httpx.post(
            f"{url}{API}bulk/upload/",
            files={"file": b"".join(claims_csv(3))},
            cookies=cookies,
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        answer, taken = send_huge(url)

    assert made.status_code == 201
    assert answer.startswith("HTTP/1.1 401")
    assert taken < MEGABYTE + BUFFERED


def test_a_projects_own_authenticator_is_asked_by_the_api(configured: Callable[..., None]) -> None:
    """Whatever it goes by, the request comes to it whole."""
    configured(PROCESSOR=lambda _: InstantProcessor(), AUTHENTICATOR=lambda _: Anybody())
    with uvicorn_serves(limited(ASGIHandler())) as url:
        assert httpx.post(f"{url}{API}bulk/upload/", files={"file": b"".join(claims_csv(3))}).status_code == 201


def test_settings_that_are_wrong_are_told_by_the_api(configured: Callable[..., None], to_the_disk: None) -> None:
    """There as well nothing is taken in."""
    configured(PROCESOR="claims.payer")
    with uvicorn_serves(limited(ASGIHandler())) as url:
        answer, taken = send_huge(url)

    assert answer.startswith("HTTP/1.1 500")
    assert "not_set_up" in answer
    assert taken < BUFFERED


def test_a_database_that_is_away_is_told_by_the_api(
    configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Nobody is taken for a stranger because nobody can be looked up just now."""
    configured(PROCESSOR=lambda _: InstantProcessor())
    headers = {"Authorization": token()}
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", str(tmp_path / "nowhere" / "jobs.db"))
    with uvicorn_serves(limited(ASGIHandler())) as url:
        answer = httpx.post(f"{url}{API}bulk/upload/", files={"file": b"".join(claims_csv(3))}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (503, "repository_unavailable")


def test_nobody_is_looked_up_for_a_request_without_a_body(project: None) -> None:
    """Who polls with whatever token is asked for it by the API alone, and no part of a body is read."""
    read: list[Any] = []

    async def application(_: Any, receive: Any, __: Any) -> None:
        read.append(await receive())

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    headers = [(b"authorization", token().encode())]
    scope = {"type": "http", "method": "GET", "path": f"{API}csv-jobs/", "headers": headers, "root_path": ""}
    asyncio.run(limited(application)(scope, receive, None))

    assert read == [{"type": "http.request", "body": b"", "more_body": False}]


def test_a_small_body_is_taken_to_its_end(project: None) -> None:
    """Its sender hears what is wrong with the token, and may ask again on the same connection."""
    with uvicorn_serves(limited(ASGIHandler())) as url, httpx.Client(base_url=f"{url}{API}") as asking:
        answer = asking.post("bulk/upload/", files={"file": b"".join(claims_csv(300))})

    assert answer.status_code == 401
    assert "connection" not in answer.headers


def test_all_else_passes_by() -> None:
    """The project's other pages, and what is no request at all, are handed on as they came."""
    seen: list[Any] = []

    async def application(*given: Any) -> None:
        seen.append(given)

    others = [
        ({"type": kind, "path": path}, object(), object()) for kind, path in (("lifespan", ""), ("http", "/admin/"))
    ]
    for given in others:
        asyncio.run(limited(application)(*given))

    assert seen == others
