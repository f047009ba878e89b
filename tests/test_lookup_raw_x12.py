"""The raw X12 routes of Stedi and Optum: the same outcomes as by JSON, and a simulator that reads strictly."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from attrs import evolve
from x12sdk.io import X12ModelReader

from bulkclaims import BulkClaims, MemoryRepository, Owner
from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, InquiryRefused, SettingsWrong
from bulkclaims.lookup import LookupProcessor, RetryPolicy, StediConnector, StediSettings, X12Route
from bulkclaims.lookup.payers.stedi import read_x12_answer
from bulkclaims.lookup.payers.stedi_x12 import x12_body
from bulkclaims.lookup.x12 import Party
from bulkclaims.lookup.x12.segments import take_apart
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry
from bulkclaims.testing.contracts.connector import ConnectorContract
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer
from bulkclaims.testing.simulator import SCENARIOS, PayerSimulator, SimulatorSettings

VECTORS = Path(__file__).parent / "vectors"
QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)
ROUTE = X12Route(
    sender=Party("SENDERID"), receiver=Party("RECEIVERID"), submitter_name="SAMPLE BILLING LLC", submitter_id="SB0001",
    payer_name="EXAMPLE HEALTH PLAN", usage="T",
)  # fmt: skip
STEDI = StediSettings(organization_name="SAMPLE CLINIC PC", api_key=Secret("try-me"), x12=ROUTE)
OPTUM = StediSettings(
    organization_name="SAMPLE CLINIC PC", face="optum", client_id="simulator", client_secret=Secret("try-me"), x12=ROUTE
)
FACES = pytest.mark.parametrize("settings", [STEDI, OPTUM], ids=["stedi", "optum"])
ALMA = ClaimInquiry("PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984")


def vector(name):
    """A message of the collection."""
    return (VECTORS / f"{name}.x12").read_text()


def rejection():
    """The documented answer to a request that broke the guide."""
    return {"status": "ERROR", "transactionSetAcknowledgement": "R", "x12": "ISA*...~ST*999*...~IK5*R*5~..."}


class TestRawX12(ConnectorContract):
    """The contract of its seam."""

    @pytest.fixture
    def connect(self):
        """A connector at some address."""
        return lambda url: StediConnector(evolve(STEDI, base_url=url, api_key=Secret("canary-of-secrets")))

    @pytest.fixture
    def secret(self):
        """The API key."""
        return "canary-of-secrets"

    @pytest.fixture
    def inquiry(self):
        """What is asked."""
        return ALMA

    @pytest.fixture
    def found(self):
        """JSON with a 277 in it."""
        return {"controlNumber": "000000110", "x12": vector("10-277-paid")}

    @pytest.fixture
    def nothing(self):
        """Likewise."""
        return {"controlNumber": "000000114", "x12": vector("14-277-claim-not-found")}


class TestAnswer:
    """How bodies are read."""

    def test_second_reasons_come_along(self):
        """In JSON Stedi has none."""
        (claim,) = read_x12_answer({"claims": [], "x12": vector("12-277-denied-two-reasons")}, ALMA).claims
        assert (claim.category_code, claim.status_code, claim.reasons) == ("F2", "585", ("F2:107",))

    @pytest.mark.parametrize(("meta", "trace"), [({"meta": {"traceId": "T1"}}, "T1"), ({}, "R12")])
    def test_the_trace(self, meta, trace):
        """The clearinghouse's own, or else that of the message."""
        assert read_x12_answer({"x12": vector("12-277-denied-two-reasons"), **meta}, ALMA).trace == trace

    @pytest.mark.parametrize(
        ("error", "body"),
        [
            (InquiryRefused, rejection()),
            (InquiryRefused, {"errorResponse": {"code": "INVALIDMISSINGINPUTDATA"}, "x12": vector("10-277-paid")}),
            (AnswerNotUnderstood, {"claims": []}),
            (AnswerNotUnderstood, {"x12": ""}),
            (AnswerNotUnderstood, {"x12": None}),
            (AnswerNotUnderstood, {"x12": ["CANARY"]}),
            (AnswerNotUnderstood, {"x12": "CANARY"}),
            (AnswerNotUnderstood, {"x12": "ISA*CANARY"}),
            (AnswerNotUnderstood, {"x12": "ISA\ud800"}),
            (AnswerNotUnderstood, {"x12": vector("01-276-subscriber")}),
            (AnswerNotUnderstood, ["CANARY"]),
        ],
    )
    def test_what_is_no_answer(self, error, body):
        """It is never "not found", and nothing of it gets into a sentence."""
        with pytest.raises(error) as refused:
            read_x12_answer(body, ALMA)
        assert "CANARY" not in str(refused.value)

    def test_an_envelope_that_is_refused_ends_the_job(self):
        """It is alike for every row."""
        raw = vector("14-277-claim-not-found").replace("ST*277", "ST*000")
        with pytest.raises(AccessRefused, match="TA1:006"):
            read_x12_answer({"x12": raw.replace("GS*", "TA1*000000101*260105*0930*R*006~GS*")}, ALMA)


