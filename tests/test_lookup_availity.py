"""Availity: what is asked, what is read, where its links may lead, and that it comes to the same as any other API."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl

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
    TicketGone,
)
from bulkclaims.lookup import (
    AvailityConnector,
    AvailitySettings,
    LookupProcessor,
    RetryPolicy,
    StediConnector,
    StediSettings,
    tickets,
)
from bulkclaims.lookup.payers.availity_answer import lists_look_ups, read_answer, ticket_of, told
from bulkclaims.lookup.payers.availity_request import request_form
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.transport import Reply, make_client
from bulkclaims.privacy import Secret
from bulkclaims.records import Answer, ClaimInquiry, Ticket
from bulkclaims.testing.contracts import ConnectorContract, TicketConnectorContract
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import SCENARIOS, PayerSimulator, SimulatorSettings

CANARY = "canary-of-secrets"
VECTORS = Path(__file__).parent / "vectors"
DONE = json.loads((VECTORS / "availity-200-complete.json").read_text())
TAKEN = json.loads((VECTORS / "availity-202-resultset.json").read_text())
TOKEN = json.loads((VECTORS / "availity-token-200.json").read_text())
REFUSED = (VECTORS / "availity-400.json").read_bytes()
ALMA = ClaimInquiry(
    "PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="SIMPAYER", npi="1999999984"
)
URL = httpx.URL("https://api.availity.com/v1/claim-statuses")
TODAY = date(2026, 1, 5)
QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)


def settings(url="https://api.availity.com/v1", **others):
    """Settings for a payer at *url*."""
    given = {"client_id": "simulator", "client_secret": Secret("try-me"), "provider_name": "SAMPLE CLINIC PC"}
    return AvailitySettings(**given | {"base_url": url} | others)


def without_token(url, **others):
    """A connector that buys no token, for payers that hear one request alone."""
    connector = AvailityConnector(settings(url, **others))
    line = connector._line
    connector._line = PayerLine(line._url, make_client, None, line._classes)
    return connector


def taken(**fields):
    """An answer that lists one look-up, some of whose fields are changed."""
    body = deepcopy(TAKEN)
    body["claimStatuses"][0] |= fields
    return body


def done(**fields):
    """An answer of a look-up that is over, some of whose fields are changed."""
    return deepcopy(DONE) | fields


def rejected(*codes):
    """An answer without claims, where something is said of the provider."""
    names = ("categoryCode", "statusCode", "entityCode")
    details = [dict(zip(names, each.split(":"), strict=False)) for each in codes]
    return done(claimStatuses=[], providers=[{"lastName": "SAMPLE CLINIC PC", "statusDetails": details}])


def claim(*details, **fields):
    """An answer with one claim, with these statuses."""
    return done(claimStatuses=[{"claimControlNumber": "PCN7000001", "statusDetails": list(details), **fields}])


def asked(answers, act, base="/v1", **others):
    """Have a connector do something at a payer that gives *answers* in turn; the outcome or error, and the requests."""

    async def run():
        left = list(answers)

        async def script(_heard):
            return left.pop(0)

        async with ScriptedPayer(script) as payer:
            connector = without_token(payer.url + base, **others)
            try:
                return await act(connector), payer.heard
            except ConnectorError as error:
                return error, payer.heard
            finally:
                await connector.aclose()

    return asyncio.run(run())


async def start(connector):
    """Send the inquiry."""
    return await connector.start(ALMA)


async def poll(connector):
    """Ask for the answer."""
    return await connector.poll(Ticket("claim-statuses/900000001", 60), ALMA)


async def discard(connector):
    """Have it deleted."""
    return await connector.discard(Ticket("claim-statuses/900000001", 60))


async def inquire(connector):
    """Ask for all at once."""
    return await connector.inquire(ALMA)


class Seam:
    """What both contracts have in common: a connector that is let in with a password, and what it is told."""

    @pytest.fixture
    def connect(self):
        """A connector at some address."""
        return lambda url: AvailityConnector(settings(f"{url}/v1", client_secret=Secret(CANARY)))

    @pytest.fixture
    def secret(self):
        """The password."""
        return CANARY

    @pytest.fixture
    def inquiry(self):
        """What is asked."""
        return ALMA

    @pytest.fixture
    def found(self):
        """The documented answer, to a poll or given at once."""
        return DONE

    @pytest.fixture
    def nothing(self):
        """A look-up that is over and has no claims."""
        return done(claimStatuses=[])


class TestAvaility(Seam, ConnectorContract):
    """The contract of its seam."""


class TestAvailityTickets(Seam, TicketConnectorContract):
    """The contract of payers that answer later."""

    @pytest.fixture
    def taken(self):
        """The documented receipt, with a link of this host."""
        return taken(links={"self": {"href": "/v1/claim-statuses/900000001"}})

    @pytest.fixture(params=[None, "/v1/claim-statuses/900000001"])
    def linked(self, request):
        """The documented receipt, with a link to elsewhere, or to here where its header alone leads elsewhere."""
        return lambda url: taken(links={"self": {"href": request.param or url}})


class TestForm:
    """What is sent."""

    def test_the_documented_form(self):
        """Field for field, in the documented way."""
        inquiry = evolve(ALMA, first_service_date=date(2025, 11, 14), gender="female", patient_account_number="ACCT-7")
        form = request_form(inquiry, settings(submitter_name="SAMPLE BILLING LLC", submitter_id="SB0001"), TODAY)
        assert form == {
            "payer.id": "SIMPAYER",
            "submitter.lastName": "SAMPLE BILLING LLC",
            "submitter.id": "SB0001",
            "providers.lastName": "SAMPLE CLINIC PC",
            "providers.npi": "1999999984",
            "subscriber.memberId": "ZX00012345",
            "subscriber.lastName": "TESTER",
            "subscriber.firstName": "ALMA",
            "patient.lastName": "TESTER",
            "patient.firstName": "ALMA",
            "patient.birthDate": "1972-03-04",
            "patient.genderCode": "F",
            "patient.subscriberRelationshipCode": "18",
            "fromDate": "2025-11-07",
            "toDate": "2025-11-21",
            "claimNumber": "PCN7000001",
            "patient.accountNumber": "ACCT-7",
        }

    @pytest.mark.parametrize(
        ("cells", "others", "differs"),
        [
            ({}, {}, dict.fromkeys(("patient.genderCode", "fromDate", "submitter.id", "patient.accountNumber"))),
            ({"gender": "unknown"}, {}, {"patient.genderCode": None}),
            ({"claim_number": ""}, {}, {"claimNumber": None}),
            ({"npi": "", "tin": "12-3456789"}, {}, {"providers.npi": None, "providers.taxId": "123456789"}),
            ({}, {"claim_number_kind": "patient_account"},
             {"claimNumber": None, "patient.accountNumber": "PCN7000001"}),
            ({}, {"relationship": "19"}, {"subscriber.lastName": None, "patient.subscriberRelationshipCode": "19"}),
        ],
    )  # fmt: skip
    def test_what_is_left_out_or_written_otherwise(self, cells, others, differs):
        """Blank fields are left out; a subscriber who is not the patient has no name that is known."""
        form = request_form(evolve(ALMA, **cells), settings(**others), TODAY)
        assert {name: form.get(name) for name in differs} == differs

    @pytest.mark.parametrize(
        ("cells", "sentence"),
        [
            ({"last_name": "TEST*ER"}, "last_name holds one of"),
            ({"claim_number": "9" * 51}, "claim_number is to have 0 to 50 characters"),
            ({"npi": "12"}, "npi is to be ten digits"),
            ({"first_service_date": date(2999, 1, 1)}, "dates of service lie in the future"),
        ],
    )
    def test_a_cell_that_cannot_be_sent(self, cells, sentence):
        """The row is refused, and nothing of it is quoted or sent."""

        async def act(connector):
            return await connector.start(evolve(ALMA, **cells))

        error, heard = asked([], act)
        assert isinstance(error, InquiryRefused)
        assert sentence in str(error)
        assert heard == []

    def test_how_it_is_sent(self):
        """A form, by POST that stands for GET; nothing of the demonstration in it."""
        _, (heard,) = asked([http_answer(done())], start)
        assert (heard.method, heard.path) == ("POST", "/v1/claim-statuses")
        assert heard.headers["x-http-method-override"] == "GET"
        assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
        assert "x-api-mock-scenario-id" not in heard.headers
        assert dict(parse_qsl(heard.body.decode()))["patient.birthDate"] == "1972-03-04"


class TestTicket:
    """What is kept of an inquiry that was taken."""

    def test_the_documented_one(self):
        """Its link's path below the base path, for as long as the payer says."""
        assert ticket_of(TAKEN, "", URL) == Ticket("claim-statuses/900000001", 86400)

    def test_it_is_started_polled_and_deleted(self):
        """By its own address, with no body."""
        body = taken(links={"self": {"href": "/v1/claim-statuses/900000001"}})
        ticket, _ = asked([http_answer(body, 202)], start)
        assert ticket == Ticket("claim-statuses/900000001", 86400)
        assert asked([http_answer({}, 202)], poll)[0] is None
        answer, (heard,) = asked([http_answer(DONE)], poll)
        assert isinstance(answer, Answer)
        assert (heard.method, heard.path) == ("GET", "/v1/claim-statuses/900000001")
        assert "x-http-method-override" not in heard.headers
        outcome, (heard,) = asked([http_answer({})], discard)
        assert outcome is None
        assert (heard.method, heard.path) == ("DELETE", "/v1/claim-statuses/900000001")

    def test_the_base_path_is_a_setting(self):
        """Also of what is asked for later."""
        _, heard = asked([http_answer(taken(links=None), 202), http_answer(DONE)], inquire, base="/availity/v1/")
        assert [each.path for each in heard] == ["/availity/v1/claim-statuses", "/availity/v1/claim-statuses/900000001"]

    @pytest.mark.parametrize(
        ("body", "location", "path"),
        [
            (TAKEN, "/v1/claim-statuses/2", "claim-statuses/900000001"),
            (taken(links=None), "/v1/claim-statuses/2", "claim-statuses/2"),
            (taken(links={}), "https://api.availity.com/v1/claim-statuses/2?x=1#y", "claim-statuses/2"),
            (taken(links={"self": None}), "", "claim-statuses/900000001"),
            (taken(links=None, id=7), "", "claim-statuses/7"),
            ({}, "/v1/elsewhere/2", "elsewhere/2"),
            (done(statusCode="0", links={"self": {"href": "/v1/claim-statuses/3"}}), "", "claim-statuses/3"),
            (done(statusCode="0", claimStatuses=[]), "", "claim-statuses/900000001"),
        ],
    )
    def test_where_its_id_is_found(self, body, location, path):
        """Its own link, else the header, else its id."""
        assert ticket_of(body, location, URL).id == path

    @pytest.mark.parametrize(
        "href",
        [
            "https://elsewhere.example/v1/claim-statuses/1",
            "//elsewhere.example/v1/claim-statuses/1",
            "https://api.availity.com:8443/v1/claim-statuses/1",
            "https://api.availity.com.elsewhere.example/v1/claim-statuses/1",
            "https://api.availity.com@elsewhere.example/v1/claim-statuses/1",
            "https://api.availity.com/v2/claim-statuses/1",
            "https://api.availity.com/v1/",
            "https://api.availity.com/v1",
            "https://api.availity.com/v1/../admin",
            "https://api.availity.com/v1/%2e%2e/admin",
            "https://api.availity.com/v1/..%2Fadmin",
            "https://api.availity.com/v1/claim-statuses/.hidden",
            "https://api.availity.com/v1/claim-statuses//1",
            "https://api.availity.com:port/v1/claim-statuses/1",
            "http://[::1/v1",
            "mailto:somebody",
        ],
    )
    @pytest.mark.parametrize("where", ["links", "location"])
    def test_a_link_to_elsewhere_is_not_followed(self, href, where):
        """Another host, another port or outside the base path: no token of ours goes there."""
        body, location = (taken(links={"self": {"href": href}}), "") if where == "links" else (taken(links=None), href)
        with pytest.raises(AnswerNotUnderstood):
            ticket_of(body, location, URL)

    @pytest.mark.parametrize(
        "body",
        [{}, [], {"claimStatuses": []}, {"claimStatuses": ["CANARY"]}, taken(links=None, id=None),
         taken(links=None, id="../CANARY"), taken(links=["CANARY"]), taken(links={"self": {"href": ["CANARY"]}})],
    )  # fmt: skip
    def test_what_names_no_look_up(self, body):
        """It cannot be asked for, and nothing of it is quoted."""
        with pytest.raises(AnswerNotUnderstood) as refused:
            ticket_of(body, "", URL)
        assert "CANARY" not in str(refused.value)

    @pytest.mark.parametrize(
        ("fields", "seconds"),
        [
            ({"expirationDate": "2026-01-05T10:00:00.000+0000"}, 1800),
            ({"expirationDate": "2026-01-05T10:00:00.000-0100"}, 5400),
            ({"expirationDate": "2026-01-05T10:00:00"}, 86400),
            ({"expirationDate": "2026-01-05T09:30:00.000+0000"}, 86400),
            ({"expirationDate": "tomorrow"}, 86400),
            ({"createdDate": None}, 86400),
        ],
    )
    def test_how_long_it_is_kept(self, fields, seconds):
        """From its own dates; a day where they tell nothing that can be."""
        assert ticket_of(taken(**fields), "", URL).seconds == seconds

    def test_it_does_not_show_its_id(self):
        """As it names a patient's look-up."""
        assert "900000001" not in repr(ticket_of(TAKEN, "", URL))


