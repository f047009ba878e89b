"""A payer described in a file: what is sent, how answers are read, and that every mistake is named."""

import asyncio
import json
import logging
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from attrs import evolve

from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    InquiryRefused,
    PayerUnavailable,
    SettingsWrong,
)
from bulkclaims.lookup import HttpConnector, StediSettings
from bulkclaims.lookup.payers.stedi import read_answer
from bulkclaims.lookup.payers.stedi_request import request_body
from bulkclaims.lookup.wire.shared_access import Access
from bulkclaims.privacy import Secret
from bulkclaims.records import Answer, ClaimInquiry, Rate
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "docs" / "how-to" / "examples" / "stedi.toml"
ASKED = ClaimInquiry("PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984")
DAY = date(2025, 11, 14)

SMALL = """
account = "small"
[request]
url = "https://payer.example/status"
[request.query]
claim = "{claim_number}"
[answer]
claims = "found"
[answer.claim]
reported_status = "state"
payer_claim_number = "number"
"""


def vector(name):
    """One of the made-up bodies beside the tests."""
    return json.loads((HERE / "vectors" / f"{name}.json").read_text())


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Make a connector from TOML text."""
    monkeypatch.setenv("STEDI_API_KEY", "KEY")
    monkeypatch.setenv("SECRET", "PASS")
    (tmp_path / "key.txt").write_text("FILED\n")

    def make(text, name="payer.toml"):
        path = tmp_path / name
        path.write_text(text)
        return HttpConnector.from_toml(path)

    return make


def inquire(connector, script, inquiry=ASKED):
    """Ask a scripted payer in the described one's place; return the outcome, or its exception, and what it heard."""

    async def answer(heard):
        return script(heard) if callable(script) else script

    async def run():
        async with ScriptedPayer(answer) as payer:
            api, line = connector.api, connector._line
            line._url = httpx.URL(payer.url + (f"/?{api.url.query.decode()}" if api.path else "/status"))
            if api.credentials:
                line._credentials = evolve(api.credentials, url=httpx.URL(payer.url + "/token"))
            (outcome,) = await asyncio.gather(connector.inquire(inquiry), return_exceptions=True)
            await connector.aclose()
            return outcome, payer.heard

    return asyncio.run(run())


class TestTheExample:
    """The worked example of the documentation speaks Stedi's dialect."""

    @pytest.fixture
    def stedi(self, described):
        """The documented file."""
        return described(EXAMPLE.read_text())

    def test_it_sends_what_the_hand_written_connector_sends(self, stedi):
        """Body, key and headers are the same for a row without dates of service; blank ones are left out."""
        _, (heard,) = inquire(stedi, http_answer({"claims": []}))
        settings = StediSettings(organization_name="Sample Clinic PC", api_key=Secret("KEY"))
        assert heard.json == request_body(ASKED, settings, DAY)
        assert (heard.method, heard.headers["authorization"], heard.headers["accept"]) == (
            "POST",
            "KEY",
            "application/json",
        )

    def test_one_date_of_service_stands_for_both(self, stedi):
        """A row with a single date asks for that day."""
        _, (heard,) = inquire(stedi, http_answer({"claims": []}), evolve(ASKED, last_service_date=DAY))
        assert heard.json["encounter"]["beginningDateOfService"] == "20251114"
        assert heard.json["encounter"]["endDateOfService"] == "20251114"

    @pytest.mark.parametrize(
        "name", ["stedi-200-paid", "stedi-200-not-found", "stedi-200-two-claims", "optum-mn-200-denied-secondary"]
    )
    def test_it_reads_what_the_hand_written_connector_reads(self, stedi, name):
        """Every vector gives the same answer both ways."""
        answer, _ = inquire(stedi, http_answer(vector(name)))
        assert answer == read_answer(vector(name), ASKED)

    @pytest.mark.parametrize(
        ("answer", "expected", "told"),
        [
            (http_answer(vector("optum-mn-200-error")), InquiryRefused, "[INVALIDMISSINGINPUTDATA]"),
            (http_answer({"status": "ERROR", "transactionSetAcknowledgement": "R"}), InquiryRefused, "[R]"),
            (http_answer({"status": "ERROR"}), InquiryRefused, "[HTTP 200]"),
            (http_answer({"claimsSummaryInfo": []}), AnswerNotUnderstood, "no list of claims"),
            (http_answer([]), AnswerNotUnderstood, ""),
            (http_answer(b"<html>"), AnswerNotUnderstood, "not JSON"),
            (http_answer({"transactionSetAcknowledgement": 7, "claims": [{}]}), AnswerNotUnderstood, ""),
            (http_answer({}, 401), AccessRefused, "[HTTP 401]"),
            (http_answer({}, 503), PayerUnavailable, "[HTTP 503]"),
            (
                http_answer({"claims": [{"claimStatus": {"statusCategoryCode": "F1", "paidDate": "x"}}]}),
                AnswerNotUnderstood,
                "processed_date",
            ),
        ],
    )
    def test_errors_are_told_from_answers(self, stedi, answer, expected, told):
        """Rules over the body come first, a missing list is never "not found", and HTTP statuses have their class."""
        outcome, _ = inquire(stedi, answer)
        assert type(outcome) is expected
        assert told in str(outcome)

    def test_what_a_description_cannot_evaluate_is_not_understood(self, described):
        """An expression that does not fit the answer's types is the answer's fault, not a crash."""
        connector = described(SMALL.replace('"found"', '"sort_by(found, &number)"'))
        outcome, _ = inquire(connector, http_answer({"found": "text"}))
        assert type(outcome) is AnswerNotUnderstood