@FACES
def test_where_it_asks(settings):
    """The vendor's route for it, and what it sends is a 276 that a strict reader takes."""

    async def script(heard):
        if heard.path.endswith("/token"):
            return http_answer({"access_token": "T", "expires_in": 3600})
        return http_answer({"x12": vector("10-277-paid")})

    async def run():
        async with ScriptedPayer(script) as payer:
            connector = StediConnector(evolve(settings, base_url=payer.url, claim_number_kind="patient_account"))
            await connector.inquire(ALMA)
            await connector.aclose()
            return payer.heard[-1]

    heard = asyncio.run(run())
    assert heard.path.endswith("/medicalnetwork/claimstatus/v2/raw-x12")
    assert heard.json.keys() == {"x12"}
    assert "REF*EJ*PCN7000001~" in heard.json["x12"]
    with X12ModelReader(heard.json["x12"]) as reader:
        assert len(list(reader.models())) == 1


def test_settings_that_cannot_be_sent_are_refused():
    """When the host starts."""
    with pytest.raises(SettingsWrong, match="submitter_name"):
        evolve(STEDI, x12=evolve(ROUTE, submitter_name="A*B"))
    with pytest.raises(SettingsWrong, match="usage"):
        evolve(ROUTE, usage="X")


ENDINGS = [ending for ending in SCENARIOS if ending != "-SLOW"]
LINES = [f"PCN700{number:04}{ending},ALMA,TESTER,03/04/1972,ZX{number:05}" for number, ending in enumerate(ENDINGS)]
FILE = "\n".join(["claim_number,first_name,last_name,date_of_birth,subscriber_id", *LINES]).encode()


def outcomes(settings):
    """The whole results file, and the reasons that were noted, by claim number."""
    with PayerSimulator(SimulatorSettings(dialect=settings.face, retry_after=0)) as payer:
        connector = StediConnector(evolve(settings, base_url=payer.url))
        with BulkClaims(MemoryRepository(), LookupProcessor(connector, retry=QUICK)) as bulk:
            defaults = {"payer_id": "99999", "npi": "1999999984"}
            job = bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=Owner("ACME"), defaults=defaults)
            bulk.wait("ACME", job.id, timeout=60)
            text = b"".join(bulk.results("ACME", job.id)).decode()
            notes = {row.claim_number: row.note for row in bulk.rows("ACME", job.id)}
    return list(csv.DictReader(io.StringIO(text))), notes


@FACES
@pytest.mark.slow
def test_every_scenario_comes_to_what_it_does_by_json(settings):
    """One file, asked both ways, has the same results to the last column; by X12 Stedi also has second reasons."""
    by_x12, notes = outcomes(settings)
    by_json, _ = outcomes(evolve(settings, x12=None))
    assert by_x12 == by_json
    assert {row["status"] for row in by_x12} >= {"Finalized", "Denied", "Pending", "Not Found", "Error"}
    (denied,) = (note for number, note in notes.items() if number.endswith("-DENY"))
    assert denied == "further reasons: F2:107"


