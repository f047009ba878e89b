"""
Holds a host of the HTTP API to its own OpenAPI document, with made-up requests, good ones and bad ones.

Needs the package `schemathesis`; kept apart from the contracts, which do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from bulkclaims.testing.contracts.host_scenes import PREFIX, hosting

if TYPE_CHECKING:
    from bulkclaims.testing.contracts.host_scenes import Mount
    from bulkclaims.web import Route

_UNHURRIED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def assert_described(mount: Mount, route: Route) -> None:
    """
    Assert that a host answers as its document says: status, headers and body, and refuses what the document excludes.

    Args:
        mount: As for `ViewContract`.
        route: What is asked for.
    """
    with hosting(mount) as host:
        host.ended_job(5, bad=[2])
        schema = schemathesis.openapi.from_wsgi(f"{PREFIX}openapi.json", host.app)
        operation = schema[f"/{route.path}"][route.method]
        headers = {"Authorization": f"Bearer {host.tokens['manager']}"}
        # No schema can say of a text that it is a CSV of claims, so that a made-up one is refused. And some of what it
        # makes wrong never leaves it: the token, which is put in again, and query parameters that have no value.
        unfair = ["negative_data_rejection", *(["positive_data_acceptance"] if route.takes_form else [])]
        for mode in GenerationMode:

            @_UNHURRIED
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:  # noqa: ANN401 -- schemathesis's own, which it does not export
                case.call_and_validate(headers=headers, excluded_checks=CHECKS.get_by_names(unfair))

            ask()
