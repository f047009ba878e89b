"""The one service of a process: made late, made once, true to the settings, and quiet until the host commits."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import override_settings

from bulkclaims import BulkClaims, Owner, SettingsWrong, UploadRejected
from bulkclaims.access import Principal, Role
from bulkclaims.errors import DispatchFailed
from bulkclaims.jobs import JobStatus
from bulkclaims.records import Capabilities
from bulkclaims.testing.contracts import DispatcherContract
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.web import Request
from bulkclaims_django import models
from bulkclaims_django.dispatch import LocalOnCommit, OnCommit
from bulkclaims_django.repository import DjangoRepository
from bulkclaims_django.service import alias, api, close, repository, run, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bulkclaims.interfaces import TokenStore

    Configure = Callable[..., None]

FILE = b"claim_number,first_name,last_name,date_of_birth,subscriber_id\nPCN1,ALMA,TESTER,03/04/1972,ZX1\n"
ACME = Owner("ACME", "bea")
SECONDS = 30.0


def submit(bulk: BulkClaims) -> Any:
    """Upload a file of one claim."""
    return bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=ACME)


class TestOnCommit(DispatcherContract):
    """Outside a transaction it is a dispatcher like any other."""

    @pytest.fixture
    def inner(self) -> RememberingDispatcher:
        """What rings."""
        return RememberingDispatcher()

    @pytest.fixture
    def dispatcher(self, inner: RememberingDispatcher, project: None) -> OnCommit:
        """What is tried."""
        return OnCommit(inner, "default")

    @pytest.fixture
    def arrived(self, inner: RememberingDispatcher) -> Callable[[], Any]:
        """What rang so far."""
        return lambda: inner.dispatched


class TestLocalOnCommit(DispatcherContract):
    """Outside a transaction it is a local dispatcher like any other."""

    @pytest.fixture
    def chunks(self) -> list[Any]:
        """What was run."""
        return []

    @pytest.fixture
    def dispatcher(self, chunks: list[Any], project: None) -> Iterator[LocalOnCommit]:
        """What is tried."""
        dispatcher = LocalOnCommit(chunks.append, "default")
        yield dispatcher
        dispatcher.close()

    @pytest.fixture
    def arrived(self, chunks: list[Any], dispatcher: LocalOnCommit) -> Callable[[], Any]:
        """What was run, once all of it was."""

        def wait() -> list[Any]:
            # Each of the two threads gets here once it has done what came before.
            both = threading.Barrier(2)
            for met in [dispatcher._pool.submit(both.wait) for _ in range(2)]:
                met.result()
            return chunks

        return wait


def test_a_process_has_one_service(project: None) -> None:
    """Whoever asks gets the same, until it is closed."""
    first = service()

    assert service() is first
    assert api().bulk is first
    close()
    assert service() is not first


def test_a_changed_setting_makes_another(configured: Configure) -> None:
    """Tests of a host that override the setting get a service of their own, and the one before is closed."""
    processors = [InstantProcessor(), InstantProcessor()]
    configured(PROCESSOR=lambda _: processors[0])
    service().wait("ACME", submit(service()).id, SECONDS)
    configured(PROCESSOR=lambda _: processors[1])
    service().wait("ACME", submit(service()).id, SECONDS)

    assert [processor.asked for processor in processors] == [[1], [1]]
    assert processors[0].closed


def test_nothing_rings_before_the_commit(configured: Configure) -> None:
    """A submit inside the host's atomic block rings once that is committed."""
    dispatcher = RememberingDispatcher()
    configured(DISPATCHER=lambda: dispatcher)

    with transaction.atomic():
        job = submit(service())
        with transaction.atomic():
            before = list(dispatcher.dispatched)

    assert before == []
    assert [chunk.job_id for chunk in dispatcher.dispatched] == [job.id]


def test_nothing_rings_after_a_rollback(configured: Configure) -> None:
    """A block that is rolled back takes the job with it."""
    dispatcher = RememberingDispatcher()
    configured(DISPATCHER=lambda: dispatcher)

    with transaction.atomic():
        submit(service())
        transaction.set_rollback(True)

    assert dispatcher.dispatched == []
    assert repository().find("ACME").count == 0


def test_a_job_of_a_transaction_is_run_here(project: None) -> None:
    """The local dispatcher waits for the commit, too: before it, its threads would find no job."""
    with transaction.atomic():
        job = submit(service())

    assert service().wait("ACME", job.id, SECONDS).status is JobStatus.COMPLETED


class Deaf:
    """A queue that takes nothing."""

    def dispatch(self, *_: object) -> None:
        """Refuse."""
        raise DispatchFailed("The queue is out of reach.")


