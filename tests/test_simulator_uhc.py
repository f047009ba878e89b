"""The simulated UnitedHealthcare, asked over real HTTP: its book, its pages, its codes, and what it refuses."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.errors import UploadRejected
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings
from bulkclaims.testing.simulator.uhc import LCLM_ENDINGS

BY_PROVIDER = "/Claims/api/claim/summary/byprovider/v2.0"
BY_CLAIM = "/Claims/api/claim/summary/byicn/v2.0"
BY_ACCOUNT = "/Claims/api/claim/summary/bypan/v2.0"
BUYS = {"client_id": "simulator", "client_secret": "try-me", "grant_type": "client_credentials"}
NOVEMBER = {"firstServiceDt": "11/01/2025", "lastServiceDt": "11/30/2025"}
HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id,first_service_date,last_service_date"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "simulator.md"


def book(path, *lines, header=HEADER):
    """Write a claims file."""
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


def line(number, day="11/14/2025"):
    """A row of it."""
    return f"{number},Álma,Tester,03/04/1972,zx00012345,{day},"


@pytest.fixture
def open_payer(tmp_path):
    """A function from the lines of a claims file to a client with a token for a payer that knows them, and it."""
    with ExitStack() as held:

        def start(*lines, header=HEADER, **settings):
            claims = book(tmp_path / "claims.csv", *lines, header=header) if lines else None
            payer = held.enter_context(PayerSimulator(SimulatorSettings(dialect="uhc", claims=claims, **settings)))
            headers = {"tin": "123456789", "payerId": "87726"}
            client = held.enter_context(httpx.Client(base_url=payer.url, headers=headers))
            token = client.post("/v1/oauthtoken", data=BUYS).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            return client, payer

        yield start


def code(reply):
    """The code of an error."""
    return reply.json()["errors"][0]["code"]


def numbers(reply):
    """The claim numbers of a page."""
    return [claim["claimNumber"] for claim in reply.json()["claims"]]


class TestWindows:
    """Searches by days of service."""

    def test_a_claim_as_it_is_listed(self, open_payer):
        """Names in upper case, a member id with a tail, the book's own days."""
        payer, _ = open_payer("PCN1-DENY,Álma,Tester,03/04/1972,zx00012345,11/14/2025,11/16/2025")
        (claim,) = payer.get(BY_PROVIDER, headers=NOVEMBER).json()["claims"]
        assert claim["memberInfo"] == {
            "subscriberId": "ZX00012345-00",
            "ptntFn": "ÁLMA",
            "ptntLn": "TESTER",
            "ptntDob": "03/04/1972",
        }
        assert (claim["claimStatus"], claim["claimSummary"]["firstSrvcDt"]) == ("Denied", "11/14/2025")
        assert claim["claimSummary"]["lastSrvcDt"] == "11/16/2025"
        assert [each["clm507Cd"] for each in claim["claimSummary"]["clmXWalkData"]] == ["F2", "F2"]

    def test_pages_of_fifty(self, open_payer):
        """The number of one page asks for the next, by itself or with the same dates; it may be asked for again."""
        payer, server = open_payer(*(line(f"PCN{n}-PAID") for n in range(120)))
        first = payer.get(BY_PROVIDER, headers=NOVEMBER)
        second = payer.get(BY_PROVIDER, headers={"transactionId": first.json()["transactionId"]})
        again = payer.get(BY_PROVIDER, headers={"transactionId": first.json()["transactionId"], **NOVEMBER})
        third = payer.get(BY_PROVIDER, headers={"transactionId": again.json()["transactionId"]})
        assert [len(numbers(page)) for page in (first, second, third)] == [50, 50, 20]
        assert numbers(second) == numbers(again)
        assert "transactionId" not in third.json()
        assert len({*numbers(first), *numbers(second), *numbers(third)}) == 120
        assert server.requests == ()

    @pytest.mark.parametrize(("claims", "wanted"), [(500, None), (501, "LCLM_PS_306")])
    def test_more_than_500_are_too_many(self, open_payer, claims, wanted):
        """Fewer days bring them."""
        payer, _ = open_payer(*(line(f"PCN{n}-PAID", f"11/{1 + n % 2 * 20:02}/2025") for n in range(claims)))
        reply = payer.get(BY_PROVIDER, headers=NOVEMBER)
        assert (code(reply) if wanted else None) == wanted
        half = payer.get(BY_PROVIDER, headers={**NOVEMBER, "lastServiceDt": "11/15/2025"})
        assert len(numbers(half)) == 50

    def test_what_is_not_in_it(self, open_payer):
        """What a single look-up does not find at first, other days, payers and providers, and rows with errors."""
        header = f"{HEADER},payer_id,tin"
        payer, _ = open_payer(
            *(f"{line(f'PCN1{ending}')},," for ending in ("-NF", "-E1", "-503", "-FLAKY", "-LCLM301", "-401")),
            f"{line('PCN2-PAID', '12/01/2025')},,",
            f"{line('PCN3-PAID')},03432,",
            f"{line('PCN4-PAID')},,98-7654321",
            f"{line('PCN5-PAID', '13/13/2025')},,",
            f"{line('PCN6-PAID')},87726,12-3456789",
            f"{line('PCN7-MULTI')},,",
            f"{line('PCN8-SIMILAR')},,",
            header=header,
        )
        assert numbers(payer.get(BY_PROVIDER, headers=NOVEMBER)) == ["PCN6-PAID", "PCN7-MULTI"]

    def test_without_a_day_the_scenarios_own_counts(self, open_payer):
        """As a single look-up says it."""
        payer, _ = open_payer(line("PCN7000001", ""))
        one = payer.get(BY_CLAIM, headers={"claimNumber": "PCN7000001"}).json()["claims"]
        days = {"firstServiceDt": "08/30/2025", "lastServiceDt": "08/30/2025"}
        assert payer.get(BY_PROVIDER, headers=days).json()["claims"] == one

    def test_a_claim_that_is_there_twice(self, open_payer):
        """In a window and by number: what is out of date comes first."""
        payer, _ = open_payer(line("PCN1-TWICE"))
        within = payer.get(BY_PROVIDER, headers=NOVEMBER).json()["claims"]
        by_number = payer.get(BY_CLAIM, headers={"claimNumber": "PCN1-TWICE"}).json()["claims"]
        assert within == by_number
        assert [claim["claimSummary"]["clmXWalkData"][0]["clm507Cd"] for claim in within] == ["P1", "F1"]

    def test_nothing_is_a_code(self, open_payer):
        """With status 200, and also of a payer without a book."""
        payer, _ = open_payer()
        reply = payer.get(BY_PROVIDER, headers=NOVEMBER)
        assert (reply.status_code, code(reply)) == (200, "LCLM_PS_201")

    def test_every_call_is_in_the_log(self, open_payer, tmp_path):
        """Also those that are no look-ups."""
        payer, server = open_payer(line("PCN1-PAID"), log=tmp_path / "log")
        payer.get(BY_PROVIDER, headers=NOVEMBER)
        payer.get(BY_CLAIM, headers={"claimNumber": "PCN1-PAID"})
        told = [json.loads(each) for each in (tmp_path / "log").read_text().splitlines()]
        assert [each["call"] for each in told] == [f"GET {BY_PROVIDER}", f"GET {BY_CLAIM}"]
        assert server.requests == ("PCN1-PAID",)


