"""Tests of `bulkclaims.web.signing_keys`, with an identity provider on loopback."""

from __future__ import annotations

import json
import logging
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from bulkclaims.errors import IdentityProviderUnavailable
from bulkclaims.web.signing_keys import LARGEST_BYTES, SigningKeys

LIFETIME, COOL_DOWN = 3600, 30
PUBLIC = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)


class Clock:
    """Tells the time that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):  # noqa: D102 -- what clocks do
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def keys(provider, clock):
    """Keys that were never fetched, of a provider that has one."""
    provider.keys = [PUBLIC | {"kid": "old"}]
    return SigningKeys(provider.url, ("RS256", "ES256"), lifetime=LIFETIME, cool_down=COOL_DOWN, timeout=5, clock=clock)


def finds(keys, *key_ids):
    """Say which keys are found."""
    return [key_id for key_id in key_ids if keys.find(key_id, "RS256")]


def test_keys_are_fetched_when_first_asked_for_and_kept(provider, keys, clock):
    """Until their lifetime is over; what the provider has dropped is gone then."""
    assert provider.asked == 0
    assert finds(keys, "old") == ["old"]
    provider.keys = [PUBLIC | {"kid": "new"}]
    clock.now += LIFETIME - 1
    assert finds(keys, "old") == ["old"]
    assert provider.asked == 1
    clock.now += 1
    assert finds(keys, "old", "new") == ["new"]
    assert provider.asked == 2


def test_a_new_key_is_fetched_once_the_cool_down_is_over(provider, keys, clock):
    """However many unknown ids are asked for meanwhile, the provider is asked once."""
    assert finds(keys, "old") == ["old"]
    provider.keys.append(PUBLIC | {"kid": "new"})
    assert finds(keys, "new", *map(str, range(50))) == []
    assert provider.asked == 1
    clock.now += COOL_DOWN
    assert finds(keys, "new", "old", *map(str, range(50))) == ["new", "old"]
    assert provider.asked == 2


def test_a_provider_that_is_down_is_asked_once_a_cool_down(provider, keys, clock, caplog):
    """Old keys serve on after their lifetime, and the log says what is wrong, without a traceback."""
    assert finds(keys, "old") == ["old"]
    clock.now += LIFETIME
    provider.stop()
    for _ in range(3):
        assert finds(keys, "old", "new") == ["old"]
    clock.now += COOL_DOWN
    assert finds(keys, "old") == ["old"]
    assert [record.levelno for record in caplog.records if record.name == SigningKeys.__module__] == [
        logging.WARNING
    ] * 2
    assert f"No signing keys from {provider.url}: ConnectError: " in caplog.text
    assert "Traceback" not in caplog.text


def test_without_any_key_nothing_can_be_said(provider, keys, clock):
    """A provider that is down at the start is asked again after the cool-down, and not sooner."""
    provider.status = 500
    for _ in range(3):
        with pytest.raises(IdentityProviderUnavailable):
            keys.find("old", "RS256")
    assert provider.asked == 1
    provider.status = 200
    clock.now += COOL_DOWN
    assert finds(keys, "old") == ["old"]


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        ({"status": 302}, "HTTP 302"),
        ({"status": 404}, "HTTP 404"),
        ({"body": b""}, "not a set of keys"),
        ({"body": b"<html>"}, "not a set of keys"),
        ({"body": b"[]"}, "not a set of keys"),
        ({"body": b"{}"}, "not a set of keys"),
        ({"body": b"7"}, "not a set of keys"),
        ({"body": b'{"keys": 7}'}, "not a set of keys"),
        ({"body": b"[" * 100_000}, "not a set of keys"),
        ({"body": b" " * (LARGEST_BYTES + 1)}, "more than 512 KiB"),
        ({"keys": []}, "no key with an id for RS256, ES256"),
        ({"keys": [PUBLIC, PUBLIC | {"kid": 7}, "old", None]}, "no key with an id for RS256, ES256"),
        ({"keys": [PUBLIC | {"kid": "old", "use": "enc"}]}, "no key with an id for RS256, ES256"),
        ({"keys": [PUBLIC | {"kid": "old", "alg": "RS512"}]}, "no key with an id for RS256, ES256"),
        ({"keys": [PUBLIC | {"kid": "old", "n": 7}]}, "no key with an id for RS256, ES256"),
        ({"keys": [{"kid": "old"}, {"kid": "old", "kty": ["RSA"]}]}, "no key with an id for RS256, ES256"),
        ({"keys": [{"kid": "old", "kty": "oct", "k": "c2VjcmV0"}]}, "no key with an id for RS256, ES256"),
    ],
)
def test_an_answer_that_is_no_set_of_keys(provider, keys, caplog, answer, logged):
    """Whatever it is, it is as if the provider were down, and the log says why; redirects are not followed."""
    vars(provider).update(answer)
    with pytest.raises(IdentityProviderUnavailable):
        keys.find("old", "RS256")
    assert caplog.messages[-1].endswith(logged)
    assert provider.asked == 1


def test_bad_keys_do_not_spoil_good_ones(provider, keys):
    """A provider may publish kinds of keys that are not known here."""
    provider.keys = [None, {"kid": "odd", "kty": "odd"}, PUBLIC, *provider.keys]

    assert finds(keys, "odd", "old") == ["old"]


@pytest.mark.parametrize("pause", [0.01, None], ids=["a byte at a time", "nothing"])
def test_a_slow_provider_is_given_up(provider, clock, pause):
    """The time-out holds for the whole answer, not for each piece of it."""
    over = threading.Event()

    def drip():
        while not over.wait(pause):
            yield b" "

    provider.body = drip()
    keys = SigningKeys(provider.url, ("RS256",), lifetime=1, cool_down=1, timeout=0.2, clock=clock)
    with pytest.raises(IdentityProviderUnavailable):
        keys.find("old", "RS256")
    over.set()


def test_others_go_on_while_one_fetches(provider, keys, clock):
    """Old keys serve whoever has a use for them; whoever needs a new one waits for it and does not ask again."""
    assert finds(keys, "old") == ["old"]
    clock.now += LIFETIME
    arrived, go_on, found = threading.Event(), threading.Event(), []
    answer = json.dumps({"keys": [PUBLIC | {"kid": "old"}, PUBLIC | {"kid": "new"}]}).encode()

    def held():
        arrived.set()
        go_on.wait()
        yield answer

    provider.body = held()
    fetching, waiting = (
        threading.Thread(target=lambda kid=kid: found.extend(finds(keys, kid))) for kid in ("old", "new")
    )
    fetching.start()
    arrived.wait()
    waiting.start()
    assert finds(keys, "old") == ["old"]
    assert found == []
    go_on.set()
    fetching.join()
    waiting.join()
    assert sorted(found) == ["new", "old"]
    assert provider.asked == 2
