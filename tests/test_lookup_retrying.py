"""When a payer is asked again, how long is waited, and that a stopped job stops waiting."""

import asyncio

import pytest

from bulkclaims.errors import (
    AccessExpired,
    AccessRefused,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
)
from bulkclaims.lookup.pace import retrying
from bulkclaims.lookup.pace.retrying import RetryPolicy, Stopped, ask_persistently, pause

QUICK = RetryPolicy(base_seconds=0, max_seconds=0, down_seconds=0)


def ask(*outcomes, policy=QUICK, go_on=lambda: True):
    """Ask for *outcomes* in turn; return what came of it, an exception included, and how many were asked for."""
    left = list(outcomes)

    async def once():
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def run():
        try:
            return await ask_persistently(once, policy, go_on)
        except Exception as error:  # noqa: BLE001 -- the outcome is what the test is about
            return error

    return asyncio.run(run()), len(outcomes) - len(left)


def waits(*errors, policy, monkeypatch):
    """The waits between tries that fail with *errors*."""
    slept = []

    async def note(seconds, _go_on):
        slept.append(seconds)

    monkeypatch.setattr(retrying, "pause", note)
    ask(*errors, "answer", policy=policy)
    return slept


def test_an_answer_is_taken_at_once():
    """No failure, one try."""
    assert ask("answer") == ("answer", 1)


@pytest.mark.parametrize(("failures", "tries"), [(1, 2), (3, 4)])
def test_an_unavailable_payer_is_asked_again(failures, tries):
    """It comes back within the tries allowed."""
    assert ask(*[PayerUnavailable()] * failures, "answer") == ("answer", tries)


def test_after_the_last_try_its_failure_stands():
    """Four tries by default; the last failure is what the row gets."""
    last = PayerUnavailable("the last")
    assert ask(PayerUnavailable(), PayerUnavailable(), PayerUnavailable(), last, "never") == (last, 4)


def test_an_answer_not_understood_is_asked_for_once_more():
    """A maintenance page may be gone a moment later, but not for ever."""
    assert ask(AnswerNotUnderstood("1"), "answer") == ("answer", 2)
    outcome, tries = ask(AnswerNotUnderstood("1"), AnswerNotUnderstood("2"), "never")
    assert (str(outcome), tries) == ("2", 2)


@pytest.mark.parametrize(
    "error", [InquiryRefused("no"), AccessRefused("no"), ConnectorError("bug"), KeyError("x"), Stopped()]
)
def test_what_repeating_does_not_mend_is_not_repeated(error):
    """The row's data, the credentials and bugs stay what they are."""
    assert ask(error, "never") == (error, 1)


def test_an_expired_token_is_renewed_once():
    """The first AccessExpired is repeated at once, whatever the policy; a second one means refused."""
    assert ask(AccessExpired("old"), "answer", policy=RetryPolicy(attempts=1)) == ("answer", 2)
    outcome, tries = ask(AccessExpired("old"), AccessExpired("again"), "never")
    assert (type(outcome), tries) == (AccessRefused, 2)
    assert "again" in str(outcome)


def test_a_token_may_expire_between_tries():
    """A failure, an expired token and an answer: all in one look-up."""
    assert ask(PayerUnavailable(), AccessExpired("old"), "answer") == ("answer", 3)


def test_waits_grow_up_to_their_limit_and_are_random(monkeypatch):
    """Full jitter: between nothing and a bound that doubles until it reaches the limit."""
    tops = []

    def top(low, high):
        tops.append((low, high))
        return high

    monkeypatch.setattr("tenacity.wait.random.uniform", top)
    policy = RetryPolicy(attempts=5, base_seconds=2, max_seconds=10)
    assert waits(*[PayerUnavailable()] * 4, policy=policy, monkeypatch=monkeypatch) == [2, 4, 8, 10]
    assert {low for low, _ in tops} == {0}


def test_a_payer_that_names_a_wait_gets_it_within_bounds(monkeypatch):
    """`Retry-After` is honoured, a little later at most, and not for longer than we are willing."""
    policy = RetryPolicy(base_seconds=0.5, retry_after_seconds=100)
    named = [PayerUnavailable(retry_after=20), PayerUnavailable(retry_after=9999)]
    first, second = waits(*named, policy=policy, monkeypatch=monkeypatch)
    assert 20 <= first <= 20.5
    assert 100 <= second <= 100.5


def test_a_payer_that_is_down_gets_time(monkeypatch):
    """After 503, E1 or E2 the first wait is already long."""
    (wait,) = waits(PayerUnavailable(code="payer_down"), policy=RetryPolicy(), monkeypatch=monkeypatch)
    assert 30 <= wait <= 60


def test_an_answer_not_understood_waits_like_any_other(monkeypatch):
    """Its one repetition has the usual first wait."""
    (wait,) = waits(AnswerNotUnderstood("?"), policy=RetryPolicy(), monkeypatch=monkeypatch)
    assert 0 <= wait <= 1


def test_a_stopped_job_ends_the_wait():
    """Nothing more is asked once the job is not to go on, and the row gets no result."""
    policy = RetryPolicy(retry_after_seconds=3600)
    outcome, tries = ask(PayerUnavailable(retry_after=3600), "never", policy=policy, go_on=lambda: False)
    assert (type(outcome), tries) == (Stopped, 1)


def test_a_wait_looks_up_again_and_again(monkeypatch):
    """A job stopped in the middle of a long wait does not wait to the end."""
    monkeypatch.setattr(retrying, "LOOK_SECONDS", 0.001)
    looks = iter([True, True, False])
    with pytest.raises(Stopped):
        asyncio.run(pause(3600, lambda: next(looks)))


def test_a_short_wait_is_waited_to_its_end():
    """No wait, and a tiny one, end by themselves."""
    asyncio.run(pause(-1, lambda: False))
    asyncio.run(pause(0.001, lambda: True))
