"""X12: what is written is what strict readers take, and whatever comes back is read or refused with a sentence."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from x12sdk.io import X12ModelReader

from bulkclaims.errors import AccessRefused, AnswerNotUnderstood, ConnectorError, InquiryRefused, SettingsWrong
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.outcomes import find
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.lookup.x12 import Party, X12Connector, X12Settings, read_answer, write_276
from bulkclaims.lookup.x12.segments import take_apart
from bulkclaims.records import ClaimInquiry, ClaimStatus
from bulkclaims.testing.contracts.connector import ConnectorContract

VECTORS = Path(__file__).parent / "vectors"
MOMENT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ALMA = ClaimInquiry(
    claim_number="PCN7000001",
    first_name="Alma",
    last_name="Tester",
    date_of_birth=date(1972, 3, 4),
    subscriber_id="ZX00012345",
    payer_id="99999",
    npi="1999999984",
    gender="Female",
    patient_account_number="ACCT-7",
    first_service_date=date(2025, 11, 14),
)
US = X12Settings(
    sender=Party("SENDERID"),
    receiver=Party("RECEIVERID"),
    submitter_name="SAMPLE BILLING LLC",
    submitter_id="SB0001",
    organization_name="SAMPLE CLINIC PC",
    payer_name="EXAMPLE HEALTH PLAN",
    usage="T",
)
PAID = {
    "first_name": "ALMA",
    "last_name": "TESTER",
    "subscriber_id": "ZX00012345",
    "payer_claim_number": "PCN7000001",
    "total_charged": Decimal(240),
    "service_dates": (date(2025, 11, 14), date(2025, 11, 14)),
}


def vector(name):
    """A message of the collection."""
    return (VECTORS / f"{name}.x12").read_bytes()


def message(*segments, kind="277", version="005010X212", component=":", end="~"):
    """An interchange of these segments, in a transaction set of its own."""
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'A':15}*ZZ*{'B':15}*260105*0930*^*00501*000000112*0*T*{component}"
    whole = [isa, "GS*HN*A*B*20260105*0930*1*X*" + version, f"ST*{kind}*0001*{version}", *segments]
    return (end.join([*whole, f"SE*{len(segments) + 2}*0001", "GE*1*1", "IEA*1*000000112"]) + end).encode()


def about_a_claim(*said):
    """Segments that say something of Alma's claim."""
    return [
        "HL*1**20*1",
        "HL*2*1*21*1",
        "HL*3*2*19*1",
        "HL*4*3*22*0",
        "NM1*IL*1*TESTER*ALMA****MI*ZX1",
        "TRN*2*9",
        *said,
    ]


@st.composite
def inquiries(draw):
    """Whatever can be sent."""
    day = draw(st.none() | st.dates(date(2024, 1, 1), MOMENT.date()))
    letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ' -", min_size=1, max_size=35).map(str.strip).filter(bool)
    return evolve(
        ALMA,
        first_name=draw(letters),
        last_name=draw(letters),
        claim_number=draw(st.from_regex(r"[A-Z0-9-]{1,50}", fullmatch=True)),
        first_service_date=day,
        last_service_date=day and min(day + timedelta(days=draw(st.integers(0, 40))), MOMENT.date()),
        gender=draw(st.sampled_from(["", "F", "M"])),
    )


