"""The Stedi and Optum dialect: what is sent, how every kind of answer is read, and tokens."""

import asyncio
import json
import os
import re
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
    SettingsWrong,
)
from bulkclaims.lookup import SharedAccess, StediConnector, StediSettings
from bulkclaims.lookup.payers.stedi import read_answer
from bulkclaims.lookup.payers.stedi_request import request_body
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.privacy import Secret
from bulkclaims.records import Answer, ClaimInquiry, Rate
from bulkclaims.repositories.limiter import MemoryLimiter
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.scripted_payer import ScriptedPayer, http_answer

TODAY = date(2026, 1, 5)
DAY = date(2025, 11, 14)
ASKED = ClaimInquiry(
    "PCN7000001",
    "ALMA",
    "TESTER",
    date(1972, 3, 4),
    "ZX00012345",
    payer_id="99999",
    npi="1999999984",
    first_service_date=date(2025, 11, 1),
    last_service_date=date(2025, 11, 30),
)
STEDI = StediSettings(organization_name="Sample Clinic PC", api_key=Secret("KEY"))
OPTUM = StediSettings(organization_name="Sample Clinic PC", face="optum", client_id="us", client_secret=Secret("PASS"))


def vector(name):
    """One of the made-up bodies beside the tests."""
    return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text())


def inquire(script, settings=STEDI, times=1):
    """Ask a scripted payer *times* times at once; return outcomes, exceptions included, and what it heard."""

    async def answer(heard):
        return script(heard)

    async def run():
        async with ScriptedPayer(answer) as payer:
            connector = StediConnector(evolve(settings, base_url=payer.url))
            found = await asyncio.gather(*(connector.inquire(ASKED) for _ in range(times)), return_exceptions=True)
            await connector.aclose()
            return found, payer.heard

    return asyncio.run(run())