def test_a_queue_that_fails_after_the_commit_fails_nothing(
    configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """What the host committed stands; the log says that chunks wait, and a sweep will ring again."""
    configured(DISPATCHER=Deaf)

    with transaction.atomic():
        job = submit(service())

    assert repository().get("ACME", job.id).status is JobStatus.PENDING
    assert "The queue is out of reach." in caplog.text


def test_a_queue_delivers_to_run(configured: Configure) -> None:
    """What a worker of Celery or RQ calls runs the chunk in this process."""
    dispatcher = RememberingDispatcher()
    configured(PROCESSOR=lambda _: InstantProcessor(), DISPATCHER=lambda: dispatcher)
    job = submit(service())

    dispatcher.deliver(run)

    assert repository().get("ACME", job.id).status is JobStatus.COMPLETED


def test_a_queues_worker_is_stopped_and_sweeps(configured: Configure) -> None:
    """What Celery and RQ know the project by: stopped before its first use it is as ever, after it begins no chunk."""
    worker = apps.get_app_config("bulkclaims").chunk_worker
    dispatcher = RememberingDispatcher()
    configured(PROCESSOR=lambda _: InstantProcessor(), DISPATCHER=lambda: dispatcher, JOBS={"ring_again_seconds": 0})
    worker.stop()
    job = submit(service())
    (chunk,) = dispatcher.dispatched
    worker.stop()

    worker.stand_by()
    assert repository().workers(60).alive == 1
    assert worker.run(chunk) is False
    worker.sweep()
    assert dispatcher.dispatched == [chunk, chunk]
    assert repository().get("ACME", job.id).status is JobStatus.PENDING


def test_the_first_request_brings_back_what_was_left_behind(configured: Configure) -> None:
    """A web process that was started anew goes on with the jobs of the one before, though nobody uploads to it."""
    configured(DISPATCHER=RememberingDispatcher)
    job = submit(service())
    configured(PROCESSOR=lambda _: InstantProcessor(), JOBS={"sweep_seconds": 0.02, "ring_again_seconds": 0.01})

    get("csv-jobs/")

    assert service().wait("ACME", job.id, SECONDS).status is JobStatus.COMPLETED


class Reversing:
    """A cipher that a child could read, but not `grep`."""

    def seal(self, plain: bytes) -> bytes:
        """Turn it round."""
        return b"sealed" + plain[::-1]

    def open(self, sealed: bytes) -> bytes:
        """Turn it back."""
        return sealed.removeprefix(b"sealed")[::-1]


def test_every_part_is_the_settings(configured: Configure) -> None:
    """Cipher, limits, needs and how jobs are cut up are those of the setting."""
    configured(
        PROCESSOR=lambda _: InstantProcessor(),
        CIPHER=Reversing,
        DATABASE="default",
        JOBS={"chunk_rows": 1, "deadline_seconds": None},
        MAX_UPLOAD_BYTES=100,
        PAYERS=lambda _: Capabilities("made-up", needs=(frozenset({"payer_id"}), frozenset({"npi", "tin"}))),
    )
    bulk = service()
    defaults = {"payer_id": "60054", "tin": "123456789"}
    job = bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=ACME, defaults=defaults)
    bulk.wait("ACME", job.id, SECONDS)

    assert b"Finalized" in b"".join(bulk.results("ACME", job.id))
    assert bytes(models.Payload.objects.get().payload).startswith(b"sealed")
    assert job.deadline_seconds is None
    with pytest.raises(UploadRejected, match="NPI or TIN"):
        bulk.submit(io.BytesIO(FILE), filename="claims.csv", owner=ACME, defaults={"payer_id": "60054"})
    with pytest.raises(UploadRejected, match="larger"):
        bulk.submit(io.BytesIO(FILE + bytes(100)), filename="claims.csv", owner=ACME, defaults=defaults)


class Anybody:
    """Knows everybody; an authenticator made from the store of tokens."""

    def __init__(self, store: TokenStore) -> None:
        self.store = store

    def authenticate(self, *_: object) -> Principal:
        """Let anybody in."""
        return Principal("ACME", "bea", Role.MANAGE)


def get(path: str) -> int:
    """Ask the API for something; give the status."""
    return api().answer(Request("GET", path, "http://host.example/", {}, {}, io.BytesIO())).status


