"""UnitedHealthcare's API Marketplace: what is asked, what is read, windows, and the same outcomes as elsewhere."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from bulkclaims import BulkClaims, MemoryRepository, Owner
from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PageGone,
    PayerUnavailable,
    SettingsWrong,
    WindowTooFull,
)
from bulkclaims.lookup import (
    LookupProcessor,
    MatchRules,
    RetryPolicy,
    StediConnector,
    StediSettings,
    UhcConnector,
    UhcSettings,
)
from bulkclaims.lookup.matching import Match, match_claim
from bulkclaims.lookup.payers.uhc import _CLASSES
from bulkclaims.lookup.payers.uhc_answer import DatesConflict, read_page, told
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.transport import Reply, make_client
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry, Window
from bulkclaims.testing.contracts import ConnectorContract, WindowConnectorContract
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import SCENARIOS, PayerSimulator, SimulatorSettings

CANARY = "canary-of-secrets"
VECTORS = Path(__file__).parent / "vectors"
FOUND = json.loads((VECTORS / "uhc-summary-200.json").read_text())
DETAIL = json.loads((VECTORS / "uhc-detail-200.json").read_text())
TOKEN = json.loads((VECTORS / "uhc-token-200.json").read_text())
LAST = {"claims": FOUND["claims"]}
ALMA = ClaimInquiry("PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "000012345", payer_id="87726", tin="12-3456789")
WINDOW = Window("03432", "12-3456789", date(2025, 11, 1), date(2025, 11, 30))
QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)
MEANINGS = {
    AccessRefused: ("PS_102", "PS_105", "PS_106", "PS_108", "PS_111", "PS_112", "PS_202", "PS_302"),
    InquiryRefused: ("PS_107", "PS_113", "PS_307"),
    PayerUnavailable: ("PS_301", "PS_303", "PS_304", "PS_305", "PS_500", "PA_500"),
    PageGone: ("PS_203",),
    WindowTooFull: ("PS_306",),
}
CODES = [(error, f"LCLM_{each}") for error, codes in MEANINGS.items() for each in codes]
EITHER_STATUS = [200, 400, 403, 404, 500, 503]


def settings(url, **others):
    """Settings for a payer at *url*."""
    return UhcSettings(client_id="simulator", client_secret=Secret("try-me"), base_url=url, **others)


def without_token(url, **others):
    """A connector that buys no token, for payers that hear one request alone."""
    connector = UhcConnector(settings(url, **others))
    connector._line = PayerLine(connector._line._url, make_client, None, _CLASSES)
    return connector


def coded(*codes):
    """An error's body."""
    return {"errors": [{"code": code, "message": "about CANARY"} for code in codes]}


def reply(body, status=200, **headers):
    """An answer as it is read."""
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def changed(summary=(), **fields):
    """An answer whose claim has some fields changed."""
    body = deepcopy(FOUND)
    body["claims"][0] |= fields
    if summary:
        body["claims"][0]["claimSummary"] |= summary
    return body


def asked(script, ask=lambda connector: connector.inquire(ALMA), **others):
    """Ask a payer that follows *script*; gives what came or the error, and the requests."""

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = without_token(payer.url, **others)
            try:
                return await ask(connector), payer.heard
            except ConnectorError as error:
                return error, payer.heard
            finally:
                await connector.aclose()

    return asyncio.run(run())


def always(body, status=200):
    """A script that says one thing."""

    async def script(_heard):
        return http_answer(body, status)

    return script


class WithSecret:
    """A connector that is let in with a password."""

    @pytest.fixture
    def connect(self):
        """At some address."""
        return lambda url: UhcConnector(evolve(settings(url), client_secret=Secret(CANARY)))

    @pytest.fixture
    def secret(self):
        """The password."""
        return CANARY


class TestUhc(WithSecret, ConnectorContract):
    """The contract of its seam."""

    @pytest.fixture
    def inquiry(self):
        """What is asked."""
        return ALMA

    @pytest.fixture
    def found(self):
        """The documented answer."""
        return FOUND

    @pytest.fixture(params=[{"claims": []}, coded("LCLM_PS_201")])
    def nothing(self, request):
        """An empty list, or the code for one."""
        return request.param


