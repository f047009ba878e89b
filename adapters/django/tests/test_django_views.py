"""The HTTP API under Django, on WSGI: what every host promises, and what is Django's own."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.test import Client, override_settings
from django.urls import include, path, reverse

from bulkclaims.access import Principal, Role
from bulkclaims.testing.contracts import ViewContract
from bulkclaims.testing.described import assert_described
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims.testing.wsgi import served
from bulkclaims.web import ROUTES
from bulkclaims.web.tokens import issue_token
from bulkclaims_django.service import api, repository, service
from bulkclaims_django.urls import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from bulkclaims.testing.contracts.host_scenes import Mount
    from bulkclaims.web import Route

    View = Callable[[HttpRequest], HttpResponseBase]

API = "/api/v1/claims/"
FILE = b"claim_number,first_name,last_name,date_of_birth,subscriber_id\nPCN1,ALMA,TESTER,03/04/1972,ZX1\n"
OURS = {"Sec-Fetch-Site": "same-origin"}


class TestDjangoViews(ViewContract):
    """The views keep every promise of the HTTP API."""


@pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
def test_answers_are_as_described(mount: Mount, route: Route) -> None:
    """Whatever is asked of it, good or bad, each route answers as the OpenAPI document says."""
    assert_described(mount, route)


def who_is_signed_in(request: HttpRequest) -> Principal | None:
    """A host's own function for its users: each may do all, for one organisation."""
    user = request.user
    return Principal("ACME", user.get_username(), Role.MANAGE) if user.is_authenticated else None


def token() -> str:
    """The `Authorization` of a program of ACME."""
    issued = issue_token(
        repository(), organisation="ACME", user="script", role=Role.MANAGE, lifetime=None, now=datetime.now(UTC)
    )
    return f"Bearer {issued.text}"


@contextmanager
def client(**headers: str) -> Iterator[httpx.Client]:
    """A client of the project, over WSGI without a network."""
    transport = httpx.WSGITransport(app=WSGIHandler())
    with httpx.Client(transport=transport, base_url=f"http://host.example{API}", headers=headers) as made:
        yield made


def upload(asking: httpx.Client, **headers: str) -> httpx.Response:
    """Send a file of one claim."""
    return asking.post("bulk/upload/", files={"file": ("claims.csv", FILE)}, headers=headers)


def test_addresses_are_made_by_name(project: None) -> None:
    """A host's templates link to routes by their names, wherever the API stands."""
    for route in ROUTES:
        args = ["J1"] if "{job_id}" in route.path else []

        assert reverse(f"bulkclaims:{route.name}", args=args) == API + route.path.format(job_id="J1")
    assert reverse("bulkclaims:openapi") == f"{API}openapi.json"
    assert reverse("bulkclaims:root") == API


def test_a_file_goes_in_and_its_results_come_out(project: None) -> None:
    """A program with a token uploads to the project's own service, whose database holds the job until it has ended."""
    with client(Authorization=token()) as asking:
        response = upload(asking)
        job = response.json()
        service().wait("ACME", job["id"], timeout=30)
        results = asking.get(f"csv-jobs/{job['id']}/results/")

    assert response.headers["location"] == f"http://host.example{API}csv-jobs/{job['id']}/"
    assert "Finalized" in results.text
    assert repository().get("ACME", job["id"]).owner.user == "script"


def test_users_of_the_project_are_let_in(configured: Callable[..., None]) -> None:
    """Whoever is signed in by a session may use the API from this site's pages, without a CSRF token."""
    configured(PROCESSOR=lambda _: InstantProcessor(), HOST_USER=who_is_signed_in)
    browser = Client(enforce_csrf_checks=True)
    nobody = browser.get(f"{API}csv-jobs/")
    browser.force_login(User.objects.create_user("bea"))

    form = {"file": io.BytesIO(FILE)}
    elsewhere = browser.post(f"{API}bulk/upload/", form, headers={"Sec-Fetch-Site": "cross-site"})
    here = browser.post(f"{API}bulk/upload/", {"file": io.BytesIO(FILE)}, headers=OURS)

    assert nobody.status_code == 401
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "cross_site")
    assert here.status_code == 201
    assert repository().get("ACME", here.json()["id"]).owner.user == "bea"