class TestWriting:
    """The 276."""

    def test_it_is_the_known_message(self):
        """But for our own references, and for an amount that no file has."""
        ours, known = (
            [str(segment) for segment in take_apart(raw).segments]
            for raw in (write_276(ALMA, US, 101, MOMENT), vector("01-276-subscriber"))
        )
        assert ours[0] == known[0]
        ours, known = (
            [each for each in said if not each.startswith(("BHT", "TRN", "AMT", "SE", "DTP"))] for said in (ours, known)
        )
        assert ours == known

    def test_dates_are_a_window_around_the_day(self):
        """A week to either side; without a date there is none."""
        assert b"DTP*472*RD8*20251107-20251121~" in write_276(ALMA, US, 1, MOMENT)
        assert b"DTP" not in write_276(evolve(ALMA, first_service_date=None), US, 1, MOMENT)

    def test_numbers_of_the_provider(self):
        """Where the column holds the provider's own numbers, they are asked for, and none of the payer's."""
        ours = write_276(ALMA, evolve(US, claim_number_kind="patient_account"), 1, MOMENT)
        assert b"REF*EJ*PCN7000001~" in ours
        assert b"REF*1K" not in ours

    def test_a_tax_id_in_place_of_an_npi(self):
        """Without dashes, and named as what it is; what is not said is left out."""
        ours = write_276(evolve(ALMA, npi="", tin="12-3456789", gender="", patient_account_number=""), US, 1, MOMENT)
        assert b"NM1*1P*2*SAMPLE CLINIC PC*****FI*123456789~" in ours
        assert b"DMG*D8*19720304~" in ours
        assert b"REF*EJ" not in ours

    def test_accents_are_left_out(self):
        """X12's basic characters have none."""
        assert b"NM1*IL*1*NUNEZ*JOSE****" in write_276(
            evolve(ALMA, first_name="José", last_name="Núñez"), US, 1, MOMENT
        )

    @pytest.mark.parametrize(
        "cells", [{"last_name": "O~NEIL"}, {"claim_number": "A*B"}, {"first_name": "李"}, {"subscriber_id": "ZX\n12"}]
    )
    def test_what_cannot_be_carried_is_not_sent(self, cells):
        """The sentence names the column and holds nothing of the cell."""
        ((column, cell),) = cells.items()
        with pytest.raises(InquiryRefused, match=column) as refused:
            write_276(evolve(ALMA, **cells), US, 1, MOMENT)
        assert cell not in str(refused.value)

    @settings(deadline=None)  # the parser loads its guide with the first message
    @given(inquiries(), st.integers(1, 999_999_999))
    def test_a_strict_reader_takes_it(self, inquiry, number):
        """A maintained parser, which checks lengths, codes and counts, reads back just what was written."""
        raw = write_276(inquiry, US, number, MOMENT).decode()
        with X12ModelReader(raw) as reader:
            (model,) = reader.models()
        assert model.x12().replace("\n", "") == raw[raw.index("ST*") : raw.rindex("GE*")]

    def test_settings_that_cannot_be_sent_are_refused(self):
        """When the host starts, and not with the first row."""
        with pytest.raises(SettingsWrong, match="submitter_name"):
            evolve(US, submitter_name="A*B")
        with pytest.raises(SettingsWrong, match="claim_number_kind"):
            evolve(US, claim_number_kind="own")
        with pytest.raises(SettingsWrong, match="15"):
            Party("A" * 16)
        with pytest.raises(SettingsWrong, match="max_in_flight"):
            X12Connector(evolve(US, max_in_flight=0), len)


