"""Documented answers, and what becomes of them when anything in them is wrong: only what is documented comes out."""

from __future__ import annotations

import asyncio
import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkclaims import BulkClaims, JobStatus, MemoryRepository, Owner
from bulkclaims.errors import ConnectorError, PayerUnavailable
from bulkclaims.lookup import (
    AvailityConnector,
    AvailitySettings,
    LookupProcessor,
    MatchRules,
    OptumRealConnector,
    OptumRealSettings,
    RetryPolicy,
    StatusTable,
    StediConnector,
    StediSettings,
    UhcConnector,
    UhcSettings,
    X12Route,
    tickets,
)
from bulkclaims.lookup.inquiries import Question
from bulkclaims.lookup.matching import Match, normal_id
from bulkclaims.lookup.outcomes import Exchange, answered, find
from bulkclaims.lookup.payers import availity_answer, stedi, uhc_answer
from bulkclaims.lookup.payers.optum_real_answer import read_page
from bulkclaims.lookup.wire.answer_values import json_of
from bulkclaims.lookup.wire.transport import Reply
from bulkclaims.lookup.x12 import Party, read_answer
from bulkclaims.payloads import open_result, seal_result
from bulkclaims.privacy import PlainCipher, Secret
from bulkclaims.records import Answer, ClaimInquiry
from bulkclaims.testing.malformed import STRANGE, about_another, at, doubled, dropped, places, put, renamed, retyped
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parent / "vectors"
ALMA = ClaimInquiry(
    "PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984", tin="123456789"
)
OTHER = "PCN5550000"
RULES = MatchRules(allow_demographic_match=False)
PLAIN = PlainCipher()
EXCHANGE = Exchange("acme", 1, datetime(2026, 1, 5, tzinfo=UTC), 0.25)
AVAILITY = AvailitySettings(client_id="us", client_secret=Secret("s"), provider_name="SAMPLE CLINIC PC")


def stedi_json(raw):
    """Stedi's and Optum's Medical Network's JSON."""
    return stedi.read_answer(json_of(raw), ALMA)


def stedi_x12(raw):
    """Their raw X12 route's."""
    return stedi.read_x12_answer({"x12": raw.decode("latin-1")}, ALMA)


def optum_real(raw):
    """Optum Real's GraphQL."""
    return Answer(read_page(json_of(raw), ALMA, ()).claims)


def availity(raw):
    """Availity's look-ups that are over; one that goes on has no answer yet."""
    answer = availity_answer.read_answer(json_of(raw), ALMA, AVAILITY)
    if answer is None:
        raise PayerUnavailable
    return answer


def uhc(raw):
    """UnitedHealthcare's summaries."""
    return Answer(uhc_answer.read_page(Reply(200, {}, raw), ALMA).claims)


