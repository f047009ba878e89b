"""One installation of the host application with everything it consists of, each part in processes of its own."""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from attrs import define, field
from claims import DEFAULTS, claims_file
from cryptography.fernet import Fernet
from payer import payer
from processes import Process, until
from sqlalchemy import and_, select

from bulkclaims.client import Client
from bulkclaims.errors import RepositoryUnavailable
from bulkclaims_sqlalchemy import open_repository, upgrade
from bulkclaims_sqlalchemy.engine import engine_for
from bulkclaims_sqlalchemy.tables import chunks

HERE = Path(__file__).parent
SETTINGS = {"chunk_rows": 50, "lease_seconds": 3.0, "sweep_seconds": 0.5, "ring_again_seconds": 2.0}
"""Short, so that what takes half a minute takes seconds."""


def worker_command(queue, broker):
    """How a host starts a worker."""
    if queue == "celery":
        name = f"--hostname={uuid4()}@%h"  # RabbitMQ keeps two of one name apart
        return [
            "celery",
            "--app=host",
            "worker",
            name,
            "--concurrency=1",
            "--prefetch-multiplier=1",
            "--loglevel=warning",
        ]
    return ["rq.cli", "worker", "--url", broker, "--serializer", "rq.serializers.JSONSerializer", "claims"]


@define
class Snapshot:
    """What was recorded of a job at some moment, and how much the payer had been asked by then."""

    recorded: dict
    asked: int


@define
class Submitted:
    """A job and the file it was made of."""

    id: str
    file: bytes
    snapshots: list = field(factory=list)


@define(eq=False)
class Installation:
    """A payer, a web process and workers; what was submitted, and what went wrong meanwhile."""

    folder: Path
    plan: dict
    log: object
    repository: object
    engine: object
    webs: list = field(factory=list)
    address: str = ""
    """Of the newest web process."""
    client: Client | None = None
    workers: list = field(factory=list)
    jobs: list = field(factory=list)
    all: list = field(factory=list)
    """Every process that was ever started."""
    lost: int = 0
    """How many look-ups may have been in flight where something ended."""

    def start_web(self, *, prefix=(), **changes):
        """Start a web process, at an address of its own, with some of the plan changed."""
        self.webs.append(self._start([str(HERE / "host.py")], "web", changes, prefix))
        self.address = until(lambda: _address(self.web.log))
        self.client = Client(self.address, "chaos")

    @property
    def web(self):
        """The newest web process."""
        return self.webs[-1]

    def start_worker(self, *, prefix=()):
        """Start a worker, by way of another program if one is named."""
        command = worker_command(self.plan["queue"], self.plan["broker"])
        self.workers.append(self._start(["-m", *command], "worker", prefix=prefix))

    def sweep(self):
        """Sweep once in a process of its own, as cron has it done."""
        self._start([str(HERE / "host.py"), "sweep"], "sweep").popen.wait()

    def keep_workers(self, count):
        """Do as a host's supervisor does: start workers in place of those that ended."""
        self.workers = [worker for worker in self.workers if worker.is_alive]
        while len(self.workers) < count:
            self.start_worker()

    def submit(self, rows, name=""):
        """Upload a file of so many rows."""
        file = claims_file(rows, name)
        info = self.client.upload(io.BytesIO(file), filename="claims.csv", defaults=DEFAULTS)
        self.jobs.append(Submitted(info.id, file))
        return self.jobs[-1]

    def lose(self, processes=1):
        """Note that look-ups in flight in some processes may be lost, and what is recorded, in that order."""
        self.lost += processes * self.plan["in_flight"]
        for job in self.jobs:
            job.snapshots.append(Snapshot(self.recorded(job), len(self.log.asked)))

    def recorded(self, job):
        """What is recorded of a job, by row."""
        chunks = self.repository.chunks("ACME", job.id)
        return {result.row: result.payload for chunk in chunks for result in chunk.results}

    def held(self):
        """The worker's name and the fence of each chunk that is held and not nearly done, by job and number."""
        columns = (chunks.c.job_id, chunks.c.number, chunks.c.worker, chunks.c.fence)
        is_held = and_(chunks.c.lease_until.is_not(None), chunks.c.answered + 10 <= chunks.c.rows)
        with self.engine.connect() as connection:
            found = connection.execute(select(*columns).where(is_held)).all()
        return {(job_id, number): (worker, fence) for job_id, number, worker, fence in found}

    def fences(self):
        """How often each chunk was leased, by job and number."""
        with self.engine.connect() as connection:
            found = connection.execute(select(chunks.c.job_id, chunks.c.number, chunks.c.fence)).all()
        return {(job_id, number): fence for job_id, number, fence in found}

    def held_by(self, process):
        """The chunks that a process or its children hold, and their fences."""
        pids = {str(child.pid) for child in process.children}
        return {chunk: fence for chunk, (worker, fence) in self.held().items() if worker.split(":")[1] in pids}

    def busy_worker(self):
        """Wait for a worker that holds a chunk."""
        return until(lambda: [worker for worker in self.workers if self.held_by(worker)])[0]

    def freeze_worker(self):
        """Freeze a worker in the midst of a chunk; gives it and the fences of what it holds."""
        while True:
            worker = self.busy_worker()
            worker.freeze()
            if held := self.held_by(worker):
                return worker, held
            worker.thaw()

    def until_leased_again(self, held):
        """Wait until all these chunks have gone to others."""
        until(lambda: all(self.fences()[chunk] > fence for chunk, fence in held.items()))

    def until_asked(self, count):
        """Wait until the payer has had so many requests in all."""
        until(lambda: len(self.log.asked) >= count)

    def until_ended(self, seconds=90.0, meanwhile=lambda: None):
        """Wait until all jobs have ended, and do something again and again meanwhile."""
        until(lambda: meanwhile() or all(self._has_ended(job) for job in self.jobs), seconds)

    def _has_ended(self, job):
        try:
            return self.repository.get("ACME", job.id).status.ended
        except RepositoryUnavailable:
            return False

    def _start(self, arguments, name, changes=(), prefix=()):
        environment = {
            "CHAOS": json.dumps(self.plan | dict(changes)),
            "PYTHONPATH": str(HERE),
            # Else each of the many processes would compile all that it imports.
            "PYTHONPYCACHEPREFIX": str(self.folder.parent / "compiled"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        process = Process.start(
            [*prefix, sys.executable, *arguments], self.folder, f"{name}-{len(self.all)}", environment
        )
        self.all.append(process)
        return process


def _address(log):
    lines = [line for line in log.read_text().splitlines() if line.startswith("http://")]
    return lines[0] if lines else None


@contextmanager
def installed(folder, *, database, queue, broker="", workers=2, in_flight=5, latency=0.05, **changes):
    """Install the host and start it; at the end nothing of it is left."""
    upgrade(database)
    plan = {"database": database, "queue": queue, "broker": broker, "in_flight": in_flight}
    plan |= {"settings": SETTINGS, "faults": {}, "seed": 0, "face": "stedi", "limits": {}}
    plan |= {"key": Fernet.generate_key().decode()} | changes
    repository, engine = open_repository(database), engine_for(database)
    with payer(folder, latency, plan["face"], plan["limits"]) as (url, log):
        site = Installation(folder, plan | {"payer": url}, log, repository, engine)
        try:
            site.start_web()
            site.keep_workers(workers)
            yield site
        finally:
            for process in site.all:
                process.stop()
            engine.dispose()
            repository.close()
