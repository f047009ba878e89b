"""Chance that can be had again: a test that fails shows its seed, and `CHAOS_SEED` makes it the next run's."""

from __future__ import annotations

import os
import random


def chance():
    """Random numbers from a seed that is shown."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201 -- pytest shows it where a test fails
    return random.Random(seed)
