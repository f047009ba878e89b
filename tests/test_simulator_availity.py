"""The simulated Availity, asked over real HTTP: look-ups that take their time, and every refusal."""

import re
from pathlib import Path

import httpx
import pytest

from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings
from bulkclaims.testing.simulator.availity import AVAILITY_SCENARIOS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "simulator.md"
STANDARD = "healthcare-hipaa-transactions healthcare-hipaa-transactions-standard"
FORM = {
    "payer.id": "SIMPAYER",
    "submitter.lastName": "SAMPLE BILLING LLC",
    "providers.lastName": "SAMPLE CLINIC PC",
    "providers.npi": "1999999984",
    "subscriber.memberId": "ZX00012345",
    "patient.lastName": "TESTER",
    "patient.firstName": "ALMA",
    "patient.birthDate": "1972-03-04",
    "patient.subscriberRelationshipCode": "18",
    "fromDate": "2025-11-01",
    "toDate": "2025-11-30",
}
OVERRIDE = {"X-HTTP-Method-Override": "GET"}


def bearer(payer, scope=STANDARD, **others):
    """Buy a token; gives the header that shows it."""
    form = {"client_id": "simulator", "client_secret": "try-me", "grant_type": "client_credentials", "scope": scope}
    reply = payer.post("/v1/token", data=form | others)
    return {"Authorization": f"Bearer {reply.raise_for_status().json()['access_token']}"}


def post(client, claim_number="PCN1-PAID", headers=OVERRIDE, **fields):
    """Send an inquiry; a field that is None is left out."""
    form = {**FORM, "claimNumber": claim_number, **fields}
    return client.post(
        "/v1/claim-statuses", data={name: text for name, text in form.items() if text is not None}, headers=headers
    )


def link(reply):
    """Where the look-up of an inquiry is."""
    (look_up,) = reply.json()["claimStatuses"]
    return look_up["links"]["self"]["href"]


@pytest.fixture(scope="module")
def simulator():
    """A simulated Availity."""
    with PayerSimulator(SimulatorSettings(dialect="availity")) as payer:
        yield payer


@pytest.fixture
def client(simulator):
    """Somebody with a token for it."""
    with httpx.Client(base_url=simulator.url) as client:
        client.headers.update(bearer(client))
        yield client


def test_a_search_without_a_number_finds_nothing(client):
    """Without a book, and whether it names days or not."""
    for days in ({}, {"toDate": None}, {"fromDate": None, "toDate": None}):
        taken = post(client, None, **days)
        answers = [client.get(link(taken)) for _ in range(2)]
        (claim,) = answers[-1].json()["claimStatuses"]
        assert claim["statusDetails"][0]["categoryCode"] == "D0"


class TestLookUps:
    """An inquiry is taken, and answered at the second poll."""

    def test_from_the_inquiry_to_its_deletion(self, client, simulator):
        """Only the inquiry counts as a look-up."""
        taken = post(client, "PCN7-PAID")
        assert taken.status_code == 202
        assert taken.json()["claimStatuses"][0]["statusCode"] == "0"
        first, second = client.get(link(taken)), client.get(link(taken))
        assert (first.status_code, first.json()["claimStatuses"]) == (202, [])
        assert (second.status_code, second.json()["statusCode"]) == (200, "4")
        (claim,) = second.json()["claimStatuses"]
        assert (claim["claimControlNumber"], claim["statusDetails"][0]["categoryCode"]) == ("PCN7-PAID", "F1")
        assert second.json()["patient"]["birthDate"] == "1972-03-04"
        assert client.delete(link(taken)).status_code == 200
        assert client.delete(link(taken)).status_code == 404
        assert client.get(link(taken)).status_code == 404
        assert simulator.requests.count("PCN7-PAID") == 1

    @pytest.mark.parametrize(
        ("ending", "states"),
        [
            ("-SLOWPOLL", [(202, "0"), (202, "0"), (202, "0")]),
            ("-R1", [(202, "0"), (200, "R1"), (200, "4")]),
            ("-GONE", [(404, 404), (404, 404), (404, 404)]),
            ("-DOWN", [(503, 503), (503, 503), (503, 503)]),
            ("-PROVREJ", [(202, "0"), (200, "4"), (200, "4")]),
        ],
    )
    def test_its_own_scenarios(self, client, ending, states):
        """What is said poll by poll."""
        href = link(post(client, f"PCN8{ending}"))
        replies = [client.get(href) for _ in states]
        assert [(reply.status_code, reply.json()["statusCode"]) for reply in replies] == states

    def test_an_inquiry_that_is_gone_can_be_sent_anew(self, client):
        """And is answered then."""
        hrefs = [link(post(client, "PCN9-GONE")) for _ in range(2)]
        assert [client.get(href).status_code for href in hrefs] == [404, 202]
        assert client.get(hrefs[1]).json()["claimStatuses"][0]["statusDetails"][0]["categoryCode"] == "F1"

    def test_an_answer_that_comes_at_once(self, client):
        """With status 200, and not as a list of look-ups."""
        reply = post(client, "PCN8-IMMEDIATE")
        assert (reply.status_code, reply.json()["statusCode"]) == (200, "4")
        assert reply.json()["claimStatuses"][0]["statusDetails"][0]["paymentAmount"] != "0"

    def test_a_provider_that_is_not_approved(self, client):
        """No claim, and the reason beside the provider."""
        href = link(post(client, "PCN8-PROVREJ"))
        body = [client.get(href) for _ in range(2)][1].json()
        (detail,) = body["providers"][0]["statusDetails"]
        assert (detail["categoryCode"], detail["statusCode"], detail["entityCode"]) == ("E0", "24", "85")
        assert body["claimStatuses"] == []

    def test_reasons_and_numbers(self, client):
        """Two statuses of a denied claim; the provider's own number of the claim asked for, and of no other."""

        def claims(ending):
            href = link(post(client, None, **{"patient.accountNumber": f"ACCT7{ending}"}))
            return [client.get(href) for _ in range(2)][1].json()["claimStatuses"]

        (denied,) = claims("-DENY")
        assert [each["statusCode"] for each in denied["statusDetails"]] == ["585", "107"]
        assert [claim.get("patientControlNumber") for claim in claims("-MULTI")] == [None, "ACCT7-MULTI"]
        assert "claimControlNumber" not in claims("-NF")[0]

    def test_the_page_lists_exactly_these(self):
        """The table in the docs has a line for each scenario, and no other."""
        section = PAGE.read_text(encoding="utf-8").partition("## Availity")[2].partition("\n## ")[0]
        assert sorted(re.findall(r"^\| `(-\w+)` \|", section, re.MULTILINE)) == sorted(AVAILITY_SCENARIOS)