class TestRefusals:
    """Each brings its code."""

    @pytest.mark.parametrize(
        ("headers", "wanted"),
        [
            ({}, "LCLM_PS_102"),
            ({"firstServiceDt": "11/01/2025"}, "LCLM_PS_102"),
            ({**NOVEMBER, "payerId": "00000"}, "LCLM_PS_105"),
            ({**NOVEMBER, "tin": ""}, "LCLM_PS_102"),
            ({**NOVEMBER, "tin": "12-3456789"}, "LCLM_PS_102"),
            ({**NOVEMBER, "tin": "1234567890"}, "LCLM_PS_102"),
            ({**NOVEMBER, "firstServiceDt": "2025-11-01"}, "LCLM_PS_108"),
            ({**NOVEMBER, "firstServiceDt": "11/1/2025"}, "LCLM_PS_108"),
            ({**NOVEMBER, "lastServiceDt": "11/31/2025"}, "LCLM_PS_111"),
            ({**NOVEMBER, "lastServiceDt": "10/31/2025"}, "LCLM_PS_113"),
            ({**NOVEMBER, "lastServiceDt": "01/30/2026"}, "LCLM_PS_201"),
            ({**NOVEMBER, "lastServiceDt": "01/31/2026"}, "LCLM_PS_112"),
            ({"firstServiceDt": "12/31/2019", "lastServiceDt": "01/31/2020"}, "LCLM_PS_107"),
            ({"transactionId": "SIM-NEXT-PAGE-9"}, "LCLM_PS_203"),
        ],
    )
    def test_a_window(self, open_payer, headers, wanted):
        """That cannot be searched."""
        payer, _ = open_payer()
        reply = payer.get(BY_PROVIDER, headers=headers)
        assert code(reply) == wanted
        assert (reply.status_code < 400) == (wanted == "LCLM_PS_201")

    def test_a_page_of_other_days(self, open_payer):
        """The number stands for its own."""
        payer, _ = open_payer(*(line(f"PCN{n}-PAID") for n in range(51)))
        number = payer.get(BY_PROVIDER, headers=NOVEMBER).json()["transactionId"]
        dates = {**NOVEMBER, "lastServiceDt": "11/15/2025"}
        assert code(payer.get(BY_PROVIDER, headers={"transactionId": number, **dates})) == "LCLM_PS_106"

    def test_a_query_is_not_looked_at(self, open_payer):
        """As for a client that has its parameters in the address."""
        payer, _ = open_payer()
        assert code(payer.get(BY_CLAIM, params={"claimNumber": "PCN1-PAID"})) == "LCLM_PS_102"
        assert code(payer.get(BY_PROVIDER, params=NOVEMBER)) == "LCLM_PS_102"

    def test_what_comes_before_the_question(self, open_payer):
        """Route, method and token."""
        payer, _ = open_payer()
        assert payer.get("/Claims/api/claim/detail/v2.0").status_code == 404
        assert payer.post(BY_PROVIDER).status_code == 405
        assert payer.get(BY_PROVIDER, headers={"Authorization": "Bearer nobody's"}).status_code == 401
        assert payer.post("/v1/oauthtoken", data={**BUYS, "client_secret": "wrong"}).status_code == 401