class TestReading:
    """The 277 and what may come in its place."""

    @pytest.mark.parametrize(
        ("name", "claims"),
        [
            (
                "10-277-paid",
                {"category_code": "F1", "status_code": "65", "total_paid": Decimal("180.5"),
                 "patient_account_number": "ACCT-7", "effective_date": date(2025, 12, 5),
                 "processed_date": date(2025, 12, 5)},
            ),
            ("11-277-pending", {"category_code": "P1", "status_code": "46", "total_paid": Decimal(0),
                                "effective_date": date(2026, 1, 2)}),
            (
                "12-277-denied-two-reasons",
                {"category_code": "F2", "status_code": "585", "total_paid": Decimal(0), "reasons": ("F2:107",),
                 "effective_date": date(2025, 12, 10), "processed_date": date(2025, 12, 10)},
            ),
            ("13-277-info-requested", {"category_code": "P3", "status_code": "317", "total_paid": Decimal(0),
                                       "effective_date": date(2025, 12, 20)}),
        ],
    )  # fmt: skip
    def test_known_answers(self, name, claims):
        """What is documented of each is read."""
        assert read_answer(vector(name)).claims == (ClaimStatus(**PAID | claims),)

    def test_a_dependent(self):
        """The name is the patient's, the id the subscriber's."""
        (claim,) = read_answer(vector("17-277-dependent-accepted")).claims
        assert (claim.first_name, claim.subscriber_id, claim.category_code) == ("BENNO", "ZX00012345", "A2")

    @pytest.mark.parametrize("name", ["14-277-claim-not-found", "15-277-patient-not-found"])
    def test_nothing_found(self, name):
        """It is a status like others, of no claim."""
        (claim,) = read_answer(vector(name)).claims
        assert (claim.category_code, claim.payer_claim_number) == ("D0", "")

    @pytest.mark.parametrize(
        ("level", "stc", "wanted"),
        [("21", "E1:0", ("E1", "0", "")), ("19", "E0:24:85", ("E0", "24", "85")), ("19", "A4:35", ("A4", "35", ""))],
        ids=["receiver", "provider", "nothing found"],
    )
    def test_a_status_of_no_claim(self, level, stc, wanted):
        """A payer that is down, or does not know the provider, says so above all claims."""
        (claim,) = read_answer(message("HL*1**20*1", f"HL*2*1*{level}*0", "TRN*2*1", f"STC*{stc}*20260105")).claims
        assert (claim.category_code, claim.status_code, claim.entity_code) == wanted
        assert read_answer(vector("20-277-receiver-level-system-down")).claims == (ClaimStatus("E1", "0"),)

    @pytest.mark.parametrize("category", ["A3", "A6", "A7", "A8", "F5"])
    @pytest.mark.parametrize(("code", "said"), [("21", ":21"), ("562:85", ":562:85"), ("CANARY:85", ":85")])
    def test_who_asks_is_rejected(self, category, code, said):
        """No claim was looked for: the same sentence as of any other payer's API."""
        raw = vector("20-277-receiver-level-system-down").replace(b"STC*E1:0*", f"STC*{category}:{code}*".encode())
        with pytest.raises(InquiryRefused) as refused:
            read_answer(raw)
        assert str(refused.value) == (
            f"The payer rejected who asks, so no claim was looked for; check provider ids. [{category}{said}]"
        )

    def test_the_wanted_one_of_two(self):
        """Each TRN begins a claim; which one was asked for is left to matching."""
        raw = message(
            *about_a_claim("STC*F1:65*20251205**80*80", "REF*1K*OTHER", "TRN*2*9", "STC*P1:46", "REF*1K*PCN7000001")
        )
        answer = read_answer(raw)
        assert [claim.payer_claim_number for claim in answer.claims] == ["OTHER", "PCN7000001"]
        inquiry = evolve(ALMA, subscriber_id="ZX1")
        assert find(inquiry, answer, MatchRules()).match.claim.category_code == "P1"

    def test_the_newest_status_counts_and_lines_never(self):
        """Older ones, second reasons and nothing of a line become reasons."""
        raw = message(
            *about_a_claim(
                "STC*P1:46*20251101**100", "STC*F2:585*20251201**100*0*20251201****F2:107", "SVC*HC:99213*1*1",
                "STC*F1:65*20260101", "REF*1K*LINE", "DTP*472*D8*20240101",
            )
        )  # fmt: skip
        (claim,) = read_answer(raw).claims
        assert (claim.category_code, claim.reasons) == ("F2", ("F2:107", "P1:46"))
        assert (claim.payer_claim_number, claim.service_dates) == ("", None)

    @pytest.mark.parametrize(("component", "end"), [(">", "~"), ("`", "\n"), (":", "~\r\n"), ("<", "\r\n")])
    def test_whatever_separates(self, component, end):
        """Each message says itself what it uses; line breaks between segments mean nothing."""
        raw = message(*about_a_claim(f"STC*F1{component}65*20251205"), component=component, end=end)
        (claim,) = read_answer(b"\r\n" + raw).claims
        assert (claim.category_code, claim.status_code) == ("F1", "65")

    def test_a_head_that_is_not_padded_and_a_count_that_is_wrong(self, caplog):
        """Both are seen in the wild; the second is told, without anything of the message."""
        raw = (
            message(*about_a_claim("STC*F1:65*20251205", "DMG*D8*19720304"))
            .replace(b" ", b"")
            .replace(b"SE*10", b"SE*34")
        )
        assert read_answer(raw).claims[0].category_code == "F1"
        assert "10 segments" in caplog.text
        assert "TESTER" not in caplog.text

    @pytest.mark.parametrize(
        ("error", "raw", "said"),
        [
            (InquiryRefused,
             message("AK1*HR*1", "IK3*NM1*8*2100*8", "IK4*9*67*7*CANARY", "IK5*R*5", "AK9*R*1*1*0", kind="999"),
             "[999:NM1:8:7:R:5]"),
            (AnswerNotUnderstood, message("AK1*HR*1", "IK5*A", "AK9*A*1*1*1", kind="999"), "did not answer"),
            (AccessRefused, message(kind="000").replace(b"GS*", b"TA1*000000101*260105*0930*R*006~GS*"), "[TA1:006]"),
            (AnswerNotUnderstood, message(kind="000"), "no 277"),
            (AnswerNotUnderstood, message(*about_a_claim("STC*A1:19*20251205"), version="005010X214"), "277CA"),
            (AnswerNotUnderstood, message(*about_a_claim()), "has no status"),
            (AnswerNotUnderstood, message(*about_a_claim("STC**20251205")), "no category code"),
            (AnswerNotUnderstood, message(*about_a_claim("STC*F1:65*CANARY")), "STC02 is not a date"),
            (AnswerNotUnderstood, message(*about_a_claim("STC*F1:65*20251205**CANARY")), "STC04 is not an amount"),
            (AnswerNotUnderstood, message("HL*1**20*1", "STC*A1:19*20260105"), "says nothing of a claim"),
            (AnswerNotUnderstood, message(), "says nothing of a claim"),
            (AnswerNotUnderstood, message(*about_a_claim("STC*F1:65"))[:-60], "breaks off"),
            (AnswerNotUnderstood, vector("10-277-paid")[:80], "breaks off in its first"),
            (AnswerNotUnderstood, b"<html>CANARY</html>", "not X12"),
            (AnswerNotUnderstood, b"ISA", "not X12"),
            (AnswerNotUnderstood, b"", "not X12"),
        ],
    )  # fmt: skip
    def test_what_is_no_answer(self, error, raw, said):
        """It is never "not found"; codes are told, and nothing else of it."""
        with pytest.raises(error) as told:
            read_answer(raw)
        assert said in str(told.value)
        assert "CANARY" not in str(told.value)

    def test_latin_letters(self):
        """Some payers send them as they are."""
        raw = message(*about_a_claim("STC*F1:65")).replace(b"TESTER", "NÚÑEZ".encode("latin-1"))
        assert read_answer(raw).claims[0].last_name == "NÚÑEZ"

    @given(st.binary(max_size=200) | st.builds(lambda a, b: a + b, st.just(vector("10-277-paid")[:106]), st.binary()))
    def test_any_bytes(self, raw):
        """They are read, or refused with one of the documented errors."""
        read_or_refused(raw)

    @given(st.sampled_from(sorted(VECTORS.glob("*.x12"))), st.data())
    def test_mutated_answers(self, path, data):
        """Pieces lost, doubled or overwritten: likewise."""
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            begin = data.draw(st.integers(0, len(raw)))
            end = data.draw(st.integers(begin, min(len(raw), begin + 30)))
            raw[begin:end] = data.draw(st.binary(max_size=12) | st.just(bytes(raw[begin:end]) * 2))
        read_or_refused(bytes(raw))


