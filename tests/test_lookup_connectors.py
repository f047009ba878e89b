"""Both connectors keep the contract of their seam, and no connector's secrets get anywhere."""

import asyncio
import json
import logging
import traceback
from base64 import b64encode
from datetime import date
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from bulkclaims.errors import ConnectorError, InquiryRefused
from bulkclaims.lookup import HttpConnector, OptumRealConnector, OptumRealSettings, StediConnector, StediSettings
from bulkclaims.lookup.wire.http_status import Said
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.privacy import Masked, Secret
from bulkclaims.records import ClaimInquiry
from bulkclaims.testing.contracts.connector import ConnectorContract
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

EXAMPLE = Path(__file__).parent.parent / "docs" / "how-to" / "examples" / "stedi.toml"
VECTORS = Path(__file__).parent / "vectors"
CANARY = "canary-of-secrets"
TOKEN = "token-of-ours"
ALMA = ClaimInquiry(
    "PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984", tin="123456789"
)


class StediDialect(ConnectorContract):
    """What the two have in common: the bodies."""

    @pytest.fixture
    def inquiry(self):
        """One made-up row."""
        return ALMA

    @pytest.fixture
    def found(self):
        """A paid claim."""
        return json.loads((VECTORS / "stedi-200-paid.json").read_text())

    @pytest.fixture
    def nothing(self):
        """A search that found nothing."""
        return json.loads((VECTORS / "stedi-200-not-found.json").read_text())

    @pytest.fixture
    def secret(self):
        """The API key."""
        return CANARY


class TestStediConnector(StediDialect):
    """The hand-written one."""

    @pytest.fixture
    def connect(self):
        """With an API key."""
        return lambda url: StediConnector(
            StediSettings(organization_name="Clinic", api_key=Secret(CANARY), base_url=url)
        )


class TestHttpConnector(StediDialect):
    """The described one, on the documented example."""

    @pytest.fixture
    def connect(self, monkeypatch):
        """The example, asking elsewhere."""
        monkeypatch.setenv("STEDI_API_KEY", CANARY)
        return lambda url: HttpConnector(evolve(HttpConnector.from_toml(EXAMPLE).api, url=httpx.URL(url)))


def optum(url):
    """Optum's Medical Network."""
    return StediConnector(
        StediSettings(
            organization_name="Clinic", face="optum", client_id="us", client_secret=Secret(CANARY), base_url=url
        )
    )


def optum_real(url):
    """Optum Real."""
    return OptumRealConnector(OptumRealSettings(client_id="us", client_secret=Secret(CANARY), base_url=url))


BOUGHT = http_answer({"access_token": TOKEN, "expires_in": 3600})
TOKEN_ANSWERS = [
    BOUGHT,
    None,
    *(http_answer({"error": CANARY, "error_description": CANARY}, status) for status in (400, 500)),
    http_answer({"access_token": TOKEN, "expires_in": "soon"}),
    http_answer({"access_token": [TOKEN]}),
    http_answer({"access_token": f"{TOKEN}\n"}),
    http_answer(f'"{TOKEN}'.encode()),
]  # fmt: skip


@pytest.mark.parametrize("connect", [optum, optum_real])
@pytest.mark.parametrize("token", TOKEN_ANSWERS)
@pytest.mark.parametrize("status", [None, 200, 400, 401, 403, 500])
def test_what_a_token_is_bought_with_gets_nowhere(connect, token, status, caplog):
    """Neither the secret nor the token is in a `repr`, an exception, a traceback with variables or a log line."""

    async def script(heard):
        if "/token" in heard.path:
            return token
        told = {} if status == 200 else {"message": heard.headers["authorization"]}
        return None if status is None else http_answer(told, status)

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = connect(payer.url)
            try:
                with pytest.raises(ConnectorError) as raised:
                    await connector.inquire(ALMA)
                return raised.value, connector
            finally:
                await connector.aclose()

    with caplog.at_level(logging.DEBUG):
        error, connector = asyncio.run(run())
    frames = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    shown = [frames, caplog.text, repr(connector), *map(repr, vars(connector).values())]
    assert not [text for text in shown if CANARY in text or TOKEN in text]


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("SECRETCANARYKEY", "SECRETCANARYKEY"),
        ("Key SECRETCANARYKEY", "SECRETCANARYKEY"),
        (f"Basic {b64encode(b'user:SECRETCANARYKEY').decode()}", "SECRETCANARYKEY"),
        ("Basic SECRETCANARYKEY", "SECRETCANARYKEY"),
    ],
)
def test_a_payer_may_repeat_what_we_sent(header, secret):
    """Its words are shown without the key or password, wherever a header holds it."""

    async def script(_heard):
        return http_answer({"message": f"a request by {secret} is not valid"}, 400)

    async def run():
        async with ScriptedPayer(script) as payer:
            line = PayerLine(httpx.URL(payer.url), make_client, credentials=None)
            try:
                await line.ask("POST", {"X-Api-Key": header}, {}, lambda reply: Said("", reply.body.decode()))
            finally:
                await line.aclose()

    with pytest.raises(InquiryRefused, match="request by … is not valid"):
        asyncio.run(run())


def test_masked_values_are_used_and_not_shown():
    """They are there for whoever asks by name."""
    headers = Masked({"X-Api-Key": CANARY}, Accept="*/*")
    assert (headers["X-Api-Key"], repr(headers)) == (CANARY, "Masked(X-Api-Key, Accept)")