def test_tokens_are_known_beside_users(configured: Callable[..., None]) -> None:
    """With `HOST_USER`, programs still come with tokens."""
    configured(PROCESSOR=lambda _: InstantProcessor(), HOST_USER=who_is_signed_in)
    with client(Authorization=token()) as asking:
        assert asking.get("csv-jobs/").status_code == 200


def reads_forms(answer: View) -> View:
    """A middleware that looks into every form."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        _ = request.POST
        return answer(request)

    return middleware


def reads_bodies(answer: View) -> View:
    """A middleware that reads every body whole, and has Django keep it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        _ = request.body
        return answer(request)

    return middleware


def behind(middleware: Callable[[View], View]) -> Any:
    """Put a middleware of this module before the views."""
    return override_settings(MIDDLEWARE=[f"{__name__}.{middleware.__name__}"])


def test_a_body_that_is_gone_is_said(project: None) -> None:
    """An upload that a middleware has read as a form is refused with what to do about it, and reading is not."""
    with behind(reads_forms), client(Authorization=token()) as asking:
        refused, listed = upload(asking), asking.get("csv-jobs/")

    assert (refused.status_code, refused.json()["code"]) == (500, "body_was_read")
    assert "middleware" in refused.json()["detail"]
    assert refused.json()["at_fault"] == "service"
    assert listed.json()["count"] == 0


def test_a_body_that_was_kept_is_used(project: None) -> None:
    """What a middleware has read as `request.body` is still there."""
    with behind(reads_bodies), client(Authorization=token()) as asking:
        assert upload(asking).status_code == 201


def test_a_server_that_knows_where_a_body_ends_needs_no_length(project: None) -> None:
    """A body in chunks has no `Content-Length`; where the server vouches for its end, it is read all the same."""
    app = WSGIHandler()

    def terminated(environ: dict[str, Any], start_response: Any) -> Any:
        del environ["CONTENT_LENGTH"]
        return app(environ | {"wsgi.input_terminated": True}, start_response)

    transport = httpx.WSGITransport(app=terminated)
    with httpx.Client(transport=transport, base_url=f"http://host.example{API}") as asking:
        assert upload(asking, Authorization=token()).status_code == 201


class Leaving(io.BytesIO):
    """A body whose sender has gone before its end."""

    def read(self, size: int | None = -1) -> bytes:
        """Give what there is, and then fail as a socket does."""
        if piece := super().read(size):
            return piece
        raise ConnectionResetError


def test_a_client_that_has_gone_is_no_bug(project: None) -> None:
    """Where a server says so by an exception, the upload has broken off, and nothing is left of it."""
    app = WSGIHandler()

    def broken(environ: dict[str, Any], start_response: Any) -> Any:
        half = environ["wsgi.input"].read()[:200]
        return app(environ | {"wsgi.input": Leaving(half)}, start_response)

    transport = httpx.WSGITransport(app=broken)
    with httpx.Client(transport=transport, base_url=f"http://host.example{API}") as asking:
        response = upload(asking, Authorization=token())

    assert (response.status_code, response.json()["code"]) == (400, "broken_off")
    assert repository().purge(0, 0) == 0


def test_a_request_opens_one_connection(project: None) -> None:
    """However many questions the database is asked, they share the request's connection."""
    opened: list[object] = []
    authorization = token()

    def note(**_: object) -> None:
        opened.append(1)

    connection_created.connect(note)
    try:
        connections["default"].close()
        with client(Authorization=authorization) as asking:
            answered = asking.get("csv-jobs/")
    finally:
        connection_created.disconnect(note)

    assert answered.status_code == 200
    assert len(opened) == 1