def read_or_refused(raw):
    """Read it, or see it refused."""
    try:
        answer = read_answer(raw)
    except ConnectorError:
        return
    assert all(claim.category_code for claim in answer.claims)


CODES = st.from_regex(r"[A-Z][0-9]", fullmatch=True)
STATUSES = st.builds(
    ClaimStatus,
    category_code=CODES,
    status_code=st.from_regex(r"[0-9]{1,3}", fullmatch=True),
    entity_code=st.sampled_from(["", "IN", "QC"]),
    payer_claim_number=st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True),
    patient_account_number=st.from_regex(r"[A-Z0-9]{0,20}", fullmatch=True),
    first_name=st.from_regex(r"[A-Z]{1,20}", fullmatch=True),
    last_name=st.from_regex(r"[A-Z]{1,20}", fullmatch=True),
    subscriber_id=st.from_regex(r"[A-Z0-9]{2,20}", fullmatch=True),
    total_charged=st.none() | st.decimals(0, 10**9, places=2),
    total_paid=st.none() | st.decimals(0, 10**9, places=2),
    processed_date=st.none() | st.dates(),
    effective_date=st.none() | st.dates(),
    service_dates=st.none() | st.tuples(st.dates(), st.dates()),
    reasons=st.lists(st.builds("{}:{}".format, CODES, st.integers(0, 999)), max_size=2, unique=True).map(tuple),
)


