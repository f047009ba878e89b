"""What Django is told about the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from bulkclaims.interfaces import ChunkWorker

__all__ = ["BulkClaimsConfig"]


class BulkClaimsConfig(AppConfig):
    """The application `bulkclaims_django`, whose label `bulkclaims` names its tables and permissions."""

    name = "bulkclaims_django"
    label = "bulkclaims"
    verbose_name = "Bulk claims"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the project's settings checked."""
        from bulkclaims_django import checks  # noqa: F401, PLC0415 -- registers itself, and needs the models

    @property
    def chunk_worker(self) -> ChunkWorker:
        """What a task queue's worker delivers chunks to; for packages that do not know this one by name."""
        from bulkclaims_django import service  # noqa: PLC0415 -- settings are read when it is used

        return service
