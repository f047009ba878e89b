"""Starts all of it: `python -m flask_rq`, in the folder above."""

from __future__ import annotations

import os
from contextlib import ExitStack

from redis import Redis
from rq import Worker
from serving import PAYER_KEY, ending, free_address, printed, running, simulated_payer, started, wait_for_the_end

from bulkclaims.testing.servers import postgresql, valkey

MIGRATE = "bulkclaims db upgrade --database {}"
ISSUE_TOKEN = "flask --app flask_rq.app bulkclaims tokens create --org ACME"
WEB = "gunicorn --bind={} --threads=8 --no-control-socket flask_rq.app:create_app()"
WORKER = "rq worker --config flask_rq.worker --serializer rq.serializers.JSONSerializer"
WORKERS = 2


def main() -> None:
    """Run services, web process and workers until Ctrl-C; what was started last ends first."""
    over = ending()
    with ExitStack() as held:
        payer = held.enter_context(simulated_payer())
        os.environ |= {"DATABASE": started(held, postgresql()), "REDIS_URL": started(held, valkey())}
        printed(MIGRATE.format(os.environ["DATABASE"]))
        token = printed(ISSUE_TOKEN)
        address = free_address()
        held.enter_context(running(WEB.format(address)))
        for _ in range(WORKERS):
            held.enter_context(running(WORKER, PAYER_URL=payer, PAYER_KEY=PAYER_KEY))
        wait_for_the_end(address, token, workers_are_up, over)


def workers_are_up() -> bool:
    """Whether every worker has signed in."""
    with Redis.from_url(os.environ["REDIS_URL"]) as connection:
        return Worker.count(connection) == WORKERS


if __name__ == "__main__":
    main()