class TestStart:
    """What comes of sending an inquiry."""

    @pytest.mark.parametrize(
        "answer",
        [
            http_answer(taken(links=None), 202),
            http_answer(b"", 202, Location="/v1/claim-statuses/900000001"),
            http_answer(taken(links=None)),
            http_answer(taken(links=None, statusCode="4")),
            http_answer(done(statusCode="0", claimStatuses=[])),
            http_answer(done(statusCode="R1", claimStatuses=None), 200, Location="/v1/claim-statuses/900000001"),
        ],
    )
    def test_a_look_up_that_goes_on_is_a_ticket(self, answer):
        """Said by the status 202, by a list of look-ups, or by a look-up's own state."""
        ticket, _ = asked([answer], start)
        assert ticket == Ticket("claim-statuses/900000001", 86400)

    def test_the_answer_may_come_at_once(self):
        """With status 200."""
        answer, _ = asked([http_answer(DONE)], start)
        assert len(answer.claims) == 1

    @pytest.mark.parametrize(
        ("body", "lists"),
        [(TAKEN, True), (DONE, False), ([], False), ({}, False), ({"claimStatuses": [{}]}, False),
         ({"claimStatuses": [{"id": "1", "statusDetails": []}]}, False)],
    )  # fmt: skip
    def test_a_list_of_look_ups_is_told_from_one_of_claims(self, body, lists):
        """By ids and links, which claims have not."""
        assert lists_look_ups(body) == lists

    @pytest.mark.parametrize("status", [404, 405, 406, 409, 410, 415])
    def test_what_is_wrong_with_every_request_ends_the_job(self, status):
        """No row could mend it."""
        error, _ = asked([http_answer({}, status)], start)
        assert isinstance(error, AccessRefused)
        assert f"[HTTP {status}]" in str(error)

    def test_a_look_up_without_a_claim_list_is_not_an_answer(self):
        """Nor is a page with status 202."""
        assert isinstance(asked([http_answer({"totalCount": 0, "claimStatuses": []})], start)[0], AnswerNotUnderstood)
        assert isinstance(asked([http_answer(b"<html>", 202)], start)[0], AnswerNotUnderstood)