class TestRequest:
    """What is sent."""

    def test_it_is_the_documented_body(self):
        """The body equals the published example, but for the tracking number, which we have no use for."""
        expected = vector("stedi-request")
        del expected["encounter"]["trackingNumber"]
        assert request_body(ASKED, STEDI, TODAY) == expected

    def test_optum_also_wants_a_control_number(self):
        """Nine digits, new for each request; the rest is the same."""
        bodies = [request_body(ASKED, OPTUM, TODAY) for _ in range(5)]
        numbers = [body.pop("controlNumber") for body in bodies]
        assert all(re.fullmatch(r"\d{9}", number) for number in numbers)
        assert len(set(numbers)) > 1
        assert bodies[0] == request_body(ASKED, STEDI, TODAY)

    def test_the_number_goes_where_the_setting_says(self):
        """Payers' numbers and the provider's own numbers have fields of their own."""
        asked = evolve(ASKED, patient_account_number="ACCT-7")
        own = evolve(STEDI, claim_number_kind="patient_account")
        numbers = request_body(asked, STEDI, TODAY)["encounter"]
        assert (numbers["tradingPartnerClaimNumber"], numbers["patientAccountNumber"]) == ("PCN7000001", "ACCT-7")
        numbers = request_body(asked, own, TODAY)["encounter"]
        assert numbers["patientAccountNumber"] == "PCN7000001"
        assert "tradingPartnerClaimNumber" not in numbers

    @pytest.mark.parametrize(
        ("gender", "stedi", "optum"),
        [("F", "F", "F"), ("male", "M", "M"), ("U", None, "U"), ("", None, None), ("X", None, None)],
    )
    def test_gender_is_sent_where_it_is_taken(self, gender, stedi, optum):
        """Stedi takes M and F, Optum U as well; otherwise it is left out."""
        asked = evolve(ASKED, gender=gender)
        sent = [request_body(asked, face, TODAY)["subscriber"].get("gender") for face in (STEDI, OPTUM)]
        assert sent == [stedi, optum]

    def test_without_an_npi_the_tax_id_is_sent(self):
        """One id of the provider is enough; a TIN is written without its dash."""
        asked = evolve(ASKED, npi="", tin="12-3456789")
        assert request_body(asked, STEDI, TODAY)["providers"][0]["taxId"] == "123456789"

    @pytest.mark.parametrize(
        "cells",
        [
            {"payer_id": ""},
            {"payer_id": "9"},
            {"first_name": "A" * 36},
            {"last_name": "A" * 61},
            {"subscriber_id": "1"},
            {"claim_number": "A" * 51},
            {"patient_account_number": "A" * 51},
            {"last_name": "TES~TER"},
            {"claim_number": "A*1"},
            {"subscriber_id": "A:1"},
            {"first_name": "A^"},
            {"npi": "12345"},
            {"npi": "", "tin": "12345"},
            {"npi": "", "tin": ""},
            {"first_service_date": date(2026, 2, 1), "last_service_date": None},
            {"first_service_date": date(2025, 2, 1), "last_service_date": date(2025, 1, 1)},
        ],
    )
    def test_a_cell_the_message_cannot_carry_is_refused_unquoted(self, cells):
        """Nothing is sent, the sentence names the column, and the cell is not in it."""
        with pytest.raises(InquiryRefused, match=r"^Not sent: ") as refusal:
            request_body(evolve(ASKED, **cells), STEDI, TODAY)
        assert not any(cell and str(cell) in str(refusal.value) for cell in cells.values() if len(str(cell)) > 2)

    @pytest.mark.parametrize(
        ("first", "last", "window"),
        [
            (DAY, None, ("20251107", "20251121")),
            (None, DAY, ("20251107", "20251121")),
            (DAY, DAY, ("20251107", "20251121")),
            (date(2026, 1, 4), None, ("20251228", "20260105")),
            (date(2025, 1, 1), date(2025, 12, 31), ("20250101", "20250130")),
            (None, None, (None, None)),
        ],
    )
    def test_the_window_is_a_week_to_either_side(self, first, last, window):
        """Padded by a week, never into the future, never over thirty days; no dates when the row has none."""
        sent = request_body(evolve(ASKED, first_service_date=first, last_service_date=last), STEDI, TODAY)["encounter"]
        assert (sent.get("beginningDateOfService"), sent.get("endDateOfService")) == window

    @given(st.dates(date(2020, 1, 1), TODAY), st.integers(0, 400))
    def test_the_window_is_never_too_wide(self, first, days):
        """Whatever the dates: at most thirty days, not in the future, and it begins no later than the claim."""
        asked = evolve(ASKED, first_service_date=first, last_service_date=first + timedelta(days))
        sent = request_body(asked, STEDI, TODAY)["encounter"]
        begin, end = (date.fromisoformat(sent[name]) for name in ("beginningDateOfService", "endDateOfService"))
        assert begin <= first <= end <= TODAY
        assert (end - begin).days < 30


