"""The claims that a simulated payer knows of, with their patients, as a file names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from attrs import evolve, field, frozen

from bulkclaims.parsing import CsvParser
from bulkclaims.records import ClaimInquiry
from bulkclaims.testing.simulator.scenarios import Trouble, answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from bulkclaims.records import Window
    from bulkclaims.testing.simulator.scenarios import Said


@frozen
class Book:
    """Claims by their numbers; none where no file was given."""

    _claims: Mapping[str, ClaimInquiry] = field(factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """
        Read a claims file as it is uploaded; rows with errors are no claims, and of two of one number the last is.

        Raises:
            OSError: It cannot be read.
            UploadRejected: It is no claims file.
        """
        if path is None:
            return cls()
        with path.open("rb") as file:
            claims = [ClaimInquiry.from_row(row, {}) for row in CsvParser(None).parse(file) if not row.errors]
        return cls({claim.claim_number: claim for claim in claims})

    def find(self, claim_number: str) -> ClaimInquiry | None:
        """The claim of this number, if it is in the book."""
        return self._claims.get(claim_number)

    def within(self, window: Window) -> Iterator[tuple[ClaimInquiry, Said]]:
        """
        Claims of the window and what is said of each: the same as its number alone would bring, asked the first time.

        One of which nothing is said then, or something is wrong, is not among them; neither is one of another payer or
        provider, where the file names them.
        """
        for claim in self._claims.values():
            if not _may_be_of(window, claim):
                continue
            said = answers(claim.claim_number, 0)
            for one in [] if isinstance(said, Trouble) else said:
                if one.found and not one.is_other and window.first <= days_of(claim, one)[0] <= window.last:
                    yield claim, one

    def of_patient(self, window: Window, member_id: str, born: date | None) -> tuple[tuple[ClaimInquiry, Said], ...]:
        """Claims of the window, likewise, that are of this one patient, on the days of service that the book has."""
        return tuple(
            (claim, evolve(said, service_day=days_of(claim, said)[0]))
            for claim, said in self.within(window)
            if claim.date_of_birth == born and claim.subscriber_id.upper() == member_id.upper()
        )


def days_of(claim: ClaimInquiry | None, said: Said) -> tuple[date, date]:
    """First and last day of service: the book's, or else the scenario's."""
    if claim is None or claim.first_service_date is None:
        return said.service_day, said.service_day
    return claim.first_service_date, claim.last_service_date or claim.first_service_date


def _may_be_of(window: Window, claim: ClaimInquiry) -> bool:
    if claim.first_service_date and not window.first <= claim.first_service_date <= window.last:
        return False  # told first, and without asking the scenarios: books are long
    tins = {claim.tin.replace("-", ""), window.tin.replace("-", "")} - {""}
    return claim.payer_id in {"", window.payer_id} and len(tins) <= 1