class TestPoll:
    """What comes of asking for the answer."""

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_look_up_that_is_gone(self, status):
        """It is sent anew by the caller; whoever deletes it has what he wanted."""
        assert isinstance(asked([http_answer({}, status)], poll)[0], TicketGone)
        assert asked([http_answer({}, status)], discard)[0] is None

    def test_a_payer_that_is_down(self):
        """It is asked again after a while."""
        error, _ = asked([http_answer({}, 503)], poll)
        assert (type(error), error.code) == (PayerUnavailable, "payer_down")

    def test_a_look_up_that_has_failed_is_given_up(self):
        """It is deleted, whether or not that works, so that asking again sends the inquiry anew."""
        failed = http_answer(done(statusCode="14", claimStatuses=[]))
        for deleted in (http_answer({}), http_answer({}, 500)):
            error, heard = asked([failed, deleted], poll)
            assert (type(error), error.code) == (PayerUnavailable, "look_up_failed")
            assert [each.method for each in heard] == ["GET", "DELETE"]
        error, heard = asked([http_answer(done(statusCode="X", claimStatuses=[]))], poll)
        assert (type(error), error.code) == (PayerUnavailable, "payer_unavailable")

    def test_refused_data_name_the_field(self):
        """With the payer's words, and nothing of the row."""
        for status in (400, 422):
            error, _ = asked([http_answer(REFUSED, status)], poll)
            assert isinstance(error, InquiryRefused)
            assert f"[HTTP {status}] [SIMCODE] patient.birthDate: must be a date" in str(error)

    def test_access_that_is_refused(self):
        """401 renews the token, 403 ends the job."""
        assert isinstance(asked([http_answer({}, 403)], poll)[0], AccessRefused)

    @pytest.mark.parametrize("status", [202, 200])
    def test_a_look_up_that_goes_on(self, status):
        """Whether the status says so, or the state of the look-up."""
        assert asked([http_answer(done(statusCode="R1", claimStatuses=[]), status)], poll)[0] is None

    @pytest.mark.parametrize(
        ("headers", "trace"),
        [
            ({"X_Global_Transaction_ID": "G1", "X_Availity_Transaction_ID": "A1"}, "G1"),
            ({"X_Availity_Transaction_ID": "A1"}, "A1"),
            ({"X_Global_Transaction_ID": "not an id"}, ""),
            ({}, ""),
        ],
    )
    def test_the_payers_id_for_the_exchange(self, headers, trace):
        """From the headers, to quote when calling them."""
        for act in (start, poll):
            answer, _ = asked([http_answer(DONE, **headers)], act)
            assert answer.trace == trace


