"""A claim that its number does not find is searched for by patient and dates of service, at every payer that can."""

from __future__ import annotations

import asyncio
import json
from datetime import date

import httpx
import pytest
from attrs import evolve
from lookups import context, results

from bulkclaims.errors import InquiryRefused
from bulkclaims.lookup import (
    AvailityConnector,
    AvailitySettings,
    LookupProcessor,
    OptumRealConnector,
    OptumRealSettings,
    RetryPolicy,
    StediConnector,
    StediSettings,
    UhcConnector,
    UhcSettings,
    X12Route,
    tickets,
)
from bulkclaims.lookup.x12 import Party, X12Connector, X12Settings
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry, Row
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

COLUMNS = (
    "claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id", "first_service_date",
    "patient_account_number",
)  # fmt: skip
OURS = "ACCT7-NF"
"""The provider's own number, which stands where the payer's number should: the payer finds nothing by it."""
BOOK = f"""{",".join(COLUMNS)}
PCN7-PAID,ALMA,TESTER,03/04/1972,ZX00012345,11/14/2025,{OURS}
PCN8-PAID,ALMA,TESTER,03/04/1972,ZX00012345,09/14/2025,ACCT8
PCN9-PAID,BENNO,TESTER,06/07/1985,ZX00012345,11/14/2025,ACCT9
"""
DEFAULTS = {"payer_id": "99999", "tin": "12-3456789"}
SECRET = Secret("try-me")
ROUTE = X12Route(
    sender=Party("SENDERID"), receiver=Party("RECEIVERID"), submitter_name="SAMPLE BILLING LLC", submitter_id="SB0001"
)  # fmt: skip
STEDI = StediSettings(organization_name="SAMPLE CLINIC PC", api_key=SECRET)
OPTUM = StediSettings(organization_name="SAMPLE CLINIC PC", face="optum", client_id="simulator", client_secret=SECRET)
AVAILITY = AvailitySettings(client_id="simulator", client_secret=SECRET, provider_name="SAMPLE CLINIC PC")
OPTUM_REAL = OptumRealSettings(client_id="simulator", client_secret=SECRET)
PAYERS = {
    "stedi": ("stedi", lambda url: StediConnector(evolve(STEDI, base_url=url))),
    "stedi by X12": ("stedi", lambda url: StediConnector(evolve(STEDI, base_url=url, x12=ROUTE))),
    "optum": ("optum", lambda url: StediConnector(evolve(OPTUM, base_url=url))),
    "optum by X12": ("optum", lambda url: StediConnector(evolve(OPTUM, base_url=url, x12=ROUTE))),
    "availity": ("availity", lambda url: AvailityConnector(evolve(AVAILITY, base_url=f"{url}/v1"))),
    "optum-real": ("optum-real", lambda url: OptumRealConnector(evolve(OPTUM_REAL, base_url=url))),
}
EVERY_PAYER = pytest.mark.parametrize("name", PAYERS)


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    """Tickets are polled at once."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))


@pytest.fixture
def book(tmp_path):
    """A file of the claims that the payer has."""
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return path


def looked_up(name, book, log=None, claim_number=OURS, service_date="11/14/2025", **options):
    """Look one row up at a simulated payer; gives its result and the numbers that were asked for."""
    dialect, connect = PAYERS[name]
    cells = (claim_number, "Alma", "Tester", "03/04/1972", "zx00012345", service_date, "")

    async def run(url):
        processor = LookupProcessor(connect(url), retry=RetryPolicy(attempts=1), **options)
        try:
            return await results(processor, [Row(1, COLUMNS, cells)], context(defaults=DEFAULTS))
        finally:
            await processor.aclose()

    with PayerSimulator(SimulatorSettings(dialect=dialect, claims=book, log=log)) as payer:
        found, problem = asyncio.run(run(payer.url))
        assert problem is None
        return found[1], list(payer.requests)


@EVERY_PAYER
def test_it_is_found_by_patient_and_days(name, book, tmp_path):
    """The number is asked for, then the patient's claims of these days; the log shows both."""
    log = tmp_path / "log.jsonl"
    result, asked = looked_up(name, book, log, second_search=True)
    assert (result.status, result.payer_claim_number, result.asked) == ("Finalized", "PCN7-PAID", 2)
    assert result.note == "found by a second search, without its number"
    assert asked == [OURS, ""]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    said = [line["answer"] for line in lines if line["call"].startswith("POST")]
    assert said == [["D0:35"], ["F1:65"]]


@EVERY_PAYER
@pytest.mark.parametrize("options", [{}, {"second_search": True, "service_date": ""}])
def test_it_is_asked_for_once(name, book, options):
    """Without the setting, or without a day of service."""
    result, asked = looked_up(name, book, **options)
    assert (result.status, result.asked, asked) == ("Not Found", 1, [OURS])


@EVERY_PAYER
@pytest.mark.parametrize("options", [{"service_date": "06/14/2025"}, {"claim_number": "ACCT9-NF"}])
def test_another_days_or_patients_claim_is_not_found(name, book, options):
    """The first search stays what it was, with its codes."""
    result, asked = looked_up(name, book, second_search=True, **options)
    assert (result.status, result.payer_claim_number, len(asked)) == ("Not Found", "", 2)