class TestSingleLookUps:
    """By a claim's number."""

    @pytest.mark.parametrize("ending", LCLM_ENDINGS)
    @pytest.mark.slow
    def test_every_code_has_its_ending(self, open_payer, ending):
        """Beside 200, and with an S beside an error status."""
        payer, _ = open_payer()
        reply = payer.get(BY_CLAIM, headers={"claimNumber": f"PCN1{ending}"})
        assert code(reply).replace("_PS_", "").replace("_", "") == ending.strip("-S")
        assert (reply.status_code == 200) == (not ending.endswith("S"))

    def test_the_page_names_their_shape(self):
        """Each code stands in the docs."""
        text = PAGE.read_text(encoding="utf-8")
        assert [pair for pair, _ in LCLM_ENDINGS.values() if f"`{pair}`" not in text] == []

    @pytest.mark.parametrize(
        ("ending", "word"),
        [("-PAID", "Finalized"), ("-DENY", "Denied"), ("-REJ", "Rejected"), ("-PEND", "Acknowledgement")],
    )
    def test_words(self, open_payer, ending, word):
        """As clients have seen them; of a patient that is in no book it tells nothing."""
        payer, _ = open_payer()
        (claim,) = payer.get(BY_CLAIM, headers={"claimNumber": f"PCN1{ending}"}).json()["claims"]
        assert (claim["claimStatus"], claim["memberInfo"]) == (word, None)

    def test_either_way_of_not_finding(self, open_payer):
        """A code, or an empty list."""
        payer, _ = open_payer()
        assert code(payer.get(BY_CLAIM, headers={"claimNumber": "PCN1-NF"})) == "LCLM_PS_201"
        assert payer.get(BY_CLAIM, headers={"claimNumber": "PCN1-NOPT"}).json() == {"claims": []}

    def test_by_the_providers_own_number(self, open_payer):
        """It comes back as such, beside a number of the payer's."""
        payer, _ = open_payer(line("ACCT-7-MULTI"))
        other, claim = payer.get(BY_ACCOUNT, headers={"ptntAcctNbr": "ACCT-7-MULTI"}).json()["claims"]
        assert claim["claimSummary"]["ptntAcctNbr"] == "ACCT-7-MULTI"
        assert claim["claimNumber"].startswith("PCN")
        assert claim["memberInfo"]["ptntLn"] == "TESTER"
        assert (other["claimNumber"], other["memberInfo"]) == ("PCN0000000", None)

    def test_no_token_is_good(self, open_payer):
        """For a claim of this ending, time and again."""
        payer, _ = open_payer()
        assert [payer.get(BY_CLAIM, headers={"claimNumber": "PCN1-401"}).status_code for _ in range(2)] == [401, 401]