class TestInquire:
    """All in one call, for a host that asks for one claim."""

    def test_it_asks_once_for_the_answer(self):
        """And brings it."""
        answer, heard = asked([http_answer(taken(links=None), 202), http_answer(DONE)], inquire)
        assert [each.method for each in heard] == ["POST", "GET"]
        assert len(answer.claims) == 1

    @pytest.mark.parametrize("second", [http_answer({}, 202), http_answer({}, 404)])
    def test_no_answer_yet(self, second):
        """It is to be tried again."""
        error, _ = asked([http_answer(taken(links=None), 202), second], inquire)
        assert isinstance(error, PayerUnavailable)
        assert str(error) == "The payer is still at work on this inquiry; try again later."


class TestCannedAnswers:
    """What the demonstration says is no payer's answer."""

    @pytest.mark.parametrize(
        ("act", "status"), [(start, 200), (start, 202), (start, 400), (poll, 200), (poll, 202), (poll, 404)]
    )
    def test_one_ends_a_live_job(self, act, status):
        """Whatever it says."""
        error, _ = asked([http_answer(DONE, status, X_Api_Mock_Response="true")], act)
        assert isinstance(error, AccessRefused)
        assert "canned" in str(error)

    def test_in_a_demonstration_they_are_welcome(self):
        """And chosen by a header."""
        canned = http_answer(DONE, X_Api_Mock_Response="true")
        for act in (start, poll):
            answer, (heard,) = asked([canned], act, demo=True, mock_scenario="CS-1")
            assert isinstance(answer, Answer)
            assert heard.headers["x-api-mock-scenario-id"] == "CS-1"
        assert isinstance(asked([canned], start, demo=True)[0], Answer)
        assert isinstance(asked([http_answer(DONE, X_Api_Mock_Response="false")], start)[0], Answer)


