"""Tests of `bulkclaims.client.exchange` and `repeating`: whatever answers, or does not, becomes a sentence."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl

import httpx
import pytest
import trustme

from bulkclaims.client import Client
from bulkclaims.errors import ApiProblem, ServerUnreachable
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

JOB = "00000000-0000-4000-8000-000000000000"
HTML = {"Content_Type": "text/html; charset=utf-8"}
PROBLEM = {"Content_Type": "application/problem+json"}
PAGE = b"<html><body>TESTER CANARY</body></html>"


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """How long would have been waited before a request was repeated."""
    naps = []
    monkeypatch.setattr("bulkclaims.client.repeating.sleep", naps.append)
    return naps


def refused(call, *answers, ssl_context=None, **options):
    """Have a client meet these answers, the last again and again; return the error and how often it asked."""
    answers = list(answers)

    async def script(_heard):
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == "hang":
            await asyncio.Event().wait()
        return answer

    def ask(url):
        with Client(url, "CANARY-TOKEN", **options) as client, pytest.raises((ApiProblem, ServerUnreachable)) as error:
            call(client)
        return error.value

    async def run():
        async with ScriptedPayer(script, ssl_context) as server:
            return await asyncio.to_thread(ask, server.url), len(server.heard)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "at_fault", "tries", "sentence"),
    [
        (301, "request", 1, "The address leads elsewhere"),
        (400, "request", 1, "The service did not do what was asked, and did not say why"),
        (401, "request", 1, "The token was refused by something that stands before the service"),
        (403, "request", 1, "The token was refused by something that stands before the service"),
        (404, "request", 1, "There is no such thing at this address"),
        (405, "request", 1, "There is no such thing at this address"),
        (413, "request", 1, "The file is larger than what stands before the service lets through"),
        (429, "request", 5, "The service is overloaded or out of order for now"),
        (500, "service", 1, "The service did not do what was asked, and did not say why"),
        (502, "service", 5, "The service is overloaded or out of order for now"),
        (504, "service", 5, "The service is overloaded or out of order for now"),
    ],
)
def test_pages_of_what_stands_before_the_service(status, at_fault, tries, sentence):
    """The status says what they mean and whether to ask again; they are not quoted, and a redirect is not followed."""
    headers = {**HTML, "Location": "/CANARY"}
    error, asked = refused(lambda client: client.job(JOB), http_answer(PAGE, status, **headers))

    assert (error.status, error.code, error.at_fault) == (status, f"http_{status}", at_fault)
    assert error.retry_helps is (tries > 1)
    assert asked == tries
    assert str(error).startswith(sentence)
    assert "CANARY" not in repr(error)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"text"', b"\xff"], ids=["empty", "cut", "list", "text", "bytes"])
def test_problems_that_say_nothing(body):
    """A problem that is none is told by its status."""
    error, _ = refused(lambda client: client.job(JOB), http_answer(body, 400, **PROBLEM))

    assert error.code == "http_400"
    assert "HTTP 400" in error.detail


def test_problems_of_another_making():
    """Members of the wrong kind are left aside, and a sentence is shown without what a terminal would obey."""
    said = {"code": 7, "detail": "No\x1b[31m way.\n" + "x" * 2000, "at_fault": "you", "retry_helps": "yes"}
    error, _ = refused(lambda client: client.job(JOB), http_answer(said, 409, **PROBLEM))

    assert (error.code, error.at_fault, error.retry_helps) == ("http_409", "request", False)
    assert error.detail.startswith("No[31m way.xxx")
    assert len(error.detail) == 1000


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(PAGE, **HTML),
        http_answer(b"TESTER"),
        http_answer([]),
        http_answer({"id": JOB}),
        http_answer({"results": [], "next": None}),
        http_answer(b"", 304),
    ],
    ids=["page", "text", "list", "half a job", "another thing", "not asked for"],
)
def test_answers_that_are_not_the_services(answer):
    """A success that is not what the API promises is a problem, and is not quoted."""
    error, asked = refused(lambda client: client.job(JOB), answer)

    assert (error.code, error.at_fault, error.retry_helps) == ("answer_not_understood", "service", False)
    assert asked == 1
    assert "TESTER" not in repr(error)


def test_a_page_is_no_results_file(tmp_path):
    """A page to sign in with, sent as a success, is never taken for results."""
    error, _ = refused(lambda client: list(client.results(JOB)), http_answer(PAGE, **HTML))

    assert error.code == "answer_not_understood"


def test_a_service_that_breaks_off():
    """Half an answer, or none, is asked for again, and told in the end."""
    for answer in (None, http_answer(b"{}", Content_Length="99")):
        error, asked = refused(lambda client: client.job(JOB), answer)
        assert str(error) == "127.0.0.1 broke the connection off; try again later."
        assert asked == 5


def test_results_that_break_off_on_their_way():
    """What has come is handed on, and then the error is raised: the pieces are not asked for twice."""
    pieces = []
    answer = http_answer(b"row,claim_number\r\n", Content_Type="text/csv", Content_Length="99")
    error, asked = refused(lambda client: pieces.extend(client.results(JOB)), answer)

    assert "broke the connection off" in str(error)
    assert asked == 1


def test_a_service_that_is_silent():
    """It is given up after the time-out, each time."""
    error, asked = refused(lambda client: client.job(JOB), "hang", timeout=0.05)

    assert str(error) == "127.0.0.1 did not answer in time; try again later."
    assert asked == 5


def test_a_service_that_is_not_there(naps):
    """Nobody listens: it is said which machine does not, and that the address may be wrong."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}/CANARY/", "t") as client, pytest.raises(ServerUnreachable) as error:
        client.cancel(JOB)

    assert str(error.value) == "127.0.0.1 cannot be reached; check the address, and that the service is running."
    assert naps == []


class TestCertificates:
    """Whom a client trusts."""

    authority = trustme.CA()

    def server(self):
        """A certificate of a private authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def test_an_unknown_authority_is_not_trusted(self):
        """Nothing is sent, and nothing is repeated."""
        error, asked = refused(lambda client: client.job(JOB), http_answer({}), ssl_context=self.server())

        assert str(error) == "The certificate of 127.0.0.1 could not be verified, so nothing was sent."
        assert (error.retry_helps, asked) == (False, 0)

    def test_a_transport_of_ones_own_trusts_it(self):
        """An authority of one's own comes in with the transport."""
        ours = ssl.create_default_context()
        self.authority.configure_trust(ours)
        answer = http_answer(json.dumps({"code": "x", "detail": "Heard."}).encode(), 400, **PROBLEM)
        transport = httpx.HTTPTransport(verify=ours)
        error, asked = refused(lambda client: client.job(JOB), answer, ssl_context=self.server(), transport=transport)

        assert (str(error), asked) == ("Heard.", 1)


def test_proxies_do_not_hear_plain_http(monkeypatch):
    """What goes to this machine in the clear does not pass through a proxy of the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    error, asked = refused(lambda client: client.job(JOB), http_answer(b"", 400))

    assert (error.code, asked) == ("http_400", 1)


def test_the_address_as_people_write_it():
    """With or without a slash at its end, and whatever stands behind a question mark."""
    heard = []

    def answer(request):
        heard.append(str(request.url))
        return httpx.Response(404)

    for url in ("https://claims.example/api", "https://claims.example/api/", "https://claims.example/api?x=1#y"):
        with Client(url, "t", transport=httpx.MockTransport(answer)) as client, pytest.raises(ApiProblem):
            client.cancel(JOB)

    assert set(heard) == {f"https://claims.example/api/csv-jobs/{JOB}/cancel/"}
