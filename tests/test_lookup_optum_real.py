"""Optum Real: what is asked, what is read, and that it comes to the same as any other API would."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from bulkclaims import BulkClaims, MemoryRepository, Owner
from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
    SettingsWrong,
)
from bulkclaims.lookup import (
    LookupProcessor,
    OptumRealConnector,
    OptumRealSettings,
    RetryPolicy,
    StediConnector,
    StediSettings,
)
from bulkclaims.lookup.payers.optum_real_answer import read_page, told
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.transport import Reply, make_client
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry, Window
from bulkclaims.testing.contracts import ConnectorContract, WindowConnectorContract
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import SCENARIOS, PayerSimulator, SimulatorSettings
from bulkclaims.testing.simulator.optum_real import OPTUM_REAL_SCENARIOS

CANARY = "canary-of-secrets"
VECTORS = Path(__file__).parent / "vectors"
FOUND = json.loads((VECTORS / "optum-real-200.json").read_text())
NOTHING = {"data": {"searchClaim": {"claims": [], "pagination": {"hasMoreRecords": False, "nextPageToken": None}}}}
ALMA = ClaimInquiry("PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "0000012345", payer_id="87726", tin="12-3456789")
WINDOW = Window("87726", "12-3456789", date(2025, 11, 1), date(2025, 11, 30))
QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)


def settings(url, **others):
    """Settings for a payer at *url*."""
    return OptumRealSettings(client_id="simulator", client_secret=Secret("try-me"), base_url=url, **others)


def without_token(url, **others):
    """A connector that buys no token, for payers that hear one request alone."""
    connector = OptumRealConnector(settings(url, **others))
    connector._line = PayerLine(httpx.URL(url), make_client, credentials=None)
    return connector


def changed(**fields):
    """An answer whose claim has some fields changed."""
    body = deepcopy(FOUND)
    body["data"]["searchClaim"]["claims"][0] |= fields
    return body


def asked(script, inquiry=ALMA, ask=None, **others):
    """Ask a payer that follows *script*; gives the answer or the error, and the requests."""

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = without_token(payer.url, **others)
            try:
                return await (ask(connector) if ask else connector.inquire(inquiry)), payer.heard
            except ConnectorError as error:
                return error, payer.heard
            finally:
                await connector.aclose()

    return asyncio.run(run())


class WithSecret:
    """A connector that is let in with a password."""

    @pytest.fixture
    def connect(self):
        """At some address."""
        return lambda url: OptumRealConnector(evolve(settings(url), client_secret=Secret(CANARY)))

    @pytest.fixture
    def secret(self):
        """The password."""
        return CANARY


class TestOptumReal(WithSecret, ConnectorContract):
    """The contract of its seam."""

    @pytest.fixture
    def inquiry(self):
        """What is asked."""
        return ALMA

    @pytest.fixture
    def found(self):
        """The documented answer."""
        return FOUND

    @pytest.fixture
    def nothing(self):
        """An empty list."""
        return NOTHING


class TestOptumRealWindows(WithSecret, WindowConnectorContract):
    """The contract of searches by days."""

    @pytest.fixture
    def window(self):
        """What is asked."""
        return WINDOW

    @pytest.fixture
    def pages(self):
        """The documented answer twice, the first time with a page after it."""
        more = deepcopy(FOUND)
        more["data"]["searchClaim"]["pagination"] = {"hasMoreRecords": True, "nextPageToken": "T"}
        return [more, FOUND]

    @pytest.fixture
    def empty(self):
        """An empty list."""
        return NOTHING


def test_what_is_asked():
    """The documented request, for fields that are used; the tax id in its header, and a number for each exchange."""

    async def script(_heard):
        return http_answer(NOTHING)

    answer, (heard,) = asked(script, sandbox=True)
    body = json.loads(heard.body)
    assert body["variables"] == {"searchClaimInput": {"payerId": "87726", "claimNumber": "PCN7000001"}}
    assert heard.headers["providertaxid"] == "123456789"
    assert heard.headers["environment"] == "sandbox"
    assert heard.headers["x-optum-consumer-correlation-id"] == answer.trace
    assert "middleInitial" not in body["query"]

    _, (heard,) = asked(script, claim_number_kind="patient_account")
    assert json.loads(heard.body)["variables"]["searchClaimInput"]["patientAccountNumber"] == "PCN7000001"
    assert "environment" not in heard.headers


def test_without_a_tax_id_nothing_is_sent():
    """Every answer would be an empty list, and read as "not found"."""

    async def script(_heard):
        return http_answer(NOTHING)

    error, heard = asked(script, evolve(ALMA, tin=""))
    assert isinstance(error, InquiryRefused)
    assert heard == []
    assert frozenset({"tin"}) in without_token("http://127.0.0.1:1").capabilities.needs


def test_pages_are_fetched_to_the_end():
    """The token of one page asks for the next; a payer that never ends is not believed."""
    endless = deepcopy(FOUND)
    endless["data"]["searchClaim"]["pagination"] = {"hasMoreRecords": True, "nextPageToken": "T"}

    async def two(heard):
        return http_answer(FOUND if "nextpagetoken" in heard.headers else endless)

    async def never(_heard):
        return http_answer(endless)

    answer, heard = asked(two)
    assert [request.headers.get("nextpagetoken") for request in heard] == [None, "T"]
    assert len(answer.claims) == 2
    error, _ = asked(never)
    assert isinstance(error, AnswerNotUnderstood)


def test_a_window():
    """Days alone are searched, of one provider, a page at a time; no connector takes more than ninety."""
    more = deepcopy(FOUND)
    more["data"]["searchClaim"]["pagination"] = {"hasMoreRecords": True, "nextPageToken": "T"}

    async def script(heard):
        return http_answer(FOUND if "nextpagetoken" in heard.headers else more)

    async def ask(connector):
        first = await connector.inquire_window(WINDOW)
        return first, await connector.inquire_window(WINDOW, first.next_page)

    (first, second), heard = asked(script, ask=ask, sandbox=True)
    assert (len(first.claims), first.next_page, len(second.claims), second.next_page) == (1, "T", 1, "")
    days = {"payerId": "87726", "serviceStartDate": "11/01/2025", "serviceEndDate": "11/30/2025"}
    assert [json.loads(each.body)["variables"]["searchClaimInput"] for each in heard] == [days, days]
    assert [each.headers.get("nextpagetoken") for each in heard] == [None, "T"]
    assert {each.headers["providertaxid"] for each in heard} == {"123456789"}
    assert {each.headers["environment"] for each in heard} == {"sandbox"}
    can = without_token("http://127.0.0.1:1").capabilities
    assert (can.window_days, can.page_size, can.searches_without_number) == (90, 50, True)


@pytest.mark.parametrize(
    ("status", "told", "sentence"),
    [
        (200, "INTERNAL_SERVER_ERROR", r"later\. \[INTERNAL_SERVER_ERROR\]$"),
        (200, "OTHER", r"later\.$"),
        (400, "GRAPHQL_VALIDATION_FAILED", r"row\. \[HTTP 400\] \[GRAPHQL_VALIDATION_FAILED\]$"),
        (400, "OTHER", r"row\. \[HTTP 400\]$"),
        (400, "GRAPHQL_PARSE_FAILED", r"one\. \[GRAPHQL_PARSE_FAILED\]$"),
    ],
)
def test_a_window_shows_no_word_of_the_payers(status, told, sentence):
    """Any patient could be meant, so that none can be blotted out."""

    async def script(_heard):
        return http_answer({"errors": [{"code": told, "description": "about CANARY"}]}, status)

    error, _ = asked(script, ask=lambda connector: connector.inquire_window(WINDOW))
    with pytest.raises(ConnectorError, match=sentence):
        raise error


def test_the_documented_answer():
    """Every field that the results have is read."""
    (claim,) = read_page(FOUND, ALMA, ()).claims
    assert (claim.category_code, claim.status_code, claim.reported_status) == ("F1", "65", "Finalized")
    assert (claim.total_charged, claim.total_paid) == (Decimal("240.00"), Decimal("180.50"))
    assert (claim.processed_date, claim.effective_date) == (date(2025, 12, 5), date(2025, 12, 5))
    assert claim.service_dates == (date(2025, 11, 14), date(2025, 11, 14))
    assert (claim.first_name, claim.date_of_birth, claim.subscriber_id) == ("ALMA", date(1972, 3, 4), "0000012345")
    assert (claim.payer_claim_number, claim.patient_account_number) == ("PCN7000001", "ACCT-7")


@pytest.mark.parametrize(
    ("codes", "wanted", "reasons"),
    [
        (["F1:65", "F2:585", "P3:317"], "P3", ("F2:585", "F1:65")),
        (["F1:65", "A3:21"], "A3", ("F1:65",)),
        (["F1:65", "F1:65"], "F1", ()),
        (["X9:1", "P1:46"], "P1", ("X9:1",)),
        (["E0:0", "F1:65"], "F1", ("E0:0",)),
        ([":0", "F2:"], "F2", ()),
    ],
)
def test_of_several_parts_the_most_urgent_counts(codes, wanted, reasons):
    """The one that asks most for somebody's hand; the others are reasons, each once."""
    parts = [dict(zip(("claim507Code", "claim508Code"), pair.split(":"), strict=True)) for pair in codes]
    (claim,) = read_page(changed(claimStatusCrosswalkData=parts), ALMA, ()).claims
    assert (claim.category_code, claim.reasons) == (wanted, reasons)