class TestUhcWindows(WithSecret, WindowConnectorContract):
    """The contract of searches by days."""

    @pytest.fixture
    def window(self):
        """What is asked."""
        return WINDOW

    @pytest.fixture
    def pages(self):
        """The documented answer twice, the second time without a page after it."""
        return [FOUND, LAST]

    @pytest.fixture(params=[{"claims": []}, coded("LCLM_PS_201")])
    def empty(self, request):
        """An empty list, or the code for one."""
        return request.param

    @pytest.fixture
    def too_full(self):
        """More than 500 claims."""
        return coded("LCLM_PS_306")


class TestWhatIsAsked:
    """Everything stands in headers."""

    def test_by_claim_number(self):
        """Nothing of the row is in the address, and the tax id is in digits."""
        _, (heard,) = asked(always(LAST))
        assert (heard.method, heard.path, heard.body) == ("GET", "/Claims/api/claim/summary/byicn/v2.0", b"")
        wanted = {"tin": "123456789", "payerid": "87726", "claimnumber": "PCN7000001"}
        assert wanted.items() <= heard.headers.items()
        assert "getstandarderror" not in heard.headers

    def test_by_the_providers_own_number(self):
        """On its own route, in its own header; what is not confirmed is a setting."""
        _, (heard,) = asked(always(LAST), claim_number_kind="patient_account")
        assert (heard.path, heard.headers["ptntacctnbr"]) == ("/Claims/api/claim/summary/bypan/v2.0", "PCN7000001")

        others = {"by_claim_path": "/a/b", "claim_number_header": "icn", "standard_errors": True}
        _, (heard,) = asked(always(LAST), **others)
        assert (heard.path, heard.headers["icn"], heard.headers["getstandarderror"]) == ("/a/b", "PCN7000001", "true")

    def test_by_window(self):
        """Days are written MM/DD/YYYY, a payer id keeps its zero."""
        page, (heard,) = asked(always(FOUND), lambda connector: connector.inquire_window(WINDOW))
        assert heard.path == "/Claims/api/claim/summary/byprovider/v2.0"
        wanted = {"tin": "123456789", "payerid": "03432", "firstservicedt": "11/01/2025", "lastservicedt": "11/30/2025"}
        assert wanted.items() <= heard.headers.items()
        assert "transactionid" not in heard.headers
        assert (len(page.claims), page.next_page) == (1, "SIM-NEXT-PAGE-2")

    def test_accents_are_folded(self):
        """A header carries ASCII alone."""
        _, (heard,) = asked(always(LAST), lambda connector: connector.inquire(evolve(ALMA, claim_number="PÇN7")))
        assert heard.headers["claimnumber"] == "PCN7"

    @pytest.mark.parametrize(
        "cells",
        [
            {"claim_number": "PCN–7"},  # noqa: RUF001 -- a dash as spreadsheets write them
            {"claim_number": "PCN7\r\nX: 1"},
            {"claim_number": ""},
            {"payer_id": "號1"},
            {"tin": ""},
        ],
    )
    def test_what_no_header_carries_is_not_sent(self, cells):
        """A sentence names the cell's column, and the payer hears nothing."""
        error, heard = asked(always(LAST), lambda connector: connector.inquire(evolve(ALMA, **cells)))
        assert isinstance(error, InquiryRefused)
        assert str(error).startswith(f"Not sent: {next(iter(cells))} is ")
        assert heard == []

    def test_what_it_can(self):
        """It searches windows, of as many days as is set."""
        can = UhcConnector(settings("https://example.org")).capabilities
        assert (can.account, can.page_size, can.window_days, can.lookback_months) == ("uhc", 50, 30, 24)
        assert not can.searches_without_number
        assert can.needs == (frozenset({"payer_id"}), frozenset({"tin"}))


