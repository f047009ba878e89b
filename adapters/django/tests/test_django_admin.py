"""Jobs and tokens in Django's admin."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from bulkclaims import Owner
from bulkclaims.access import Role
from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.jobs import JobStatus, NewJob
from bulkclaims.testing.contracts.host_scenes import FailingProcessor
from bulkclaims.testing.fakes import RememberingDispatcher
from bulkclaims.web.tokens import issue_token
from bulkclaims_django import models
from bulkclaims_django.repository import DjangoRepository
from bulkclaims_django.service import repository, run, service

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
JOBS = reverse("admin:bulkclaims_job_changelist")
TOKENS = reverse("admin:bulkclaims_token_changelist")


@pytest.fixture
def processor() -> FailingProcessor:
    """Answers rows, but for those it is told to fail."""
    return FailingProcessor()


@pytest.fixture
def dispatcher(configured: Callable[..., None], processor: FailingProcessor) -> RememberingDispatcher:
    """Lets a test say when jobs run."""
    dispatcher = RememberingDispatcher()
    configured(PROCESSOR=lambda _: processor, DISPATCHER=lambda: dispatcher)
    return dispatcher


@pytest.fixture
def browser(dispatcher: RememberingDispatcher) -> Client:
    """A superuser's."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def staff(*permissions: str) -> Client:
    """The browser of somebody who may do these things alone."""
    user = User.objects.create_user("bea", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def submit(name: str = "claims.csv", organisation: str = "ACME", rows: int = 2) -> Any:
    """Upload a file."""
    lines = [HEADER, *(f"PCN{number:06},ALMA,TESTER,03/04/1972,ZX{number:06}" for number in range(1, rows + 1))]
    return service().submit(io.BytesIO("\n".join(lines).encode()), filename=name, owner=Owner(organisation, "bea"))


def act(browser: Client, action: str, *rows: Any, **more: str) -> str:
    """Choose an action for some rows of a list; give the page that follows."""
    page = TOKENS if action == "revoke" else JOBS
    chosen = {"action": action, "_selected_action": [row.id for row in rows], **more}
    return browser.post(page, chosen, follow=True).content.decode()


def now(job: Any) -> Any:
    """The job as it stands."""
    return repository().get("ACME", job.id)


def test_jobs_are_listed_with_how_they_move(
    browser: Client, dispatcher: RememberingDispatcher, processor: FailingProcessor
) -> None:
    """Name, organisation, status, a bar, what it came to; and nothing of any row."""
    processor.failing = {2}
    submit("<b>ended</b>.csv", rows=3)
    dispatcher.deliver(run)
    submit("waits.csv", "OTHER")
    repository().begin(NewJob(Owner("ACME"), "under-way.csv", b"salt"))

    page = browser.get(JOBS).content.decode()

    assert '<progress max="3" value="3"></progress> 100.0&nbsp;% of 3 rows' in page
    assert '<progress max="2" value="0"></progress> 0.0&nbsp;% of 2 rows' in page
    assert "&lt;b&gt;ended&lt;/b&gt;.csv" in page
    assert page.index("waits.csv") < page.index("&lt;b&gt;ended")
    assert ">partial<" in page
    assert "under-way.csv" not in page
    assert "ALMA" not in page
    assert "PCN000001" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=PENDING", {"March"}),
        ("status=COMPLETED", {"April", "June"}),
        ("organisation=OTHER", {"June"}),
        ("created=1", {"March", "June"}),
        ("created=7", {"March", "June"}),
        ("created=30", {"March", "April", "June"}),
        ("created=x", {"March", "April", "June"}),
        ("q=marc", {"March"}),
        ("q=%25", set()),
        ("q=", {"March", "April", "June"}),
    ],
)
def test_jobs_are_found(browser: Client, dispatcher: RememberingDispatcher, query: str, found: set[str]) -> None:
    """By status, organisation, when they were uploaded, and part of their file's name."""
    old, _ = submit("April.csv"), submit("June.csv", "OTHER")
    dispatcher.deliver(run)
    submit("March.csv")
    row = models.Job.objects.filter(id=old.id)
    row.update(created_at=row.get().created_at - 20 * 24 * 3600)

    page = browser.get(f"{JOBS}?{query}").content.decode()

    assert {name for name in ("March", "April", "June") if f"{name}.csv" in page} == found