@pytest.mark.parametrize(
    "fields",
    [
        {"claimStatusCrosswalkData": None, "member": None, "claimEvents": None},
        {"claimStatusCrosswalkData": [], "claimLevelInfo": None, "claimLevelTotalAmount": None},
        {"claimEvents": {"serviceStartDate": "11/14/2025"}},
    ],
)
def test_what_is_null_is_blank(fields):
    """Anything may be; without codes the payer's word counts."""
    (claim,) = read_page(changed(**fields), ALMA, ()).claims
    assert claim.reported_status == "Finalized"


def test_the_other_root():
    """One client has seen it."""
    body = {"data": {"searchClaimResponse": FOUND["data"]["searchClaim"]}}
    assert len(read_page(body, ALMA, ()).claims) == 1


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (AccessExpired, {"errors": [{"code": "AUTH_FAILURE"}]}),
        (InquiryRefused, {"errors": [{"extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}),
        (PayerUnavailable, {"errors": [{"code": "INTERNAL_SERVER_ERROR"}], "data": FOUND["data"]}),
        (PayerUnavailable, {"errors": [{"message": "CANARY"}, "CANARY"]}),
        (PayerUnavailable, {"errors": "CANARY"}),
        (
            AnswerNotUnderstood,
            {"data": {"searchClaim": {"claims": [], "pagination": {"hasMoreRecords": True, "nextPageToken": None}}}},
        ),
        (AnswerNotUnderstood, {"data": None}),
        (AnswerNotUnderstood, {"data": {"other": {}}}),
        (AnswerNotUnderstood, {"data": {"searchClaim": None}}),
        (AnswerNotUnderstood, {"data": {"searchClaim": {"claims": None}}}),
        (AnswerNotUnderstood, changed(claimStatusCrosswalkData={})),
        (AnswerNotUnderstood, changed(claimStatusCrosswalkData=["CANARY"])),
        (AnswerNotUnderstood, changed(claimStatusCrosswalkData=[], claimStatus=None)),
        (AnswerNotUnderstood, changed(member=["CANARY"])),
        (AnswerNotUnderstood, changed(claimEvents={"processedDate": "CANARY"})),
    ],
)
def test_what_is_no_answer(error, body):
    """Nothing of it is "not found", and nothing of it gets into a sentence."""
    with pytest.raises(error) as refused:
        read_page(body, ALMA, ())
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("code", "error"), [("GRAPHQL_PARSE_FAILED", AccessRefused), ("GRAPHQL_VALIDATION_FAILED", InquiryRefused)]
)
def test_a_query_that_cannot_be_read_is_wrong_for_every_row(code, error, status):
    """It is the same for all of them; what does not fit the schema may be a row's own cell."""

    async def script(_heard):
        return http_answer({"errors": [{"extensions": {"code": code}, "message": "CANARY"}]}, status)

    came, _ = asked(script)
    assert isinstance(came, error)
    assert f"[{code}]" in str(came)


def test_an_error_that_means_not_found():
    """Whether a payer says so is not known, so the codes are a setting; beside another error it means nothing."""
    body = {"errors": [{"code": "CLAIM_NOT_FOUND"}]}
    assert read_page(body, ALMA, {"CLAIM_NOT_FOUND"}).claims == ()
    with pytest.raises(PayerUnavailable):
        read_page(body, ALMA, ())
    with pytest.raises(PayerUnavailable):
        read_page({"errors": [*body["errors"], {"code": "OTHER"}]}, ALMA, {"CLAIM_NOT_FOUND"})


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"errors": [{"code": "AUTH_FAILURE", "description": "ALMA is unknown"}]}', "AUTH_FAILURE", "… is unknown"),
        (b'{"errors": [{"message": 5}]}', "", ""),
        (b'{"errors": ["no"]}', "", ""),
        (b'{"errors": []}', "", ""),
        (b"[]", "", ""),
        (b"<html>", "", ""),
    ],
)  # fmt: skip
def test_what_an_error_body_tells(body, code, message):
    """Its code, and its text without anything of the row."""
    said = told(Reply(400, {}, body), ALMA)
    assert (said.code, said.message) == (code, message)


