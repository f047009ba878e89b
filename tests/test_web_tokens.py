"""Tests of `bulkclaims.web.tokens` and `bearer`."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from bulkclaims.access import Principal, Role
from bulkclaims.errors import NotAuthenticated, SettingsWrong
from bulkclaims.repositories.tokens import MemoryTokens
from bulkclaims.testing.contracts import AuthenticatorContract
from bulkclaims.web import tokens as module
from bulkclaims.web.tokens import TokenAuthenticator, issue_token

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def issue(store, **changes):
    """Issue a token, at noon and for a day unless told otherwise."""
    facts = {"organisation": "ACME", "user": "bea", "role": Role.SUBMIT, "lifetime": DAY, "now": NOON}
    return issue_token(store, **facts | changes)


def bearer(text):
    """Put a token where requests have it."""
    return {"authorization": f"Bearer {text}"}


def refusal(authenticator, text):
    """Say with which code and sentence a token is refused."""
    with pytest.raises(NotAuthenticated) as refused:
        authenticator.authenticate(bearer(text), None)
    return refused.value.code, refused.value.message


@pytest.fixture
def store():
    """An empty store."""
    return MemoryTokens()


@pytest.fixture
def authenticator(store):
    """It is noon."""
    return TokenAuthenticator(store, lambda: NOON)


class TestTokenAuthenticator(AuthenticatorContract):
    """API tokens are a member of the seam."""

    @pytest.fixture
    def principal(self):
        """Whom the good token is for."""
        return Principal("ACME", "bea", Role.SUBMIT)

    @pytest.fixture
    def good_headers(self, store):
        """A token of today."""
        return bearer(issue(store).text)

    @pytest.fixture
    def bad_headers(self, store):
        """Expired, revoked, made up, cut off, too long, and with what no token has in it."""
        good, revoked = issue(store), issue(store)
        store.revoke_token("ACME", revoked.kept.id, NOON)
        texts = [
            issue(store, now=NOON - DAY).text,
            revoked.text,
            f"bc_{'A' * 12}_{'b' * 43}",
            good.text[:-1],
            good.text + "x" * 1_000_000,
            good.text + "\x00",
            good.text + "é",
            good.text + "\udcff",
            good.text.upper().replace("BC_", "bc_"),
            "bc_",
        ]
        return [bearer(text) for text in texts]


def test_a_token_can_be_found_by_scanners(store):
    """Prefix, id and secret stand where they can be told apart, and none is like another."""
    texts = {issue(store).text for _ in range(200)}

    assert len(texts) == 200
    assert all(re.fullmatch(r"bc_[A-Za-z0-9]{12}_[A-Za-z0-9_-]{43}", text) for text in texts)


def test_what_is_kept_does_not_hold_the_secret(store):
    """The id in clear, the secret as a digest; neither value shows the secret when it is printed."""
    issued = issue(store)
    _, token_id, secret = issued.text.split("_", 2)
    (kept,) = store.list_tokens("ACME")

    assert kept == issued.kept
    assert (kept.id, kept.digest) == (token_id, hashlib.sha256(secret.encode()).digest())
    assert (kept.created_at, kept.expires_at) == (NOON, NOON + DAY)
    assert secret not in repr(kept) + repr(issued)


def test_a_token_ends_at_its_time(store):
    """A moment before it is good, at that moment no longer."""
    text, late = issue(store).text, [NOON + DAY - timedelta(microseconds=1), NOON + DAY]
    authenticator = TokenAuthenticator(store, lambda: late.pop(0))

    assert authenticator.authenticate(bearer(text), None) == Principal("ACME", "bea", Role.SUBMIT)
    assert refusal(authenticator, text) == ("token_expired", "The token has expired; ask for a new one.")


def test_a_token_may_have_no_end(store):
    """Without a lifetime it is good for as long as it is not revoked, by the real clock too."""
    issued = issue(store, lifetime=None, role=Role.READ)
    authenticator = TokenAuthenticator(store)

    assert authenticator.authenticate(bearer(issued.text), None) == Principal("ACME", "bea", Role.READ)
    store.revoke_token("ACME", issued.kept.id, NOON)
    assert refusal(authenticator, issued.text) == ("token_revoked", "The token was revoked; ask for a new one.")


def test_a_revoked_token_stays_revoked_when_it_expires(store):
    """Of two reasons the one that somebody gave is told."""
    issued = issue(store, lifetime=timedelta(0))
    store.revoke_token("ACME", issued.kept.id, NOON)

    assert refusal(TokenAuthenticator(store), issued.text)[0] == "token_revoked"


def test_nobody_learns_which_ids_exist(store, authenticator, monkeypatch):
    """A wrong secret and an unknown id are one refusal, after one comparison, also where the token has ended."""
    compared, compare = [], module.hmac.compare_digest
    monkeypatch.setattr(module.hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or compare(a, b))
    live, ended = issue(store).kept.id, issue(store, lifetime=timedelta(0)).kept.id
    refusals = {refusal(authenticator, f"bc_{token_id}_{'x' * 43}") for token_id in (live, ended, "A" * 12)}

    assert refusals == {
        ("token_unknown", "The token is not known here; see that all of it was copied, or ask for a new one.")
    }
    assert compared == [(32, 32)] * 3


def test_a_digest_of_nobody_opens_nothing(store, authenticator):
    """Even a token that was kept without a digest is good for nobody."""
    issued = issue(store)
    store.add_token(evolve(issued.kept, digest=b""))

    assert refusal(authenticator, issued.text)[0] == "token_unknown"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_may_be_written_in_any_case(store, authenticator, scheme):
    """As HTTP has it; blanks between scheme and token do not count."""
    headers = {"authorization": f"{scheme} {issue(store).text} "}

    assert authenticator.authenticate(headers, None) is not None


@pytest.mark.parametrize("header", ["Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "Bearer BC_x", "Token bc_x", "bc_x"])
def test_other_tokens_are_left_to_others(authenticator, header):
    """A JWT, another prefix or another scheme may be known to whoever is asked next."""
    assert authenticator.authenticate({"authorization": header}, None) is None


@pytest.mark.parametrize("organisation", ["", "  ", "ACME ", "A" * 256, 7])
def test_a_token_opens_an_organisation(store, organisation):
    """One of which nobody can be has no tokens."""
    with pytest.raises(SettingsWrong, match=r"^An organisation is a text of 1 to 255 characters"):
        issue(store, organisation=organisation)

    assert store.list_tokens(organisation) == []
