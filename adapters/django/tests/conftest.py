"""A Django project with a database of each kind, made once for a test run and emptied for each test."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import django
import pymysql
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.urls import include, path

from bulkclaims.testing.fakes import InstantProcessor

# Django asks for mysqlclient of this version, whose place PyMySQL takes here since it needs no compiler.
pymysql.version_info = (2, 2, 7, "final", 0)
pymysql.install_as_MySQLdb()

URLS = ModuleType("project_urls")
CONTRIB = [f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "messages", "sessions")]
settings.configure(
    INSTALLED_APPS=["bulkclaims_django", "rest_framework.authtoken", *CONTRIB],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    BULKCLAIMS={"PROCESSOR": lambda _: InstantProcessor()},
    ALLOWED_HOSTS=["*"],
    LOGGING_CONFIG=None,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=URLS,
    SECRET_KEY="made-up",
    USE_TZ=True,
)
django.setup()

from django.contrib import admin  # noqa: E402 -- models need settings

from bulkclaims_django import models, service  # noqa: E402
from bulkclaims_django.repository import DjangoRepository  # noqa: E402
from bulkclaims_django.urls import patterns  # noqa: E402

PREFIX = "/api/v1/claims/"
URLS.urlpatterns = [path("admin/", admin.site.urls), path(PREFIX[1:], include("bulkclaims_django.urls"))]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from bulkclaims.web import WebApi

SERVERS = [pytest.param(name, marks=pytest.mark.service(name)) for name in ("postgresql", "mariadb")]
JOURNAL = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}
RECOMMENDED = {"transaction_mode": "IMMEDIATE", **JOURNAL}


@pytest.fixture(scope="session", params=["sqlite", *SERVERS])
def using(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The alias of a database with all tables; "default" is none, so that a statement sent there fails."""
    if request.param == "sqlite":
        options = sqlite(tmp_path_factory.mktemp("django") / "jobs.db", OPTIONS=RECOMMENDED)
    else:
        options = server(request.param, request.getfixturevalue(f"{request.param}_url"))
    add(request.param, options)
    migrate(request.param)
    yield request.param
    connections[request.param].close()


@pytest.fixture
def repository(using: str) -> DjangoRepository:
    """An empty repository in each kind of database."""
    for model in (models.Access, models.Job, models.Kept, models.Limit, models.Share, models.Token, models.Worker):
        model.objects.using(using).all().delete()
    return DjangoRepository(using)


@pytest.fixture(scope="session")
def project_database(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A SQLite database with the tables of every application."""
    options = sqlite(tmp_path_factory.mktemp("project") / "project.db", OPTIONS=RECOMMENDED)
    with as_default(options):
        call_command("migrate", verbosity=0)
    return options


@pytest.fixture
def project(project_database: dict[str, Any]) -> Iterator[None]:
    """The project with an empty database of its own, and nothing of the service left behind."""
    with as_default(project_database):
        call_command("flush", interactive=False, verbosity=0)
        yield
        service.close()


@contextmanager
def as_default(options: dict[str, Any]) -> Iterator[None]:
    """Let the project have a database by default, and then none again."""
    before = connections.settings["default"]
    put(connections.configure_settings({"default": options})["default"])
    try:
        yield
    finally:
        put(before)


def put(options: dict[str, Any]) -> None:
    """Make this the settings of the default database, which nobody uses just now."""
    connections["default"].close()
    del connections["default"]
    connections.settings["default"] = options


@pytest.fixture
def configured(project: None) -> Iterator[Callable[..., None]]:
    """Give the setting `BULKCLAIMS` these keys until the test ends."""
    with ExitStack() as until_the_end:

        def configure(**keys: Any) -> None:
            until_the_end.enter_context(override_settings(BULKCLAIMS=keys))

        yield configure


@pytest.fixture(scope="session")
def mount() -> Callable[[WebApi, str], WSGIApplication]:
    """Make a project that serves an API beneath a prefix, behind the usual middleware."""

    def mounted(api: WebApi, prefix: str) -> WSGIApplication:
        urls = (path(prefix.lstrip("/"), include((patterns(lambda: api), "bulkclaims"))),)
        handler = WSGIHandler()
        handler.request_class = type("Request", (WSGIRequest,), {"urlconf": urls})
        return handler

    return mounted


@pytest.fixture
def add_database(using: str) -> Iterator[Callable[..., str]]:
    """Call it with settings that differ to reach the database over an alias of the test's own, which it returns."""
    added: list[str] = []

    def reach(**settings: Any) -> str:
        added.append(f"own{len(added)}")
        add(added[-1], {**connections.settings[using], **settings})
        return added[-1]

    yield reach
    forget(added)


@pytest.fixture
def add_file(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Call it with settings to get the alias of a SQLite database of the test's own, with all tables."""
    added: list[str] = []

    def make(file: Path = tmp_path / "own.db", *, tables: bool = True, **settings: Any) -> str:
        added.append(f"file{len(added)}")
        add(added[-1], sqlite(file, **settings))
        if tables:
            migrate(added[-1])
        return added[-1]

    yield make
    forget(added)


def sqlite(file: Path, **settings: Any) -> dict[str, Any]:
    """The settings of a SQLite file."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, **settings}


def server(name: str, url: str) -> dict[str, Any]:
    """The settings of a server that listens on a socket."""
    parts = urlsplit(url)
    ((address,),) = parse_qs(parts.query).values()
    return {
        "ENGINE": f"django.db.backends.{name.replace('mariadb', 'mysql')}",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "HOST": address,
        # PyMySQL would read all certificates of the system for each connection over the socket.
        "OPTIONS": {"ssl_disabled": True} if name == "mariadb" else {},
    }


def add(alias: str, options: dict[str, Any]) -> None:
    """Add a database to the project."""
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: options})[alias]


def forget(aliases: list[str]) -> None:
    """Remove databases from the project."""
    for alias in aliases:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


def migrate(alias: str) -> None:
    """Make the tables."""
    call_command("migrate", "bulkclaims", database=alias, verbosity=0)
