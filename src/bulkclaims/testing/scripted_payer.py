"""A payer on loopback that answers just as a test tells it to, however wrong that is."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Script: TypeAlias = Callable[["Heard"], Awaitable["bytes | Iterator[bytes] | None"]]


@frozen
class Heard:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever was sent
        """The body as JSON."""
        return json.loads(self.body)


class ScriptedPayer:
    """
    An HTTP server for one test, used as an asynchronous context manager.

    Args:
        script: Gives the bytes to answer each request with, head and all; None breaks the connection off. Bytes that
            promise more than they hold also break it off. Pieces are sent one by one as the other side takes them, and
            then it is broken off too.
        ssl_context: Speaks https with this certificate.
    """

    def __init__(self, script: Script, ssl_context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._ssl = ssl_context
        self.heard: list[Heard] = []
        """Every request, in the order of arrival."""
        self.url = ""
        """Such as `http://127.0.0.1:54321`, while the server runs."""

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._ssl)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"{'https' if self._ssl else 'http'}://{host}:{port}"
        self._open: set[asyncio.StreamWriter] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and break off what is open."""
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, as it may
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = head[0].split(" ")
        self.heard.append(Heard(method, path, headers, body))
        answer = await self._script(self.heard[-1])
        if answer is None:
            return False
        for piece in [answer] if isinstance(answer, bytes) else answer:
            writer.write(piece)
            await writer.drain()
        return isinstance(answer, bytes) and _is_whole(answer)


def http_answer(body: object, status: int = 200, **headers: str) -> bytes:
    """
    Write an HTTP answer.

    Args:
        body: Bytes as they are; anything else as JSON.
        status: The HTTP status.
        headers: Further headers, with `_` for `-`; `Content_Type` and `Content_Length` replace the usual ones.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    usual = {"Content_Type": "application/json", "Content_Length": str(len(content))}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**usual, **headers}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""]).encode() + content


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return f"content-length: {len(body)}".encode() in head.lower()