def test_a_job_is_looked_at_and_nothing_else(browser: Client, dispatcher: RememberingDispatcher) -> None:
    """Its page shows counts and times; there is no field, no button to save or delete, and no way to add one."""
    job = submit()
    dispatcher.deliver(run)

    page = browser.get(reverse("admin:bulkclaims_job_change", args=[job.id])).content.decode()

    assert "claims.csv" in page
    assert "Download" in page
    assert 'name="_save"' not in page
    assert reverse("admin:bulkclaims_job_delete", args=[job.id]) not in page
    assert browser.get(reverse("admin:bulkclaims_job_add")).status_code == 403
    assert browser.post(reverse("admin:bulkclaims_job_delete", args=[job.id]), {"post": "yes"}).status_code == 403
    assert now(job).status is JobStatus.COMPLETED


def test_results_are_downloaded(browser: Client, dispatcher: RememberingDispatcher) -> None:
    """Once the job has ended; before, a message says why not, and an unknown job is 404."""
    job = submit()
    address = reverse("admin:bulkclaims_job_results", args=[job.id])
    too_soon = browser.get(address, follow=True).content.decode()
    dispatcher.deliver(run)
    results = browser.get(address)

    assert "claims.csv: " in too_soon
    assert results.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert results.headers["Content-Disposition"].endswith(f'{job.id[:8]}.csv"')
    assert results.getvalue().count(b"Finalized") == 2
    assert browser.get(reverse("admin:bulkclaims_job_results", args=["nobody"])).status_code == 404


def test_jobs_are_retried(browser: Client, dispatcher: RememberingDispatcher, processor: FailingProcessor) -> None:
    """Another run of those that have failed rows; of the others, why not."""
    processor.failing = {2}
    partial = submit("partial.csv")
    dispatcher.deliver(run)
    processor.failing = set()
    whole = submit("whole.csv")
    dispatcher.deliver(run)

    page = act(browser, "retry", partial, whole)
    dispatcher.deliver(run)

    assert "Retried: 1 job." in page
    assert "whole.csv: No row of the job can be retried" in page
    assert (now(partial).run, now(partial).succeeded) == (2, 2)
    assert [entry.object_id for entry in LogEntry.objects.all()] == [partial.id]


def test_jobs_are_cancelled(browser: Client, dispatcher: RememberingDispatcher) -> None:
    """Those that have not ended."""
    ended = submit("ended.csv")
    dispatcher.deliver(run)
    jobs = [submit(), submit()]

    page = act(browser, "cancel", ended, *jobs)

    assert "Cancelled: 2 jobs." in page
    assert "ended.csv: The job has ended already" in page
    assert {now(job).status for job in jobs} == {JobStatus.CANCELLED}


def test_jobs_are_deleted_after_a_question(browser: Client, dispatcher: RememberingDispatcher) -> None:
    """Only when it was answered, and only what has ended; nothing of it is left."""
    ended, running = submit("<ended>.csv"), submit("running.csv")
    dispatcher.dispatched = [chunk for chunk in dispatcher.dispatched if chunk.job_id == ended.id]
    dispatcher.deliver(run)

    question = act(browser, "delete_with_data", ended, running)
    before = repository().find("ACME").count
    page = act(browser, "delete_with_data", ended, running, confirmed="yes")

    assert "&lt;ended&gt;.csv (ACME, 2 rows)" in question
    assert question.count('type="hidden" name="_selected_action"') == 2
    assert before == 2
    assert "Deleted: 1 job." in page
    assert "running.csv: The job is not over; cancel it before deleting it." in page
    assert [job.id for job in repository().find("ACME").jobs] == [running.id]
    assert not models.Result.objects.filter(job_id=ended.id).exists()
    assert [entry.object_id for entry in LogEntry.objects.all()] == [ended.id]
    assert "Deleted" not in act(browser, "delete_with_data", running, confirmed="yes")


