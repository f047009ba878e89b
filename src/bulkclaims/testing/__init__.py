"""For people who write parts: contracts that every member of a seam must pass, and payers to try them with."""

import sys

if pytest := sys.modules.get("pytest"):
    # Only under pytest do the contracts' assertions need to say more than `AssertionError`; the payer simulators beside
    # them run without it. It has to come before the contracts are imported.
    pytest.register_assert_rewrite("bulkclaims.testing.contracts", "bulkclaims.testing.stateful")
