"""The OpenAPI document is true of what answers under bare WSGI."""

from __future__ import annotations

import pytest

from bulkclaims.testing.described import assert_described
from bulkclaims.testing.wsgi import wsgi_app
from bulkclaims.web import ROUTES


@pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
def test_answers_are_as_described(route):
    """Whatever is asked of it, good or bad, each route answers as the document says."""
    assert_described(wsgi_app, route)
