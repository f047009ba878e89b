"""The OpenAPI document is true of what answers under Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from bulkclaims.testing.described import assert_described
from bulkclaims.web import ROUTES
from bulkclaims_flask.blueprint import make_blueprint

if TYPE_CHECKING:
    from bulkclaims.web import Route, WebApi


def mount(api: WebApi, prefix: str) -> Flask:
    """Make an application that serves the API beneath a prefix."""
    app = Flask("host")
    app.register_blueprint(make_blueprint(api), url_prefix=prefix.rstrip("/"))
    return app


@pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
def test_answers_are_as_described(route: Route) -> None:
    """Whatever is asked of it, good or bad, each route answers as the document says."""
    assert_described(mount, route)