class TestReading:
    """What a look-up that is over says."""

    def test_the_documented_answer(self):
        """Every field that the results have is read."""
        (found,) = read_answer(DONE, ALMA, settings()).claims
        assert (found.category_code, found.status_code, found.entity_code) == ("F1", "65", "")
        assert (found.total_charged, found.total_paid) == (Decimal(240), Decimal("180.5"))
        assert (found.processed_date, found.effective_date) == (date(2025, 12, 5), date(2025, 12, 5))
        assert found.service_dates == (date(2025, 11, 14), date(2025, 11, 14))
        assert (found.first_name, found.last_name, found.date_of_birth) == ("ALMA", "TESTER", date(1972, 3, 4))
        assert (found.payer_claim_number, found.patient_account_number) == ("PCN7000001", "ACCT-7")
        assert (found.subscriber_id, found.reasons) == ("ZX00012345", ())

    @pytest.mark.parametrize(
        ("details", "category", "reasons"),
        [
            ([("F2", "2025-12-05"), ("F1", "2025-12-05")], "F2", ("F1:65",)),
            ([("P1", "2025-11-20"), ("F1", "2025-12-05")], "F1", ("P1:65",)),
            ([("P1", None), ("F1", "2025-12-05T05:00:00.000+0000"), ("P1", None)], "F1", ("P1:65",)),
            ([("F1", None), ("F1", None)], "F1", ()),
            ([(None, "2025-12-06"), ("a2", "2025-12-05")], "A2", ()),
        ],
    )
    def test_of_several_statuses_the_latest_counts(self, details, category, reasons):
        """Of one day the first; the others are reasons, each once."""
        told_of = [{"categoryCode": one, "statusCode": "65", "effectiveDate": day} for one, day in details]
        (found,) = read_answer(claim(*told_of), ALMA, settings()).claims
        assert (found.category_code, found.reasons) == (category, reasons)

    def test_what_is_null_is_blank(self):
        """Anything may be, but the category; without a patient the subscriber is the patient."""
        body = claim({"categoryCode": "F1", "statusCode": None}, fromDate="2025-11-14")
        (found,) = read_answer(body | {"patient": None}, ALMA, settings()).claims
        assert (found.status_code, found.total_paid, found.last_name) == ("", None, "TESTER")
        assert found.service_dates == (date(2025, 11, 14), date(2025, 11, 14))
        (found,) = read_answer(body | {"patient": None, "subscriber": None}, ALMA, settings()).claims
        assert (found.last_name, found.subscriber_id) == ("", "")

    @pytest.mark.parametrize(
        ("codes", "expected"),
        [
            (["E0:24:85"], [("E0", "24", "85")]),
            (["A1:19", "E1:0"], [("E1", "0", "")]),
            (["D0:35"], [("D0", "35", "")]),
            (["A4:35"], [("A4", "35", "")]),
        ],
    )
    def test_what_is_said_of_the_provider_alone(self, codes, expected):
        """It stands for the claim where there is none, and is never passed over for "not found"."""
        answer = read_answer(rejected(*codes), ALMA, settings(), "G1")
        assert [(one.category_code, one.status_code, one.entity_code) for one in answer.claims] == expected
        assert answer.trace == "G1"

    def test_what_is_said_of_the_submitter_alone(self):
        """Likewise; and one provider may stand without a list."""
        detail = {"categoryCode": "E0", "statusCode": "24"}
        body = done(claimStatuses=None, submitter={"statusDetails": [detail]}, providers={"lastName": "CLINIC"})
        (found,) = read_answer(body, ALMA, settings()).claims
        assert found.category_code == "E0"

    def test_beside_a_claim_it_means_nothing(self):
        """What is said of the claim counts."""
        (found,) = read_answer(rejected("E0:24") | {"claimStatuses": DONE["claimStatuses"]}, ALMA, settings()).claims
        assert found.category_code == "F1"

    @pytest.mark.parametrize(("code", "said"), [("A3:24:85", " [A3:24:85]"), ("A8:TESTER:", " [A8]")])
    def test_a_provider_that_is_rejected(self, code, said):
        """No claim was looked for, and none is "not found"."""
        with pytest.raises(InquiryRefused) as refused:
            read_answer(rejected("A1:19", code), ALMA, settings())
        assert str(refused.value) == (
            f"The payer rejected who asks, so no claim was looked for; check provider ids.{said}"
        )

    @pytest.mark.parametrize("state", ["0", "1", "R", "R1", "r2"])
    def test_states_that_go_on(self, state):
        """There is no answer yet."""
        assert read_answer(done(claimStatuses=[], statusCode=state), ALMA, settings()) is None

    @pytest.mark.parametrize(
        ("error", "state", "said"),
        [
            (PayerUnavailable, "7", "[7]"),
            (PayerUnavailable, "13", "[13]"),
            (PayerUnavailable, "14", "[14]"),
            (PayerUnavailable, 15, "[15]"),
            (PayerUnavailable, "E2", "[E2]"),
            (PayerUnavailable, "TESTER", "later."),
            (InquiryRefused, "19", "[19]"),
        ],
    )
    def test_states_that_have_failed(self, error, state, said):
        """Transient but for one; none of them is "not found"."""
        for claims in ([], None):
            with pytest.raises(error) as refused:
                read_answer(done(claimStatuses=claims, statusCode=state), ALMA, settings())
            assert str(refused.value).endswith(said)

    def test_what_states_mean_is_a_setting(self):
        """As it is not confirmed; claims are read whatever the state."""
        body = done(claimStatuses=[], statusCode="R5")
        assert read_answer(body, ALMA, settings(complete_codes=frozenset({"R5"}))).claims == ()
        with pytest.raises(PayerUnavailable):
            read_answer(done(claimStatuses=[]), ALMA, settings(complete_codes=frozenset()))
        with pytest.raises(PayerUnavailable) as failed:
            read_answer(done(claimStatuses=[], statusCode="E5"), ALMA, settings(failed_codes=frozenset({"E5"})))
        assert failed.value.code == "look_up_failed"
        with pytest.raises(InquiryRefused):
            read_answer(done(claimStatuses=[], statusCode="7"), ALMA, settings(refused_codes=frozenset({"7"})))
        assert len(read_answer(done(statusCode="19"), ALMA, settings()).claims) == 1

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            done(claimStatuses=None),
            done(claimStatuses={}),
            done(claimStatuses=[], statusCode=None),
            done(claimStatuses=[], statusCode=["CANARY"]),
            done(claimStatuses=["CANARY"]),
            done(patient=["CANARY"]),
            done(claimStatuses=[], providers=["CANARY"]),
            rejected("A1:CANARY"),
            claim(),
            claim("CANARY"),
            claim({"categoryCode": "", "status": "CANARY"}),
            claim({"categoryCode": "F1", "claimAmount": "CANARY"}),
            claim({"categoryCode": "F1", "effectiveDate": "CANARY"}),
            done(claimStatuses=[{"statusDetails": "CANARY"}]),
            TAKEN,
        ],
    )
    def test_what_is_no_answer(self, body):
        """Nothing of it is "not found", and nothing of it gets into a sentence."""
        with pytest.raises(AnswerNotUnderstood) as refused:
            read_answer(body, ALMA, settings())
        assert "CANARY" not in str(refused.value)

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            (REFUSED, "SIMCODE", "patient.birthDate: must be a date"),
            (b'{"errors": [{"field": "claimNumber", "errorMessage": "PCN7000001 is unknown"}, 5, {"code": "C"}]}',
             "C", "claimNumber: … is unknown"),
            (b'{"errors": [{"field": 5}], "userMessage": "ALMA is unknown"}', "", "… is unknown"),
            (b'{"errors": "no", "userMessage": 5}', "", ""),
            (b"[]", "", ""),
            (b"<html>", "", ""),
        ],
    )  # fmt: skip
    def test_what_an_error_body_tells(self, body, code, message):
        """Fields and the payer's words, without anything of the row."""
        said = told(Reply(400, {}, body), ALMA)
        assert (said.code, said.message) == (code, message)