class TestPages:
    """Of a window."""

    def pages(self, script):
        """Ask for one page after the other, twice over; gives the claims of the second time."""

        async def ask(connector):
            for _ in range(2):
                claims, page = [], await connector.inquire_window(WINDOW)
                while page.next_page:
                    claims += page.claims
                    page = await connector.inquire_window(WINDOW, page.next_page)
            return [*claims, *page.claims]

        return asked(script, ask)

    def test_the_call_is_repeated_with_the_number(self):
        """As its clients do, until no number comes; a blank one is none."""

        async def script(heard):
            return http_answer({**LAST, "transactionId": ""} if "transactionid" in heard.headers else FOUND)

        claims, heard = self.pages(script)
        assert len(claims) == 2
        assert [one.headers.get("transactionid") for one in heard] == [None, "SIM-NEXT-PAGE-2"] * 2
        assert all("firstservicedt" in one.headers for one in heard)

    @pytest.mark.parametrize("status", EITHER_STATUS)
    def test_a_payer_that_wants_dates_or_a_number(self, status):
        """It says so once; from then on pages are asked for without dates."""

        async def script(heard):
            if "transactionid" not in heard.headers:
                return http_answer(FOUND)
            return http_answer(coded("LCLM_PS_106"), status) if "firstservicedt" in heard.headers else http_answer(LAST)

        claims, heard = self.pages(script)
        assert len(claims) == 2
        wanted = [(False, True), (True, True), (True, False), (False, True), (True, False)]
        assert [("transactionid" in one.headers, "firstservicedt" in one.headers) for one in heard] == wanted

    def test_a_payer_that_takes_neither(self):
        """Then it is a matter of settings."""

        async def script(heard):
            return http_answer(coded("LCLM_PS_106") if "transactionid" in heard.headers else FOUND)

        error, _ = self.pages(script)
        assert isinstance(error, AccessRefused)

    def test_a_number_that_cannot_be_sent_back(self):
        """It would end up in a header."""
        for number in ("1\r\nX: 2", "號 2"):
            with pytest.raises(AnswerNotUnderstood):
                read_page(reply({**FOUND, "transactionId": number}), None)

    def test_an_empty_page_is_the_last(self):
        """Whatever number it has: there is an end to it."""
        assert read_page(reply({"claims": [], "transactionId": "T"}), None).next_page == ""


class TestCodes:
    """What each code comes to, whatever the HTTP status beside it."""

    @pytest.mark.parametrize("status", EITHER_STATUS)
    @pytest.mark.parametrize(("error", "code"), CODES)
    def test_a_code_says_what_to_do(self, error, code, status):
        """Its class, and the code in brackets; never the payer's words."""
        with pytest.raises(error) as raised:
            read_page(reply(coded(code), status), ALMA)
        assert f"[{code}]" in str(raised.value)
        assert "CANARY" not in str(raised.value)
        assert not isinstance(raised.value, DatesConflict) or code == "LCLM_PS_106"

    @pytest.mark.parametrize("status", EITHER_STATUS)
    @pytest.mark.parametrize("inquiry", [ALMA, None])
    def test_no_data_is_an_answer(self, status, inquiry):
        """Not found, or an empty page."""
        page = read_page(reply(coded("LCLM_PS_201"), status), inquiry)
        assert (page.claims, page.next_page) == ((), "")

    def test_no_data_beside_anything_else_is_none(self):
        """Neither beside claims nor beside a code that is not known."""
        for body in (coded("LCLM_PS_201") | LAST, coded("LCLM_PS_201", "OTHER")):
            with pytest.raises(PayerUnavailable):
                read_page(reply(body), ALMA)

    @pytest.mark.parametrize(
        "body",
        [
            {"code": "LCLM_PS_307", "message": "about CANARY"},
            {"error": {"code": "LCLM_PS_307"}},
            {"errors": {"code": "LCLM_PS_307"}},
            {"errors": [], "error": [{"code": "LCLM_PS_307"}]},
            coded("LCLM_PS_500", "LCLM_PS_307"),
        ],
    )
    def test_any_shape_is_read(self, body):
        """That of `getStandardError` is not known; of several codes the one counts that asking again does not mend."""
        with pytest.raises(InquiryRefused, match="dates of service do not match"):
            read_page(reply(body), ALMA)

    @pytest.mark.parametrize(("status", "throttled"), [(200, False), (429, True), (503, False)])
    def test_how_long_to_wait_is_kept(self, status, throttled):
        """What the status and its header say of when to come back counts beside the code."""
        with pytest.raises(PayerUnavailable) as raised:
            read_page(reply(coded("LCLM_PS_500"), status, **{"retry-after": "7"}), ALMA)
        assert (raised.value.retry_after, raised.value.throttled) == (7, throttled)

    @pytest.mark.parametrize(
        ("error", "body", "status"),
        [
            (PayerUnavailable, coded("NEW"), 200),
            (PayerUnavailable, {"errors": ["CANARY"]}, 200),
            (InquiryRefused, {"errors": [{"code": 5}]}, 400),
            (AccessRefused, {}, 404),
            (AccessRefused, b"<html>", 403),
            (PayerUnavailable, b"<html>", 502),
            (AnswerNotUnderstood, b"<html>", 200),
            (AnswerNotUnderstood, [], 200),
            (AnswerNotUnderstood, {}, 418),
        ],
    )
    def test_without_a_known_code_the_status_counts(self, error, body, status):
        """And a success that holds an error is tried again."""
        with pytest.raises(error):
            read_page(reply(body, status), None)

    def test_what_may_be_shown(self):
        """Of a row's own error the code and, blotted, the words; of a window's nothing, as it may be any row's."""
        body = {"errors": [{"code": "NEW", "description": "ALMA is unknown"}]}
        with pytest.raises(InquiryRefused, match=r"\[HTTP 400\] \[NEW\] … is unknown"):
            read_page(reply(body, 400), ALMA)
        with pytest.raises(InquiryRefused, match=r"\[HTTP 400\]$"):
            read_page(reply(body, 400), None)
        with pytest.raises(PayerUnavailable, match=r"\[NEW\]"):
            read_page(reply(body), ALMA)

    @pytest.mark.parametrize(
        ("body", "code"), [(coded("NEW"), "NEW"), (coded("LCLM_PS_201"), "LCLM_PS_201"), (b"<html>", ""), ([], "")]
    )
    def test_beside_a_401(self, body, code):
        """A code that is not known, or no data, is a matter of the token all the same."""
        assert told(reply(body, 401), ALMA).code == code

    def test_a_known_code_beside_a_401(self):
        """It is no matter of tokens."""
        with pytest.raises(AccessRefused, match="LCLM_PS_105"):
            told(reply(coded("LCLM_PS_105"), 401), ALMA)

    @pytest.mark.parametrize("code", ["LCLM_PS_203", "LCLM_PS_306"])
    def test_a_windows_code_in_place_of_a_claim(self, code):
        """No answer to what was asked."""
        error, _ = asked(always(coded(code)))
        assert isinstance(error, AnswerNotUnderstood)