def test_words_periods_and_not_found(described):
    """A payer with words: its own words are translated, two dates make a period, and it may say "not found" plainly."""
    connector = described(
        SMALL.replace("[answer.claim]", 'not_found = "code == `404`"\ndate_formats = ["%m/%d/%Y"]\n[answer.claim]')
        + """
first_service_date = "from"
last_service_date = "to"
total_paid = "paid"
last_name = "name"
reasons = "why"
[answer.body]
last_name = "patient"
[answer.status_words]
"Paid in full" = "F1"
Waiting = "Pending"
"""
    )
    paid = {"state": "PAID IN FULL", "number": 7, "from": "11/14/2025", "paid": "9.50", "name": "Own"}
    claims = [paid, {"state": "waiting", "number": "8", "to": "11/14/2025"}, {"state": "Denied", "number": None}]
    answer, (heard,) = inquire(connector, http_answer({"found": claims, "patient": "Shared"}))
    assert (heard.method, heard.path, heard.body) == ("POST", "/status?claim=PCN7000001", b"")
    assert [(c.category_code, c.reported_status, c.payer_claim_number, c.last_name) for c in answer.claims] == [
        ("F1", "PAID IN FULL", "7", "Own"),
        ("", "Pending", "8", "Shared"),
        ("", "Denied", "", "Shared"),
    ]
    assert [c.service_dates for c in answer.claims] == [(DAY, DAY), (DAY, DAY), None]
    assert answer.claims[0].total_paid == Decimal("9.50")
    assert inquire(connector, http_answer({"code": 404}))[0].claims == ()
    assert type(inquire(connector, http_answer({"found": [{"number": 1}]}))[0]) is AnswerNotUnderstood
    assert type(inquire(connector, http_answer({"found": ["x"]}))[0]) is AnswerNotUnderstood
    for reasons, kept in [(["F2:1", "", None, 7], ("F2:1", "7")), ("F2:1", ("F2:1",)), (None, ())]:
        told = {"found": [{"state": "Paid", "number": "8", "why": reasons}]}
        assert inquire(connector, http_answer(told))[0].claims[0].reasons == kept
    half = {"state": "Paid", "number": "8", "name": "J\ud800"}
    assert type(inquire(connector, http_answer({"found": [half]}))[0]) is AnswerNotUnderstood


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ('kind = "none"', None),
        ('kind = "header"\nheader = "X-Key"\nvalue_file = "key.txt"', "FILED"),
        ('kind = "header"\nheader = "X-Key"\nprefix = "Key "\nvalue_env = "SECRET"', "Key PASS"),
        ('kind = "basic"\nuser = "us"\npassword_env = "SECRET"', "Basic dXM6UEFTUw=="),
    ],
)
def test_credentials_are_sent_as_described(described, auth, sent):
    """A header of any name, or basic; secrets come from a file beside the description or the environment."""
    connector = described(SMALL + f"[auth]\n{auth}\n")
    _, (heard,) = inquire(connector, http_answer({"found": []}))
    assert heard.headers.get("x-key", heard.headers.get("authorization")) == sent
    assert "PASS" not in repr(connector.api)


WITH_A_TOKEN = (
    SMALL.replace("request.query", "request.form")
    + """
[auth]
kind = "oauth2"
token_url = "https://payer.example/token"
client_id = "us"
client_secret_env = "SECRET"
scope = "claims"
"""
)


