"""HTTP to payers over real sockets: what is refused, what is bounded, and what each failure becomes."""

import asyncio
import gzip
import os
import ssl
import zlib
from contextlib import asynccontextmanager

import httpx
import pytest
import trustme

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, PayerUnavailable, SettingsWrong
from bulkclaims.lookup.wire import transport
from bulkclaims.lookup.wire.transport import BODY_BYTES, exchange, make_client
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer


def ask(answer, *, path="/", **client):
    """Ask a payer that gives *answer* to everything; return the reply and what the payer heard."""

    async def script(_heard):
        return answer

    async def run():
        async with ScriptedPayer(script) as payer, make_client(**client) as http:
            return await exchange(http, "POST", httpx.URL(payer.url + path), {}, {"json": {"a": 1}}), payer.heard

    return asyncio.run(run())


@asynccontextmanager
async def hanging_payer():
    """A payer that hears and never answers; yields it and an event that says that it heard."""
    heard = asyncio.Event()

    async def script(_heard):
        heard.set()
        await asyncio.Event().wait()

    async with ScriptedPayer(script) as payer:
        yield payer, heard


def test_an_answer_comes_whole_with_status_and_headers():
    """Status, headers and body arrive; the request was one POST with our JSON and without cookies."""
    reply, heard = ask(http_answer({"claims": []}, 201, X_Trace="T1"))
    assert (reply.status, reply.headers["x-trace"], reply.body) == (201, "T1", b'{"claims": []}')
    assert [(h.method, h.json) for h in heard] == [("POST", {"a": 1})]
    assert heard[0].headers["accept-encoding"] == "gzip"


def test_the_client_speaks_httpx():
    """A connector of a host's own may use the client as any other of httpx's: the answer is read and can be raised."""

    async def script(_heard):
        return http_answer({"claims": []}, 503)

    async def run():
        async with ScriptedPayer(script) as payer, make_client() as http:
            return await http.post(payer.url + "/status", json={"a": 1})

    answer = asyncio.run(run())
    assert (answer.status_code, answer.json()) == (503, {"claims": []})
    with pytest.raises(httpx.HTTPStatusError):
        answer.raise_for_status()


@pytest.mark.parametrize("headers", [{"X-Trace": "T1"}, [("X-Trace", "T1")]])
def test_the_client_sends_what_it_was_given_since(headers):
    """A host that sets headers or waits of its own on the client has them sent and kept, with JSON as with a form."""

    async def run():
        async with make_client() as http:
            http.headers["X-Tenant"] = "A"
            http.timeout = 5
            told = {"headers": headers}
            return [http.build_request("POST", "https://x", **told, **{kind: {"a": "1"}}) for kind in ("json", "data")]

    for request in asyncio.run(run()):
        assert (request.headers["x-tenant"], request.headers["x-trace"]) == ("A", "T1")
        assert request.extensions["timeout"]["read"] == 5


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_answer_is_unpacked(encoding, pack):
    """Gzip and deflate bodies are read as what they hold."""
    reply, _ = ask(http_answer(pack(b"[1, 2]"), Content_Encoding=encoding))
    assert reply.body == b"[1, 2]"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (http_answer(b" " * (BODY_BYTES + 1)), "larger than 4 MiB"),
        (http_answer(gzip.compress(b" " * (BODY_BYTES + 1)), Content_Encoding="gzip"), "larger than 4 MiB"),
        (http_answer(gzip.compress(b"x" * 999)[:-9], Content_Encoding="gzip"), "breaks off"),
        (http_answer(b"no gzip", Content_Encoding="gzip"), "damaged"),
        (http_answer(b"?", Content_Encoding="gzip, gzip"), "not asked for"),
    ],
    ids=["huge", "bomb", "cut", "damaged", "twice packed"],
)
def test_a_body_that_cannot_be_taken_is_not_understood(answer, told):
    """Bodies too large as sent or unpacked, and bodies that cannot be unpacked, are refused with a sentence."""
    with pytest.raises(AnswerNotUnderstood, match=told):
        ask(answer)


def test_a_body_just_small_enough_is_read():
    """The limit itself is allowed."""
    reply, _ = ask(http_answer(gzip.compress(b" " * BODY_BYTES), Content_Encoding="gzip"))
    assert len(reply.body) == BODY_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        None,
        http_answer(b"{", Content_Length="50"),
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["dropped", "cut off", "not HTTP", "bad chunk"],
)
def test_a_broken_connection_is_an_unavailable_payer(answer):
    """Whatever breaks on the way is "ask again", never an answer and never a library's own exception."""
    with pytest.raises(PayerUnavailable):
        ask(answer)