class TestRefusals:
    """It refuses what the real one would."""

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("payer.id", None),
            ("payer.id", "00000"),
            ("providers.lastName", None),
            ("providers.npi", None),
            ("providers.npi", "12"),
            ("providers.taxId", "12-3456789"),
            ("subscriber.memberId", None),
            ("patient.lastName", "TEST*ER"),
            ("patient.firstName", ""),
            ("patient.birthDate", "03/04/1972"),
            ("patient.birthDate", "1972-02-30"),
            ("patient.birthDate", None),
            ("patient.genderCode", "female"),
            ("patient.subscriberRelationshipCode", "20"),
            ("fromDate", "20251101"),
            ("toDate", "2025-10-31"),
            ("claimAmount", "12,50"),
            ("colour", "red"),
        ],
    )
    def test_fields(self, client, field, text):
        """One that is missing, misshapen or unknown is named, and its value is not."""
        reply = post(client, **{field: text})
        assert reply.status_code == 400
        assert field in {error["field"] for error in reply.json()["errors"]}

    def test_fields_that_are_good(self, client):
        """With a tax id in place of the NPI, without dates, with an amount."""
        fields = {"providers.npi": None, "providers.taxId": "123456789", "fromDate": None, "toDate": None}
        assert post(client, claimAmount="12.50", **fields).status_code == 202

    @pytest.mark.parametrize("body", ["claimNumber", "claimNumber=1&claimNumber=2", "claimNumber=\u00e9", ""])
    def test_what_is_no_form(self, client, body):
        """Or names a field twice."""
        headers = OVERRIDE | {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/v1/claim-statuses", content=body.encode(), headers=headers).status_code == 400

    def test_routes_and_methods(self, client):
        """A POST has to say that it stands for GET."""
        assert client.post("/v1/claim-statuses", json={}, headers=OVERRIDE).status_code == 415
        assert post(client, headers={}).status_code == 405
        assert client.get("/v1/claim-statuses", headers=OVERRIDE).status_code == 405
        assert client.post("/v1/claim-statuses/1").status_code == 405
        assert client.get("/v1/elsewhere").status_code == 404
        assert client.get("/v1/claim-statuses/1").status_code == 404

    def test_tokens(self, client):
        """One of the demonstration is good too; one of another product is not, nor none."""
        assert post(client, headers=OVERRIDE | {"Authorization": "Bearer nobody's"}).status_code == 401
        demo = bearer(client, "healthcare-hipaa-transactions healthcare-hipaa-transactions-demo")
        assert post(client, headers=OVERRIDE | demo).status_code == 202
        for scope in ("healthcare-hipaa-transactions", ""):
            reply = post(client, headers=OVERRIDE | bearer(client, scope))
            assert (reply.status_code, reply.json()["statusCode"]) == (403, 403)
        with pytest.raises(httpx.HTTPStatusError):
            bearer(client, client_secret="wrong")

    @pytest.mark.parametrize(("ending", "status"), [("-429", 429), ("-500", 500), ("-503", 503), ("-504", 504)])
    def test_trouble(self, client, ending, status):
        """It comes in place of a ticket."""
        reply = post(client, f"PCN8{ending}")
        assert (reply.status_code, reply.json()["statusCode"]) == (status, status)

    def test_a_syntax_rejection_is_an_error_status(self, client):
        """Unlike elsewhere."""
        assert post(client, "PCN8-999").status_code == 400