def test_tokens_are_bought_and_renewed(described):
    """OAuth 2 client credentials, written as a form with a scope; a refused token is AccessExpired."""
    connector = described(WITH_A_TOKEN)

    def script(heard):
        return http_answer({"access_token": "T"}) if heard.path == "/token" else http_answer({}, 401)

    outcome, (bought, asked) = inquire(connector, script)
    assert type(outcome) is AccessExpired
    assert bought.body == b"grant_type=client_credentials&client_id=us&client_secret=PASS&scope=claims"
    assert (asked.headers["authorization"], asked.body) == ("Bearer T", b"claim=PCN7000001")


def test_a_token_is_bought_before_a_look_up_takes_its_turn(described):
    """What the processor has done before is not done again by the look-up itself."""
    connector = described(WITH_A_TOKEN)

    async def run():
        async with ScriptedPayer(lambda _: answer()) as payer:
            connector._line._credentials = evolve(connector.api.credentials, url=httpx.URL(payer.url + "/token"))
            await connector.prepare()
            await connector.prepare()
            await connector.aclose()
            return [heard.path for heard in payer.heard]

    async def answer():
        return http_answer({"access_token": "T"})

    assert asyncio.run(run()) == ["/token"]


def test_a_token_may_be_shared(described, tmp_path):
    """Whoever has the description and the store uses the token that another worker bought."""
    described(WITH_A_TOKEN)

    class Shared:
        """Lends the token that all have."""

        store = None

        def find(self, account):
            return Access(7, Secret(f"T of {len(account)}"), 60.0)

    connector = HttpConnector.from_toml(tmp_path / "payer.toml", access=Shared())
    outcome, (asked,) = inquire(connector, http_answer({"found": []}))
    assert outcome == Answer(())
    assert asked.headers["authorization"] == "Bearer T of 32"


def test_templates_leave_out_what_is_blank(described):
    """Texts, lists and tables with nothing in them are left out; numbers and dates are written as described."""
    connector = described(
        SMALL.replace('[request.query]\nclaim = "{claim_number}"', "")
        + """
[request.json]
version = 2
born = "{date_of_birth:%m/%d/%Y}"
iso = "{date_of_birth}"
gender = "{gender}"
braces = "{{x}}"
list = ["{npi}", "{tin}", {code = "{gender}"}]
empty = { a = "{tin}", b = ["{gender}"] }
number = "N{control_number}"
"""
    )
    _, (heard,) = inquire(connector, http_answer({"found": []}))
    sent = heard.json
    number = sent.pop("number")
    assert number[0] == "N"
    assert len(number) == 10
    assert sent == {"version": 2, "born": "03/04/1972", "iso": "1972-03-04", "braces": "{x}", "list": ["1999999984"]}


