"""The simulated payer as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from typing import IO, TYPE_CHECKING, Any

from attrs import evolve

from bulkclaims.testing.simulator.availity import AvailityDialect
from bulkclaims.testing.simulator.book import Book
from bulkclaims.testing.simulator.claimstatus import ClaimStatusDialect
from bulkclaims.testing.simulator.dialect import Call
from bulkclaims.testing.simulator.optum_real import OptumRealDialect
from bulkclaims.testing.simulator.replies import WEB_PAGE, Reply
from bulkclaims.testing.simulator.scenarios import Said, Trouble, answers, scenario_of
from bulkclaims.testing.simulator.uhc import UhcDialect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from bulkclaims.testing.simulator.dialect import Dialect, Question
    from bulkclaims.testing.simulator.settings import SimulatorSettings

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_SLOW_SECONDS = 25.0


class PayerApp:
    """
    Answers look-ups.

    Args:
        settings: What it is like.
        log: Where a line about each request goes.
    """

    def __init__(self, settings: SimulatorSettings, log: IO[str] | None = None) -> None:
        self._settings = settings
        self._dialect = _dialect(settings)
        self._log = log
        self._began = time.monotonic()
        self._asked: Counter[str] = Counter()
        self._second: deque[float] = deque()
        self._requests = self._in_flight = 0
        self._tokens: dict[str, float] = {}
        self._scopes: dict[str, str] = {}
        self.requests: list[str] = []
        """The claim number of every look-up, in the order of arrival."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._in_flight += 1
        try:
            body = await _read(receive)
            reply = self._reply(scope, body)
            if delay := self._settings.latency + reply.delay:
                await asyncio.sleep(delay)
            await self._send(reply, send)
        finally:
            self._in_flight -= 1

    def _reply(self, scope: Message, body: bytes) -> Reply:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        bought_for = self._scopes.get(headers.get("authorization", "").removeprefix("Bearer "), "")
        call = Call(scope["method"], scope["path"], headers, body, bought_for)
        if self._dialect.token_path and call.path == self._dialect.token_path:
            return self._token(body)
        status = self._dialect.misrouted(call) or self._denied(headers.get("authorization", ""))
        if status:
            return self._dialect.denied(status)
        question = self._dialect.read(call)
        return question if isinstance(question, Reply) else self._answer(question, f"{call.method} {call.path}")

    def _denied(self, authorization: str) -> int:
        """Check the credentials: the status that refuses them; 0 for none."""
        if not self._dialect.token_path:
            return 0 if authorization.removeprefix("Key ") == self._settings.api_key else 403
        scheme, _, token = authorization.partition(" ")
        good_until = self._tokens.get(token, 0) if scheme == "Bearer" else 0
        return 0 if good_until > time.monotonic() else 401

    def _token(self, body: bytes) -> Reply:
        good = {
            "client_id": "simulator",
            "client_secret": self._settings.api_key,
            "grant_type": "client_credentials",
        }
        asked = self._dialect.token_asked(body)
        bought_for = str(asked.pop("scope", "")) if isinstance(asked, dict) else ""
        if asked != good:
            return Reply(401, json.dumps({"error": "invalid_client", "error_description": "not known here"}).encode())
        token = f"SIMTOKEN{len(self._tokens)}"
        self._tokens[token] = time.monotonic() + self._settings.token_seconds
        self._scopes[token] = bought_for
        told = {"access_token": token, "token_type": "bearer", "expires_in": self._settings.token_seconds}
        return Reply(200, json.dumps(told).encode())

    def _answer(self, question: Question, call: str) -> Reply:
        claim_number = question.claim_number
        said: list[Said] | Trouble | None = self._trouble()
        if said is None:
            said = self._said(question) if question.looks_up else []
        self._note(question, call, said)
        if isinstance(said, Trouble):
            return self._trouble_reply(said, question)
        reply = self._dialect.answer(question, said)
        is_slow = question.looks_up and scenario_of(claim_number)[1].trouble is Trouble.SLOW
        return evolve(reply, delay=_SLOW_SECONDS) if is_slow else reply

    def _said(self, question: Question) -> list[Said] | Trouble:
        if question.found:
            return [said for _, said in question.found]
        claim_number = question.claim_number
        said = answers(claim_number, self._asked[claim_number])
        self._asked[claim_number] += 1
        return said

    def _trouble_reply(self, trouble: Trouble, question: Question) -> Reply:
        if trouble is Trouble.WEB_PAGE:
            return WEB_PAGE
        if trouble is Trouble.DROPPED:
            return evolve(self._dialect.answer(question, [Said("F1", "65")]), breaks_off=True)
        return self._dialect.trouble(trouble)

    def _trouble(self) -> Trouble | None:
        """What is wrong with the payer as a whole just now."""
        settings, now = self._settings, time.monotonic()
        self._requests += 1
        begins, ends = settings.outage or (0.0, 0.0)
        if begins <= now - self._began < ends:
            return Trouble.DOWN
        if settings.max_in_flight is not None and self._in_flight > settings.max_in_flight:
            return Trouble.BUSY
        if settings.rate_limit is not None and self._too_fast(settings.rate_limit, now):
            return Trouble.BUSY
        share = settings.error_rate
        return Trouble.DOWN if int(self._requests * share) > int((self._requests - 1) * share) else None

    def _too_fast(self, limit: int, now: float) -> bool:
        while self._second and self._second[0] <= now - 1:
            self._second.popleft()
        if len(self._second) >= limit:
            return True
        self._second.append(now)
        return False

    def _note(self, question: Question, call: str, said: list[Said] | Trouble) -> None:
        if question.looks_up:
            self.requests.append(question.claim_number)
        if self._log is not None:
            line = {
                "seconds": round(time.monotonic() - self._began, 6),
                "call": call,
                "claim_number": question.claim_number,
                "answer": said if isinstance(said, Trouble) else [f"{one.category}:{one.code}" for one in said],
                "in_flight": self._in_flight,
            }
            self._log.write(json.dumps(line) + "\n")

    async def _send(self, reply: Reply, send: Send) -> None:
        headers = [(b"content-type", reply.media_type), (b"content-length", str(len(reply.body)).encode())]
        if self._settings.retry_after is not None and reply.status in {429, 503}:
            headers.append((b"retry-after", str(self._settings.retry_after).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.breaks_off:
            # Ending here, with half of what was promised, makes the server close the connection.
            await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        else:
            await send({"type": "http.response.body", "body": reply.body})


def _dialect(settings: SimulatorSettings) -> Dialect:
    book = Book.read(settings.claims)
    match settings.dialect:
        case "availity":
            return AvailityDialect(book)
        case "optum-real":
            return OptumRealDialect(book)
        case "uhc":
            return UhcDialect(book)
        case face:
            return ClaimStatusDialect(face, book)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)
