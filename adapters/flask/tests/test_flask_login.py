"""Users whom Flask-Login has signed in use the API of a real Flask application."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_user

from bulkclaims import BulkClaims as Service
from bulkclaims import MemoryRepository
from bulkclaims.access import Principal, Role
from bulkclaims.testing.contracts.host_scenes import claims
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims.web.authenticators import HostUsers
from bulkclaims_flask import BulkClaims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

API = "/api/v1/claims/"
HERE, ELSEWHERE = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}


class User(UserMixin):
    """A user of the host."""

    def __init__(self, name: str) -> None:
        self.id = name


def signed_in(_: object) -> Principal | None:
    """The host's own function for its users: each may submit, for one organisation."""
    return Principal("ACME", current_user.get_id(), Role.SUBMIT) if current_user.is_authenticated else None


@pytest.fixture
def people() -> dict[str, User]:
    """The host's users."""
    return {"bea": User("bea")}


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose jobs live in memory."""
    with Service(MemoryRepository(), InstantProcessor()) as service:
        yield service


@pytest.fixture
def browser(service: Service, people: dict[str, User]) -> FlaskClient:
    """A browser, before an application whose users sign in with Flask-Login."""
    app = Flask("host")
    app.secret_key = "made-up"
    LoginManager(app).user_loader(people.get)
    BulkClaims().init_app(app, service, authenticator=HostUsers(signed_in))

    @app.post("/login/<name>")
    def login(name: str) -> str:
        login_user(people[name])
        return f"Good morning, {name}."

    return app.test_client()


def upload(browser: FlaskClient, headers: dict[str, str]) -> TestResponse:
    """Send a file of one claim."""
    return browser.post(
        f"{API}bulk/upload/", data={"file": (io.BytesIO(claims(1)), "claims.csv")}, headers=headers, buffered=True
    )


def test_who_is_signed_in_uploads(browser: FlaskClient, service: Service) -> None:
    """From this site's pages, and the job bears their name; another site's page cannot do it for them."""
    browser.post("/login/bea")

    here, elsewhere = upload(browser, HERE), upload(browser, ELSEWHERE)

    assert here.status_code == 201
    assert service.job("ACME", here.json["id"]).owner.user == "bea"
    assert (elsewhere.status_code, elsewhere.json["code"]) == (403, "cross_site")
    assert service.jobs("ACME").count == 1


def test_a_stranger_is_not_let_in(browser: FlaskClient) -> None:
    """Nobody is signed in until they sign in."""
    answer = upload(browser, HERE)

    assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")


def test_a_session_that_is_no_good_is_not_let_in(browser: FlaskClient, people: dict[str, User]) -> None:
    """Neither one that was made up, nor that of a user who is gone."""
    browser.post("/login/bea")
    session = browser.get_cookie("session").value
    browser.set_cookie("session", f"{session[:-4]}AAAA")
    forged = upload(browser, HERE)
    browser.set_cookie("session", session)
    people.clear()
    gone = upload(browser, HERE)

    assert [forged.status_code, gone.status_code] == [401, 401]