def test_limits_become_capabilities(described):
    """Rate, budget, slots and needs are taken over."""
    can = described(
        'max_in_flight = 3\nin_flight_in_all = 8\nrate_per_second = 2\nrate_per_day = 9\nneeds = [["npi", "tin"]]\n'
        + SMALL
    ).capabilities
    assert (can.account, can.max_in_flight, can.rate, can.in_flight_in_all) == ("small", 3, Rate(2.0, 9), 8)
    assert can.needs == (frozenset({"npi", "tin"}),)
    some = described("rate_per_second = 0.5\n" + SMALL).capabilities
    assert (some.rate, some.in_flight_in_all) == (Rate(0.5, None), None)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("/status", "/{claim}"), "request.url, the placeholder {claim} is not known"),
        (("/status", "/{claim_number"), "request.url, a brace or a date format is malformed"),
        (("/status", "/{claim_number:x}"), "request.url, the placeholder {claim_number} takes no format"),
        (("payer.example", "{payer_id}.example"), "request.url, placeholders stand in the path alone"),
        (("/status", "/status?claim={claim_number}"), "request.url, placeholders stand in the path alone"),
        (("account", 'errors = [{when = "x", class = "not_found"}]\naccount'), r"errors\[0\].class is to be one of"),
        (('[request.query]\nclaim = "{claim_number}"', ""), "json, form, query"),
        (("account", "acount"), "account"),
        (("account", "odd = 1\naccount"), "odd"),
        (('"small"', "7"), "account is to hold text"),
        (("[answer.claim]", "[answer.other]"), "answer.claim is missing"),
        (("account", "auth = 1\naccount"), "auth is to hold a table"),
        (("https://", "http://"), "request.url"),
        (("[request]", '[request]\nmethod = "DELETE"'), "request.method"),
        (("[request]", "[request]\nodd = 1"), "request.odd"),
        (("[request]", "[request]\n[request.headers]\nAccept = 1"), "request.headers.Accept"),
        (("[request.query]", "[request.body]"), "json, form, query"),
        (('"{claim_number}"', '"{claim}"'), "request.query.claim"),
        (('"{claim_number}"', '"{claim_number.x}"'), "request.query.claim"),
        (('"{claim_number}"', '"{claim_number!r}"'), "request.query.claim"),
        (('"{claim_number}"', '"{claim_number:>9}"'), "request.query.claim"),
        (('"{claim_number}"', '"{claim_number"'), "request.query.claim"),
        (('"{claim_number}"', "7"), "request.query is to hold texts"),
        (("[answer]\n", "[answer]\nodd = 1\n"), "answer.odd"),
        (('claims = "found"', ""), "answer.claims is missing"),
        (('"found"', '"found["'), "answer.claims is not a JMESPath"),
        (("payer_claim_number", "claim_no"), "answer.claim.claim_no"),
        (('payer_claim_number = "number"', ""), "payer_claim_number"),
        (('reported_status = "state"', ""), "category_code"),
        (("[answer]\n", "[answer]\ndate_formats = [1]\n"), "answer.date_formats"),
        (("[answer]\n", '[answer]\nstatus_words = {Paid = "Payed"}\n'), "answer.status_words.Paid"),
        (("[answer]\n", '[answer]\nstatus_words = {Broken = "Error"}\n'), "answer.status_words.Broken"),
        (("account", 'needs = ["npi"]\naccount'), "needs"),
        (("account", 'needs = [["colour"]]\naccount'), "needs"),
        (("account", "max_in_flight = 0\naccount"), "max_in_flight"),
        (("account", "in_flight_in_all = -1\naccount"), "in_flight_in_all"),
        (("account", "max_in_flight = true\naccount"), "max_in_flight"),
        (("account", 'rate_per_second = "x"\naccount'), "rate_per_second is to hold a number"),
        (("account", "rate_per_day = 5\naccount"), "rate_per_day"),
        (("account", "errors = [1]\naccount"), "errors"),
        (("account", 'errors = [{when = "x"}]\naccount'), r"errors\[0\].class"),
        (("account", 'errors = [{when = "x", class = "odd"}]\naccount'), r"errors\[0\].class is to be one of"),
        (("account", 'errors = [{when = "x", class = "throttled", z = 1}]\naccount'), r"errors\[0\].z"),
        (("account", 'errors_by_status = {409 = "odd"}\naccount'), "errors_by_status.409"),
        (("account", 'errors_by_status = {x = "throttled"}\naccount'), "errors_by_status.x"),
        (("account", 'errors_by_status = {99 = "throttled"}\naccount'), "errors_by_status.99"),
        (("account", 'auth = {kind = "magic"}\naccount'), "auth.kind"),
        (("account", 'auth = {kind = "header"}\naccount'), "auth.value_env or auth.value_file"),
        (("account", 'auth = {kind = "header", value_env = "UNSET_HERE"}\naccount'), "UNSET_HERE"),
        (
            ("account", 'auth = {kind = "header", value_env = "SECRET", value_file = "key.txt"}\naccount'),
            "auth.value_env",
        ),
        (("account", 'auth = {kind = "none", odd = 1}\naccount'), "auth.odd"),
        (("account", 'auth = {kind = "oauth2", token_url = "http://x.example"}\naccount'), "auth.token_url"),
        (("account", "account = "), "is not TOML"),
    ],
)
def test_every_mistake_is_named(described, change, named):
    """A missing, misspelt, unknown or impossible key: one sentence with the key and the file's name."""
    assert change[0] in SMALL
    with pytest.raises(SettingsWrong, match=named) as refusal:
        described(SMALL.replace(*change, 1))
    assert "payer" in str(refusal.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    """A path that cannot be read, and one that is not text."""
    with pytest.raises(SettingsWrong, match="cannot be read"):
        HttpConnector.from_toml(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsWrong, match="cannot be read"):
        HttpConnector.from_toml(tmp_path / "bytes.toml")


def test_the_example_is_plain_toml():
    """The documented file parses as it stands."""
    assert tomllib.loads(EXAMPLE.read_text())["account"] == "stedi-described"


@pytest.mark.parametrize("text", [SMALL, SMALL.replace("/status", "/claims/{claim_number}")], ids=["query", "path"])
@pytest.mark.parametrize("answer", [http_answer({"found": []}), http_answer({}, 403), http_answer({}, 500), None])
def test_a_claim_number_in_a_url_is_told_to_no_one_else(described, caplog, text, answer):
    """An API that wants it in the query or path gets it there; no log and no exception has it."""
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        outcome, (heard,) = inquire(described(text), answer)
    assert "PCN7000001" in heard.path
    assert "PCN7000001" not in caplog.text + repr(outcome)


class TestPath:
    """Addresses that name the claim."""

    PATH = SMALL.replace('/status"', '/v1/claims/{claim_number}/{date_of_birth:%Y/%m}?v=2"\nmethod = "GET"')
    BARE = PATH.replace('[request.query]\nclaim = "{claim_number}"\n', "")

    def test_a_row_fills_the_path(self, described):
        """Each value is one segment, a date as it is told; what else the address holds stays, and no body is sent."""
        _, (heard,) = inquire(described(self.BARE), http_answer({"found": []}))
        assert (heard.method, heard.path, heard.body) == ("GET", "/v1/claims/PCN7000001/1972%2F03?v=2", b"")

    @pytest.mark.parametrize("number", ["A/B", "../A", "A?b=c#d", "50%", "%2F", "Größe 7", "a;b:c@d&e=f+g"])
    def test_no_value_leads_elsewhere(self, described, number):
        """Whatever a cell holds, the payer reads just that in the place that is meant for it."""
        _, (heard,) = inquire(described(self.BARE), http_answer({"found": []}), evolve(ASKED, claim_number=number))
        assert [unquote(part) for part in heard.path.partition("?")[0].split("/")] == [
            "",
            "v1",
            "claims",
            number,
            "1972/03",
        ]

    @pytest.mark.parametrize(
        ("column", "cell"), [("claim_number", "."), ("claim_number", ".."), ("npi", ""), ("first_service_date", None)]
    )
    def test_a_row_that_cannot_fill_it_is_not_sent(self, described, column, cell):
        """A blank cell, or dots that lead to another address: the row fails, named by column."""
        connector = described(self.BARE.replace("{claim_number}", f"{{{column}}}"))
        outcome, heard = inquire(connector, http_answer({"found": []}), evolve(ASKED, **{column: cell}))
        assert type(outcome) is InquiryRefused
        assert f"needs {column}" in str(outcome)
        assert heard == []

    def test_path_and_query_go_together(self, described):
        """An API may want the claim in its path and something else behind the `?`."""
        text = SMALL.replace("/status", "/claims/{claim_number}").replace('claim = "{claim', 'member = "{subscriber')
        _, (heard,) = inquire(described(text.replace("subscriber_number", "subscriber_id")), http_answer({"found": []}))
        assert heard.path == "/claims/PCN7000001?member=ZX00012345"


class TestNotFoundByStatus:
    """APIs that answer 404 for a claim that they do not know."""

    TEXT = 'errors_by_status = {404 = "not_found", 204 = "not_found"}\n' + SMALL.replace(
        "[answer]\n", '[answer]\ntrace = "id"\n'
    )

    @pytest.mark.parametrize(
        "answer", [http_answer({"id": "T7"}, 404), http_answer(b"<html>", 404), http_answer(b"", 404)]
    )
    def test_the_answer_holds_no_claims(self, described, answer):
        """Whatever its body is; a trace in it is kept."""
        outcome, _ = inquire(described(self.TEXT), answer)
        assert outcome == Answer((), "T7" if b"T7" in answer else "")

    def test_a_success_may_say_so_too(self, described):
        """204 has no body by its nature."""
        assert inquire(described(self.TEXT), http_answer(b"", 204))[0].claims == ()

    def test_an_error_rule_tells_a_wrong_route_from_a_claim_that_is_not_there(self, described):
        """A gateway's own 404 ends the job, if the description says how to know it."""
        rule = '[[errors]]\nwhen = "error == \'no_route\'"\nclass = "access_refused"\n'
        connector = described(self.TEXT + rule)
        assert inquire(connector, http_answer({"error": "no_claim"}, 404))[0].claims == ()
        assert type(inquire(connector, http_answer({"error": "no_route"}, 404))[0]) is AccessRefused

    def test_without_it_404_ends_the_job(self, described):
        """By itself 404 means that the address is wrong."""
        assert type(inquire(described(SMALL), http_answer({}, 404))[0]) is AccessRefused
