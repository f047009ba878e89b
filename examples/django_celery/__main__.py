"""Starts all of it: `python -m django_celery`, in the folder above. `BROKER=rabbitmq` takes RabbitMQ for Valkey."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from celery import Celery
from psycopg.conninfo import conninfo_to_dict
from serving import PAYER_KEY, ending, free_address, printed, running, simulated_payer, started, wait_for_the_end

from bulkclaims.testing.servers import postgresql, rabbitmq, valkey

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

BROKERS = {"valkey": valkey, "rabbitmq": rabbitmq}

MIGRATE = "python -m django migrate --verbosity 0"
ISSUE_TOKEN = "python -m django bulkclaims_tokens create --org ACME"
WEB = "gunicorn --bind={} --threads=8 --no-control-socket django_celery.wsgi"
WORKER = "celery -A django_celery worker --hostname={}@%h --concurrency=2 --prefetch-multiplier=1 --loglevel=INFO"
WORKERS = ("first", "second")


def main() -> None:
    """Run services, web process and workers until Ctrl-C; what was started last ends first."""
    over = ending()
    with ExitStack() as held:
        payer = held.enter_context(simulated_payer())
        database = conninfo_to_dict(started(held, postgresql()))
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "django_celery.settings",
            "PGHOST": database["host"],
            "PGUSER": database["user"],
            "PGDATABASE": database["dbname"],
            "BROKER_URL": started(held, chosen_broker()()),
        }
        printed(MIGRATE)
        token = printed(ISSUE_TOKEN)
        address = free_address()
        held.enter_context(running(WEB.format(address)))
        for name in WORKERS:
            held.enter_context(running(WORKER.format(name), PAYER_URL=payer, PAYER_KEY=PAYER_KEY))
        wait_for_the_end(address, token, workers_are_up, over)


def chosen_broker() -> Callable[[], AbstractContextManager[str]]:
    """Find the server that `BROKER` names."""
    name = os.environ.get("BROKER", "valkey")
    if name not in BROKERS:
        sys.exit(f"There is no broker {name}; BROKER is one of {', '.join(BROKERS)}.")
    return BROKERS[name]


def workers_are_up() -> bool:
    """Whether every worker answers through the broker."""
    with Celery(broker=os.environ["BROKER_URL"], set_as_current=False) as app:
        return len(app.control.ping(timeout=1) or []) == len(WORKERS)


if __name__ == "__main__":
    main()