DECODERS = [
    # What reads the body of an answer, and which vectors are such bodies.
    (stedi_json, "stedi-200-*.json"),
    (stedi_json, "optum-mn-200-*.json"),
    (optum_real, "optum-real-200.json"),
    (availity, "availity-200-*.json"),
    (uhc, "uhc-summary-200.json"),
    (read_answer, "*-277-*.x12"),
    (stedi_x12, "*-277-*.x12"),
]
BODIES = [(decode, path) for decode, pattern in DECODERS for path in sorted(VECTORS.glob(pattern))]
EVERY_BODY = pytest.mark.parametrize(
    ("decode", "path"), BODIES, ids=[f"{decode.__name__}-{path.stem}" for decode, path in BODIES]
)
FEW = settings(max_examples=120, deadline=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
"""Halves of characters too, which JSON can escape."""
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.dates().map(str)
VALUES = st.sampled_from(STRANGE) | SCALARS | st.lists(SCALARS, max_size=2) | st.just([])


@st.composite
def mutated_json(draw, body):
    """One to three nodes dropped, replaced, renamed, retyped or doubled, or another node's value in their place."""
    for _ in range(draw(st.integers(1, 3))):
        everywhere = list(places(body))
        if not everywhere:
            break
        place = draw(st.sampled_from(everywhere))
        match draw(st.integers(0, 5)):
            case 0:
                body = draw(st.sampled_from([dropped, renamed, doubled]))(body, place)
            case 1:
                body = put(body, place, retyped(at(body, place)))
            case 2:
                body = put(body, place, at(body, draw(st.sampled_from(everywhere))))
            case _:
                body = put(body, place, draw(VALUES))
    return json.dumps(body).encode()


@st.composite
def mutated_x12(draw, raw):
    """One to three segments dropped, doubled, moved, cut short, or with another element."""
    segments = raw.decode().split("~")
    for _ in range(draw(st.integers(1, 3))):
        here = draw(st.integers(0, len(segments) - 1))
        elements = segments[here].split("*")
        match draw(st.integers(0, 4)):
            case 0:
                segments[here : here + 1] = [segments[here]] * draw(st.sampled_from([0, 2]))
            case 1:
                segments.insert(draw(st.integers(0, len(segments) - 1)), segments[here])
            case 2:
                segments[here] = "*".join(elements[: draw(st.integers(0, len(elements)))])
            case _:
                known = [each for segment in segments for each in segment.split("*")]
                elements[draw(st.integers(0, len(elements) - 1))] = draw(st.sampled_from(known) | ANY_TEXT)
                segments[here] = "*".join(elements)
        segments = segments or [""]
    return "~".join(segments).encode("utf-8", "surrogatepass")


@st.composite
def mutated_bytes(draw, raw):
    """Bytes cut off, flipped, lost or put in."""
    raw = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(raw)))
        match draw(st.integers(0, 2)):
            case 0:
                del raw[begin:]
            case 1:
                raw[begin : begin + draw(st.integers(0, 9))] = draw(st.binary(max_size=6))
            case _:
                raw[begin : begin + 1] = [draw(st.integers(0, 255))]
    return bytes(raw)


def mutations(raw, is_json):
    """Whatever may be wrong with a body."""
    return (mutated_json(json.loads(raw)) if is_json else mutated_x12(raw)) | mutated_bytes(raw)


def come_to(decode, raw):
    """The row's result, which can be kept, or None where a documented error came out; and how the claim was matched."""
    try:
        answer = decode(raw)
        finding = find(ALMA, answer, RULES)
    except ConnectorError:
        return None, None
    assert isinstance(answer, Answer)
    result = answered(Question(b"", ALMA, [1]), finding, StatusTable(), EXCHANGE)
    assert open_result(seal_result(result, PLAIN), PLAIN) == result
    return result, finding.match


def check(decode, raw):
    """See that amounts come out of no claim but the one that was asked for."""
    result, match = come_to(decode, raw)
    if isinstance(match, Match):
        numbers = (match.claim.payer_claim_number, match.claim.patient_account_number)
        assert "PCN7000001" in {normal_id(number).lstrip("0") for number in numbers}
    elif result:
        assert (result.success, result.total_charged, result.total_paid) == (False, None, None)


@EVERY_BODY
@FEW
@given(st.data())
def test_only_documented_outcomes_come_out(decode, path, data):
    """An answer or a `ConnectorError`, whatever is wrong."""
    check(decode, data.draw(mutations(path.read_bytes(), path.suffix == ".json")))


@EVERY_BODY
def test_one_thing_wrong_anywhere_is_documented(decode, path):
    """Without chance: every strange value in every place of JSON, every element of X12 overwritten, every cut."""
    raw = path.read_bytes()
    if path.suffix == ".json":
        body = json.loads(raw)
        for place in places(body):
            for wrong in (*(put(body, place, strange) for strange in STRANGE), dropped(body, place)):
                check(decode, json.dumps(wrong).encode())
    else:
        for found in re.finditer(rb"[^*~]+", raw):
            for strange in (b"", b"CANARY", b"-1.5", b"F1:65", b"\xff\x00"):
                check(decode, raw[: found.start()] + strange + raw[found.end() :])
    for end in range(len(raw)):
        check(decode, raw[:end])


