"""When to ask the service again, and how long to wait before."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from bulkclaims.errors import ApiProblem, BulkClaimsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

T = TypeVar("T")

ATTEMPTS = 5
LONGEST_SECONDS = 60.0
"""The longest `Retry-After` that is waited for; a longer one is cut to this."""

_by_chance = wait_random_exponential(multiplier=1, max=LONGEST_SECONDS)
"""Full jitter, so that clients that lost one service do not come back as one: 1, 2, 4 and 8 seconds at most."""


def repeated(ask: Callable[[], T]) -> T:
    """
    Call *ask*, which does no harm when it is done twice, until it answers; a bounded number of times.

    Raises:
        BulkClaimsError: What the last call raised, or the first that no repeat would help.
    """
    again = retry_if_exception(lambda error: isinstance(error, BulkClaimsError) and error.retry_helps)
    return Retrying(retry=again, wait=_wait, stop=stop_after_attempt(ATTEMPTS), sleep=sleep, reraise=True)(ask)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ApiProblem) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_SECONDS)
    return _by_chance(state)