class TestOptumReal:
    """It searches the same book."""

    def ask(self, url, searched, **headers):
        """Ask for something."""
        with httpx.Client(base_url=url, headers={"providerTaxId": "123456789", **headers}) as client:
            token = client.post("/apip/auth/sntl/v1/token", data=BUYS).json()["access_token"]
            body = {"query": "query SearchClaim { searchClaim { claims { claimNumber } } }"}
            body |= {"variables": {"searchClaimInput": {"payerId": "87726", **searched}}}
            reply = client.post("/oihub/claim/inquiry/v1", json=body, headers={"Authorization": f"Bearer {token}"})
            return reply.json()["data"]["searchClaim"]

    def test_a_window(self, tmp_path):
        """Fifty claims a page; of each it says what it says of its number."""
        claims = book(tmp_path / "claims.csv", *(line(f"PCN{n}-PAID") for n in range(60)), line("PCN61-NF"))
        days = {"serviceStartDate": "11/01/2025", "serviceEndDate": "11/30/2025"}
        with PayerSimulator(SimulatorSettings(dialect="optum-real", claims=claims)) as payer:
            first = self.ask(payer.url, days)
            second = self.ask(payer.url, days, nextPageToken=first["pagination"]["nextPageToken"])
            assert payer.requests == ()
            single = self.ask(payer.url, {"claimNumber": "PCN59-PAID"})
        assert [len(first["claims"]), len(second["claims"])] == [50, 10]
        assert second["pagination"] == {"hasMoreRecords": False, "nextPageToken": None}
        assert second["claims"][-1] == single["claims"][0]
        assert single["claims"][0]["member"] == {
            "subscriberId": "ZX00012345",
            "firstName": "ÁLMA",
            "lastName": "TESTER",
            "dateOfBirth": "03/04/1972",
        }


def test_a_book_that_cannot_be_read(tmp_path):
    """A file that is not there, or is no claims file: before the payer is said to be ready, and as one sentence."""
    (tmp_path / "claims.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UploadRejected):
        PayerSimulator(SimulatorSettings(dialect="uhc", claims=tmp_path / "claims.csv")).__enter__()
    for name, sentence in (("claims.csv", "cannot be used. "), ("nowhere.csv", "cannot be used: No such file")):
        done = CliRunner().invoke(main, ["simulate-payer", "--dialect", "uhc", "--claims", str(tmp_path / name)])
        assert done.exit_code == 2
        assert f"{tmp_path / name} {sentence}" in done.stderr
