"""
Jobs and tokens in Django's admin: to look at, and to move on with the actions alone.

Django's permissions decide: `view` to see a job and download its results, `change` to retry and cancel jobs and to
revoke tokens, `delete` to delete jobs. They hold for the jobs of every organisation; where that is too much, register a
subclass with a `get_queryset` of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from bulkclaims.errors import BulkClaimsError
from bulkclaims.jobs import JobId
from bulkclaims.repositories.texts import search_form
from bulkclaims.web.downloads import results_name
from bulkclaims.web.messages import attachment
from bulkclaims_django import models
from bulkclaims_django.admin_filters import CreatedFilter, StatusFilter
from bulkclaims_django.repository.reading import to_job
from bulkclaims_django.repository.tokens import to_token
from bulkclaims_django.service import alias, repository, service
from bulkclaims_django.views import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern

    _ModelAdmin = admin.ModelAdmin[Any]
    Rows = QuerySet[models.Job]
else:
    _ModelAdmin = admin.ModelAdmin


class _ReadOnlyAdmin(_ModelAdmin):
    """Shows rows that belong to the repository, which alone writes them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).using(alias())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may do what the actions do, except to delete."""
        return self._may(request, "change")

    def _may(self, request: HttpRequest, what: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{what}_{self.opts.model_name}")  # type: ignore[union-attr]


@admin.register(models.Job)
class JobAdmin(_ReadOnlyAdmin):
    """Jobs."""

    list_display = ("filename", "organisation", "status", "progress", "outcome", "created", "ended", "results")
    list_filter = (StatusFilter, "organisation", CreatedFilter)
    search_fields = ("search_name",)
    search_help_text = "Part of a file's name."
    ordering = ("-created_at", "-begun_at")
    actions = ("retry", "cancel", "delete_with_data")
    show_full_result_count = False
    fields = (
        *("filename", "organisation", "user", "status", "outcome", "problem", "progress", "results"),
        *("total_rows", "succeeded", "failed", "refused", "bad_cells", "run", "cancel_requested"),
        *("created", "started", "worker_seen", "ended", "deadline"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Leave out uploads that are still under way."""
        return super().get_queryset(request).filter(status__isnull=False)

    def get_search_results(self, request: HttpRequest, queryset: Rows, search_term: str) -> tuple[Rows, bool]:
        """Search as the HTTP API does."""
        term = search_form(search_term)
        return (queryset.filter(search_name__contains=term) if term else queryset), False

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether the user may delete jobs; not Django's own right, whose button would not know of running jobs."""
        return self._may(request, "delete")

    # Columns

    @admin.display(description="file", ordering="search_name")
    def filename(self, row: models.Job) -> str:
        """What its owner calls it."""
        return to_job(row).filename

    @admin.display
    def user(self, row: models.Job) -> str:
        """Who uploaded it."""
        return to_job(row).owner.user

    @admin.display
    def outcome(self, row: models.Job) -> str:
        """What it came to."""
        return (to_job(row).outcome or "").replace("_", " ")

    @admin.display
    def progress(self, row: models.Job) -> str:
        """A bar, and the same in words."""
        job = to_job(row)
        bar = '<progress max="{}" value="{}"></progress> {}&nbsp;% of {} rows'
        return format_html(bar, job.total_rows, job.processed, job.progress_percentage, job.total_rows)

    @admin.display(description="bad cells")
    def bad_cells(self, row: models.Job) -> int:
        """How many were refused at upload."""
        return to_job(row).upload.error_count

    @admin.display(ordering="created_at")
    def created(self, row: models.Job) -> datetime:
        """When it was uploaded."""
        return to_job(row).created_at

    @admin.display
    def started(self, row: models.Job) -> datetime | None:
        """When this run began."""
        return to_job(row).started_at

    @admin.display(description="worker seen")
    def worker_seen(self, row: models.Job) -> datetime | None:
        """When a worker last did something for this run."""
        return to_job(row).worker_seen_at

    @admin.display(ordering="ended_at")
    def ended(self, row: models.Job) -> datetime | None:
        """When this run was over."""
        return to_job(row).ended_at

    @admin.display
    def deadline(self, row: models.Job) -> datetime | None:
        """When this run is over at the latest."""
        return to_job(row).deadline_at

    @admin.display
    def results(self, row: models.Job) -> str:
        """A link to the file, once there is one."""
        if not to_job(row).status.ended:
            return ""
        return format_html(
            '<a href="{}">Download</a>', reverse(f"{self.admin_site.name}:{_RESULTS}", args=[quote(row.pk)])
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the results."""
        view = self.admin_site.admin_view(self.results_view)
        return [path("<path:object_id>/results/", view, name=_RESULTS), *super().get_urls()]

    def results_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Send the results file."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        job = to_job(row)
        try:
            pieces = service().results_file(job).whole()
        except BulkClaimsError as refusal:
            self._refuse(request, job.filename, refusal)
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:bulkclaims_job_changelist"))
        return send(request, attachment(results_name(job), pieces))

    # Actions

    @admin.action(description="Retry rows that failed or were never asked", permissions=["act"])
    def retry(self, request: HttpRequest, rows: Rows) -> None:
        """Begin another run of each."""
        self._log(request, self._each(request, rows, service().retry, "Retried"), "Retried.")

    @admin.action(description="Cancel", permissions=["act"])
    def cancel(self, request: HttpRequest, rows: Rows) -> None:
        """Stop each before its next look-up."""
        self._log(request, self._each(request, rows, service().cancel, "Cancelled"), "Cancelled.")

    @admin.action(description="Delete with rows and results", permissions=["erase"])
    def delete_with_data(self, request: HttpRequest, rows: Rows) -> HttpResponseBase | None:
        """Delete each, after a question."""
        if "confirmed" not in request.POST:
            return self._question(request, rows)
        if deleted := self._each(request, rows, service().delete, "Deleted"):
            # Any rows will do.
            self.log_deletions(request, deleted)  # type: ignore[arg-type]
        return None

    def _question(self, request: HttpRequest, rows: Rows) -> HttpResponseBase:
        asked = {
            **self.admin_site.each_context(request),
            "title": "Delete with data",
            "opts": self.opts,
            "jobs": list(map(to_job, rows)),
            "action": "delete_with_data",
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        # As Django's own pages do.
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "bulkclaims/admin/delete_jobs.html", asked)

    def _each(
        self, request: HttpRequest, rows: Rows, act: Callable[[str, JobId], object], done: str
    ) -> list[models.Job]:
        """Do it to each that allows it; tell what was done, and what could not be and why."""
        taken = []
        for row in rows:
            try:
                act(row.organisation, JobId(row.id))
            except BulkClaimsError as refusal:
                self._refuse(request, to_job(row).filename, refusal)
            else:
                taken.append(row)
        if taken:
            self.message_user(
                request, f"{done}: {len(taken):,} {'job' if len(taken) == 1 else 'jobs'}.", messages.SUCCESS
            )
        return taken

    def _refuse(self, request: HttpRequest, filename: str, refusal: BulkClaimsError) -> None:
        # The name is not to come first, where the admin would write it with a capital.
        self.message_user(request, f"Not done for {filename}: {refusal}", messages.WARNING)

    def _log(self, request: HttpRequest, rows: list[models.Job], what: str) -> None:
        for row in rows:
            self.log_change(request, row, what)


_RESULTS = "bulkclaims_job_results"


@admin.register(models.Token)
class TokenAdmin(_ReadOnlyAdmin):
    """API tokens. Their secrets are nowhere; `manage.py bulkclaims_tokens create` issues new ones."""

    list_display = ("id", "organisation", "user", "role", "good", "created", "expires", "revoked")
    list_filter = ("organisation", "role")
    search_fields = ("id", "organisation", "user")
    ordering = ("-created_at",)
    actions = ("revoke",)
    fields = list_display
    readonly_fields = fields

    @admin.display(boolean=True)
    def good(self, row: models.Token) -> bool:
        """Whether it still opens anything."""
        return to_token(row).state_at(datetime.now(UTC)) == "good"

    @admin.display(ordering="created_at")
    def created(self, row: models.Token) -> datetime:
        """When it was issued."""
        return to_token(row).created_at

    @admin.display(ordering="expires_at")
    def expires(self, row: models.Token) -> datetime | None:
        """Until when it is good."""
        return to_token(row).expires_at

    @admin.display(ordering="revoked_at")
    def revoked(self, row: models.Token) -> datetime | None:
        """Since when it is not."""
        return to_token(row).revoked_at

    @admin.action(description="Revoke", permissions=["act"])
    def revoke(self, request: HttpRequest, rows: QuerySet[models.Token]) -> None:
        """Revoke each at once."""
        store, now = repository(), datetime.now(UTC)
        for row in rows:
            store.revoke_token(row.organisation, row.id, now)
            self.log_change(request, row, "Revoked.")
        self.message_user(
            request, f"Revoked: {len(rows):,} {'token' if len(rows) == 1 else 'tokens'}.", messages.SUCCESS
        )
