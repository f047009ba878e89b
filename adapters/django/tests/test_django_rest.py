"""Users and programs whom Django REST framework knows use the API."""

from __future__ import annotations

import io
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authentication import BasicAuthentication, TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from bulkclaims.access import Principal, Role
from bulkclaims.testing.contracts.host_scenes import claims
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims.web.authenticators import AnyOf, HostUsers
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_django.service import repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from rest_framework.authentication import BaseAuthentication

    from bulkclaims.interfaces import Authenticator, TokenStore

API = "/api/v1/claims/"
HERE, ELSEWHERE = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}


def rest_user(request: HttpRequest, kind: type[BaseAuthentication]) -> Principal | None:
    """A project's own function: whoever the framework knows may submit, for one organisation."""
    user = Request(request, authenticators=[kind()]).user
    return Principal("ACME", user.get_username(), Role.SUBMIT) if user.is_authenticated else None


def authenticator(store: TokenStore, kind: type[BaseAuthentication], *, by_cookie: bool) -> Authenticator:
    """What a project puts into `AUTHENTICATOR`."""
    users = HostUsers(partial(rest_user, kind=kind), by_cookie=by_cookie, refused=(AuthenticationFailed,))
    return AnyOf(TokenAuthenticator(store), users)


@pytest.fixture
def let_in(configured: Callable[..., None]) -> Callable[..., None]:
    """Call it with a kind of the framework's to have the API know whom that knows."""

    def configure(kind: type[BaseAuthentication], *, by_cookie: bool) -> None:
        configured(
            PROCESSOR=lambda _: InstantProcessor(),
            AUTHENTICATOR=partial(authenticator, kind=kind, by_cookie=by_cookie),
        )

    return configure


@pytest.fixture
def bea(project: None) -> User:
    """A user of the project."""
    return User.objects.create_user("bea", password="correct horse battery")


def upload(authorization: str, headers: dict[str, str]) -> Any:
    """Send a file of one claim."""
    sent = {**headers, **({"Authorization": authorization} if authorization else {})}
    return Client(enforce_csrf_checks=True).post(f"{API}bulk/upload/", {"file": io.BytesIO(claims(1))}, headers=sent)


def basic(password: str) -> str:
    """Bea's `Authorization` with a password, as browsers send it."""
    return f"Basic {b64encode(f'bea:{password}'.encode()).decode()}"


def test_who_brings_a_password_uploads(let_in: Callable[..., None], bea: User) -> None:
    """From this site's pages: a browser that has remembered it would send it for another site's page, too."""
    let_in(BasicAuthentication, by_cookie=True)
    good = basic("correct horse battery")

    here, elsewhere = upload(good, HERE), upload(good, ELSEWHERE)

    assert here.status_code == 201
    assert repository().get("ACME", here.json()["id"]).owner.user == "bea"
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "cross_site")


def test_who_brings_a_token_uploads(let_in: Callable[..., None], bea: User) -> None:
    """A program is no browser that another site could lead astray."""
    let_in(TokenAuthentication, by_cookie=False)
    token = Token.objects.create(user=bea)

    assert upload(f"Token {token.key}", {}).status_code == 201


@pytest.mark.parametrize("kind", [BasicAuthentication, TokenAuthentication])
def test_a_stranger_is_not_let_in(let_in: Callable[..., None], kind: type[BaseAuthentication]) -> None:
    """Who brings nothing is asked for something."""
    let_in(kind, by_cookie=True)

    answer = upload("", HERE)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_what_is_no_good_is_not_let_in(
    let_in: Callable[..., None], bea: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password, a token that is not known, or that of a user who has left: 401, and nothing in the log."""
    token = Token.objects.create(user=bea)
    let_in(BasicAuthentication, by_cookie=True)
    answers = [upload(brought, HERE) for brought in (basic("guessed"), "Basic", "Basic %")]
    let_in(TokenAuthentication, by_cookie=False)
    answers.append(upload("Token guessed", {}))
    User.objects.update(is_active=False)
    answers.append(upload(f"Token {token.key}", {}))

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "credentials_refused")}
    assert all("invalid_token" in answer["WWW-Authenticate"] for answer in answers)
    assert "bulkclaims" not in caplog.text