def test_a_database_that_fails_is_a_message(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a page of its own."""
    job = submit()

    def fails(*_: object) -> None:
        raise RepositoryUnavailable("The job database is too busy.")

    monkeypatch.setattr(DjangoRepository, "cancel", fails)

    assert "claims.csv: The job database is too busy." in act(browser, "cancel", job)


@pytest.mark.parametrize(
    ("permissions", "actions", "status"),
    [
        ((), set(), 403),
        (("view_job",), set(), 200),
        (("view_job", "change_job"), {"retry", "cancel"}, 200),
        (("view_job", "delete_job"), {"delete_with_data"}, 200),
    ],
)
def test_permissions_decide(
    dispatcher: RememberingDispatcher, permissions: tuple[str, ...], actions: set[str], status: int
) -> None:
    """View to see and to download, change to retry and cancel, delete to delete."""
    job = submit()
    dispatcher.deliver(run)
    browser = staff(*permissions)

    listed = browser.get(JOBS)
    results = browser.get(reverse("admin:bulkclaims_job_results", args=[job.id]))
    for action in ("retry", "cancel", "delete_with_data"):
        act(browser, action, job, confirmed="yes")

    assert (listed.status_code, results.status_code) == (status, status)
    offered = {action for action in ("retry", "cancel", "delete_with_data") if f'"{action}"' in listed.content.decode()}
    assert offered == actions
    assert repository().find("ACME").count == (0 if "delete_with_data" in actions else 1)


def test_nobody_downloads_without_signing_in(dispatcher: RememberingDispatcher) -> None:
    """They are asked to."""
    job = submit()
    dispatcher.deliver(run)

    response = Client().get(reverse("admin:bulkclaims_job_results", args=[job.id]))

    assert response.status_code == 302
    assert "/admin/login/" in response.headers["Location"]


def issue(user: str = "nightly") -> Any:
    """Issue a token."""
    return issue_token(
        repository(), organisation="ACME", user=user, role=Role.SUBMIT, lifetime=None, now=datetime.now(UTC)
    )


def test_tokens_are_listed_without_secrets(browser: Client) -> None:
    """Whose they are and whether they are good; neither secret nor digest."""
    token = issue()

    pages = [
        browser.get(TOKENS).content.decode(),
        browser.get(reverse("admin:bulkclaims_token_change", args=[token.kept.id])).content.decode(),
    ]

    for page in pages:
        assert "nightly" in page
        assert 'alt="True"' in page
        assert token.text.partition(f"{token.kept.id}_")[2] not in page
        assert "digest" not in page
    assert browser.get(reverse("admin:bulkclaims_token_add")).status_code == 403


def test_tokens_are_revoked(browser: Client) -> None:
    """At once, and once."""
    tokens = [issue(), issue(), issue("other")]

    page = act(browser, "revoke", tokens[0].kept, tokens[1].kept)

    assert "Revoked: 2 tokens." in page
    assert [token.revoked_at is not None for token in repository().list_tokens("ACME")] == [True, True, False]
    assert page.count('alt="False"') == 2


def test_revoking_is_a_permission(dispatcher: RememberingDispatcher) -> None:
    """Who may only look may not revoke."""
    token = issue()

    act(staff("view_token"), "revoke", token.kept)

    assert [each.revoked_at for each in repository().list_tokens("ACME")] == [None]


def test_no_file_name_is_logged(browser: Client, dispatcher: RememberingDispatcher, caplog: Any) -> None:
    """A file's name may name a patient: it is shown, and neither logged nor written to the admin's history."""
    with caplog.at_level(logging.DEBUG):
        job = submit("ALMA-TESTER.csv")
        act(browser, "cancel", job)

    assert "ALMA" not in "".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("django.db")
    )
    assert all("ALMA" not in f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all())
