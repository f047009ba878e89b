"""The programs of the matrix: a simulated payer, the web process, and a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


@contextmanager
def program(*command, **options):
    """Run a program until what is done beside it is done, and is told to end."""
    with subprocess.Popen([sys.executable, *command], text=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def payer(*options):
    """Run a simulated payer; gives its address."""
    with program("-m", "bulkclaims.cli", "simulate-payer", *options, stdout=subprocess.PIPE) as process:
        yield process.stdout.readline().split()[1]


def environment(**named):
    """What the host in `combined` is told, beside our own environment."""
    return {**os.environ, **named, "PYTHONPATH": str(HERE)}


@contextmanager
def web(told, **options):
    """Run the web process; gives its address and a token."""
    with program(HERE / "combined.py", env=told, stdout=subprocess.PIPE, **options) as process:
        yield process.stdout.readline().split()


def worker(told, celery_options, rq_options, **options):
    """Run one worker, as a host starts it."""
    if told["QUEUE"] == "celery":
        command = ["celery", "--app=combined", "worker", "--concurrency=1", *celery_options]
    else:
        json = ["--serializer", "rq.serializers.JSONSerializer"]
        command = ["rq.cli", "worker", "claims", "--url", told["BROKER"], *json, *rq_options]
    return program("-m", *command, cwd=HERE, env=told, **options)
