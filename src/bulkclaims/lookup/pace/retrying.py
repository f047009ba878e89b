"""When to ask a payer again, and how long to wait before."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen
from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from bulkclaims.errors import AccessExpired, AccessRefused, AnswerNotUnderstood, ConnectorError, PayerUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

LOOK_SECONDS = 0.25
"""A wait looks this often whether the job is still to go on."""


class Stopped(Exception):
    """The job is not to go on: nothing more may be asked, and the row gets no result."""


@frozen
class RetryPolicy:
    """
    How persistent to be with one row. Waits are in seconds, and random ("full jitter") so that rows do not march.

    A payer's `Retry-After` is honoured instead of our own guess, with some jitter on top.
    """

    attempts: int = 4
    """Tries in all while the payer is unavailable."""
    base_seconds: float = 1.0
    """The first wait is at most this long, and each further one at most twice the one before."""
    max_seconds: float = 60.0
    """No wait of our own is longer."""
    down_seconds: float = 30.0
    """The shortest wait after a payer said that its system is down (503, E1, E2)."""
    retry_after_seconds: float = 300.0
    """The longest `Retry-After` that is waited for; a longer one is cut to this."""
    not_understood_attempts: int = 2
    """Tries in all while answers cannot be understood: a maintenance page may go away."""

    def again(self, error: BaseException | None, tries: int) -> bool:
        """Whether to ask again after *error*, the outcome of try number *tries*."""
        match error:
            case PayerUnavailable():
                return tries < self.attempts
            case AnswerNotUnderstood():
                return tries < self.not_understood_attempts
            case _:
                return False

    def wait(self, state: RetryCallState) -> float:
        """Seconds to wait before the next try."""
        jitter = wait_random_exponential(multiplier=self.base_seconds, max=self.max_seconds)(state)
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, PayerUnavailable):
            return jitter
        if error.retry_after is not None:
            return min(error.retry_after, self.retry_after_seconds) + min(jitter, self.base_seconds)
        if error.code == "payer_down":
            return min(self.down_seconds * random.uniform(1, 2), self.max_seconds)  # noqa: S311 -- jitter, no secret
        return jitter


async def ask_persistently(ask: Callable[[], Awaitable[T]], policy: RetryPolicy, go_on: Callable[[], bool]) -> T:
    """
    Call *ask* until it answers, within what *policy* allows.

    An expired token is renewed by the connector when it is asked again, which happens once and at once.

    Raises:
        Stopped: *go_on* said no while waiting.
        AccessRefused: The token was refused twice.
        ConnectorError: The last failure, when *policy* gives up.
    """
    renewed, made = _with_fresh_token(ask), list[ConnectorError]()
    try:
        return await renewed()
    except ConnectorError as error:
        if not policy.again(error, 1):
            raise
        made.append(error)
    # tenacity costs more than the rest of a look-up's bookkeeping, so only rows in trouble meet it.
    return await _retrying(policy, go_on)(_first_failing(made, renewed))


def _retrying(policy: RetryPolicy, go_on: Callable[[], bool]) -> AsyncRetrying:
    async def sleep(seconds: float) -> None:
        await pause(seconds, go_on)

    def again(state: RetryCallState) -> bool:
        return policy.again(state.outcome.exception() if state.outcome else None, state.attempt_number)

    return AsyncRetrying(retry=again, wait=policy.wait, sleep=sleep, reraise=True)


def _first_failing(made: list[ConnectorError], ask: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """*ask*, as if its first try, whose failure is in *made*, were made by the caller; it is taken out of there."""

    async def again() -> T:
        if made:
            raise made.pop()
        return await ask()

    return again


def _with_fresh_token(ask: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    renewals_left = 1

    async def asked() -> T:
        nonlocal renewals_left
        # A loop, since a function that calls itself from within holds itself, and with it the row, in a cycle.
        while True:
            try:
                return await ask()
            except AccessExpired as error:
                if not renewals_left:
                    raise AccessRefused(f"The payer refuses a fresh token. {error.message}") from None
                renewals_left -= 1

    return asked


async def pause(seconds: float, go_on: Callable[[], bool]) -> None:
    """
    Sleep, unless the job is stopped meanwhile.

    Raises:
        Stopped: *go_on* said no.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        if not go_on():
            raise Stopped
        await asyncio.sleep(min(left, LOOK_SECONDS))