class TestClaims:
    """What is read of a claim."""

    def test_the_documented_answer(self):
        """Every field that the results have."""
        (claim,) = read_page(reply(FOUND), ALMA).claims
        assert (claim.category_code, claim.status_code, claim.reported_status) == ("F1", "65", "Finalized")
        assert (claim.total_charged, claim.total_paid) == (Decimal("240.00"), Decimal("180.50"))
        assert (claim.processed_date, claim.effective_date) == (date(2025, 12, 5), date(2025, 12, 5))
        assert claim.service_dates == (date(2025, 11, 14), date(2025, 11, 14))
        assert (claim.first_name, claim.last_name) == ("ALMA", "TESTER")
        assert (claim.date_of_birth, claim.subscriber_id) == (date(1972, 3, 4), "000012345-00")
        assert (claim.payer_claim_number, claim.patient_account_number) == ("PCN7000001", "ACCT-7")

    def test_the_member_id_with_its_tail_is_the_same(self):
        """The claim is found by account number, birth date aside."""
        body = changed(memberInfo={"subscriberId": "000012345-00", "ptntLn": "TESTER"})
        match = match_claim(evolve(ALMA, claim_number="ACCT-7"), read_page(reply(body), ALMA).claims, MatchRules())
        assert isinstance(match, Match)
        assert match.by == "patient_account_number"

    def test_a_claim_under_two_payer_ids(self):
        """What came into effect last counts, wherever it stands."""
        older = changed({"statusEfctDt": "11/21/2025", "processedDt": None, "clmXWalkData": [{"clm507Cd": "P1"}]})
        claims = read_page(reply({"claims": [*FOUND["claims"], *older["claims"]]}), ALMA).claims
        for order in (claims, claims[::-1]):
            match = match_claim(ALMA, order, MatchRules())
            assert (match.claim.category_code, match.versions) == ("F1", 2)

    def test_of_one_day_the_entry_with_details_counts(self):
        """Wherever it stands, and whatever the other one says; without the mark there are details."""
        bare = changed({"clmXWalkData": [{"clm507Cd": "F3"}]}, detailsAvailable="F")
        whole = changed({"clmXWalkData": [{"clm507Cd": "F2"}]}, detailsAvailable="T")
        claims = read_page(reply({"claims": [*bare["claims"], *whole["claims"]]}), ALMA).claims
        assert [claim.complete for claim in claims] == [False, True]
        for order in (claims, claims[::-1]):
            assert match_claim(ALMA, order, MatchRules()).claim.category_code == "F2"
        assert read_page(reply(changed(detailsAvailable=None)), ALMA).claims[0].complete

    def test_the_most_urgent_part_counts(self):
        """As for Optum Real."""
        parts = [{"clm507Cd": "F1", "clm508Cd": "65"}, {"clm507Cd": "F2", "clm508Cd": "585"}]
        (claim,) = read_page(reply(changed({"clmXWalkData": parts}, claimStatus="MultipleStatuses")), ALMA).claims
        assert (claim.category_code, claim.status_code, claim.reasons) == ("F2", "585", ("F1:65",))

    @pytest.mark.parametrize("fields", [{"memberInfo": None}, {"claimSummary": None}, {"claimSummary": {}}])
    def test_what_is_null_is_blank(self, fields):
        """Anything may be; without codes the payer's word counts."""
        (claim,) = read_page(reply(changed(**fields)), ALMA).claims
        assert claim.reported_status == "Finalized"

    @pytest.mark.parametrize(
        "body",
        [
            DETAIL,
            {"claimsSummaryInfo": []},
            {"claims": None},
            {"claims": ["CANARY"]},
            changed({"clmXWalkData": []}, claimStatus=None),
            changed({"clmXWalkData": "CANARY"}),
            changed({"processedDt": "CANARY"}),
            changed({"totalPaidAmt": "CANARY"}),
            changed(memberInfo=["CANARY"]),
        ],
    )
    def test_another_container_is_never_not_found(self, body):
        """Least of all that of the detail call; nothing of it gets into a sentence."""
        with pytest.raises(AnswerNotUnderstood) as refused:
            read_page(reply(body), ALMA)
        assert "CANARY" not in str(refused.value)