class TestAnswer:
    """How bodies are read."""

    def test_a_paid_claim(self):
        """Codes, numbers, amounts, dates and the patient; service lines are ignored in either form."""
        body = vector("stedi-200-paid")
        (claim,) = read_answer(body, ASKED).claims
        assert (claim.category_code, claim.status_code, claim.payer_claim_number) == ("F1", "65", "PCN7000001")
        assert (claim.total_charged, claim.total_paid) == (Decimal(240), Decimal("180.5"))
        assert (claim.processed_date, claim.effective_date) == (date(2025, 12, 5), date(2025, 12, 5))
        assert claim.service_dates == (DAY, DAY)
        assert (claim.first_name, claim.last_name, claim.subscriber_id) == ("ALMA", "TESTER", "ZX00012345")
        body["claims"][0]["serviceDetails"] = {"service": "the old form"}
        assert read_answer(body, ASKED).claims == (claim,)

    def test_other_ways_to_write_the_same(self):
        """Dates without dashes and amounts as numbers are read alike; a range of service dates is a range."""
        body = vector("stedi-200-paid")
        status = body["claims"][0]["claimStatus"]
        status |= {"effectiveDate": "20251205", "submittedAmount": 240, "amountPaid": 180.5}
        status |= {"claimServiceDate": "20251101-20251130", "paidDate": ""}
        (claim,) = read_answer(body, ASKED).claims
        assert (claim.effective_date, claim.total_charged, claim.total_paid) == (
            date(2025, 12, 5),
            Decimal(240),
            Decimal("180.5"),
        )
        assert claim.service_dates == (date(2025, 11, 1), date(2025, 11, 30))
        assert claim.processed_date is None

    def test_the_dependent_is_the_patient(self):
        """Where the answer names a dependent, name and birth date are theirs, the member id the subscriber's."""
        body = vector("stedi-200-paid") | {
            "dependent": {"firstName": "BENNO", "lastName": "TESTER", "dateOfBirth": "20150607"}
        }
        (claim,) = read_answer(body, ASKED).claims
        assert (claim.first_name, claim.date_of_birth, claim.subscriber_id) == ("BENNO", date(2015, 6, 7), "ZX00012345")

    def test_several_claims_stay_several(self):
        """Nothing is chosen here."""
        numbers = [claim.payer_claim_number for claim in read_answer(vector("stedi-200-two-claims"), ASKED).claims]
        assert numbers == ["PCN6999990", "PCN7000001"]

    def test_not_found_is_an_answer(self):
        """A search that found nothing is a claim with category D0, and an empty list is an empty answer."""
        (claim,) = read_answer(vector("stedi-200-not-found"), ASKED).claims
        assert (claim.category_code, claim.entity_code, claim.payer_claim_number) == ("D0", "IN", "")
        assert read_answer({"claims": []}, ASKED).claims == ()

    def test_optums_further_reasons_are_kept_apart(self):
        """Secondary and tertiary codes only add reasons; an answer without a subscriber is read too."""
        body = vector("optum-mn-200-denied-secondary")
        (claim,) = read_answer(body, ASKED).claims
        assert (claim.category_code, claim.status_code, claim.last_name) == ("F2", "585", "")
        assert claim.reasons == ("F2:107",)
        third = {"tertiaryStatusCategoryCode": "f2", "tertiaryStatusCode": 21, "tertiaryEntityCode": "QC"}
        body["claims"][0]["claimStatus"] |= third
        assert read_answer(body, ASKED).claims[0].reasons == ("F2:107", "F2:21:QC")
        assert read_answer(vector("stedi-200-paid"), ASKED).claims[0].reasons == ()

    @pytest.mark.parametrize(
        ("trace", "kept"), [("01SIMTRACE2", "01SIMTRACE2"), ("a name!", ""), ("01\ud800", ""), (7, ""), (None, "")]
    )
    def test_the_trace_is_kept_if_it_is_one(self, trace, kept):
        """Only what looks like an id gets into logs."""
        assert read_answer({"claims": [], "meta": {"traceId": trace}}, ASKED).trace == kept

    def test_an_error_response_is_the_rows_fault(self):
        """Its code and the fields it names stand in brackets; its texts and values do not."""
        body = vector("optum-mn-200-error")
        body["errorResponse"]["description"] = "ALMA TESTER unknown"
        with pytest.raises(InquiryRefused, match=r"\[INVALIDMISSINGINPUTDATA subscriber.memberId\]") as refusal:
            read_answer(body, ASKED)
        assert "ALMA" not in str(refusal.value)

    @pytest.mark.parametrize(
        "problem", ["text", {"code": "TESTER"}, {"errors": "x"}, {"errors": ["x", {"field": None}]}]
    )
    def test_an_odd_error_response_is_still_one(self, problem):
        """Whatever its shape, it is no answer; a "code" that quotes the row is not repeated."""
        with pytest.raises(InquiryRefused, match=r"correct the row\.$"):
            read_answer({"errorResponse": problem, "claims": []}, ASKED)

    @pytest.mark.parametrize(
        "body", [{"status": "ERROR"}, *({"transactionSetAcknowledgement": code} for code in "RMWX")]
    )
    def test_a_rejected_syntax_is_the_rows_fault(self, body):
        """HTTP 200 with a 999 in it is no answer, with or without claims."""
        with pytest.raises(InquiryRefused, match=r"\[999:"):
            read_answer({"claims": [], **body}, ASKED)

    @pytest.mark.parametrize("code", ["A", "E"])
    def test_an_accepted_syntax_is_read_on(self, code):
        """A and E mean accepted."""
        assert read_answer({"claims": [], "transactionSetAcknowledgement": code}, ASKED).claims == ()

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            "claims",
            {},
            {"claimsSummaryInfo": []},
            {"claims": None},
            {"claims": {}},
            {"claims": [None]},
            {"claims": [{}]},
            {"claims": [{"claimStatus": []}]},
            {"claims": [{"claimStatus": {}}]},
            {"claims": [{"claimStatus": {"statusCategoryCode": True}}]},
            {"claims": [], "subscriber": "x"},
            {"claims": [], "dependent": [1]},
            *(
                {"claims": [{"claimStatus": {"statusCategoryCode": "F1", **odd}}]}
                for odd in (
                    {"amountPaid": "1,234.50"},
                    {"amountPaid": "NaN"},
                    {"amountPaid": float("inf")},
                    {"amountPaid": True},
                    {"submittedAmount": {}},
                    {"paidDate": "12/05/2025"},
                    {"paidDate": "2025-W01"},
                    {"paidDate": "20251399"},
                    {"claimServiceDate": "20251101-20251x30"},
                    {"tradingPartnerClaimNumber": 1.5},
                    {"tradingPartnerClaimNumber": "PCN7\ud800"},
                    {"statusCode": "\udfff"},
                    {"secondaryStatusCode": []},
                )
            ),
            {"claims": [{"claimStatus": {"statusCategoryCode": "F1"}}], "subscriber": {"firstName": "J\ud800"}},
        ],
    )
    def test_a_body_of_another_shape_is_never_not_found(self, body):
        """A missing or wrong container, a claim without status, and money or dates that cannot be read."""
        with pytest.raises(AnswerNotUnderstood):
            read_answer(body, ASKED)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "claims",
                            "claimStatus",
                            "subscriber",
                            "errorResponse",
                            "meta",
                            "status",
                            "statusCategoryCode",
                            "transactionSetAcknowledgement",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
        )
    )
    def test_any_json_is_an_answer_or_a_connector_error(self, body):
        """No body whatsoever raises anything else."""
        with suppress(ConnectorError):
            assert isinstance(read_answer(body, ASKED), Answer)


