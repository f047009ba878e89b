"""Has a connector under contract ask a payer on loopback, which answers as it is told."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, TypeVar

from bulkclaims.errors import BulkClaimsError
from bulkclaims.testing.malformed import endless
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from bulkclaims.interfaces import Connector
    from bulkclaims.testing.scripted_payer import Heard

    C = TypeVar("C", bound=Connector)
    T = TypeVar("T")
    Sent: TypeAlias = "bytes | Iterator[bytes] | None"

TOKEN = "TOKEN-OF-THE-CONTRACT"  # noqa: S105 -- made up
IN_TROUBLE = (408, 429, 500, 502, 503, 504)
"""Statuses of a payer that is to be asked again."""
_NOBODY = "http://127.0.0.1:1"
_STATUSES = (302, 400, 401, 403, 404, 422, 429, 500, 503)


class _Payer:
    """Gives its answers one after the other, the last one again and again; whoever wants a token gets one."""

    def __init__(self) -> None:
        self.answers: Sequence[Sent] = ()
        self.heard: list[Heard] = []

    async def script(self, heard: Heard) -> Sent:
        if b"client_credentials" in heard.body:
            return http_answer({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600})
        self.heard.append(heard)
        answer, *others = self.answers
        self.answers = others or [answer]
        return answer


def in_turn(
    connect: Callable[[str], C], act: Callable[[C], Awaitable[T]], answers: Iterable[Sent | list[bytes]]
) -> tuple[list[T | BulkClaimsError], list[Heard]]:
    """
    Do something again and again with one connector.

    Args:
        connect: Makes it.
        act: What to do with it.
        answers: What the payer says each time; a list for what sends several requests.

    Returns:
        What came of each, errors included, and every request but those for tokens.
    """

    async def run() -> tuple[list[T | BulkClaimsError], list[Heard]]:
        """Ask one after the other."""
        payer = _Payer()
        outcomes: list[T | BulkClaimsError] = []
        async with ScriptedPayer(payer.script) as server:
            connector = connect(server.url)
            try:
                for each in answers:
                    payer.answers = each if isinstance(each, list) else [each]
                    outcomes.append(await _outcome(act, connector))
                return outcomes, payer.heard
            finally:
                await connector.aclose()

    return asyncio.run(run())


def once(
    connect: Callable[[str], C], act: Callable[[C], Awaitable[T]], answer: Sent | list[bytes]
) -> T | BulkClaimsError:
    """Do it once; every answer is asked for once."""
    (outcome,), heard = in_turn(connect, act, [answer])
    assert len(heard) == (len(answer) if isinstance(answer, list) else 1)
    return outcome


def heard_elsewhere(
    connect: Callable[[str], C], act: Callable[[C], Awaitable[object]], answer: Callable[[str], bytes]
) -> list[Heard]:
    """What another host hears when a payer's *answer* leads to its address."""

    async def run() -> list[Heard]:
        """Ask, with somebody else listening."""
        payer, other = _Payer(), _Payer()
        other.answers = [http_answer({})]
        async with ScriptedPayer(other.script) as elsewhere, ScriptedPayer(payer.script) as server:
            payer.answers = [answer(elsewhere.url)]
            connector = connect(server.url)
            try:
                await _outcome(act, connector)
            finally:
                await connector.aclose()
            return elsewhere.heard

    return asyncio.run(run())


def all_shown(connect: Callable[[str], C], act: Callable[[C], Awaitable[object]], found: bytes, secret: str) -> str:
    """All that is ever shown of a connector and of what comes of it, whatever a payer says of *secret*."""
    says = f"a request with {secret} or {TOKEN} is not valid"
    error = {"code": secret, **dict.fromkeys(("message", "description", "errorMessage"), says)}
    told = {"message": says, "userMessage": says, "error": f"Bearer {secret}", "errors": [error]}
    answers: list[Sent | list[bytes]] = [found, None, b"no HTTP\r\n\r\n", http_answer(b"<html>"), endless([])]
    answers += [http_answer(told, status) for status in _STATUSES]

    async def run() -> list[object]:
        """Ask, and keep what is shown."""
        connector = connect(_NOBODY)
        try:
            return [await _outcome(act, connector), connector, *vars(connector).values()]
        finally:
            await connector.aclose()

    outcomes, heard = in_turn(connect, act, answers)
    return _but_for_an_unused_token(heard, "\n".join(map(_shown, [*asyncio.run(run()), *outcomes])))


def _but_for_an_unused_token(heard: list[Heard], shown: str) -> str:
    is_let_in_by_it = any(TOKEN in value for each in heard for value in each.headers.values())
    return shown if is_let_in_by_it else shown.replace(TOKEN, "")


async def _outcome(act: Callable[[C], Awaitable[T]], connector: C) -> T | BulkClaimsError:
    try:
        return await act(connector)
    except BulkClaimsError as error:
        return error


def _shown(what: object) -> str:
    """A `repr` or, of an exception, its traceback with the variables of each frame."""
    if not isinstance(what, BaseException):
        return repr(what)
    return "".join(traceback.TracebackException.from_exception(what, capture_locals=True).format())