def test_the_token():
    """Bought with a form, where it is set to be, and once; the fresh one after a 401 is the last try."""

    async def script(heard):
        return http_answer(TOKEN) if heard.path == "/oauth/token" else http_answer({}, 401)

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = UhcConnector(settings(payer.url, token_path="/oauth/token"))
            await connector.prepare()
            with pytest.raises(AccessExpired):
                await connector.inquire(ALMA)
            await connector.aclose()
            return payer.heard

    bought, tried = asyncio.run(run())
    assert b"grant_type=client_credentials" in bought.body
    assert tried.headers["authorization"] == "Bearer SIMTOKEN"


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"window_days": 0}, "window_days"),
        ({"window_days": 91}, "window_days"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"base_url": "http://example.org"}, "base_url"),
        ({"by_claim_path": "api/claim"}, "by_claim_path"),
        ({"by_claim_path": "/api?icn="}, "by_claim_path"),
        ({"token_path": ""}, "token_path"),
        ({"claim_number_header": "claim number"}, "claim_number_header"),
        ({"account_number_header": ""}, "account_number_header"),
        ({"claim_number_kind": "own"}, "claim_number_kind"),
    ],
)
def test_settings_that_cannot_be(wrong, name):
    """They are refused when the host starts."""
    with pytest.raises(SettingsWrong, match=f"The setting {name} is"):
        UhcConnector(evolve(settings("https://example.org"), **wrong))


def test_the_vendors_own_address():
    """Unless one is given."""
    connector = UhcConnector(UhcSettings(client_id="me", client_secret=Secret("s")))
    assert connector._line._url == "https://apimarketplace.uhc.com/Claims/api/claim/summary/byprovider/v2.0"


ENDINGS = [ending for ending in SCENARIOS if ending != "-SLOW"]
LINES = [
    f"PCN700{number:04}{ending},Álma,Tester,03/04/1972,zx{number:05},11/{1 + number % 28:02}/2025"
    for number, ending in enumerate(ENDINGS)
]
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id,first_service_date"
FILE = "\n".join([HEADER, *LINES]).encode()