class TestHttp:
    """Over a real connection."""

    def test_stedi_is_asked_with_the_key_itself(self):
        """POST to the documented path, the key neither as Bearer nor as Basic."""
        (answer,), (heard,) = inquire(lambda _: http_answer(vector("stedi-200-paid")))
        assert answer.claims[0].category_code == "F1"
        assert (heard.method, heard.path) == ("POST", "/change/medicalnetwork/claimstatus/v2")
        assert heard.headers["authorization"] == "KEY"
        assert heard.json["tradingPartnerServiceId"] == "99999"

    @pytest.mark.parametrize(
        ("status", "body", "expected", "told"),
        [
            (
                400,
                vector("stedi-400"),
                InquiryRefused,
                "[HTTP 400] [VALIDATION] providers must hold exactly one BillingProvider",
            ),
            (
                400,
                {"error": "E9", "message": "ALMA TESTER 19720304 unknown"},
                InquiryRefused,
                "[HTTP 400] [E9] … unknown",
            ),
            (400, {"code": "E\ud800", "message": "un\ud800known"}, InquiryRefused, "[HTTP 400] un known"),
            (422, ["x"], InquiryRefused, "[HTTP 422]"),
            (400, {"message": 7}, InquiryRefused, "[HTTP 400]"),
            (401, {}, AccessRefused, "[HTTP 401]"),
            (403, b"<html>", AccessRefused, "[HTTP 403]"),
            (404, {}, AccessRefused, "[HTTP 404]"),
            (405, {}, AccessRefused, "[HTTP 405]"),
            (302, {}, AnswerNotUnderstood, "[HTTP 302]"),
            (418, {}, AnswerNotUnderstood, "[HTTP 418]"),
            (408, {}, PayerUnavailable, "[HTTP 408]"),
            (429, vector("stedi-429"), PayerUnavailable, "TOO_MANY_REQUESTS"),
            (500, {}, PayerUnavailable, "[HTTP 500]"),
            (502, b"", PayerUnavailable, "[HTTP 502]"),
            (503, {}, PayerUnavailable, "[HTTP 503]"),
            (504, {}, PayerUnavailable, "[HTTP 504]"),
        ],
    )
    def test_every_status_has_its_class(self, status, body, expected, told):
        """Each HTTP status becomes an error of its class, with code and scrubbed message."""
        (error,), _ = inquire(lambda _: http_answer(body, status))
        assert type(error) is expected
        assert told in str(error)

    def test_throttling_and_outage_are_told_apart(self):
        """429 is throttled with its wait, in seconds or as a date; 503 is an outage."""
        (error,), _ = inquire(lambda _: http_answer({}, 429, Retry_After="7"))
        assert (error.throttled, error.retry_after) == (True, 7)
        (error,), _ = inquire(lambda _: http_answer({}, 503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"))
        assert (error.throttled, error.retry_after, error.code) == (False, 0, "payer_down")
        (error,), _ = inquire(lambda _: http_answer({}, 503, Retry_After="Wed, 21 Oct 2015 07:28:00 -0000"))
        assert error.retry_after == 0
        (error,), _ = inquire(lambda _: http_answer({}, 500, Retry_After="soon"))
        assert error.retry_after is None

    @pytest.mark.parametrize("status", [401, 403, 404, 405])
    def test_what_ends_the_job_never_quotes_the_payer(self, status):
        """An exception that becomes a log line and the job's problem has the payer's code, and no word of its text."""
        told = {"code": "NO_SUCH_KEY", "message": "Member CANARY is not covered, ask Dr. Canary"}
        (error,), _ = inquire(lambda _: http_answer(told, status))
        assert type(error) is AccessRefused
        assert str(error).endswith(f"[HTTP {status}] [NO_SUCH_KEY]")

    @pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b'{"claims": [', b"\xff\xfe", b"[" * 100_000])
    def test_what_is_not_json_is_not_understood(self, body):
        """A page, nothing at all, half an answer: never "not found"."""
        (error,), _ = inquire(lambda _: http_answer(body, Content_Type="text/html"))
        assert type(error) is AnswerNotUnderstood

    def test_json_under_another_name_is_read(self):
        """What counts is the body; gateways call JSON text/plain."""
        (answer,), _ = inquire(lambda _: http_answer({"claims": []}, Content_Type="text/plain"))
        assert answer.claims == ()

    def test_a_host_may_bring_its_own_client(self):
        """Any httpx client does, such as one whose transport is a function."""

        def client():
            return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"claims": []})))

        async def run():
            connector = StediConnector(STEDI, client)
            answer = await connector.inquire(ASKED)
            await connector.aclose()
            await connector.aclose()
            return answer

        assert asyncio.run(run()).claims == ()

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests play no part
    def test_a_connector_made_before_a_fork_works_in_the_child(self):
        """A prefork worker makes it in the parent: no client exists yet, and the child makes its own."""
        made = []
        connector = StediConnector(STEDI, lambda: made.append(os.getpid()) or make_client())
        assert made == []

        async def script(_heard):
            return http_answer({"claims": []})

        async def look_up():
            async with ScriptedPayer(script) as payer:
                connector._line._url = evolve(STEDI, base_url=payer.url).url
                answer = await connector.inquire(ASKED)
                await connector.aclose()
                return answer.claims == () and made == [os.getpid()]

        child = os.fork()
        if not child:
            os._exit(0 if asyncio.run(look_up()) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Reversing:
    """Seals nothing, but is not known to."""

    def seal(self, plain):
        """Write it from behind."""
        return plain[::-1]

    open = seal


class TestOptum:
    """Tokens."""

    @staticmethod
    def script(tokens, *, good):
        """An Optum that sells *tokens* in turn and takes those in *good*."""
        left = list(tokens)

        def answer(heard):
            if heard.path == "/apip/auth/v2/token":
                return http_answer({**vector("optum-mn-token-200"), "access_token": left.pop(0)})
            token = heard.headers["authorization"].removeprefix("Bearer ")
            return http_answer({"claims": []}) if token in good else http_answer({"message": "CANARY"}, 401)

        return answer

    def test_many_look_ups_buy_one_token(self):
        """Ten at once fetch one token, with the credentials as JSON, and all use it."""
        answers, heard = inquire(self.script(["T1"], good={"T1"}), OPTUM, times=10)
        assert all(answer.claims == () for answer in answers)
        bought, *asked = heard
        assert bought.json == {"client_id": "us", "client_secret": "PASS", "grant_type": "client_credentials"}
        assert {each.path for each in asked} == {"/medicalnetwork/claimstatus/v2/"}
        assert len(asked) == 10

    def test_a_refused_token_is_renewed_once_for_all(self):
        """All who were refused ask again with one new token."""

        async def run():
            async def answer(heard):
                return script(heard)

            script = self.script(["old", "new"], good={"new"})
            async with ScriptedPayer(answer) as payer:
                connector = StediConnector(evolve(OPTUM, base_url=payer.url))
                first = await asyncio.gather(*(connector.inquire(ASKED) for _ in range(5)), return_exceptions=True)
                again = await asyncio.gather(*(connector.inquire(ASKED) for _ in range(5)))
                await connector.aclose()
                return first, again, [each.path for each in payer.heard].count("/apip/auth/v2/token")

        first, again, bought = asyncio.run(run())
        assert [type(error) for error in first] == [AccessExpired] * 5
        assert not any("CANARY" in str(error) for error in first)
        assert all(answer.claims == () for answer in again)
        assert bought == 2

    def test_two_workers_buy_one_token(self):
        """Connectors that share their access use the same token, and replace it together."""
        shared = SharedAccess(MemoryRepository(), Reversing())

        async def run():
            async def answer(heard):
                return script(heard)

            script = self.script(["old", "new"], good={"new"})
            async with ScriptedPayer(answer) as payer:
                settings = evolve(OPTUM, base_url=payer.url)
                crew = [StediConnector(settings, access=shared) for _ in range(2)]
                first = await asyncio.gather(*(each.inquire(ASKED) for each in crew), return_exceptions=True)
                again = await asyncio.gather(*(each.inquire(ASKED) for each in crew))
                for each in crew:
                    await each.aclose()
                return first, again, [each.path for each in payer.heard].count("/apip/auth/v2/token")

        first, again, bought = asyncio.run(run())
        assert [type(error) for error in first] == [AccessExpired] * 2
        assert all(answer.claims == () for answer in again)
        assert bought == 2

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (http_answer({"error": "invalid_client"}, 401), AccessRefused),
            (http_answer({"error": "invalid_client"}, 400), AccessRefused),
            (http_answer({}, 503), PayerUnavailable),
            (http_answer({}, 302), AnswerNotUnderstood),
            (http_answer(b"<html>"), AnswerNotUnderstood),
            (http_answer([]), AnswerNotUnderstood),
            (http_answer({"access_token": ""}), AnswerNotUnderstood),
            (http_answer({"access_token": "a\r\nb"}), AnswerNotUnderstood),
            (http_answer({"access_token": "T", "expires_in": "soon"}), AnswerNotUnderstood),
        ],
    )
    def test_no_token_no_look_up(self, answer, expected):
        """Wrong credentials end the job, an outage passes, and what is no token is not used."""
        (error,), heard = inquire(lambda _: answer, OPTUM)
        assert type(error) is expected
        assert "PASS" not in str(error)
        assert len(heard) == 1

    def test_an_old_token_is_renewed_before_it_expires(self):
        """A token without a life of its own is good for a while; one with none left is bought anew."""

        def script(heard):
            if heard.path.endswith("token"):
                return http_answer({"access_token": "T", "expires_in": -1})
            return http_answer({"claims": []})

        async def run():
            async def answer(heard):
                return script(heard)

            async with ScriptedPayer(answer) as payer:
                connector = StediConnector(evolve(OPTUM, base_url=payer.url))
                for _ in range(2):
                    await connector.inquire(ASKED)
                await connector.aclose()
                return [each.path for each in payer.heard].count("/apip/auth/v2/token")

        assert asyncio.run(run()) == 2


