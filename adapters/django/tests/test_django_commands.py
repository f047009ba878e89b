"""The commands of `manage.py`."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bulkclaims import Owner
from bulkclaims.access import Role
from bulkclaims.jobs import JobStatus
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_django import models
from bulkclaims_django.dispatch import LeftToWorkers
from bulkclaims_django.service import repository, service

if TYPE_CHECKING:
    from collections.abc import Callable

    Configure = Callable[..., None]

FILE = b"claim_number,first_name,last_name,date_of_birth,subscriber_id\nPCN1,ALMA,TESTER,03/04/1972,ZX1\n"
SECONDS = 30.0


def command(*arguments: str) -> str:
    """Run a command in this process; give what it prints."""
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def submit() -> Any:
    """Upload a file of one claim."""
    return service().submit(io.BytesIO(FILE), filename="claims.csv", owner=Owner("ACME", "bea"))


def rung(job: Any) -> bool:
    """Whether a worker was told of the job's chunk."""
    return models.Chunk.objects.get(job_id=job.id).rung_at is not None


def test_a_token_is_printed_alone(project: None) -> None:
    """What `create` prints can be put into a file as it is, and lets its bearer in."""
    printed = command("bulkclaims_tokens", "create", "--org", "ACME", "--user", "nightly", "--role", "read")

    assert re.fullmatch(r"bc_\w{12}_[\w-]{43}\n", printed)
    principal = TokenAuthenticator(repository()).authenticate({"authorization": f"Bearer {printed.strip()}"}, None)
    assert principal is not None
    assert (principal.organisation, principal.user, principal.role) == ("ACME", "nightly", Role.READ)


@pytest.mark.parametrize(
    ("arguments", "days"), [([], 90), (["--expires-days", "7"], 7), (["--expires-days", "0"], None)]
)
def test_a_token_ends(project: None, arguments: list[str], days: int | None) -> None:
    """After three months unless somebody says otherwise."""
    command("bulkclaims_tokens", "create", "--org", "ACME", *arguments)
    (token,) = repository().list_tokens("ACME")

    lasts = token.expires_at and (token.expires_at - token.created_at).days
    assert lasts == days


def test_tokens_are_listed_and_revoked(project: None) -> None:
    """With what they are for and whether they are good; never with a secret."""
    secret = command("bulkclaims_tokens", "create", "--org", "ACME", "--user", "nightly").strip()
    command("bulkclaims_tokens", "create", "--org", "OTHER")
    (token,) = repository().list_tokens("ACME")
    before = command("bulkclaims_tokens", "list", "--org", "ACME")
    models.Token.objects.filter(id=token.id).update(expires_at=1.0)
    late = command("bulkclaims_tokens", "list", "--org", "ACME")
    revoked = command("bulkclaims_tokens", "revoke", token.id, "--org", "ACME")
    after = command("bulkclaims_tokens", "list", "--org", "ACME")

    assert before == f"{token.id}  submit  good     {token.created_at:%Y-%m-%d}  nightly\n"
    assert "expired" in late
    assert revoked == "Revoked.\n"
    assert "revoked" in after
    assert secret.partition(f"{token.id}_")[2] not in before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bulkclaims_tokens", "revoke", "nobody", "--org", "ACME"], "ACME has no token nobody."),
        (["bulkclaims_tokens", "create", "--org", "ACME", "--expires-days", "-1"], "from 1 to 36,500, or 0 for never"),
        (["bulkclaims_tokens", "create", "--org", "ACME", "--expires-days", "99999"], "from 1 to 36,500"),
        (["bulkclaims_tokens", "create"], "--org"),
        (["bulkclaims_tokens", "create", "--org", ""], "--org: An organisation is a text of 1 to 255 characters"),
        (["bulkclaims_tokens", "list", "--org", " ACME"], "without white space at its ends"),
        (["bulkclaims_tokens"], "create|list|revoke"),
        (["bulkclaims_purge", "--older-than", "-1"], "0 or more"),
        (["bulkclaims_purge", "--older-than", "nan"], "0 or more"),
    ],
)
def test_a_mistake_is_a_sentence(project: None, arguments: list[str], sentence: str) -> None:
    """Nothing is done, and what is wrong is said without a traceback."""
    with pytest.raises(CommandError, match=re.escape(sentence)):
        command(*arguments)
    assert repository().list_tokens("ACME") == []