def test_settings_that_cannot_be():
    """They are refused when the host starts; the address is the vendor's own unless one is given."""
    with pytest.raises(SettingsWrong, match="max_in_flight"):
        OptumRealConnector(settings("", max_in_flight=0))
    with pytest.raises(SettingsWrong, match="base_url"):
        OptumRealConnector(settings("ftp://example"))
    with pytest.raises(SettingsWrong, match="claim_number_kind"):
        settings("", claim_number_kind="own")
    assert settings("").base == "https://apigw.optum.com"
    assert settings("", sandbox=True).base == "https://sandbox-apigw.optum.com"


ENDINGS = [ending for ending in SCENARIOS if ending != "-SLOW"]
LINES = [f"PCN700{number:04}{ending},ALMA,TESTER,03/04/1972,ZX{number:05}" for number, ending in enumerate(ENDINGS)]
FILE = "\n".join(["claim_number,first_name,last_name,date_of_birth,subscriber_id", *LINES]).encode()


def outcomes(connector):
    """Status and success of every scenario, through the whole path."""
    with BulkClaims(MemoryRepository(), LookupProcessor(connector, retry=QUICK)) as bulk:
        defaults = {"payer_id": "87726", "npi": "1999999984", "tin": "123456789"}
        job = bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=Owner("ACME"), defaults=defaults)
        bulk.wait("ACME", job.id, timeout=60)
        text = b"".join(bulk.results("ACME", job.id)).decode()
    return {row["claim_number"][10:]: (row["status"], row["success"]) for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.slow
def test_every_scenario_comes_to_what_it_does_elsewhere():
    """One file, asked of Stedi and of Optum Real, has the same statuses."""
    with PayerSimulator(SimulatorSettings(retry_after=0)) as payer:
        stedi = StediSettings(organization_name="Clinic", api_key=Secret("try-me"), base_url=payer.url)
        expected = outcomes(StediConnector(stedi))
    with PayerSimulator(SimulatorSettings(dialect="optum-real", retry_after=0)) as payer:
        assert outcomes(OptumRealConnector(settings(payer.url))) == expected
    assert expected["-PAID"] == ("Finalized", "True")
    assert expected["-NF"] == ("Not Found", "False")


def test_a_window_says_what_single_look_ups_say(tmp_path):
    """Of each claim that it has."""
    claims = tmp_path / "claims.csv"
    header, *lines = FILE.decode().splitlines()
    claims.write_text("\n".join([f"{header},first_service_date", *(f"{line},11/14/2025" for line in lines)]))

    async def run(url):
        connector = OptumRealConnector(settings(url))
        try:
            await connector.prepare()
            within = (await connector.inquire_window(WINDOW)).claims
            numbers = [claim.payer_claim_number for claim in within]
            answers = [await connector.inquire(evolve(ALMA, claim_number=number)) for number in numbers]
            single = [claim for answer in answers for claim in answer.claims]
            return within, [claim for claim in single if claim.payer_claim_number in numbers]
        finally:
            await connector.aclose()

    with PayerSimulator(SimulatorSettings(dialect="optum-real", claims=claims)) as payer:
        within, single = asyncio.run(run(payer.url))
        assert len(payer.requests) == len(within)
    assert list(within) == single
    assert {claim.payer_claim_number[10:] for claim in within} >= {"-PAID", "-PEND", "-DENY", "-INFO", "-REJ", "-MULTI"}
    assert {(claim.last_name, claim.date_of_birth) for claim in within} == {("TESTER", date(1972, 3, 4))}


class TestSimulator:
    """The simulated payer refuses what the real one would."""

    @pytest.fixture
    def payer(self):
        """A payer, and a client with a token for it."""
        with (
            PayerSimulator(SimulatorSettings(dialect="optum-real")) as payer,
            httpx.Client(base_url=payer.url, headers={"providerTaxId": "123456789"}) as client,
        ):
            form = {"client_id": "simulator", "client_secret": "try-me", "grant_type": "client_credentials"}
            token = client.post("/apip/auth/sntl/v1/token", data=form).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client

    def ask(self, payer, searched, query="query SearchClaim { searchClaim { claims { claimNumber } } }", **headers):
        """Ask for something."""
        body = {"query": query, "variables": {"searchClaimInput": searched}}
        return payer.post("/oihub/claim/inquiry/v1", json=body, headers=headers)

    @pytest.mark.parametrize(
        ("searched", "status"),
        [
            ({"payerId": "87726", "claimNumber": "PCN1-PAID"}, 200),
            ({"payerId": "87726", "serviceStartDate": "01/01/2025", "serviceEndDate": "03/31/2025"}, 200),
            ({"payerId": "87726", "serviceStartDate": "01/01/2025", "serviceEndDate": "06/30/2025"}, 400),
            ({"payerId": "87726", "serviceStartDate": "2025-01-01", "serviceEndDate": "06/30/2025"}, 400),
            ({"claimNumber": "PCN1-PAID"}, 400),
            ({"payerId": "87726"}, 400),
            ("PCN1-PAID", 400),
        ],
    )
    def test_what_may_be_searched(self, payer, searched, status):
        """By number, or by dates no more than 90 days apart, and always at a payer."""
        reply = self.ask(payer, searched)
        assert reply.status_code == status
        assert status == 200 or reply.json()["errors"][0]["code"] == "GRAPHQL_VALIDATION_FAILED"

    def test_fields_that_are_none(self, payer):
        """The schema knows its fields."""
        reply = self.ask(payer, {"payerId": "87726", "claimNumber": "1"}, "query SearchClaim { searchClaim { paid } }")
        assert (reply.status_code, reply.json()["errors"][0]["description"]) == (400, "Cannot query field paid")

    def test_no_tax_id_is_an_empty_list(self, payer):
        """As reported: no error, and nothing found."""
        del payer.headers["providerTaxId"]
        reply = self.ask(payer, {"payerId": "87726", "claimNumber": "PCN1-PAID"})
        assert reply.json() == NOTHING

    def test_pages(self, payer):
        """Two claims a page; the next token brings what is left."""
        reply = self.ask(payer, {"payerId": "87726", "claimNumber": "PCN1-MULTI"}, nextPageToken="1")
        assert len(reply.json()["data"]["searchClaim"]["claims"]) == 1

    @pytest.mark.parametrize(
        ("headers", "sentence"),
        [
            ({"providerTaxId": "12-3456789"}, "providerTaxId is to be nine digits"),
            ({"providerTaxId": ""}, "providerTaxId is to be nine digits"),
            ({"nextPageToken": "nobody's"}, "nextPageToken is not known"),
        ],
    )
    def test_headers_that_cannot_be(self, payer, headers, sentence):
        """They do not fit the schema either."""
        reply = self.ask(payer, {"payerId": "87726", "claimNumber": "PCN1-PAID"}, **headers)
        (error,) = reply.json()["errors"]
        assert (reply.status_code, error["code"]) == (400, "GRAPHQL_VALIDATION_FAILED")
        assert error["description"] == sentence

    @pytest.mark.parametrize("key", ["claimNumber", "patientAccountNumber"])
    def test_other_shapes_of_an_answer(self, payer, key):
        """The other root, and a word without codes: both are read like any answer."""
        root, word, plain = (
            self.ask(payer, {"payerId": "87726", key: number}).json() for number in ("A-ROOT", "A-WORD", "A-PAID")
        )
        assert list(root["data"]) == ["searchClaimResponse"]
        assert list(word["data"]) == list(plain["data"]) == ["searchClaim"]
        said = [read_page(body, ALMA, ()).claims[0] for body in (root, word, plain)]
        assert [(claim.category_code, claim.reported_status) for claim in said] == [
            ("F1", "Finalized"),
            ("", "Finalized"),
            ("F1", "Finalized"),
        ]

    def test_its_own_scenarios_are_documented(self):
        """Each with a line of the page."""
        page = Path(__file__).parents[1] / "docs" / "reference" / "simulator.md"
        section = page.read_text(encoding="utf-8").partition("## Optum Real")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(-\w+)`", section, re.MULTILINE) == list(OPTUM_REAL_SCENARIOS)

    def test_what_comes_before_the_question(self, payer):
        """Route, method, token and JSON."""
        assert payer.post("/elsewhere").status_code == 404
        assert payer.get("/oihub/claim/inquiry/v1").status_code == 405
        reply = payer.post("/oihub/claim/inquiry/v1", content=b"{")
        assert (reply.status_code, reply.json()["errors"][0]["code"]) == (400, "GRAPHQL_PARSE_FAILED")
        bare = payer.headers["Authorization"].removeprefix("Bearer ")
        assert self.ask(payer, {"payerId": "87726", "claimNumber": "1"}, Authorization=bare).status_code == 401
        reply = self.ask(payer, {"payerId": "87726", "claimNumber": "1"}, Authorization="Bearer nobody's")
        assert (reply.status_code, reply.json()["errors"][0]["code"]) == (401, "AUTH_FAILURE")


def test_credentials_that_are_wrong_end_the_job():
    """They are wrong for every row."""

    async def run(payer):
        connector = OptumRealConnector(evolve(settings(payer.url), client_secret=Secret("wrong")))
        try:
            await connector.prepare()
        finally:
            await connector.aclose()

    with PayerSimulator(SimulatorSettings(dialect="optum-real")) as payer, pytest.raises(AccessRefused):
        asyncio.run(run(payer))
