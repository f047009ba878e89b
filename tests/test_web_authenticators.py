"""Tests of `bulkclaims.web.authenticators`."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie

import pytest
from attrs import evolve, frozen

from bulkclaims.access import Principal, Role
from bulkclaims.errors import NotAuthenticated
from bulkclaims.repositories.tokens import MemoryTokens
from bulkclaims.testing.contracts import AuthenticatorContract
from bulkclaims.web.authenticators import AnyOf, HostUsers
from bulkclaims.web.tokens import TokenAuthenticator, issue_token

BEA = Principal("ACME", "bea", Role.MANAGE)


@frozen
class Request:
    """A request as a host's framework has it."""

    cookie: str

    @classmethod
    def of(cls, headers):
        """Make one of headers."""
        return cls(headers.get("cookie", ""))


def signed_in(request):
    """Find the user of a session, as a host application does."""
    try:
        session = SimpleCookie(request.cookie).get("session")
    except CookieError:
        return None
    if session is None:
        return None
    if session.value != "beas-session":
        raise NotAuthenticated("Your session has ended; sign in again.", code="session_ended")
    return BEA


class HostUsersCase(AuthenticatorContract):
    """Fixtures for whoever asks the host."""

    @pytest.fixture
    def principal(self):
        """Whom the session is of."""
        return evolve(BEA, by_cookie=True)

    @pytest.fixture
    def good_headers(self):
        """A session that lives."""
        return {"cookie": "theme=dark; session=beas-session"}

    @pytest.fixture
    def bad_headers(self):
        """A session that the host has forgotten."""
        return [{"cookie": "session=from-last-week"}]

    @pytest.fixture
    def native_of(self):
        """The host's request."""
        return Request.of


class TestHostUsers(HostUsersCase):
    """The host's own users are a member of the seam."""

    @pytest.fixture
    def authenticator(self):
        """Asks the host."""
        return HostUsers(signed_in)


class SessionEnded(Exception):
    """What a host's framework raises of a session that is no good."""


def signed_in_there(request):
    """Find the user of a session, as a framework does that knows nothing of this library."""
    try:
        return signed_in(request)
    except NotAuthenticated:
        raise SessionEnded(request.cookie) from None


class TestRefusedByTheHost(HostUsersCase):
    """Where the host's exceptions say that a credential is no good, it is a member of the seam as well."""

    @pytest.fixture
    def authenticator(self):
        """Asks the host."""
        return HostUsers(signed_in_there, refused=(SessionEnded,))


class TestAnyOf(HostUsersCase):
    """Several members are a member of the seam; here the last one knows."""

    @pytest.fixture
    def authenticator(self):
        """Asks for an API token first."""
        return AnyOf(TokenAuthenticator(MemoryTokens()), HostUsers(signed_in))

    @pytest.fixture
    def bad_headers(self):
        """Bad for one member or the other."""
        return [{"cookie": "session=from-last-week"}, {"authorization": f"Bearer bc_{'A' * 12}_{'b' * 43}"}]


def test_users_of_the_host_are_taken_to_come_by_cookie():
    """A hook that says nothing of cookies is on the safe side: writes from other sites will be refused."""
    assert HostUsers(lambda _: BEA).authenticate({}, None) == evolve(BEA, by_cookie=True)


def test_a_host_may_say_that_no_browser_proves_it_by_itself():
    """Then the hook's word counts, either way."""
    for principal in (BEA, evolve(BEA, by_cookie=True), None):
        users = HostUsers(lambda _, principal=principal: principal, by_cookie=False)

        assert users.authenticate({}, None) == principal


def test_the_first_answer_counts():
    """Whoever comes after it is not asked."""
    asked = []
    first, second = (HostUsers(lambda n, known=known: asked.append(n) or known) for known in (None, BEA))
    third = HostUsers(lambda _: pytest.fail("asked although another had answered"))

    assert AnyOf(first, second, third).authenticate({}, "native") == evolve(BEA, by_cookie=True)
    assert asked == ["native", "native"]


def test_a_refusal_is_final():
    """A token that has ended does not fall back to the browser's session: its user is to hear of it."""
    store = MemoryTokens()
    now = datetime(2026, 11, 24, tzinfo=UTC)
    issued = issue_token(store, organisation="ACME", user="bea", role=Role.READ, lifetime=None, now=now)
    store.revoke_token("ACME", issued.kept.id, now)
    headers = {"authorization": f"Bearer {issued.text}", "cookie": "session=beas-session"}

    with pytest.raises(NotAuthenticated, match="revoked"):
        AnyOf(TokenAuthenticator(store), HostUsers(signed_in)).authenticate(headers, Request.of(headers))
    assert AnyOf(HostUsers(signed_in), TokenAuthenticator(store)).authenticate(headers, Request.of(headers))


def test_of_nobody_nobody_is_known():
    """Without members, and where all of them leave it to others, there is no principal."""
    assert AnyOf().authenticate({}, None) is None
    assert AnyOf(HostUsers(lambda _: None)).authenticate({}, None) is None


def test_a_hosts_refusal_is_told_without_its_words():
    """Its own text may quote what was brought; nothing that can be shown leads there."""
    request = Request("session=CANARY")

    with pytest.raises(NotAuthenticated, match="sign in again") as refused:
        HostUsers(signed_in_there, refused=(SessionEnded,)).authenticate({}, request)

    assert refused.value.code == "credentials_refused"
    assert "CANARY" not in "".join(traceback.format_exception(refused.value))


def test_other_exceptions_of_a_host_are_bugs():
    """Nobody is told to sign in again because the host's database is away."""
    with pytest.raises(SessionEnded):
        HostUsers(signed_in_there, refused=(KeyError,)).authenticate({}, Request("session=from-last-week"))
