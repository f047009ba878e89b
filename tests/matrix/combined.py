"""
A host application in every combination, as its environment names it: framework, queue, broker and database.

Imported it is a worker's: Celery finds `app` in it, RQ `run_chunk`. As a script it is the web process, which leaves the
asking to workers: it prints its address and a token.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from urllib.parse import parse_qs, urlsplit

import celery
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from bulkclaims import BulkClaims, Secret
from bulkclaims.lookup import LookupProcessor, StediConnector, StediSettings
from bulkclaims.testing.wsgi import served
from bulkclaims_celery import CeleryDispatcher, register
from bulkclaims_rq import RqDispatcher, chunk_function

FRAMEWORK, QUEUE, BROKER, DATABASE = (os.environ[name] for name in ("FRAMEWORK", "QUEUE", "BROKER", "DATABASE"))
DEFAULTS = {"payer_id": "99999", "npi": "1999999984"}
PREFIX = "/api/v1/claims"

if "LOG_ALL" in os.environ:
    logging.basicConfig(level=logging.DEBUG)
app = celery.Celery("combined", broker=BROKER)


def dispatcher():
    """The queue."""
    if QUEUE == "celery":
        return CeleryDispatcher(app)
    return RqDispatcher(
        Queue("claims", connection=Redis.from_url(BROKER), serializer=JSONSerializer), "combined.run_chunk"
    )


def processor(store):
    """What asks the simulated payer."""
    payer = StediSettings(
        organization_name="Sample Clinic PC", base_url=os.environ["PAYER_URL"], api_key=Secret("try-me")
    )
    return LookupProcessor(StediConnector(payer), limiter=store)


def with_flask(*, is_web):
    """A Flask application, and its service."""
    from flask import Flask  # noqa: PLC0415 -- each combination loads what it has

    import bulkclaims_flask  # noqa: PLC0415
    from bulkclaims_sqlalchemy import open_repository, upgrade  # noqa: PLC0415

    upgrade(DATABASE)
    store = open_repository(DATABASE)
    service = BulkClaims(store, None if is_web else processor(store), dispatcher=dispatcher())
    host = Flask("combined")
    host.config["BULKCLAIMS_DEFAULTS"] = DEFAULTS
    bulkclaims_flask.BulkClaims().init_app(host, service, tokens=store)
    return host, service


def flask_token(host):
    """Issue a token as an operator does."""
    return host.test_cli_runner().invoke(args=["bulkclaims", "tokens", "create", "--org", "ACME"]).output


def with_django(*, is_web):
    """A Django project, and its service."""
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    settings.configure(
        SECRET_KEY="made-up",
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["bulkclaims_django"],
        DATABASES={"default": django_database()},
        ROOT_URLCONF="combined_urls",
        LOGGING_CONFIG=None,
        USE_TZ=True,
        BULKCLAIMS={"DISPATCHER": dispatcher, "DEFAULTS": DEFAULTS} | ({} if is_web else {"PROCESSOR": processor}),
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    from bulkclaims_django import service  # noqa: PLC0415

    return get_wsgi_application(), service


def django_database():
    """The database's URL, in Django's terms."""
    url = urlsplit(DATABASE)
    given = {name: values[0] for name, values in parse_qs(url.query).items()}
    if url.scheme == "postgresql":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "HOST": given["host"],
        }
    if url.scheme == "mariadb":
        import pymysql  # noqa: PLC0415

        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.install_as_MySQLdb()
        options = {"unix_socket": given["unix_socket"], "charset": "utf8mb4"}
        return {"ENGINE": "django.db.backends.mysql", "NAME": url.path[1:], "USER": url.username, "OPTIONS": options}
    journal = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
    options = {"transaction_mode": "IMMEDIATE", "init_command": journal}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path[1:], "OPTIONS": options}


def django_token(_):
    """Issue a token as an operator does."""
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    token = io.StringIO()
    call_command("bulkclaims_tokens", "create", "--org", "ACME", stdout=token)
    return token.getvalue()


SETS_UP = {"flask": (with_flask, flask_token), "django": (with_django, django_token)}[FRAMEWORK]


def serve():
    """Be the web process until it is told to end."""
    set_up, issue_token = SETS_UP
    host, _ = set_up(is_web=True)
    token = issue_token(host).strip()
    with served(host) as url:
        print(url, token, flush=True)  # noqa: T201 -- whoever started it waits for this line
        threading.Event().wait()


if __name__ == "__main__":
    serve()
else:
    _, worker = SETS_UP[0](is_web=False)
    register(app, worker)
    run_chunk = chunk_function(worker)
