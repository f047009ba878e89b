"""How the admin's list of jobs is narrowed down by what a column does not hold as Django expects it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter

from bulkclaims.jobs import JobStatus

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

_DAYS = {"1": "Past 24 hours", "7": "Past 7 days", "30": "Past 30 days"}
_DAY = 24 * 3600


class StatusFilter(SimpleListFilter):
    """By status."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """List the five."""
        return [(status, status) for status in JobStatus]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Give those in the one chosen."""
        return queryset.filter(status=self.value()) if self.value() else queryset


class CreatedFilter(SimpleListFilter):
    """By when they were uploaded."""

    title = "created"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """List some spans."""
        return list(_DAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Give those of the one chosen."""
        days = self.value()
        return queryset.filter(created_at__gte=time.time() - int(days) * _DAY) if days in _DAYS else queryset