class TestSettings:
    """What settings must be."""

    @pytest.mark.parametrize(
        ("wrong", "key"),
        [
            ({"organization_name": ""}, "organization_name"),
            ({"organization_name": "A" * 61}, "organization_name"),
            ({"organization_name": "Clinic: North"}, "organization_name"),
            ({"organization_name": "Clinic~"}, "organization_name"),
            ({"organization_name": "A*B"}, "organization_name"),
            ({"organization_name": "A^B"}, "organization_name"),
            ({"api_key": None}, "api_key"),
            ({"api_key": Secret("CANARY\u2011KEY")}, "api_key"),
            ({"api_key": Secret("CANARY\nKEY")}, "api_key"),
            ({"face": "optum", "client_id": "us", "client_secret": Secret("CANARY\u200b")}, "client_secret"),
            ({"face": "optum"}, "client_id"),
            ({"face": "optum", "client_id": "us"}, "client_secret"),
            ({"face": "change"}, "face"),
            ({"base_url": "http://payer.example"}, "base_url"),
            ({"account": "A" * 101}, "account"),
            ({"account": "n\u00f6rth"}, "account"),
            ({"account": "a\nb"}, "account"),
            ({"claim_number_kind": "any"}, "claim_number_kind"),
        ],
    )
    def test_a_wrong_setting_is_named(self, wrong, key):
        """Missing, too long, unknown or unsafe: the sentence names the key."""
        with pytest.raises(SettingsWrong, match=f"settings? {key}|and {key}") as refusal:
            StediSettings(**{"organization_name": "Sample Clinic PC", "api_key": Secret("KEY"), **wrong})
        assert "CANARY" not in str(refusal.value)

    def test_the_faces_have_their_addresses_and_no_repr_tells_a_secret(self):
        """Each face has its own address when none is set."""
        assert str(STEDI.url) == "https://healthcare.us.stedi.com/2024-04-01/change/medicalnetwork/claimstatus/v2"
        assert str(OPTUM.url) == "https://apigw.optum.com/medicalnetwork/claimstatus/v2/"
        assert "PASS" not in repr(OPTUM)

    @pytest.mark.parametrize("name", ["max_in_flight", "in_flight_in_all"])
    def test_no_look_up_at_a_time_is_too_few(self, name):
        """Said where the connector is made."""
        with pytest.raises(SettingsWrong, match=f"setting {name} is to be 1 or more"):
            StediConnector(evolve(STEDI, **{name: 0}))

    def test_it_says_what_it_needs(self):
        """A payer, and the provider's NPI or TIN."""
        can = StediConnector(STEDI).capabilities
        assert can.needs == (frozenset({"payer_id"}), frozenset({"npi", "tin"}))
        assert (can.account, can.max_in_flight, can.rate, can.in_flight_in_all) == ("stedi", 10, None, None)
        assert StediConnector(evolve(STEDI, in_flight_in_all=50)).capabilities.in_flight_in_all == 50
        assert StediConnector(OPTUM).capabilities.account == "optum"

    def test_two_accounts_of_one_payer_have_a_budget_each(self):
        """Named apart, neither uses up what the other may ask."""
        limiter, rate = MemoryLimiter(), Rate(1, per_day=1)
        for name in ("north", "south"):
            account = StediConnector(evolve(STEDI, account=name, rate=rate)).capabilities.account
            assert limiter.reserve(account, 1, rate) == 0