@EVERY_BODY
@FEW
@given(st.data())
def test_another_claims_amounts_never_come_out(decode, path, data):
    """Whatever is wrong with an answer that does not hold the claim, it is not found, or there was no answer."""
    raw = path.read_bytes()
    is_json = path.suffix == ".json"
    other = about_another(json.loads(raw) if is_json else raw, "PCN7000001", OTHER)
    raw = json.dumps(other).encode() if is_json else other
    result, match = come_to(decode, data.draw(mutations(raw, is_json)))
    assert not isinstance(match, Match)
    assert result is None or (result.status, result.total_charged, result.total_paid) == ("Not Found", None, None)


ROUTE = X12Route(
    sender=Party("SENDERID"), receiver=Party("RECEIVERID"), submitter_name="SAMPLE BILLING LLC", submitter_id="SB0001"
)  # fmt: skip
STEDI = StediSettings(organization_name="SAMPLE CLINIC PC", api_key=Secret("try-me"))
OPTUM = StediSettings(organization_name="SAMPLE CLINIC PC", face="optum", client_id="us", client_secret=Secret("s"))
OPTUM_REAL = OptumRealSettings(client_id="us", client_secret=Secret("s"))
UHC = UhcSettings(client_id="us", client_secret=Secret("s"))
CONNECTORS = {
    # By how the names of their vectors begin.
    "stedi": lambda url: StediConnector(evolve(STEDI, base_url=url)),
    "optum-mn": lambda url: StediConnector(evolve(OPTUM, base_url=url)),
    "optum-real": lambda url: OptumRealConnector(evolve(OPTUM_REAL, base_url=url)),
    "availity": lambda url: AvailityConnector(evolve(AVAILITY, base_url=f"{url}/v1")),
    "uhc-summary": lambda url: UhcConnector(evolve(UHC, base_url=url)),
    "": lambda url: StediConnector(evolve(STEDI, base_url=url, x12=ROUTE)),
}


@frozen
class Documented:
    """What a vector's answer comes to in the results."""

    status: str
    codes: str = ""
    charged: str | None = None
    paid: str | None = None
    processed: str | None = None
    note: str = ""
    claim: str = "PCN7000001"
    patient: str = "ALMA"
    error: str = ""


DOCUMENTED = {
    "stedi-200-paid.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "stedi-200-two-claims.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "stedi-200-not-found.json": Documented("Not Found", "D0:97", error="Claim not found [D0:97:IN]"),
    "stedi-400.json": Documented("Error", error="[HTTP 400] [VALIDATION]"),
    "stedi-429.json": Documented("Error", error="[HTTP 429] [TOO_MANY_REQUESTS]"),
    "optum-mn-200-denied-secondary.json": Documented(
        "Denied", "F2:585", "240", "0", "2025-12-10", "further reasons: F2:107"
    ),
    "optum-mn-200-error.json": Documented("Error", error="[INVALIDMISSINGINPUTDATA subscriber.memberId]"),
    "optum-real-200.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "availity-200-complete.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "availity-202-resultset.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "availity-400.json": Documented("Error", error="[HTTP 400] [SIMCODE]"),
    "uhc-summary-200.json": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "10-277-paid.x12": Documented("Finalized", "F1:65", "240", "180.5", "2025-12-05"),
    "11-277-pending.x12": Documented("Pending", "P1:46", "240"),
    "12-277-denied-two-reasons.x12": Documented(
        "Denied", "F2:585", "240", "0", "2025-12-10", "further reasons: F2:107"
    ),
    "13-277-info-requested.x12": Documented("Info Requested", "P3:317", "240"),
    "14-277-claim-not-found.x12": Documented("Not Found", "D0:35", error="Claim not found [D0:35]"),
    "15-277-patient-not-found.x12": Documented("Not Found", "D0:97", error="Claim not found [D0:97:IN]"),
    "17-277-dependent-accepted.x12": Documented("Pending", "A2:20", "95", claim="PCN7000008", patient="BENNO"),
    "20-277-receiver-level-system-down.x12": Documented("Error", error="[E1:0]"),
}
ENDS_THE_JOB = {"optum-real-401.json"}
"""A token that is refused twice is no row's fault."""
POLLED = {"availity-202-resultset.json": "availity-200-complete.json"}
"""What a vector that is only a receipt is followed by."""


