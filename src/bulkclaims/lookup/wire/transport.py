"""
HTTP to payers: httpx's API, and beneath it the one transport that this module chooses.

httpx's own connection pool scans all its connections for every request and collapses under concurrency: at 100 look-ups
in flight and 50 ms it brings about 50 answers a second where 2,000 are possible. aiohttp's pool, through httpx-aiohttp,
brings 1,650 at 430 µs of CPU each; pyreqwest's transport, measured beside it on httpx 0.28.1, 1,390 at 500 µs, has one
time-out for the whole exchange only, and may not be started before a fork.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import zlib
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from attrs import field, frozen
from httpx_aiohttp import AiohttpTransport

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, PayerUnavailable, SettingsWrong
from bulkclaims.outgoing import is_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ClientFactory = Callable[[], httpx.AsyncClient]

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Payers are asked to answer nine of ten real-time requests within 20 s (CAQH CORE 156); some need longer."""
EXCHANGE_SECONDS = 90.0
"""For a whole exchange: an answer that comes a byte at a time never trips the read time-out."""
BODY_BYTES = 4 * 1024 * 1024
"""An answer may not be larger, neither as sent nor unpacked."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
"""As httpx writes JSON; made once, which costs as much as to write an inquiry."""
_BROKEN_OFF = (httpx.TransportError, aiohttp.ClientError, HttpProcessingError, TimeoutError)


@frozen
class Reply:
    """One HTTP answer, read to its end and unpacked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)


class _Client(httpx.AsyncClient):
    """
    httpx's client without what no look-up uses: redirects, cookies, authentication flows and event hooks.

    Those take two thirds of httpx's own time for a request (100 of 140 µs over a transport that does nothing).
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout) -> None:
        # aiohttp looks after proxies; with `trust_env` httpx would put its own slow pool in our transport's place.
        super().__init__(transport=transport, timeout=timeout, trust_env=False)
        self._payer = transport

    def build_request(self, method: str, url: httpx.URL | str, **given: Any) -> httpx.Request:  # noqa: ANN401 -- httpx's
        """As httpx does, but what most look-ups send, JSON with a dictionary of headers, in a fifth of the time."""
        if given.keys() != {"headers", "json"} or not isinstance(given["headers"], dict):
            return super().build_request(method, url, **given)
        body = httpx.ByteStream(_JSON.encode(given["json"]).encode())
        headers = dict(self.headers.items()) | {"content-type": "application/json"}
        headers |= {name.lower(): value for name, value in given["headers"].items()}
        waits = {"timeout": self.timeout.as_dict()}
        request = httpx.Request(method, url, headers=headers, stream=body, extensions=waits)
        request.headers.encoding = "ascii"  # as it is; otherwise httpx would find out
        request.read()
        return request

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: object) -> httpx.Response:
        """Send *request* straight to the transport; whatever else httpx offers is left out."""
        response = await self._payer.handle_async_request(request)
        response.request = request
        if not stream:
            await response.aread()
        return response


def make_client(*, ssl_context: ssl.SSLContext | None = None, trust_env: bool = False) -> httpx.AsyncClient:
    """
    A client for many look-ups at a time: certificates verified, no redirects, no cookies, no limit of its own.

    Call it on the event loop that will use it.

    Args:
        ssl_context: Trusts other authorities, or shows a client certificate; the usual public authorities when None.
        trust_env: Whether proxies and certificates named in the environment (`HTTPS_PROXY`, `SSL_CERT_FILE`) are used.

    Raises:
        SettingsWrong: *ssl_context* would accept any certificate.
    """
    context = ssl_context or httpx.create_ssl_context(trust_env=trust_env)
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise SettingsWrong("A payer's certificate has to be verified, but ssl_context does not require it.")

    def session() -> aiohttp.ClientSession:
        opened = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=trust_env,
        )
        # It would send a GET again by itself when the payer hangs up: at once, past every rate, and uncounted.
        opened._retry_connection = False  # noqa: SLF001 -- aiohttp has no other switch for it
        return opened

    return _Client(
        AiohttpTransport(verify=context, trust_env=trust_env, client=session),
        httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None),
    )


async def exchange(
    client: httpx.AsyncClient, method: str, url: httpx.URL, headers: Mapping[str, str], body: Mapping[str, Any]
) -> Reply:
    """
    Send one request and read the whole answer, whatever its status.

    Args:
        client: What to send it through.
        method: Such as `POST`.
        url: Where to.
        headers: Beside the client's own.
        body: As httpx takes it: `json`, `data` or `params`.

    Raises:
        PayerUnavailable: The payer could not be reached, broke off, or was too slow.
        AccessRefused: Its certificate cannot be verified.
        AnswerNotUnderstood: The answer is too large, or packed in a way that cannot be read.
    """
    request = client.build_request(method, url, headers={"Accept-Encoding": "gzip", **headers}, **body)
    try:
        async with asyncio.timeout(EXCHANGE_SECONDS):
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                content = await _read(response)
            finally:
                await response.aclose()
    except _BROKEN_OFF as error:
        raise _sentence_for(error) from None
    return Reply(response.status_code, response.headers, content)


async def _read(response: httpx.Response) -> bytes:
    if response.is_stream_consumed:
        return response.content  # a transport of the host's own made it whole, as httpx's mock does
    packed = bytearray()
    async for piece in cast("httpx.AsyncByteStream", response.stream):
        packed += piece
        if len(packed) > BODY_BYTES:
            raise _too_large()
    return _unpack(bytes(packed), response.headers.get("content-encoding", "identity").strip().lower())


def _unpack(packed: bytes, encoding: str) -> bytes:
    if encoding == "identity" or not packed:
        return packed
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise AnswerNotUnderstood("The payer's answer is packed in a way that was not asked for.")
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        body = unpacker.decompress(packed, BODY_BYTES + 1)
    except zlib.error:
        raise AnswerNotUnderstood("The payer's answer is damaged and cannot be unpacked.") from None
    if len(body) > BODY_BYTES:
        raise _too_large()
    if not unpacker.eof:
        raise AnswerNotUnderstood("The payer's answer breaks off before its end.")
    return body


def _too_large() -> AnswerNotUnderstood:
    return AnswerNotUnderstood(f"The payer's answer is larger than {BODY_BYTES // 1024**2} MiB and was not read.")


def _sentence_for(error: BaseException) -> PayerUnavailable | AccessRefused:
    if is_untrusted(error):
        return AccessRefused("The payer's certificate could not be verified, so nothing was sent.")
    return PayerUnavailable()
