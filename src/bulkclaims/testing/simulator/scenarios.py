"""
What a simulated payer says of a claim, by the end of its number.

Shared by all dialects: nothing here knows of HTTP.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING
from zlib import crc32

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_DAY = date(2025, 1, 6)
_OTHER_CLAIM = "PCN0000000"
"""The number of a claim that nobody asked about."""


class Trouble(StrEnum):
    """What can go wrong instead of an answer."""

    BUSY = "429"
    BROKEN = "500"
    DOWN = "503"
    TOO_LATE = "504"
    SLOW = "slow"
    """A right answer, after 25 seconds."""
    DROPPED = "dropped"
    """The connection ends in the middle of the body."""
    WEB_PAGE = "web page"
    """A maintenance page, with status 200."""
    SYNTAX = "999"
    """A syntax rejection, with status 200."""


@frozen
class Said:
    """What is said of one claim."""

    category: str
    code: str
    entity: str = ""
    payer_claim_number: str = field(default="", repr=False)
    """The payer's number where the claim was not asked for by it."""
    charged: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    day: date = _FIRST_DAY
    """When the claim entered this status."""
    service_day: date = _FIRST_DAY
    second_reason: tuple[str, str] | None = None

    @property
    def finalized(self) -> bool:
        """Whether the payer has decided."""
        return self.category.startswith("F")

    @property
    def is_other(self) -> bool:
        """Whether it is a claim that nobody asked about."""
        return self.payer_claim_number == _OTHER_CLAIM

    @property
    def check_day(self) -> date:
        """When it was paid."""
        return self.day + timedelta(days=3)

    @property
    def check_number(self) -> str:
        """What it was paid with."""
        return self.payer_claim_number.replace("PCN", "EFT")

    @property
    def found(self) -> bool:
        """Whether there is such a claim at all."""
        return self.category not in {"D0", "A4"} and not self.category.startswith("E")


@frozen
class Scenario:
    """How claims of one ending are answered."""

    means: str
    """For people: one sentence."""
    says: Said | None = None
    trouble: Trouble | None = None
    times: int | None = None
    """How often this comes before the claim is paid; None for always."""


def _paid() -> Said:
    return Said("F1", "65")


SCENARIOS: Mapping[str, Scenario] = {
    "-PAID": Scenario("Finalized and paid.", _paid()),
    "-PEND": Scenario("Pending, in the payer's review.", Said("P1", "46")),
    "-DENY": Scenario("Finalized and denied, for two reasons.", Said("F2", "585", second_reason=("F2", "107"))),
    "-INFO": Scenario("Pending until the provider sends information.", Said("P3", "317")),
    "-REJ": Scenario("Returned as unprocessable.", Said("A3", "21")),
    "-ACK": Scenario("Accepted into adjudication.", Said("A2", "20")),
    "-NF": Scenario("The payer finds no such claim.", Said("D0", "35")),
    "-NOPT": Scenario("The payer finds no such patient.", Said("D0", "97", "IN")),
    "-MULTI": Scenario("Two claims, the one asked for second.", _paid()),
    "-SIMILAR": Scenario("One claim, of another number.", _paid()),
    "-E0": Scenario("The payer cannot answer: the request's data is wrong.", Said("E0", "0")),
    "-E4": Scenario("The payer cannot answer: a trading partner rule.", Said("E4", "0")),
    "-E1": Scenario("The payer's system cannot answer once, then does.", Said("E1", "0"), times=1),
    "-FLAKY": Scenario("503 once, then an answer.", trouble=Trouble.DOWN, times=1),
    "-429": Scenario("429 once, then an answer.", trouble=Trouble.BUSY, times=1),
    "-500": Scenario("500, always.", trouble=Trouble.BROKEN),
    "-503": Scenario("503, always.", trouble=Trouble.DOWN),
    "-504": Scenario("504, always.", trouble=Trouble.TOO_LATE),
    "-SLOW": Scenario("A right answer, after 25 seconds.", trouble=Trouble.SLOW),
    "-DROP": Scenario("The connection ends in the middle of the answer.", trouble=Trouble.DROPPED),
    "-HTML": Scenario("A web page with status 200.", trouble=Trouble.WEB_PAGE),
    "-999": Scenario("A syntax rejection with status 200.", trouble=Trouble.SYNTAX),
}
"""By the end of the claim number."""

_COMMON = ("-PAID",) * 17 + ("-PEND", "-DENY", "-NF")
"""Claims of no special ending, in the shares a biller would know."""


_ENDING = re.compile(rf"(?P<ending>{'|'.join(SCENARIOS)})(?:X(?P<times>\d{{1,3}}))?")


def scenario_of(claim_number: str) -> tuple[str, Scenario]:
    """
    Which scenario a claim number chooses, and its ending; by a digest of it when its end chooses none.

    `X` and a number behind an ending say how often it comes before the claim is paid, as in `-E1X3`. Without any number
    nothing is found.
    """
    if not claim_number:
        return "-NF", SCENARIOS["-NF"]
    chosen = _ENDING.fullmatch(claim_number, max(0, claim_number.rfind("-")))
    if chosen is None:
        ending = _COMMON[_digest(claim_number) % len(_COMMON)]
        return ending, SCENARIOS[ending]
    scenario = SCENARIOS[chosen["ending"]]
    return chosen["ending"], evolve(scenario, times=int(chosen["times"])) if chosen["times"] else scenario


def answers(claim_number: str, asked_before: int) -> list[Said] | Trouble:
    """
    What is said of a claim number, always the same.

    Args:
        claim_number: As asked.
        asked_before: How often it was asked already; some scenarios recover.
    """
    ending, scenario = scenario_of(claim_number)
    if scenario.times is not None and asked_before >= scenario.times:
        ending, scenario = "-PAID", SCENARIOS["-PAID"]
    if scenario.trouble and scenario.trouble is not Trouble.SLOW:
        return scenario.trouble
    said = _filled(scenario.says or _paid(), claim_number)
    if ending == "-MULTI":
        return [evolve(said, category="F3", code="101", payer_claim_number=_OTHER_CLAIM, paid=Decimal(0)), said]
    if ending == "-SIMILAR":
        return [evolve(said, payer_claim_number=_OTHER_CLAIM)]
    return [said]


def _filled(said: Said, claim_number: str) -> Said:
    """Give a claim amounts and days that follow from its number alone."""
    if not said.found:
        return said
    digest = _digest(claim_number)
    charged = Decimal(5_000 + digest % 95_000) / 100
    service_day = _FIRST_DAY + timedelta(days=digest % 280)
    return evolve(
        said,
        payer_claim_number=f"PCN{1 + digest % 9_999_999:07}",
        charged=charged,
        paid=(charged * 3 / 4).quantize(Decimal("0.01")) if said.category == "F1" else Decimal(0),
        service_day=service_day,
        day=service_day + timedelta(days=21),
    )


def _digest(claim_number: str) -> int:
    """Always the same for one number, on every machine; surrogates may come from JSON."""
    return crc32(claim_number.encode("utf-8", "surrogatepass"))