class TestSettings:
    """What it is told."""

    @pytest.mark.parametrize(
        ("others", "sentence"),
        [
            ({"client_id": ""}, "client_id is missing"),
            ({"provider_name": ""}, "provider_name is missing"),
            ({"provider_name": "A*B"}, "provider_name is to hold at most 60 characters"),
            ({"submitter_name": "A" * 61}, "submitter_name is to hold"),
            ({"submitter_id": "~"}, "submitter_id is to hold"),
            ({"claim_number_kind": "own"}, "claim_number_kind is to be payer or patient_account"),
            ({"relationship": "self"}, "relationship is to be 18, 01, 19 or G8"),
            ({"mock_scenario": "CS-1"}, "mock_scenario needs demo beside it"),
            ({"mock_scenario": "CS\n1", "demo": True}, "mock_scenario is to hold printable ASCII"),
            ({"mock_scenario": "CSé", "demo": True}, "mock_scenario is to hold printable ASCII"),
            ({"base_url": "ftp://example"}, "base_url"),
            ({"max_in_flight": 0}, "max_in_flight"),
        ],
    )
    def test_settings_that_cannot_be(self, others, sentence):
        """They are refused when the host starts."""
        with pytest.raises(SettingsWrong, match=sentence):
            AvailityConnector(settings(**others))

    def test_addresses_and_scopes(self):
        """The documented ones unless others are given."""
        assert str(settings().token_url) == "https://api.availity.com/v1/token"
        assert settings().token_scope == "healthcare-hipaa-transactions healthcare-hipaa-transactions-standard"
        assert settings(demo=True).token_scope == TOKEN["scope"]
        assert settings(scope="hipaa", demo=True).token_scope == "hipaa"

    def test_the_token(self):
        """It is bought with a form, and sent with each request; the secret is in no repr and in no error."""

        async def script(heard):
            return http_answer(TOKEN) if heard.path == "/v1/token" else http_answer({}, 401)

        async def run():
            async with ScriptedPayer(script) as payer:
                connector = AvailityConnector(settings(f"{payer.url}/v1"))
                await connector.prepare()
                try:
                    with pytest.raises(AccessExpired) as expired:
                        await connector.start(ALMA)
                finally:
                    await connector.aclose()
                return expired.value, payer.heard

        error, (bought, sent) = asyncio.run(run())
        assert dict(parse_qsl(bought.body.decode())) == {
            "grant_type": "client_credentials",
            "client_id": "simulator",
            "client_secret": "try-me",
            "scope": settings().token_scope,
        }
        assert sent.headers["authorization"] == "Bearer SIMTOKEN"
        assert "try-me" not in f"{settings()!r} {error!r}"
        assert "SIMTOKEN" not in repr(error)

    def test_what_it_can_do(self):
        """It needs a payer, and a provider's id of either kind; its limits are passed on."""
        can = AvailityConnector(settings(max_in_flight=3, in_flight_in_all=8, account="north")).capabilities
        assert can.needs == (frozenset({"payer_id"}), frozenset({"npi", "tin"}))
        assert (can.account, can.max_in_flight, can.in_flight_in_all) == ("north", 3, 8)
        assert can.page_size is None
        assert can.searches_without_number