def good():
    """A 276 as we write it."""
    inquiry = evolve(ALMA, claim_number="PCN7000001-PAID", patient_account_number="ACCT-7", gender="F")
    return x12_body(inquiry, STEDI.x12_settings, datetime(2026, 1, 5, 9, 30, tzinfo=UTC))["x12"]


@pytest.fixture(scope="module")
def ask():
    """Ask a simulated payer by the raw route."""
    with PayerSimulator() as payer, httpx.Client(headers={"Authorization": "try-me"}) as client:
        path = "/change/medicalnetwork/claimstatus/v2/raw-x12"
        yield lambda body: client.post(payer.url + path, json=body)


class TestSimulator:
    """The simulated payer reads strictly."""

    @pytest.mark.parametrize("name", ["01-276-subscriber", "02-276-dependent"])
    def test_documented_requests_are_taken(self, ask, name):
        """And answered, in JSON and in X12 alike, for the patient that was asked about."""
        answer = ask({"x12": vector(name)}).json()
        (claim,) = read_x12_answer(answer, ALMA).claims
        assert answer["claims"][0]["claimStatus"]["statusCategoryCode"] == claim.category_code
        assert claim.first_name == ("BENNO" if "dependent" in name else "ALMA")
        assert ("dependent" in answer) == ("dependent" in name)

    def test_its_277_is_one_that_a_strict_reader_takes(self, ask):
        """Counts, lengths and codes."""
        answer = ask({"x12": good()}).json()
        with X12ModelReader(answer["x12"]) as reader:
            (model,) = reader.models()
        raw = answer["x12"]
        assert model.x12().replace("\n", "") == raw[raw.index("ST*") : raw.rindex("GE*")]
        assert "REF*1K*PCN7000001-PAID~REF*EJ*ACCT-7~" in raw

    @pytest.mark.parametrize(
        ("old", "new", "segment"),
        [
            ("ISA*00", "ISA*01", "ISA"),
            ("ISA*", "IS*", "ISA"),
            ("ALMA", "ÁLMA", "ISA"),
            ("GS*HR", "GS*HN", "GS"),
            ("ST*276", "ST*277", "ST"),
            ("HL*2*1*21*1", "HL*2*1*21*0", "HL"),
            ("*PI*99999", "*XV*99999", "NM1"),
            ("*XX*1999999984", "*XX*199999998", "NM1"),
            ("DMG*D8*19720304*F~", "", "DMG"),
            ("19720304", "19721304", "NM1"),
            ("HL*4*3*22*0", "HL*4*3*22*1", "HL"),
            ("TRN*1", "TRN*2", "TRN"),
            ("TRN*1", "HL*5*4*23~TRN*1", "HL"),
            ("TRN*1", "NM1*QC*1*TESTER*BENNO~TRN*1", "NM1"),
            ("TRN*1", "XYZ*1~TRN*1", "TRN"),
            ("SE*", "SE*1", "SE"),
            ("*0001~GE", "*0002~GE", "SE"),
            ("GE*1*", "GE*1*1", "GE"),
            ("IEA*1*", "IEA*1*1", "IEA"),
            ("IEA", "ZZZ*1~IEA", "IEA"),
            ("~IEA*1*", "~IEA*1*000000001~IEA*1*", "IEA"),
        ],
    )
    def test_a_malformed_276_is_refused_with_a_999(self, ask, old, new, segment):
        """With HTTP status 200, and saying which segment is wrong or missing."""
        wrong = good().replace(old, new)
        assert wrong != good()
        reply = ask({"x12": wrong})
        assert (reply.status_code, reply.json()["transactionSetAcknowledgement"]) == (200, "R")
        (complaint,) = (each for each in take_apart(reply.json()["x12"].encode()).segments if each.name == "IK3")
        assert complaint[1] == segment
        with pytest.raises(InquiryRefused):
            read_x12_answer(reply.json(), ALMA)

    @pytest.mark.parametrize("body", [[], {}, {"x12": 5}, {"x12": good().replace("*PI*99999", "*PI*00000")}])
    def test_what_is_refused_like_json(self, ask, body):
        """Another body, and a payer that nobody knows."""
        assert ask(body).status_code == 400
