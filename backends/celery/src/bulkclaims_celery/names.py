"""The tasks' names: fixed, so that messages sent before a deploy are still understood after it."""

from __future__ import annotations

RUN_CHUNK = "bulkclaims.run_chunk"
SWEEP = "bulkclaims.sweep"