ENDINGS = [ending for ending in SCENARIOS if ending != "-SLOW"]
LINES = [f"PCN700{number:04}{ending},ALMA,TESTER,03/04/1972,ZX{number:05}" for number, ending in enumerate(ENDINGS)]
FILE = "\n".join(["claim_number,first_name,last_name,date_of_birth,subscriber_id", *LINES]).encode()


def outcomes(connector, file=FILE):
    """Status and success of every scenario, through the whole path."""
    with BulkClaims(MemoryRepository(), LookupProcessor(connector, retry=QUICK)) as bulk:
        defaults = {"payer_id": "87726", "npi": "1999999984", "tin": "123456789"}
        job = bulk.submit(io.BytesIO(file), filename="claims.csv", owner=Owner("ACME"), defaults=defaults)
        bulk.wait("ACME", job.id, timeout=60)
        text = b"".join(bulk.results("ACME", job.id)).decode()
    return {row["claim_number"][10:]: (row["status"], row["success"]) for row in csv.DictReader(io.StringIO(text))}


@pytest.fixture
def _quick_polls(monkeypatch):
    """The simulator is not at work for long."""
    monkeypatch.setattr(tickets, "WAITS", (0.05,))


@pytest.mark.usefixtures("_quick_polls")
def test_every_scenario_comes_to_what_it_does_elsewhere():
    """One file, asked of Stedi and of Availity, has the same statuses."""
    with PayerSimulator(SimulatorSettings(retry_after=0)) as payer:
        stedi = StediSettings(organization_name="Clinic", api_key=Secret("try-me"), base_url=payer.url)
        expected = outcomes(StediConnector(stedi))
    with PayerSimulator(SimulatorSettings(dialect="availity", retry_after=0)) as payer:
        assert outcomes(AvailityConnector(settings(f"{payer.url}/v1"))) == expected
    assert expected["-PAID"] == ("Finalized", "True")
    assert expected["-NF"] == ("Not Found", "False")


@pytest.mark.usefixtures("_quick_polls")
def test_its_own_scenarios_through_the_whole_path():
    """An answer at once, one that takes longer, one that is gone and sent anew, and one about the provider."""
    endings = ("-IMMEDIATE", "-R1", "-GONE", "-PROVREJ")
    lines = [f"PCN7000009{ending},ALMA,TESTER,03/04/1972,ZX00012345" for ending in endings]
    file = "\n".join([FILE.decode().partition("\n")[0], *lines]).encode()
    with PayerSimulator(SimulatorSettings(dialect="availity")) as payer:
        found = outcomes(AvailityConnector(settings(f"{payer.url}/v1")), file)
        assert sorted(payer.requests) == sorted(f"PCN7000009{ending}" for ending in (*endings, "-GONE"))
    assert found == {
        "-IMMEDIATE": ("Finalized", "True"),
        "-R1": ("Finalized", "True"),
        "-GONE": ("Finalized", "True"),
        "-PROVREJ": ("Error", "False"),
    }