def answer_of(name):
    """The vector as its payer sends it, with the HTTP status that its name has."""
    raw = (VECTORS / name).read_bytes().replace(b"https://api.availity.com", b"")
    told = re.search(r"-([245]\d\d)", name)
    status = int(told[1]) if told and name.endswith(".json") else 200
    return http_answer({"x12": raw.decode()} if name.endswith(".x12") else raw, status)


def looked_up(name, claim="PCN7000001", patient="ALMA"):
    """A job of one row, whose payer answers with a vector: the job and the row's result."""
    token = (VECTORS / "optum-mn-token-200.json").read_bytes()
    family = next(family for family in CONNECTORS if name.startswith(family))
    upload = f"claim_number,first_name,last_name,date_of_birth,subscriber_id\n{claim},{patient},TESTER,03/04/1972,ZX12"
    defaults = {"payer_id": "99999", "npi": "1999999984", "tin": "123456789"}
    patience = RetryPolicy(attempts=2, base_seconds=0, max_seconds=0, down_seconds=0)

    async def script(heard):
        if "token" in heard.path:
            return http_answer(token)
        return answer_of(name if heard.method == "POST" else POLLED.get(name, name))

    def run(url):
        with BulkClaims(MemoryRepository(), LookupProcessor(CONNECTORS[family](url), retry=patience)) as bulk:
            job = bulk.submit(io.BytesIO(upload.encode()), filename="c.csv", owner=Owner("ACME"), defaults=defaults)
            job = bulk.wait("ACME", job.id, timeout=60)
            return job, next(iter(bulk.rows("ACME", job.id)))

    async def serve():
        async with ScriptedPayer(script) as payer:
            return await asyncio.to_thread(run, payer.url)

    return asyncio.run(serve())


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    """Receipts are followed at once."""
    monkeypatch.setattr(tickets, "WAITS", (0.0,))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_answer_comes_to_its_result(name):
    """From HTTP to the row: status, codes, amounts, dates, notes and what to do next."""
    expected = DOCUMENTED[name]
    _, row = looked_up(name, expected.claim, expected.patient)
    assert (row.status, row.success) == (expected.status, expected.status not in {"Not Found", "Error"})
    assert f"{row.category_code}:{row.status_code}".strip(":") == expected.codes
    amounts = [amount and Decimal(amount) for amount in (expected.charged, expected.paid)]
    assert [row.total_charged, row.total_paid] == amounts
    assert row.processed_date == (expected.processed and date.fromisoformat(expected.processed))
    assert row.note == expected.note
    assert expected.error in row.error
    assert bool(row.error) == bool(expected.error)
    assert row.next_action.endswith(".")


@pytest.mark.parametrize("name", sorted(ENDS_THE_JOB))
def test_an_answer_that_ends_the_job(name):
    """It says so, and asks for no other row."""
    job, row = looked_up(name)
    assert job.status is JobStatus.FAILED
    assert "refuses a fresh token" in job.problem
    assert not row.success


def test_every_vector_is_documented_here():
    """Each that answers an inquiry, of the connectors that are here."""
    families = "|".join(filter(None, CONNECTORS))
    answers = re.compile(rf"({families})-[245]\d\d.*\.json|\d\d-277-.*\.x12")
    found = {path.name for path in VECTORS.iterdir() if answers.fullmatch(path.name)}
    assert found == DOCUMENTED.keys() | ENDS_THE_JOB
