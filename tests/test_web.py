"""The HTTP API under bare WSGI keeps every promise of its contract."""

from __future__ import annotations

import pytest

from bulkclaims.testing.contracts import ViewContract
from bulkclaims.testing.wsgi import wsgi_app


class TestBareWsgi(ViewContract):
    """The reference member."""

    @pytest.fixture
    def mount(self):
        """Serve the API and nothing else."""
        return wsgi_app
