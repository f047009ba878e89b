"""The extension on real Flask applications."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from bulkclaims import BulkClaims as Service
from bulkclaims import MemoryRepository, SettingsWrong
from bulkclaims.access import Principal, Role
from bulkclaims.testing.contracts import ViewContract
from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims_flask import BulkClaims
from bulkclaims_flask.blueprint import make_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from bulkclaims.web import WebApi


class TestBlueprint(ViewContract):
    """The blueprint keeps every promise of the HTTP API."""

    @pytest.fixture
    def mount(self):
        """Make an application that serves the API beneath a prefix."""

        def mount(api: WebApi, prefix: str) -> WSGIApplication:
            app = Flask("host")
            app.register_blueprint(make_blueprint(api), url_prefix=prefix.rstrip("/"))
            return app

        return mount


class _Anybody:
    """Knows everybody as somebody of one organisation."""

    def __init__(self, organisation: str) -> None:
        self.principal = Principal(organisation, "bea", Role.MANAGE)

    def authenticate(self, *_: object) -> Principal:
        """Let anybody in."""
        return self.principal


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose jobs live in memory."""
    with Service(MemoryRepository(), InstantProcessor()) as service:
        yield service


def test_each_application_has_its_own_service() -> None:
    """One extension object serves several applications, each with its service, its users and its prefix."""
    bulk_claims = BulkClaims()
    applications = {name: Flask(name) for name in ("first", "second")}
    services = {name: Service(MemoryRepository(), InstantProcessor()) for name in applications}

    for name, app in applications.items():
        app.config["BULKCLAIMS_URL_PREFIX"] = f"/{name}"
        bulk_claims.init_app(app, services[name], authenticator=_Anybody(name))

    for name, app in applications.items():
        with app.app_context():
            assert bulk_claims.service is services[name]
        assert app.test_client().get(f"/{name}/csv-jobs/").json["count"] == 0
        services[name].close()


def test_addresses_are_made_by_name(service: Service) -> None:
    """A host's templates link to routes by their names, wherever the API stands."""
    app = Flask("claims")
    BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))

    with app.test_request_context():
        assert app.url_for("bulkclaims.progress", job_id="J1") == "/api/v1/claims/csv-jobs/J1/progress/"


@pytest.mark.parametrize("given", [{"payer_id": "60054"}, lambda organisation: {"payer_id": f"for {organisation}"}])
def test_an_organisations_defaults_come_from_the_configuration(service: Service, given: object) -> None:
    """A mapping for all, or a function that knows each organisation's."""
    app = Flask("claims")
    app.config["BULKCLAIMS_DEFAULTS"] = given
    BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))
    template = app.test_client().get("/api/v1/claims/bulk/template/")

    job = (
        app.test_client()
        .post("/api/v1/claims/bulk/upload/", data={"file": (io.BytesIO(template.data), "claims.csv")})
        .json
    )

    expected = given("ACME") if callable(given) else given
    assert dict(service.job("ACME", job["id"]).defaults) == expected


def test_a_host_that_lets_nobody_in_is_told(service: Service) -> None:
    """Without tokens and without an authenticator nobody could ever use the API."""
    with pytest.raises(SettingsWrong, match="authenticator"):
        BulkClaims().init_app(Flask("claims"), service)


@pytest.mark.parametrize("prefix", ["/kläger/api", "/a b/", "/"])
def test_any_prefix_will_do(service: Service, prefix: str) -> None:
    """Also one that addresses have to spell in another way."""
    app = Flask("claims")
    app.config["BULKCLAIMS_URL_PREFIX"] = prefix
    BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))

    with app.test_request_context():
        address = app.url_for("bulkclaims.jobs")
    assert app.test_client().get(address).json["count"] == 0


@pytest.mark.parametrize("prefix", ["api", "", None])
def test_a_prefix_that_is_none_is_refused(service: Service, prefix: object) -> None:
    """With a sentence that shows what one looks like."""
    app = Flask("claims")
    app.config["BULKCLAIMS_URL_PREFIX"] = prefix

    with pytest.raises(SettingsWrong, match="begin with a slash"):
        BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))


def test_a_misspelt_key_is_refused(service: Service) -> None:
    """The sentence guesses at what was meant."""
    app = Flask("claims")
    app.config["BULKCLAIMS_URL_PREFIKS"] = "/claims"

    with pytest.raises(SettingsWrong, match=r"BULKCLAIMS_URL_PREFIKS. Did you mean BULKCLAIMS_URL_PREFIX\?"):
        BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))


def test_a_forgotten_init_app_is_said() -> None:
    """An application without a service is told which call is missing."""
    with Flask("claims").app_context(), pytest.raises(RuntimeError, match=r"'claims'.*init_app"):
        _ = BulkClaims().service


def test_tokens_are_issued_listed_and_revoked(service: Service) -> None:
    """`flask bulkclaims tokens` prints a token that lets its user in until it is revoked."""
    store = MemoryRepository()
    app = Flask("claims")
    BulkClaims().init_app(app, service, tokens=store)
    run = app.test_cli_runner().invoke
    address = "/api/v1/claims/csv-jobs/"

    token = run(
        args=["bulkclaims", "tokens", "create", "--org", "ACME", "--user", "bea", "--role", "manage"]
    ).output.strip()
    headers = {"Authorization": f"Bearer {token}"}
    (kept,) = store.list_tokens("ACME")

    assert app.test_client().get(address, headers=headers).status_code == 200
    assert f"{kept.id}  manage  good" in run(args=["bulkclaims", "tokens", "list", "--org", "ACME"]).output
    assert run(args=["bulkclaims", "tokens", "revoke", kept.id, "--org", "ACME"]).output == "Revoked.\n"
    assert app.test_client().get(address, headers=headers).status_code == 401
    assert "revoked" in run(args=["bulkclaims", "tokens", "list", "--org", "ACME"]).output
    assert run(args=["bulkclaims", "tokens", "revoke", "nobody", "--org", "ACME"]).exit_code == 1


@pytest.mark.parametrize("action", [["create"], ["list"], ["revoke", "x"]])
@pytest.mark.parametrize("organisation", ["", " ACME"])
def test_an_organisation_that_nobody_can_have_is_refused(
    service: Service, action: list[str], organisation: str
) -> None:
    """In a sentence, before anything is made."""
    store = MemoryRepository()
    app = Flask("claims")
    BulkClaims().init_app(app, service, tokens=store)

    done = app.test_cli_runner().invoke(args=["bulkclaims", "tokens", *action, "--org", organisation])

    assert done.exit_code == 2
    assert "Invalid value for '--org': An organisation is a text of 1 to 255 characters" in done.output
    assert store.list_tokens(organisation) == []


def test_a_sweep_can_be_run_by_hand(service: Service) -> None:
    """`flask bulkclaims sweep` does what every process does now and then."""
    app = Flask("claims")
    BulkClaims().init_app(app, service, authenticator=_Anybody("ACME"))

    assert app.test_cli_runner().invoke(args=["bulkclaims", "sweep"]).output == "Swept.\n"
