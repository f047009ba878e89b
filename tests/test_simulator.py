"""The simulated payer, asked over real HTTP: every scenario, every refusal, and the same answers every time."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import httpx
import pytest

from bulkclaims.lookup import StediConnector, StediSettings
from bulkclaims.lookup.matching import Match, MatchRules, NoMatch, match_claim
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry
from bulkclaims.testing.simulator import SCENARIOS, PayerSimulator, SimulatorSettings, serve
from bulkclaims.testing.simulator.app import PayerApp
from bulkclaims.testing.simulator.scenarios import answers, scenario_of

PATH = "/change/medicalnetwork/claimstatus/v2"
OPTUM_PATH = "/medicalnetwork/claimstatus/v2/"
TOKEN_PATH = "/apip/auth/v2/token"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "simulator.md"
BUYS = {"client_id": "simulator", "client_secret": "try-me", "grant_type": "client_credentials"}
ASKED = ClaimInquiry("PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984")
REQUEST = {
    "tradingPartnerServiceId": "99999",
    "providers": [{"providerType": "BillingProvider", "organizationName": "Sample Clinic PC", "npi": "1999999984"}],
    "subscriber": {"memberId": "ZX00012345", "firstName": "ALMA", "lastName": "TESTER", "dateOfBirth": "19720304"},
    "encounter": {"tradingPartnerClaimNumber": "PCN7000001", "trackingNumber": "ROW7"},
}


def request_for(claim_number, **fields):
    """Write a good request."""
    return {**deepcopy(REQUEST), "encounter": {"tradingPartnerClaimNumber": claim_number}, **fields}


def ask(payer, claim_number="PCN7000001-PAID", **options):
    """Ask about one claim."""
    options = {"json": request_for(claim_number), "headers": {"Authorization": "try-me"}, "timeout": 30, **options}
    return httpx.post(payer.url + PATH, **options)


def statuses(payer, claim_number, times):
    """Ask *times* times; return the HTTP statuses."""
    return [ask(payer, claim_number).status_code for _ in range(times)]


def codes(reply):
    """The codes of each claim in an answer."""
    claims = [claim["claimStatus"] for claim in reply.json()["claims"]]
    return [":".join(claim[name] for name in ("statusCategoryCode", "statusCode")) for claim in claims]


@pytest.fixture(scope="module")
def payer():
    """A simulated payer of no special behaviour."""
    with PayerSimulator() as simulator:
        yield simulator


@pytest.fixture
def behaving(request):
    """A simulated payer that behaves as the test says."""
    with PayerSimulator(SimulatorSettings(**request.param)) as simulator:
        yield simulator


class TestScenarios:
    """The end of the claim number chooses the answer."""

    @pytest.mark.parametrize(
        ("ending", "expected"),
        [
            ("-PAID", ["F1:65"]),
            ("-PEND", ["P1:46"]),
            ("-DENY", ["F2:585"]),
            ("-INFO", ["P3:317"]),
            ("-REJ", ["A3:21"]),
            ("-ACK", ["A2:20"]),
            ("-NF", ["D0:35"]),
            ("-NOPT", ["D0:97"]),
            ("-MULTI", ["F3:101", "F1:65"]),
            ("-SIMILAR", ["F1:65"]),
            ("-E0", ["E0:0"]),
            ("-E4", ["E4:0"]),
        ],
    )
    def test_a_claim_is_answered_with_its_codes(self, payer, ending, expected):
        """An ending that stands for a status brings that status, always."""
        number = f"PCN7000001{ending}"
        first, second = ask(payer, number), ask(payer, number)
        assert codes(first) == expected
        assert first.content == second.content

    def test_a_paid_claim_holds_all_that_is_documented(self, payer):
        """A paid claim comes with amounts, dates, payment and the numbers it was asked by."""
        encounter = {"tradingPartnerClaimNumber": "A-PAID", "patientAccountNumber": "ACCT-7", "trackingNumber": "ROW7"}
        (claim,) = ask(payer, json=request_for("", encounter=encounter)).json()["claims"]
        told = claim["claimStatus"]
        assert told["tradingPartnerClaimNumber"] == "A-PAID"
        assert (told["patientAccountNumber"], told["trackingNumber"]) == ("ACCT-7", "ROW7")
        assert 0 < Decimal(told["amountPaid"]) < Decimal(told["submittedAmount"])
        assert told["claimServiceDate"] == told["claimServiceDate"].replace("-", "")
        assert date.fromisoformat(told["paidDate"]) < date.fromisoformat(told["checkIssueDate"])
        assert re.fullmatch(r"EFT\d{7}", told["checkNumber"])

    def test_who_is_asked_about_is_who_is_answered_about(self, payer):
        """Payer, subscriber and dependent of the answer are those of the request."""
        dependent = {"firstName": "BENNO", "lastName": "TESTER", "dateOfBirth": "20150607"}
        subscriber = {"firstName": "ALMA", "lastName": "TESTER", "memberId": "ZX00012345"}
        answer = ask(payer, json=request_for("A-PAID", dependent=dependent, subscriber=subscriber)).json()
        assert answer["subscriber"] == subscriber
        assert answer["dependent"] == {"firstName": "BENNO", "lastName": "TESTER"}
        assert answer["payer"]["payerIdentification"] == "99999"
        assert "dependent" not in ask(payer).json()

    @pytest.mark.parametrize("ending", ["-NF", "-NOPT", "-E0"])
    def test_what_is_not_found_has_no_number(self, payer, ending):
        """An answer that knows of no claim names no claim number and no amount."""
        (claim,) = ask(payer, f"PCN1{ending}").json()["claims"]
        assert "tradingPartnerClaimNumber" not in claim["claimStatus"]
        assert Decimal(claim["claimStatus"]["submittedAmount"]) == 0

    def test_a_search_without_a_number_finds_nothing(self, payer):
        """A request that names no claim is answered as not found."""
        assert codes(ask(payer, json=request_for("", encounter=None))) == ["D0:35"]

    @pytest.mark.parametrize("status", [500, 503, 504])
    def test_http_errors_stay(self, payer, status):
        """An ending that is an HTTP error brings it every time, with a code and a message."""
        assert statuses(payer, f"PCN1-{status}", 3) == [status] * 3
        assert ask(payer, f"PCN1-{status}").json().keys() == {"code", "message"}

    @pytest.mark.parametrize(("ending", "status"), [("-FLAKY", 503), ("-429", 429), ("-503X2", 503)])
    def test_some_errors_pass(self, payer, ending, status):
        """An ending that recovers, or that says how often, is paid afterwards; every claim number counts for itself."""
        times = 2 if ending.endswith("X2") else 1
        assert statuses(payer, f"PCN1{ending}", times + 1) == [status] * times + [200]
        assert statuses(payer, f"PCN2{ending}", 1) == [status]
        assert codes(ask(payer, f"PCN1{ending}")) == ["F1:65"]

    @pytest.mark.parametrize(
        ("ending", "first"), [("-E1", ["E1:0"]), ("-E1X3", ["E1:0"] * 3), ("-PENDX2", ["P1:46"] * 2)]
    )
    def test_a_system_that_is_down_comes_back(self, payer, ending, first):
        """E1 comes once, or as often as the number says, and then the claim is paid."""
        told = [codes(ask(payer, f"PCN3{ending}"))[0] for _ in range(len(first) + 2)]
        assert told == [*first, "F1:65", "F1:65"]

    def test_slow_is_slow(self, payer):
        """A slow claim is not answered while the client waits, and would be after 25 seconds."""
        with pytest.raises(httpx.ReadTimeout):
            ask(payer, "PCN1-SLOW", timeout=0.3)
        scope = {"path": PATH, "method": "POST", "headers": [(b"authorization", b"try-me")]}
        reply = PayerApp(SimulatorSettings())._reply(scope, json.dumps(request_for("PCN1-SLOW")).encode())
        assert (reply.status, reply.delay) == (200, 25.0)

    def test_a_connection_breaks_in_the_middle_of_the_body(self, payer):
        """Part of the body arrives, then the connection ends; the next request is served."""
        with pytest.raises(httpx.RemoteProtocolError, match=r"received [1-9]\d* bytes, expected"):
            ask(payer, "PCN1-DROP")
        assert ask(payer).status_code == 200

    def test_a_page_instead_of_json(self, payer):
        """The maintenance page comes as HTML with status 200."""
        reply = ask(payer, "PCN1-HTML")
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html")
        assert reply.text.startswith("<!doctype html>")

    def test_a_syntax_rejection_is_a_success_of_http(self, payer):
        """A 999 comes with status 200, says R, and has no claims."""
        reply = ask(payer, "PCN1-999")
        assert reply.status_code == 200
        assert (reply.json()["status"], reply.json()["transactionSetAcknowledgement"]) == ("ERROR", "R")
        assert "claims" not in reply.json()

    def test_the_page_lists_exactly_these(self):
        """The table in the docs has a line for each scenario, and no other."""
        section = PAGE.read_text(encoding="utf-8").partition("## Scenarios")[2].partition("\n## ")[0]
        assert sorted(re.findall(r"^\| `(-\w+)` \|", section, re.MULTILINE)) == sorted(SCENARIOS)


class TestDeterminism:
    """The claim number decides, on every machine."""

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            ("PCN7000001", ("F1", "677.56", "508.17", "2025-08-30", "2025-09-20")),
            ("PCN7000002-PAID", ("F1", "945.81", "709.36", "2025-09-24", "2025-10-15")),
            ("ZE59000001-PEND", ("P1", "533.85", "0", "2025-09-28", "2025-10-19")),
            ("0", ("F1", "652.09", "489.07", "2025-09-12", "2025-10-03")),
        ],
    )
    def test_known_claims_never_change(self, number, expected):
        """These answers are fixed for good: results files of earlier versions stay comparable."""
        (said,) = answers(number, 0)
        told = (said.category, str(said.charged), str(said.paid), f"{said.service_day}", f"{said.day}")
        assert told == expected

    def test_most_claims_without_an_ending_are_paid(self):
        """Of many claims, about the promised shares are pending, denied and not found."""
        endings = [scenario_of(f"ZE{number}")[0] for number in range(4000)]
        assert {ending: round(endings.count(ending) / 200) for ending in set(endings)} == {
            "-PAID": 17, "-PEND": 1, "-DENY": 1, "-NF": 1,
        }  # fmt: skip

    @pytest.mark.parametrize("number", ["A-PAIDX", "A-PAID-", "A-PAYED", "APAID", "A-XPAID", "A-paid", "PAID"])
    def test_only_a_whole_ending_chooses(self, number):
        """What only looks like an ending leaves the choice to the digest."""
        assert scenario_of(number) == scenario_of(number)
        assert scenario_of(number)[1].times is None
        assert scenario_of(number)[0] in {"-PAID", "-PEND", "-DENY", "-NF"}

    def test_any_text_of_json_is_a_number(self):
        """Even half a surrogate pair, which JSON can carry, is answered."""
        assert scenario_of("\ud800")[0] in SCENARIOS


def without(*path):
    """A request that lacks a field."""
    request = deepcopy(REQUEST)
    inner = request
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return request


def with_(value, *path):
    """A request with another value."""
    request = deepcopy(REQUEST)
    inner = request
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return request


PROVIDER = REQUEST["providers"][0]
SERVICE = {**PROVIDER, "providerType": "ServiceProvider"}
LINE = {
    "productOrServiceIDQualifier": "HC",
    "procedureCode": "99213",
    "lineItemChargeAmount": "240",
    "unitsOfServiceCount": "1",
    "serviceLineDate": "20251114",
}
REFUSED = {
    "not an object": ([], "body must be"),
    "no payer": (without("tradingPartnerServiceId"), "tradingPartnerServiceId is missing"),
    "short payer": (with_("9", "tradingPartnerServiceId"), "tradingPartnerServiceId"),
    "number for payer": (with_(99999, "tradingPartnerServiceId"), "tradingPartnerServiceId"),
    "unknown payer": (with_("00000", "tradingPartnerServiceId"), "no payer we know"),
    "control number": (with_("12345678", "controlNumber"), "controlNumber"),
    "no providers": (without("providers"), "providers must be a list"),
    "providers no objects": (with_(["x"], "providers"), "providers must be a list"),
    "empty providers": (with_([], "providers"), "exactly one BillingProvider"),
    "service provider only": (with_([SERVICE], "providers"), "exactly one BillingProvider"),
    "two billing providers": (with_([PROVIDER, PROVIDER], "providers"), "exactly one BillingProvider"),
    "provider type": (with_([PROVIDER, {**SERVICE, "providerType": "X"}], "providers"), "providerType"),
    "no provider id": (without("providers", 0, "npi"), "one of npi"),
    "short npi": (with_("199999998", "providers", 0, "npi"), "npi must be ten digits"),
    "npi as number": (with_(1999999984, "providers", 0, "npi"), "npi must be ten digits"),
    "npi in other digits": (with_("\u0661" * 10, "providers", 0, "npi"), "npi must be ten digits"),
    "tax id": (with_("12-3456789", "providers", 0, "taxId"), "taxId must be nine digits"),
    "tin": (with_("1", "providers", 0, "tin"), "tin must be"),
    "no provider name": (without("providers", 0, "organizationName"), "organizationName"),
    "long provider name": (with_("x" * 61, "providers", 0, "organizationName"), "organizationName"),
    "no subscriber": (without("subscriber"), "subscriber must be an object"),
    "no member id": (without("subscriber", "memberId"), "memberId is missing"),
    "long member id": (with_("x" * 81, "subscriber", "memberId"), "memberId must be"),
    "no first name": (without("subscriber", "firstName"), "firstName is missing"),
    "long first name": (with_("x" * 36, "subscriber", "firstName"), "firstName must be"),
    "blank last name": (with_("", "subscriber", "lastName"), "lastName must be"),
    "no birth date": (without("subscriber", "dateOfBirth"), "dateOfBirth is missing"),
    "birth date as ISO": (with_("1972-03-04", "subscriber", "dateOfBirth"), "dateOfBirth must be"),
    "thirteenth month": (with_("19721304", "subscriber", "dateOfBirth"), "dateOfBirth must be"),
    "gender": (with_("U", "subscriber", "gender"), "gender must be"),
    "suffix": (with_("x" * 11, "subscriber", "suffix"), "suffix must be"),
    "dependent no object": (with_("x", "dependent"), "dependent must be an object"),
    "dependent without name": (with_({"firstName": "BENNO"}, "dependent"), "dependent.lastName is missing"),
    "encounter no object": (with_([], "encounter"), "encounter must be an object"),
    "long claim number": (with_("x" * 51, "encounter", "tradingPartnerClaimNumber"), "tradingPartnerClaimNumber"),
    "date of service": (with_("11/14/2025", "encounter", "beginningDateOfService"), "beginningDateOfService"),
    "days the wrong way round": (
        with_({"beginningDateOfService": "20251130", "endDateOfService": "20251101"}, "encounter"),
        "endDateOfService must not be before",
    ),
    "long amount": (with_("1" * 19, "encounter", "submittedAmount"), "submittedAmount"),
    "lines no list": (with_({}, "serviceLinesInformation"), "serviceLinesInformation must be a list"),
    "line without code": (with_([{**LINE, "procedureCode": None}], "serviceLinesInformation"), "procedureCode"),
    "reserved in a name": (with_("AL*MA", "subscriber", "firstName"), "reserved"),
    "reserved deep down": (with_([{**LINE, "x": ["a~b"]}], "serviceLinesInformation"), "reserved"),
}


class TestRefusals:
    """What the real API would refuse is refused."""

    @pytest.mark.parametrize("case", REFUSED)
    def test_a_bad_request_is_400(self, payer, case):
        """A broken rule is named in the message, which quotes no value."""
        request, message = REFUSED[case]
        reply = ask(payer, json=request)
        assert (reply.status_code, reply.json()["code"]) == (400, "VALIDATION")
        assert message in reply.json()["message"]

    @pytest.mark.parametrize(
        "request_body",
        [
            REQUEST,
            with_([PROVIDER, SERVICE], "providers"),
            with_([{**without("providers", 0, "npi")["providers"][0], "taxId": "123456789"}], "providers"),
            with_([{"providerType": "BillingProvider", "firstName": "A", "lastName": "B", "tin": "12"}], "providers"),
            with_([LINE], "serviceLinesInformation"),
            with_({"beginningDateOfService": "20251101", "endDateOfService": "20251101"}, "encounter"),
            with_({"endDateOfService": "20251101"}, "encounter"),
            with_("M", "subscriber", "gender"),
            with_(None, "dependent"),
            with_("123456789", "controlNumber"),
            with_("so much that it comes in pieces" * 40_000, "notOurs"),
        ],
    )
    def test_what_is_allowed_is_taken(self, payer, request_body):
        """The rules do not refuse more than the real ones."""
        assert ask(payer, json=request_body).status_code == 200

    def test_what_is_not_json_is_400(self, payer):
        """A body that cannot be parsed is refused."""
        assert ask(payer, json=None, content=b"{").status_code == 400

    @pytest.mark.parametrize("key", [None, "", "wrong", "Bearer try-me"])
    def test_a_wrong_key_is_403(self, payer, key):
        """No key, a wrong one and a bearer are refused; nothing is looked up."""
        before = len(payer.requests)
        reply = ask(payer, headers={} if key is None else {"Authorization": key})
        assert (reply.status_code, reply.json()["code"]) == (403, "FORBIDDEN")
        assert len(payer.requests) == before

    def test_the_old_form_of_a_key_is_taken(self, payer):
        """`Key …` is as good as the key alone."""
        assert ask(payer, headers={"Authorization": "Key try-me"}).status_code == 200

    def test_other_routes_and_methods(self, payer):
        """The route takes POST alone, and there is no other."""
        assert httpx.get(payer.url + PATH).status_code == 403
        for path in (PATH + "/", "/", OPTUM_PATH, TOKEN_PATH):
            assert httpx.post(payer.url + path).status_code == 404


class TestBehaviour:
    """How the payer behaves as a whole."""

    @pytest.mark.parametrize("behaving", [{"error_rate": 0.25}], indirect=True)
    def test_an_error_rate_is_met_exactly(self, behaving):
        """A rate of a quarter is every fourth look-up, and no header says when to come back."""
        assert statuses(behaving, "PCN1-PAID", 8) == [200, 200, 200, 503] * 2
        assert "retry-after" not in ask(behaving, "PCN1-503").headers

    @pytest.mark.parametrize("behaving", [{"rate_limit": 3, "retry_after": 7}], indirect=True)
    def test_a_rate_limit_slides(self, behaving):
        """Above the limit comes 429 with the header asked for, and a second later look-ups are taken again."""
        with httpx.Client() as client:
            url, options = behaving.url + PATH, {"json": REQUEST, "headers": {"Authorization": "try-me"}}
            replies = [client.post(url, **options) for _ in range(4)]
            assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
            assert replies[-1].headers["retry-after"] == "7"
            assert replies[-1].json()["code"] == "TOO_MANY_REQUESTS"
            until = time.monotonic() + 10
            while client.post(url, **options).status_code == 429:
                assert time.monotonic() < until

    @pytest.mark.parametrize("behaving", [{"max_in_flight": 2}], indirect=True)
    def test_too_many_at_a_time_are_turned_away(self, behaving):
        """With two requests in flight a third is answered 429."""

        async def crowd():
            async with httpx.AsyncClient(headers={"Authorization": "try-me"}) as client:
                slow = [
                    asyncio.create_task(client.post(behaving.url + PATH, json=request_for(f"PCN{n}-SLOW"), timeout=60))
                    for n in range(2)
                ]
                while len(behaving.requests) < 2:  # noqa: ASYNC110 -- it happens on another thread
                    await asyncio.sleep(0)
                third = await client.post(behaving.url + PATH, json=REQUEST)
                for task in slow:
                    task.cancel()
                return third.status_code

        assert asyncio.run(crowd()) == 429

    @pytest.mark.parametrize("behaving", [{"outage": (0.0, 3600.0), "retry_after": 9}], indirect=True)
    def test_in_an_outage_all_is_503(self, behaving):
        """While the outage lasts, every look-up is answered 503 with the header asked for."""
        reply = ask(behaving)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "9")

    def test_before_and_after_an_outage_all_is_well(self):
        """The outage begins and ends when it is said to, and does not count as an answer to the claim."""
        app = PayerApp(SimulatorSettings(outage=(10, 20)))
        scope = {"path": PATH, "method": "POST", "headers": [(b"authorization", b"try-me")]}
        body = json.dumps(request_for("PCN1-FLAKY")).encode()

        def status_after(seconds):
            app._began = time.monotonic() - seconds
            return app._reply(scope, body).status, len(app.requests)

        assert [status_after(seconds) for seconds in (15, 5, 25)] == [(503, 1), (503, 2), (200, 3)]

    @pytest.mark.parametrize("behaving", [{"latency": 0.2}], indirect=True)
    def test_latency_is_waited(self, behaving):
        """No answer comes sooner than the latency."""
        began = time.monotonic()
        assert ask(behaving).status_code == 200
        assert time.monotonic() - began >= 0.2

    def test_the_log_is_written_before_the_answer(self, tmp_path):
        """A look-up stands in the log while it is in flight, and an earlier log is continued."""
        log = tmp_path / "log.jsonl"
        log.write_text("{}\n")
        with PayerSimulator(SimulatorSettings(log=log)) as payer:
            ask(payer, "PCN1-PEND")
            ask(payer, "PCN1-503")
            with pytest.raises(httpx.ReadTimeout):
                ask(payer, "PCN1-SLOW", timeout=0.5)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert payer.requests == ("PCN1-PEND", "PCN1-503", "PCN1-SLOW")
        assert [line.get("claim_number") for line in lines] == [None, *payer.requests]
        assert [line["answer"] for line in lines[1:]] == [["P1:46"], "503", ["F1:65"]]
        assert [line["in_flight"] for line in lines[1:]] == [1, 1, 1]
        assert lines[1]["seconds"] <= lines[2]["seconds"] <= lines[3]["seconds"]


class TestOptum:
    """The other face: tokens, control numbers, dates without dashes, second reasons."""

    @pytest.fixture
    def optum(self):
        """A simulated Optum."""
        with PayerSimulator(SimulatorSettings(dialect="optum")) as simulator:
            yield simulator

    def test_a_token_opens_the_door(self, optum):
        """A token is sold for the right secret, and a denied claim tells a second reason and plain dates."""
        sold = httpx.post(optum.url + TOKEN_PATH, json=BUYS).json()
        assert (sold["token_type"], sold["expires_in"]) == ("bearer", 3600)
        reply = httpx.post(
            optum.url + OPTUM_PATH,
            json=request_for("PCN1-DENY", controlNumber="000000107"),
            headers={"Authorization": f"Bearer {sold['access_token']}"},
        )
        told = reply.json()["claims"][0]["claimStatus"]
        assert (told["secondaryStatusCategoryCode"], told["secondaryStatusCode"]) == ("F2", "107")
        assert re.fullmatch(r"\d{8}", told["paidDate"])
        assert reply.json()["controlNumber"] == "000000107"

    def test_without_a_control_number_it_complains(self, optum):
        """The complaint comes with status 200 and names the field."""
        token = httpx.post(optum.url + TOKEN_PATH, json=BUYS).json()["access_token"]
        reply = httpx.post(optum.url + OPTUM_PATH, json=REQUEST, headers={"Authorization": f"Bearer {token}"})
        assert reply.status_code == 200
        assert reply.json()["errorResponse"]["errors"][0]["field"] == "controlNumber"

    def test_a_control_number_counts_once(self, optum):
        """Sent again it is as good as none; another one is taken."""
        token = httpx.post(optum.url + TOKEN_PATH, json=BUYS).json()["access_token"]
        asked = [request_for("PCN1-PAID", controlNumber=number) for number in ("000000107", "000000107", "000000108")]
        headers = {"Authorization": f"Bearer {token}"}
        told = [httpx.post(optum.url + OPTUM_PATH, json=each, headers=headers).json() for each in asked]
        assert ["errorResponse" in each for each in told] == [False, True, False]

    def test_its_health(self, optum, payer):
        """It is up, for whoever has a token; Stedi has no such route."""
        token = httpx.post(optum.url + TOKEN_PATH, json=BUYS).json()["access_token"]
        url, headers = f"{optum.url}{OPTUM_PATH}healthcheck", {"Authorization": f"Bearer {token}"}
        assert httpx.get(url, headers=headers).json() == {"status": "UP", "version": "V2"}
        assert httpx.get(url).status_code == 401
        assert httpx.post(url, headers=headers).status_code == 403
        assert httpx.get(f"{payer.url}{OPTUM_PATH}healthcheck").status_code == 404

    def test_a_token_is_no_key(self, optum):
        """Without `Bearer` before it, it opens nothing."""
        token = httpx.post(optum.url + TOKEN_PATH, json=BUYS).json()["access_token"]
        reply = httpx.post(optum.url + OPTUM_PATH, json=REQUEST, headers={"Authorization": token})
        assert reply.status_code == 401

    @pytest.mark.parametrize("asked", [b"{", json.dumps({**BUYS, "client_secret": "wrong"}).encode()])
    def test_wrong_credentials_buy_nothing(self, optum, asked):
        """A wrong secret, or a body that is no JSON, is 401."""
        reply = httpx.post(optum.url + TOKEN_PATH, content=asked)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")

    @pytest.mark.parametrize("behaving", [{"dialect": "optum", "token_seconds": 0}], indirect=True)
    def test_an_expired_token_is_401(self, behaving):
        """A token is good for its time and no longer; an unknown one never was."""
        token = httpx.post(behaving.url + TOKEN_PATH, json=BUYS).json()["access_token"]
        for bearer in (token, "unknown"):
            reply = httpx.post(behaving.url + OPTUM_PATH, json=REQUEST, headers={"Authorization": f"Bearer {bearer}"})
            assert reply.status_code == 401


class TestWithTheConnector:
    """What the simulator says is understood by the connector it is made for."""

    @pytest.fixture(params=["stedi", "optum"])
    def face(self, request):
        """A payer of either face, and the settings to ask it with."""
        credentials = {"stedi": {"api_key": Secret("try-me")},
                       "optum": {"client_id": "simulator", "client_secret": Secret("try-me")}}  # fmt: skip
        with PayerSimulator(SimulatorSettings(dialect=request.param)) as payer:
            yield StediSettings(
                organization_name="Sample Clinic PC", face=request.param, base_url=payer.url,
                **credentials[request.param],
            )  # fmt: skip

    def matched(self, settings, claim_number):
        """Ask, and look for the claim in the answer."""
        inquiry = attrs.evolve(ASKED, claim_number=claim_number)

        async def inquire():
            connector = StediConnector(settings)
            try:
                return await connector.inquire(inquiry)
            finally:
                await connector.aclose()

        return match_claim(inquiry, asyncio.run(inquire()).claims, MatchRules())

    @pytest.mark.parametrize("kind", ["payer", "patient_account"])
    @pytest.mark.parametrize(("ending", "category"), [("-PAID", "F1"), ("-MULTI", "F1"), ("-PEND", "P1")])
    def test_the_claim_is_found_by_either_number(self, face, kind, ending, category):
        """Whether asked by the payer's number or the provider's, the right claim is found."""
        found = self.matched(attrs.evolve(face, claim_number_kind=kind), f"PCN7000001{ending}")
        assert isinstance(found, Match)
        assert (found.claim.category_code, found.versions) == (category, 1)
        assert found.by == ("claim_number" if kind == "payer" else "patient_account_number")

    @pytest.mark.parametrize("kind", ["payer", "patient_account"])
    def test_a_similar_claim_is_not_the_one(self, face, kind):
        """A claim of another number is not taken for the one asked about."""
        settings = attrs.evolve(face, claim_number_kind=kind)
        assert self.matched(settings, "PCN7000001-SIMILAR") == NoMatch("other_claims")


class TestServing:
    """The simulator as a process of its own, and without what it needs."""

    COMMAND = (
        "from bulkclaims.testing.simulator import SimulatorSettings, serve\n"
        "serve(SimulatorSettings(), lambda url: print('ready', url, flush=True))\n"
        "print('stopped')"
    )

    @pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_cleanly(self, ends):
        """A signal ends it without a traceback, and what comes after `serve` is carried out."""
        process = subprocess.Popen(
            [sys.executable, "-c", self.COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        word, url = process.stdout.readline().split()
        assert word == "ready"
        assert httpx.post(url + PATH, json=REQUEST, headers={"Authorization": "try-me"}).status_code == 200
        process.send_signal(ends)
        assert process.communicate(timeout=30) == ("stopped\n", "")
        assert process.returncode == 0

    def test_a_port_that_is_taken_is_an_error(self, payer):
        """A second simulator on the same port is refused before it is said to be ready."""
        told = []
        with pytest.raises(OSError, match="in use"):
            serve(SimulatorSettings(port=httpx.URL(payer.url).port), told.append)
        assert told == []

    def test_without_its_extra_it_says_what_to_install(self):
        """The rest of `bulkclaims.testing` needs no server; the simulator names the extra that brings one."""
        code = (
            "import sys; sys.modules['uvicorn'] = None\n"
            "import bulkclaims.testing\n"
            "try: import bulkclaims.testing.simulator\n"
            "except ModuleNotFoundError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "pip install 'bulkclaims[simulator]'" in done.stdout