def outcomes(connector):
    """Status and success of every scenario, through the whole path."""
    with BulkClaims(MemoryRepository(), LookupProcessor(connector, retry=QUICK)) as bulk:
        defaults = {"payer_id": "87726", "npi": "1999999984", "tin": "123456789"}
        job = bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=Owner("ACME"), defaults=defaults)
        bulk.wait("ACME", job.id, timeout=60)
        text = b"".join(bulk.results("ACME", job.id)).decode()
    return {row["claim_number"][10:]: (row["status"], row["success"]) for row in csv.DictReader(io.StringIO(text))}


@pytest.fixture
def claims(tmp_path):
    """The file."""
    path = tmp_path / "claims.csv"
    path.write_bytes(FILE)
    return path


@pytest.mark.parametrize("kind", ["payer", "patient_account"])
@pytest.mark.slow
def test_every_scenario_comes_to_what_it_does_elsewhere(claims, kind):
    """One file, asked of Stedi and of UnitedHealthcare, has the same statuses, by either number."""
    with PayerSimulator(SimulatorSettings(retry_after=0)) as payer:
        stedi = StediSettings(organization_name="Clinic", api_key=Secret("try-me"), base_url=payer.url)
        expected = outcomes(StediConnector(stedi))
    with PayerSimulator(SimulatorSettings(dialect="uhc", retry_after=0, claims=claims)) as payer:
        assert outcomes(UhcConnector(settings(payer.url, claim_number_kind=kind))) == expected
    assert expected["-PAID"] == ("Finalized", "True")
    assert expected["-NF"] == ("Not Found", "False")


def test_a_window_says_what_single_look_ups_say(claims, caplog):
    """Of each claim that it has the same; others are those that a single look-up does not find at first either."""

    async def run(url):
        connector = UhcConnector(settings(url))
        try:
            await connector.prepare()
            page = await connector.inquire_window(evolve(WINDOW, payer_id="87726"))
            assert page.next_page == ""
            single = {}
            for number in (line.partition(",")[0] for line in LINES):
                try:
                    answer = await connector.inquire(evolve(ALMA, claim_number=number))
                    single |= {each: each for each in answer.claims if each.payer_claim_number == number}
                except ConnectorError:
                    pass
            return set(page.claims), set(single)
        finally:
            await connector.aclose()

    with PayerSimulator(SimulatorSettings(dialect="uhc", claims=claims)) as payer, caplog.at_level(logging.DEBUG):
        within, single = asyncio.run(run(payer.url))
        assert len(payer.requests) == len(LINES)
    assert within == single
    assert {claim.payer_claim_number[10:] for claim in within} >= {"-PAID", "-PEND", "-DENY", "-INFO", "-REJ", "-MULTI"}
    assert {(claim.last_name, claim.date_of_birth) for claim in within} == {("TESTER", date(1972, 3, 4))}
    assert "PCN700" not in caplog.text


def test_a_payer_that_no_token_opens_ends_the_job():
    """A second 401 is a matter of the subscription, for every row."""
    with PayerSimulator(SimulatorSettings(dialect="uhc")) as payer:
        processor = LookupProcessor(UhcConnector(settings(payer.url)), retry=QUICK)
        with BulkClaims(MemoryRepository(), processor) as bulk:
            file = io.BytesIO(f"{HEADER}\nPCN1-401,ALMA,TESTER,03/04/1972,ZX1,\n".encode())
            defaults = {"payer_id": "87726", "tin": "123456789"}
            job = bulk.submit(file, filename="claims.csv", owner=Owner("ACME"), defaults=defaults)
            ended = bulk.wait("ACME", job.id, timeout=60)
    assert (ended.status, payer.requests) == ("FAILED", ("PCN1-401",) * 2)
    assert "refuses a fresh token" in ended.problem


def test_wrong_credentials():
    """They are wrong for every row."""

    async def run(payer):
        connector = UhcConnector(evolve(settings(payer.url), client_secret=Secret("wrong")))
        try:
            await connector.prepare()
        finally:
            await connector.aclose()

    with PayerSimulator(SimulatorSettings(dialect="uhc")) as payer, pytest.raises(AccessRefused):
        asyncio.run(run(payer))
