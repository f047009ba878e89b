"""
The host application of the chaos tests, as its environment describes it: one program for web process and workers.

Imported it is a worker's: Celery finds `app` in it, RQ `run_chunk`. As a script it is the web process, which takes
uploads over HTTP and leaves the running to workers, or runs chunks itself where there is no queue; or, with the word
sweep, it sweeps once, as cron has it done.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading

import celery
from cryptography.fernet import Fernet
from faults import FaultyDispatcher
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from bulkclaims import BulkClaims, Secret
from bulkclaims.access import Principal, Role
from bulkclaims.errors import NotAuthenticated
from bulkclaims.jobs import Settings
from bulkclaims.lookup import LookupProcessor, RetryPolicy, SharedAccess, StediConnector, StediSettings
from bulkclaims.records import Rate
from bulkclaims.testing.wsgi import served, wsgi_app
from bulkclaims.web import WebApi
from bulkclaims_celery import CeleryDispatcher, register
from bulkclaims_rq import RqDispatcher, chunk_function
from bulkclaims_sqlalchemy import open_repository

PLAN = json.loads(os.environ["CHAOS"])
"""Addresses of the servers, the kind of queue, the settings and the faults, as `site.py` writes them."""
PREFIX = "/claims/"
TOKEN = "chaos"

app = celery.Celery("host", broker=PLAN["broker"])


class OneToken:
    """Knows one token."""

    def authenticate(self, headers, native):  # noqa: D102 -- stated in `interfaces.Authenticator`
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise NotAuthenticated("The token is not known.", code="token_unknown")
        return Principal("ACME", "bea", Role.MANAGE)


def dispatcher():
    """The kind of queue that is tested, and what is wrong with it; None where chunks run in the web process."""
    if PLAN["queue"] == "celery":
        rings = CeleryDispatcher(app)
    elif PLAN["queue"] == "rq":
        queue = Queue("claims", connection=Redis.from_url(PLAN["broker"]), serializer=JSONSerializer)
        rings = RqDispatcher(queue, "host.run_chunk")
    else:
        return None
    return FaultyDispatcher(rings, random.Random(PLAN["seed"]), **PLAN["faults"])


class FernetCipher:
    """Seals the payer's tokens."""

    def __init__(self, key) -> None:
        fernet = Fernet(key)
        self.seal, self.open = fernet.encrypt, fernet.decrypt


def processor(repository):
    """What asks the simulated payer: within its limits, and with tokens that all workers share, where it has any."""
    limits = PLAN["limits"]
    settings = StediSettings(
        face=PLAN["face"],
        organization_name="Sample Clinic PC",
        base_url=PLAN["payer"],
        api_key=Secret("try-me"),
        client_id="simulator",
        client_secret=Secret("try-me"),
        max_in_flight=PLAN["in_flight"],
        in_flight_in_all=limits.get("in_flight"),
        rate=Rate(limits["per_second"]) if limits else None,
    )
    connector = StediConnector(settings, access=SharedAccess(repository, FernetCipher(PLAN["key"])))
    return LookupProcessor(connector, limiter=repository, retry=RetryPolicy(base_seconds=0.1))


def service(*, is_web):
    """The one object that each process holds."""
    repository = open_repository(PLAN["database"])
    asks = None if is_web and PLAN["queue"] else processor(repository)
    return BulkClaims(repository, asks, dispatcher=dispatcher(), settings=Settings(**PLAN["settings"]))


def serve():
    """Be the web process until it is killed."""
    bulk = service(is_web=True)
    bulk.start()
    with served(wsgi_app(WebApi(bulk, OneToken()), PREFIX)) as address:
        print(address + PREFIX, flush=True)  # noqa: T201 -- whoever started it waits for this line
        threading.Event().wait()


if __name__ == "__main__":
    if "sweep" in sys.argv:
        service(is_web=True).sweep()
    else:
        serve()
else:
    worker = service(is_web=False)
    register(app, worker)
    run_chunk = chunk_function(worker)