@given(st.lists(STATUSES, min_size=1, max_size=4))
@pytest.mark.slow
def test_what_is_written_is_read(claims):
    """A 277 of any claims comes back as those claims."""
    assert read_answer(message(*[segment for claim in claims for segment in segments_of(claim)])).claims == tuple(
        claims
    )


def segments_of(claim):
    """How a payer writes a claim."""
    status = ":".join(filter(None, (claim.category_code, claim.status_code, claim.entity_code)))
    amounts = "*".join("" if amount is None else str(amount) for amount in (claim.total_charged, claim.total_paid))
    first, second = (*claim.reasons, "", "")[:2]
    yield "HL*1**22*0"
    yield f"NM1*IL*1*{claim.last_name}*{claim.first_name}****MI*{claim.subscriber_id}"
    yield "TRN*2*1"
    yield f"STC*{status}*{day(claim.effective_date)}**{amounts}*{day(claim.processed_date)}****{first}*{second}"
    yield f"REF*1K*{claim.payer_claim_number}"
    yield f"REF*EJ*{claim.patient_account_number}"
    if claim.service_dates:
        yield f"DTP*472*RD8*{'-'.join(map(day, claim.service_dates))}"


def day(value):
    """A date as X12 writes it."""
    return value.isoformat().replace("-", "") if value else ""


class TestX12OverHttp(ConnectorContract):
    """The contract, over a line that carries messages by HTTP."""

    @pytest.fixture
    def connect(self):
        """A connector to a payer at some address."""

        def connect(url):
            line = PayerLine(httpx.URL(url), make_client, credentials=None)

            async def send(raw):
                return (await line.ask("POST", {}, {"content": raw})).body

            return X12Connector(US, send, line.aclose)

        return connect

    @pytest.fixture
    def inquiry(self):
        """What is asked."""
        return ALMA

    @pytest.fixture
    def found(self):
        """The claim."""
        return vector("10-277-paid")

    @pytest.fixture
    def nothing(self):
        """No claim."""
        return vector("14-277-claim-not-found")


def test_a_connector_over_a_line_of_ones_own():
    """It is given a function that takes a message and brings its answer; each message has a number of its own."""
    sent, closed = [], []

    async def send(raw):
        sent.append(raw)
        return vector("10-277-paid")

    async def close():
        closed.append(True)

    async def run():
        connector = X12Connector(US, send, close)
        answers = [await connector.inquire(ALMA) for _ in range(2)]
        await connector.aclose()
        await X12Connector(US, send).aclose()
        return connector, answers

    connector, answers = asyncio.run(run())
    assert [answer.claims[0].category_code for answer in answers] == ["F1", "F1"]
    assert answers[0].trace == "R10"
    assert len(set(sent)) == 2
    assert closed == [True]
    assert connector.capabilities.needs == (frozenset({"payer_id"}), frozenset({"npi", "tin"}))