@pytest.mark.parametrize(
    ("encounter", "number"),
    [
        ({"beginningDateOfService": "20251114"}, "PCN7-PAID"),
        ({"beginningDateOfService": "20251101", "endDateOfService": "20251130"}, "PCN7-PAID"),
        ({"beginningDateOfService": "20250231", "endDateOfService": "20251130"}, None),
        ({"endDateOfService": "20251130"}, None),
    ],
)
@pytest.mark.parametrize("is_dependent", [False, True])
def test_the_simulated_payer_goes_by_patient_and_days(book, encounter, number, is_dependent):
    """By the dependent, where that is the patient; by one day where only one is named."""
    patient = {"firstName": "ALMA", "lastName": "TESTER", "dateOfBirth": "19720304"}
    subscriber = {"memberId": "ZX00012345", **(patient | {"dateOfBirth": "19500101"} if is_dependent else patient)}
    clinic = {"organizationName": "SAMPLE CLINIC PC", "npi": "1999999984"}
    body = {
        "tradingPartnerServiceId": "99999",
        "providers": [
            {"providerType": "ServiceProvider", **clinic},
            {"providerType": "BillingProvider", **clinic},
        ],
        "subscriber": subscriber,
        "encounter": encounter,
    }
    with PayerSimulator(SimulatorSettings(claims=book)) as payer:
        url = f"{payer.url}/change/medicalnetwork/claimstatus/v2"
        body |= {"dependent": patient} if is_dependent else {}
        (claim,) = httpx.post(url, json=body, headers={"Authorization": "try-me"}).json()["claims"]
    assert claim["claimStatus"].get("tradingPartnerClaimNumber") == number


@EVERY_PAYER
def test_what_it_says_of_itself(name):
    """It can be asked without a number, and for how many days."""
    can = PAYERS[name][1]("https://payer.example").capabilities
    assert can.searches_without_number
    assert can.window_days == (90 if name == "optum-real" else 30)


def test_the_x12_connector_leaves_the_number_out():
    """Of a 276 over any line; dates of service stay."""
    sent = []

    async def send(message):
        sent.append(message.decode())
        raise InquiryRefused("Enough.")

    settings = X12Settings(
        sender=ROUTE.sender, receiver=ROUTE.receiver, submitter_name="SAMPLE BILLING LLC", submitter_id="SB0001",
        organization_name="SAMPLE CLINIC PC",
    )  # fmt: skip
    connector = X12Connector(settings, send)
    assert (connector.capabilities.searches_without_number, connector.capabilities.window_days) == (True, 30)
    with pytest.raises(InquiryRefused):
        asyncio.run(connector.inquire(unnumbered(first_service_date=date(2025, 11, 14))))
    assert "REF*" not in sent[0]
    assert "DTP*472*RD8*20251107-20251121~" in sent[0]


def unnumbered(**cells):
    """An inquiry without a number."""
    born = date(1972, 3, 4)
    return ClaimInquiry("", "ALMA", "TESTER", born, "ZX00012345", payer_id="99999", tin="123456789", **cells)


def optum_real_asked(inquiry):
    """What Optum Real hears of an inquiry: each request's variables."""

    async def script(heard):
        if heard.path.endswith("/token"):
            return http_answer({"access_token": "T", "expires_in": 3600})
        return http_answer({"data": {"searchClaim": {"claims": []}}})

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = OptumRealConnector(evolve(OPTUM_REAL, base_url=payer.url))
            try:
                await connector.inquire(inquiry)
            finally:
                await connector.aclose()
            return [
                json.loads(one.body)["variables"]["searchClaimInput"]
                for one in payer.heard
                if "json" in one.headers["content-type"]
            ]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("last", "begins", "ends"),
    [
        (date(2025, 6, 14), "06/07/2025", "06/21/2025"),
        (date(2025, 9, 9), "06/13/2025", "09/10/2025"),
        (date(2025, 12, 1), "06/14/2025", "09/11/2025"),
    ],
)  # fmt: skip
def test_optum_real_takes_ninety_days(last, begins, ends):
    """A week to either side, as far as there is room; of more days the first ninety."""
    (searched,) = optum_real_asked(unnumbered(first_service_date=date(2025, 6, 14), last_service_date=last))
    assert searched == {
        "payerId": "99999",
        "memberId": "ZX00012345",
        "memberDateOfBirth": "03/04/1972",
        "serviceStartDate": begins,
        "serviceEndDate": ends,
    }


def test_optum_real_wants_a_number_or_days():
    """Nothing is sent without either."""
    with pytest.raises(InquiryRefused, match=r"^Not sent: .* its dates of service\.$"):
        optum_real_asked(unnumbered())


def test_unitedhealthcare_is_not_asked_so():
    """Its summaries go by number, or by provider and days."""
    can = UhcConnector(UhcSettings(client_id="us", client_secret=SECRET)).capabilities
    assert not can.searches_without_number
