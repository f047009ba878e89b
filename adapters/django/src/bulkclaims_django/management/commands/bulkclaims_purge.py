"""`manage.py bulkclaims_purge`: old jobs go, with their rows and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management import BaseCommand, CommandError

from bulkclaims_django.conf import conf
from bulkclaims_django.management.errors import plainly
from bulkclaims_django.service import repository

if TYPE_CHECKING:
    from django.core.management import CommandParser

_DAY = 24 * 3600.0


class Command(BaseCommand):
    """Deletes now what a sweep would delete in time."""

    help = "Delete jobs that ended long enough ago, with their rows and results, and uploads that were never finished."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how old is old enough."""
        parser.add_argument(
            "--older-than", metavar="DAYS", type=float, help="Since the job ended; by default as long as jobs are kept."
        )

    def handle(self, *, older_than: float | None, **_: object) -> None:
        """Delete, and say how many."""
        if older_than is not None and not older_than >= 0:
            raise CommandError("The days of --older-than are to be a number, 0 or more.")
        with plainly():
            jobs = conf().jobs
            seconds = jobs.retention_seconds if older_than is None else older_than * _DAY
            deleted = repository().purge(seconds, jobs.abandoned_seconds)
        self.stdout.write(f"Deleted {deleted:,} {'job' if deleted == 1 else 'jobs'}.")
