"""What the contract of views has in common: a service, people with tokens, and a client that asks as one of them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field, frozen

from bulkclaims.access import Role
from bulkclaims.jobs import Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.records import RowResult, Source
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import RememberingDispatcher, found
from bulkclaims.web import ROUTES, WebApi
from bulkclaims.web.tokens import TokenAuthenticator, issue_token

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
    from wsgiref.types import WSGIApplication

    from bulkclaims.interfaces import Authenticator, RunContext
    from bulkclaims.records import Row

    Mount = Callable[[WebApi, str], WSGIApplication]

PREFIX = "/api/v1/claims/"
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
LIMIT = 1024 * 1024
"""Bytes that an upload may have."""

UNKNOWN = "7b0f1b52-59a5-4c0c-9d0e-0f5d0d2b6f11"
"""The id of no job."""
JOB_ROUTES = [route for route in ROUTES if "{job_id}" in route.path]

CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|claim-status-\d{8}-[0-9a-f]{8}|[0-9a-f]{64}")
"""Ids, times and digests: what differs between two hosts that did the same."""
MEANINGFUL = (
    "content-type",
    "content-disposition",
    "cache-control",
    "x-content-type-options",
    "location",
    "allow",
    "www-authenticate",
    "retry-after",
    "etag",
)


def claims(rows: int, *, bad: Sequence[int] = ()) -> bytes:
    """A file of made-up claims; the rows numbered *bad* have no such birth date."""
    lines = [
        f"PCN{number:06},ALMA,TESTER,{'13/45/1972' if number in bad else '03/04/1972'},ZX{number:06}"
        for number in range(1, rows + 1)
    ]
    return "\n".join([HEADER, *lines]).encode()


@define
class FailingProcessor:
    """Answers rows as Finalized, except those numbered in `failing`, whose payer is down."""

    failing: set[int] = field(factory=set)
    asked: list[int] = field(factory=list)

    async def process(  # noqa: D102 -- stated in `interfaces.RowProcessor`
        self,
        rows: Sequence[Row],
        context: RunContext,  # noqa: ARG002 -- the scenes stop no worker and cancel no running job
    ) -> AsyncGenerator[Sequence[RowResult], None]:
        for row in rows:
            self.asked.append(row.number)
            yield [_unanswered(row) if row.number in self.failing else found(row)]

    async def aclose(self) -> None:
        """Hold nothing."""


def _unanswered(row: Row) -> RowResult:
    cells = row.cells
    return RowResult(
        row=row.number,
        claim_number=cells["claim_number"],
        status="Error",
        success=False,
        patient_name=f"{cells['first_name']} {cells['last_name']}",
        error="The payer did not respond; try again later.",
        source=Source.PAYER,
        asked=1,
    )


@define
class Host:
    """A host application, the service within it, and everybody who may ask."""

    app: WSGIApplication
    bulk: BulkClaims
    repository: MemoryRepository
    processor: FailingProcessor
    dispatcher: RememberingDispatcher
    tokens: Mapping[str, str]

    @contextmanager
    def client(self, who: str = "manager", **headers: str) -> Iterator[httpx.Client]:
        """A client that asks as *who*, over WSGI without a network."""
        given = {"Authorization": f"Bearer {self.tokens[who]}", **headers} if who else headers
        transport = httpx.WSGITransport(app=self.app)
        with httpx.Client(transport=transport, base_url=f"http://host.example{PREFIX}", headers=given) as client:
            yield client

    def run(self) -> None:
        """Run all that was dispatched, as a worker would."""
        self.dispatcher.deliver(self.bulk.run)

    def ended_job(self, rows: int = 3, *, bad: Sequence[int] = ()) -> str:
        """The id of a job that was uploaded and run."""
        with self.client() as client:
            job_id = str(upload(client, claims(rows, bad=bad)).json()["id"])
        self.run()
        return job_id


def ask(client: httpx.Client, route_name: str, job_id: str = "") -> httpx.Response:
    """Ask for a route in the simplest way."""
    (route,) = [route for route in ROUTES if route.name == route_name]
    if route.takes_form:
        return upload(client, claims(1))
    return client.request(route.method, route.path.format(job_id=job_id))


def upload(client: httpx.Client, file: bytes, query: str = "", **headers: str) -> httpx.Response:
    """Send a file as `curl -F file=@claims.csv` does."""
    return client.post(f"bulk/upload/{query}", files={"file": ("claims.csv", file, "text/csv")}, headers=headers)


@contextmanager
def hosting(
    mount: Mount, *, repository: MemoryRepository | None = None, authenticator: Authenticator | None = None
) -> Iterator[Host]:
    """
    Mount a service with everything it needs.

    Args:
        mount: Makes the application under test.
        repository: Where its jobs live.
        authenticator: Who knows its users; by default, who knows the tokens.
    """
    repository = repository or MemoryRepository()
    processor, dispatcher = FailingProcessor(), RememberingDispatcher()
    settings = Settings(chunk_rows=2, sweep_seconds=None, listed_errors=2)
    parser = CsvParser(max_bytes=LIMIT)
    with BulkClaims(repository, processor, parser=parser, dispatcher=dispatcher, settings=settings) as bulk:
        api = WebApi(
            bulk,
            authenticator or TokenAuthenticator(repository),
            defaults=lambda organisation: {"payer_id": "60054"} if organisation == "north" else {},
        )
        yield Host(mount(api, PREFIX), bulk, repository, processor, dispatcher, _tokens(repository))


def _tokens(repository: MemoryRepository) -> dict[str, str]:
    now = datetime.now(UTC)
    people = {"manager": ("north", Role.MANAGE), "biller": ("north", Role.SUBMIT), "reader": ("north", Role.READ)}
    people |= {"stranger": ("south", Role.MANAGE)}
    issued = {
        name: issue_token(repository, organisation=organisation, user=name, role=role, lifetime=None, now=now)
        for name, (organisation, role) in people.items()
    }
    late = now - timedelta(days=2)
    issued["expired"] = issue_token(
        repository, organisation="north", user="old", role=Role.MANAGE, lifetime=timedelta(days=1), now=late
    )
    revoked = issued["revoked"] = issue_token(
        repository, organisation="north", user="gone", role=Role.MANAGE, lifetime=None, now=now
    )
    repository.revoke_token("north", revoked.kept.id, now)
    return {name: token.text for name, token in issued.items()} | {"bad": "bc_nobody"}


@frozen
class Answer:
    """What one host answered, ids and times aside."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        """Note what matters of *response*."""
        headers = {name: _still(response.headers[name]) for name in MEANINGFUL if name in response.headers}
        text = _still(response.text)
        is_json = "json" in response.headers.get("content-type", "")
        return cls(response.status_code, headers, json.loads(text) if is_json and text else text)


def _still(text: str) -> str:
    return CHANGING.sub("…", text)