def test_a_database_without_tables_is_a_sentence(project: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A project that was not migrated is told how."""
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", str(tmp_path / "new.db"))
    for arguments in (["tokens", "list", "--org", "ACME"], ["purge"], ["sweep"], ["run"]):
        with pytest.raises(CommandError, match=r"manage\.py migrate"):
            command(f"bulkclaims_{arguments[0]}", *arguments[1:])


def test_old_jobs_are_purged(project: None) -> None:
    """What ended so many days ago goes, or what is past keeping; what is younger stays."""
    jobs = [submit() for _ in range(3)]
    for job in jobs:
        service().wait("ACME", job.id, SECONDS)
    for job, days in zip(jobs[:2], (31, 8), strict=True):
        ended = models.Job.objects.filter(id=job.id)
        ended.update(ended_at=ended.get().ended_at - days * 24 * 3600)

    printed = [command("bulkclaims_purge"), command("bulkclaims_purge", "--older-than", "7.5")]

    assert printed == ["Deleted 1 job.\n", "Deleted 1 job.\n"]
    assert [job.id for job in repository().find("ACME").jobs] == [jobs[2].id]
    assert command("bulkclaims_purge", "--older-than", "0") == "Deleted 1 job.\n"
    assert command("bulkclaims_purge", "--older-than", "0") == "Deleted 0 jobs.\n"


def test_a_sweep_rings_the_queue_again(configured: Configure) -> None:
    """Messages that were lost are sent again."""
    dispatcher = RememberingDispatcher()
    configured(DISPATCHER=lambda: dispatcher)
    job = submit()
    dispatcher.dispatched.clear()
    models.Chunk.objects.update(rung_at=1.0)

    assert command("bulkclaims_sweep") == "Swept.\n"

    assert [chunk.job_id for chunk in dispatcher.dispatched] == [job.id]


def test_a_sweep_without_a_queue_rings_for_nobody(configured: Configure) -> None:
    """A process that ends at once must not take chunks from those that could run them; it ends what is over."""
    configured(DISPATCHER=LeftToWorkers)
    waiting, late = submit(), submit()
    models.Chunk.objects.update(rung_at=None)
    models.Job.objects.filter(id=late.id).update(status="PROCESSING", started_at=1.0, deadline_at=2.0)
    configured(PROCESSOR=lambda _: InstantProcessor())

    command("bulkclaims_sweep")

    assert not rung(waiting)
    assert repository().get("ACME", late.id).status is JobStatus.FAILED


def test_a_worker_needs_a_processor(configured: Configure) -> None:
    """Nobody can run jobs who cannot look rows up."""
    configured(DISPATCHER=LeftToWorkers)

    with pytest.raises(CommandError, match="Give a processor"):
        command("bulkclaims_run")


WORKER = """
    import django
    from django.conf import settings
    from django.core.management import call_command

    from bulkclaims.testing.fakes import InstantProcessor

    settings.configure(
        INSTALLED_APPS=["bulkclaims_django"],
        DATABASES={{"default": {database!r}}},
        BULKCLAIMS={{
            "DISPATCHER": "bulkclaims_django.dispatch.LeftToWorkers",
            "PROCESSOR": lambda _: InstantProcessor(),
            "JOBS": {{"sweep_seconds": 0.1}},
        }},
        USE_TZ=True,
    )
    django.setup()
    call_command("bulkclaims_run")
"""


@pytest.mark.parametrize("stopped_by", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_runs_what_web_processes_take(configured: Configure, stopped_by: signal.Signals) -> None:
    """Without a queue: it finds jobs soon, whoever was rung for before, and ends politely when it is told to."""
    configured(DISPATCHER=LeftToWorkers)
    facts = {key: connections["default"].settings_dict[key] for key in ("ENGINE", "NAME", "OPTIONS")}
    script = textwrap.dedent(WORKER).format(database=facts | {"NAME": str(facts["NAME"])})
    early = submit()
    assert rung(early)
    worker = subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert worker.stdout is not None
        started = worker.stdout.readline()
        late = submit()
        ended = [service().wait("ACME", job.id, SECONDS).status for job in (early, late)]
    finally:
        worker.send_signal(stopped_by)
        rest, complaints = worker.communicate(timeout=SECONDS)

    assert started == "Running jobs; Ctrl-C or SIGTERM ends it.\n", complaints
    assert ended == [JobStatus.COMPLETED, JobStatus.COMPLETED]
    assert rest == "Stopped; what is answered is kept, and the rest goes on elsewhere or later.\n"
    assert (worker.returncode, complaints) == (0, "")