def test_a_closed_port_is_an_unavailable_payer():
    """Nobody listens: ask again later."""

    async def run():
        async def script(_heard):
            return None

        async with ScriptedPayer(script) as payer:
            url = payer.url
        async with make_client() as http:
            await exchange(http, "GET", httpx.URL(url), {}, {})

    with pytest.raises(PayerUnavailable):
        asyncio.run(run())


@pytest.mark.parametrize("limit", ["read", "whole exchange"])
def test_a_payer_that_never_answers_is_unavailable(limit, monkeypatch):
    """Both the read time-out and the one for the whole exchange end the wait."""

    async def run():
        async with hanging_payer() as (payer, _), make_client() as http:
            if limit == "read":
                http.timeout = httpx.Timeout(0.05)
            else:
                monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 0.05)
            await exchange(http, "GET", httpx.URL(payer.url), {}, {})

    with pytest.raises(PayerUnavailable):
        asyncio.run(run())


def test_a_cancelled_exchange_is_cancelled():
    """Cancelling goes through to the socket and comes back as cancellation."""

    async def run():
        async with hanging_payer() as (payer, heard), make_client() as http:
            task = asyncio.create_task(exchange(http, "GET", httpx.URL(payer.url), {}, {}))
            await heard.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_cookies_are_not_kept():
    """What one look-up is given to keep, the next does not show."""

    async def script(_heard):
        return http_answer({}, Set_Cookie="session=1")

    async def run():
        async with ScriptedPayer(script) as payer, make_client() as http:
            for _ in range(2):
                await exchange(http, "POST", httpx.URL(payer.url), {}, {"json": {}})
            return payer.heard

    assert ["cookie" in heard.headers for heard in asyncio.run(run())] == [False, False]


def test_redirects_are_not_followed():
    """A redirect is handed back, and the payer is asked once: credentials never travel on."""
    reply, heard = ask(http_answer(b"", 302, Location="/elsewhere"))
    assert reply.status == 302
    assert len(heard) == 1


@pytest.mark.parametrize("trusted", [False, True])
def test_proxies_of_the_environment_are_used_only_when_asked_for(trusted, monkeypatch):
    """With `trust_env` off, a proxy in the environment sees nothing; with it on, it gets the request."""

    async def answer(_heard):
        return http_answer({})

    async def run():
        async with ScriptedPayer(answer) as payer, ScriptedPayer(answer) as proxy:
            for name in [name for name in os.environ if name.lower() in {"no_proxy", "http_proxy"}]:
                monkeypatch.delenv(name)
            monkeypatch.setenv("http_proxy", proxy.url)
            async with make_client(trust_env=trusted) as http:
                await exchange(http, "POST", httpx.URL(payer.url), {}, {"json": {}})
            return len(payer.heard), len(proxy.heard)

    assert asyncio.run(run()) == ((0, 1) if trusted else (1, 0))


class TestTls:
    """Certificates."""

    authority = trustme.CA()

    def ask(self, *, trusted):
        """Ask a payer with a certificate of a private authority."""

        async def script(_heard):
            return http_answer({})

        async def run():
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert("127.0.0.1").configure_cert(server)
            ours = ssl.create_default_context()
            self.authority.configure_trust(ours)
            async with (
                ScriptedPayer(script, server) as payer,
                make_client(ssl_context=ours if trusted else None) as http,
            ):
                try:
                    return await exchange(http, "POST", httpx.URL(payer.url), {}, {"json": {}})
                finally:
                    self.heard = payer.heard

        return asyncio.run(run())

    def test_a_trusted_authority_is_taken(self):
        """A context that trusts the payer's authority reaches it."""
        assert self.ask(trusted=True).status == 200

    def test_an_unknown_authority_ends_the_job(self):
        """Nothing is sent to who cannot prove its name, and no further row will fare better."""
        with pytest.raises(AccessRefused, match="certificate"):
            self.ask(trusted=False)
        assert self.heard == []

    def test_verification_cannot_be_switched_off(self):
        """A context that takes any certificate is refused."""
        context = ssl.create_default_context()
        context.check_hostname = False
        with pytest.raises(SettingsWrong, match="verified"):
            make_client(ssl_context=context)
