"""How the contracts' property tests run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

shared = settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[
        # The part under test keeps nothing from one example to the next.
        HealthCheck.function_scoped_fixture,
        # Several classes of one run inherit the same test: that is what a contract is for.
        HealthCheck.differing_executors,
    ],
)
"""For a test that is inherited, and whose fixture is made once for all its examples."""
