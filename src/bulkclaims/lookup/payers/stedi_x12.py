"""
The raw X12 route of Stedi and of Optum's Medical Network: a 276 in a JSON body, and the 277 or 999 beside the JSON.

Source: both vendors' published OpenAPI descriptions of `claimstatus/v2/raw-x12`. Optum's other such route, whose name
ends in `enhanced`, is not spoken: what its status codes mean is not published.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup.x12.inquiry_276 import X12Settings, write_276

if TYPE_CHECKING:
    from datetime import datetime

    from bulkclaims.lookup.x12.inquiry_276 import Party
    from bulkclaims.records import ClaimInquiry


@frozen(kw_only=True)
class X12Route:
    """
    What a 276 needs beside the other settings: the ends of the line, and who submits.

    Raises:
        SettingsWrong: The usage is neither production nor test.
    """

    sender: Party
    receiver: Party
    submitter_name: str
    """Who receives the answer, loop 2100B."""
    submitter_id: str
    payer_name: str = "PAYER"
    """Loop 2100A; payers go by the id, which each inquiry has."""
    usage: Literal["P", "T"] = "P"
    """Production or test, ISA15."""

    def __attrs_post_init__(self) -> None:
        """Refuse what the envelope has no letter for."""
        if self.usage not in {"P", "T"}:
            raise SettingsWrong("The setting usage is to be P or T.")

    def settings(self, organization_name: str, claim_number_kind: Literal["payer", "patient_account"]) -> X12Settings:
        """
        All that a 276 is written with.

        Raises:
            SettingsWrong: Something cannot be sent, or does not fit.
        """
        return X12Settings(
            sender=self.sender,
            receiver=self.receiver,
            submitter_name=self.submitter_name,
            submitter_id=self.submitter_id,
            organization_name=organization_name,
            payer_name=self.payer_name,
            usage=self.usage,
            claim_number_kind=claim_number_kind,
        )


def x12_body(inquiry: ClaimInquiry, settings: X12Settings, moment: datetime) -> dict[str, str]:
    """
    Write the request for one inquiry.

    Args:
        inquiry: What to ask.
        settings: Whom we ask, and as whom.
        moment: Now, where the claims are handled.

    Raises:
        InquiryRefused: A cell cannot be carried by X12; nothing is to be sent.
    """
    number = secrets.randbelow(999_999_999) + 1
    return {"x12": write_276(inquiry, settings, number, moment).decode("ascii")}
