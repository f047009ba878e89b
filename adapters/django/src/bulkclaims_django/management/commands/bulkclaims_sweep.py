"""`manage.py bulkclaims_sweep`: one look at all jobs, for cron."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.core.management import BaseCommand

from bulkclaims.errors import JobNotFound
from bulkclaims_django.conf import conf
from bulkclaims_django.management.errors import plainly
from bulkclaims_django.service import make, repository

if TYPE_CHECKING:
    from bulkclaims.jobs import Settings
    from bulkclaims_django.repository import DjangoRepository


class Command(BaseCommand):
    """Does once what web and worker processes do every few seconds."""

    help = (
        "End jobs that are over, ring again for what dead workers left behind, and delete what is past keeping. "
        "Web and worker processes do this by themselves."
    )

    def handle(self, **_: object) -> None:
        """Sweep once."""
        with plainly():
            said = conf()
            if said.dispatcher is None:
                _tidy(repository(), said.jobs)
            else:
                with make(said.dispatcher(), said.jobs) as bulk:
                    bulk.sweep()
        self.stdout.write("Swept.")


def _tidy(store: DjangoRepository, jobs: Settings) -> None:
    """Sweep without ringing: that would only tell workers that this process, which ends, was about to come."""
    for job_id in store.active():
        with suppress(JobNotFound):  # deleted between the two looks
            store.settle(job_id)
    store.purge(jobs.retention_seconds, jobs.abandoned_seconds)
