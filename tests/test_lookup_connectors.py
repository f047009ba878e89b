"""Both connectors keep the contract of their seam."""

from datetime import date
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from bulkclaims.lookup import HttpConnector, StediConnector, StediSettings
from bulkclaims.privacy import Secret
from bulkclaims.records import ClaimInquiry
from bulkclaims.testing.contracts.connector import ConnectorContract

EXAMPLE = Path(__file__).parent.parent / "docs" / "how-to" / "examples" / "stedi.toml"


class StediDialect(ConnectorContract):
    """What the two have in common: the bodies."""

    @pytest.fixture
    def inquiry(self):
        """One made-up row."""
        return ClaimInquiry(
            "PCN7000001", "ALMA", "TESTER", date(1972, 3, 4), "ZX00012345", payer_id="99999", npi="1999999984"
        )

    @pytest.fixture
    def found(self, inquiry):
        """A paid claim."""
        return {
            "claims": [{"claimStatus": {"statusCategoryCode": "F1", "tradingPartnerClaimNumber": inquiry.claim_number}}]
        }

    @pytest.fixture
    def nothing(self):
        """A search that found nothing."""
        return {"claims": [{"claimStatus": {"statusCategoryCode": "D0"}}]}


class TestStediConnector(StediDialect):
    """The hand-written one."""

    @pytest.fixture
    def connect(self):
        """With an API key."""
        return lambda url: StediConnector(
            StediSettings(organization_name="Clinic", api_key=Secret("KEY"), base_url=url)
        )


class TestHttpConnector(StediDialect):
    """The described one, on the documented example."""

    @pytest.fixture
    def connect(self, monkeypatch):
        """The example, asking elsewhere."""
        monkeypatch.setenv("STEDI_API_KEY", "KEY")
        return lambda url: HttpConnector(evolve(HttpConnector.from_toml(EXAMPLE).api, url=httpx.URL(url)))