def test_who_may_do_what_is_the_settings(configured: Configure) -> None:
    """The host may bring an authenticator of its own, which gets the tokens, and decide what they may do."""
    made = []
    configured(PROCESSOR=lambda _: InstantProcessor())
    nobody = get("csv-jobs/")

    configured(PROCESSOR=lambda _: InstantProcessor(), AUTHENTICATOR=lambda store: made.append(store) or Anybody(store))
    anybody = get("csv-jobs/")
    configured(PROCESSOR=lambda _: InstantProcessor(), AUTHENTICATOR=Anybody, AUTHORIZE=lambda *_: False)
    denied = get("csv-jobs/")

    assert (nobody, anybody, denied) == (401, 200, 403)
    assert isinstance(made[0], DjangoRepository)


@pytest.mark.parametrize("given", [{"payer_id": "60054"}, lambda organisation: {"payer_id": f"for {organisation}"}])
def test_an_organisations_defaults_are_the_settings(configured: Configure, given: Any) -> None:
    """A dictionary for all, or a function that knows each organisation's."""
    configured(PROCESSOR=lambda _: InstantProcessor(), DEFAULTS=given)

    assert api().defaults("ACME") == (given("ACME") if callable(given) else given)


def test_a_setting_that_leaves_nobody_to_run_is_refused(configured: Configure) -> None:
    """Neither processor nor dispatcher: the sentence names both."""
    configured()

    with pytest.raises(SettingsWrong, match="PROCESSOR nor a DISPATCHER"):
        service()


def test_jobs_live_where_routers_say(project: None) -> None:
    """Without `DATABASE`, the project's routers decide."""
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.Elsewhere"]):
        assert alias() == "elsewhere"


class Elsewhere:
    """Sends jobs to another database."""

    def db_for_write(self, *_: object, **__: object) -> str:
        """Name it."""
        return "elsewhere"


PROJECT = """
    import io, os, sys, threading, time
    import django
    from django.conf import settings
    from django.core.management import call_command

    from bulkclaims.testing.fakes import InstantProcessor

    busy = threading.Event()

    async def slowly(row):
        busy.set()
        import asyncio
        await asyncio.sleep(float(os.environ["PAUSE"]))

    settings.configure(
        INSTALLED_APPS=["bulkclaims_django"],
        DATABASES={"default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": "jobs.db",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
        }},
        BULKCLAIMS={"PROCESSOR": lambda _: InstantProcessor(batch=1, before=slowly), "JOBS": {"sweep_seconds": 0.1}},
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)

    from bulkclaims import Owner
    from bulkclaims_django.service import service

    HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
    ROWS = [f"PCN{number},ALMA,TESTER,03/04/1972,ZX{number}" for number in range(1, 101)]

    def submit():
        file = io.BytesIO("\\n".join([HEADER, *ROWS]).encode())
        return service().submit(file, filename="claims.csv", owner=Owner("ACME"))
"""


def python(folder: Path, script: str, pause: str) -> subprocess.CompletedProcess[str]:
    """Run a process of a project in *folder*; a look-up takes *pause* seconds."""
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(PROJECT) + textwrap.dedent(script)],
        cwd=folder,
        env={**os.environ, "PAUSE": pause},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_child_makes_its_own(tmp_path: Path) -> None:
    """A process that forks after it used the service runs jobs on, and so does its child."""
    done = python(
        tmp_path,
        """
        def run(name):
            print(name, service().wait("ACME", submit().id, 30).status, flush=True)

        run("parent")
        child = os.fork()
        run("child" if child == 0 else "parent")
        if child:
            os.waitpid(child, 0)
        """,
        pause="0",
    )

    assert sorted(done.stdout.splitlines()) == ["child COMPLETED", "parent COMPLETED", "parent COMPLETED"], done.stderr


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    """A server that loads the whole project and then forks its workers has no thread of ours."""
    done = python(
        tmp_path,
        """
        import bulkclaims_django.urls
        from bulkclaims_django.service import service
        print(threading.active_count())
        """,
        pause="0",
    )

    assert done.stdout == "1\n", done.stderr


def test_a_task_queue_may_import_it_early() -> None:
    """A Celery application's module is imported before Django is set up."""
    script = "import bulkclaims_django.service, bulkclaims_django.dispatch, bulkclaims_django.signals"

    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_end_of_a_process_hands_back_what_it_has(tmp_path: Path) -> None:
    """A process that ends in the midst of a long chunk ends at once, and another may go on with it at once."""
    began = time.monotonic()
    first = python(tmp_path, "print(submit().id); busy.wait()", pause="1")
    took = time.monotonic() - began
    second = python(
        tmp_path,
        f"""
        service().start()
        job = service().wait("ACME", {first.stdout.strip()!r}, timeout=30)
        print(job.status, job.succeeded)
        """,
        pause="0",
    )

    assert took < 30
    assert first.stderr == ""
    assert second.stdout == "COMPLETED 100\n", second.stderr