def test_a_request_is_no_transaction(configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the project wraps each request in one: an upload may take minutes, and its rows are to be seen."""
    inside: list[bool] = []

    def look(*_: object) -> bool:
        inside.append(connection.in_atomic_block)
        return True

    configured(PROCESSOR=lambda _: InstantProcessor(), AUTHORIZE=look)
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    with client(Authorization=token()) as asking:
        answered = asking.get("csv-jobs/")

    assert answered.status_code == 200
    assert inside == [False]


def test_another_sites_name_is_djangos_to_refuse(project: None) -> None:
    """A request for a host that the project does not know is 400, as everywhere in the project."""
    with override_settings(ALLOWED_HOSTS=["host.example"], MIDDLEWARE=[]):
        response = Client(raise_request_exception=False).get(f"{API}csv-jobs/", headers={"Host": "evil.example"})

    assert response.status_code == 400


@pytest.mark.parametrize("address", ["nowhere%0A", "%E4", "a//b", "csv-jobs/%7Bjob_id%7D/"])
def test_no_address_leads_to_a_page_of_the_frameworks(project: None, address: str) -> None:
    """Whatever stands behind the prefix is answered by the API."""
    response = Client().get(API + address, headers={"Authorization": token()})

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_prefix_may_hold_names(project: None, configured: Callable[..., None]) -> None:
    """Where the API stands below a name of the host's, addresses in answers keep it."""
    configured(PROCESSOR=lambda _: InstantProcessor(), HOST_USER=lambda _: Principal("ACME", "bea", Role.MANAGE))
    handler = WSGIHandler()
    tenants = (path("<slug:tenant>/claims/", include((patterns(api), "bulkclaims"))),)
    handler.request_class = type("Request", (WSGIRequest,), {"urlconf": tenants})
    transport = httpx.WSGITransport(app=handler, script_name="/site")
    with httpx.Client(transport=transport, base_url="http://host.example/") as asking:
        made = asking.post("/acme/claims/bulk/upload/", files={"file": ("c.csv", FILE)}, headers=OURS)

    assert made.headers["location"] == f"http://host.example/site/acme/claims/csv-jobs/{made.json()['id']}/"


def test_settings_that_are_wrong_are_told_to_the_log(
    configured: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A client hears that the service is not set up, and the log says what is wrong."""
    configured(PROCESOR="claims.payer")
    with client() as asking, caplog.at_level(logging.ERROR):
        response = asking.get("csv-jobs/")

    assert (response.status_code, response.json()["code"], response.json()["at_fault"]) == (
        500,
        "not_set_up",
        "service",
    )
    assert "PROCESOR" not in response.text
    assert "Did you mean PROCESSOR?" in caplog.text


def test_a_part_that_cannot_be_made_is_a_sentence(
    configured: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A function of the host's that fails gives a problem, and the log says where and does not quote it."""

    def fails(_: object) -> None:
        raise KeyError("CANARY")

    configured(PROCESSOR=fails)
    with client() as asking:
        response = asking.get("csv-jobs/")

    assert (response.status_code, response.json()["code"]) == (500, "bug")
    assert "KeyError at test_django_views.py" in caplog.text
    assert "CANARY" not in caplog.text + response.text


def test_the_projects_own_database_out_of_reach_is_503(
    configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A database that cannot be opened is a problem with a sentence."""
    configured(PROCESSOR=lambda _: InstantProcessor())
    authorization = token()
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", str(tmp_path / "nowhere" / "jobs.db"))
    with client(Authorization=authorization) as asking:
        response = asking.get("csv-jobs/")

    assert (response.status_code, response.json()["code"]) == (503, "repository_unavailable")


def test_a_real_server_serves_it(project: None) -> None:
    """Over a socket, with the project's own service."""
    authorization = token()
    with (
        served(WSGIHandler()) as url,
        httpx.Client(base_url=f"{url}{API}", headers={"Authorization": authorization}) as asking,
    ):
        job_id = upload(asking).json()["id"]
        service().wait("ACME", job_id, timeout=30)

        assert "Finalized" in asking.get(f"csv-jobs/{job_id}/results/").text
