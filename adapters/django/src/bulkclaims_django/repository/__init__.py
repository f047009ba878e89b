"""The repository whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import router

from bulkclaims_django import models
from bulkclaims_django.repository.access import Access
from bulkclaims_django.repository.jobs import Jobs
from bulkclaims_django.repository.kept import Keeping
from bulkclaims_django.repository.limiter import Limits
from bulkclaims_django.repository.tokens import Tokens
from bulkclaims_django.repository.uploads import Uploads
from bulkclaims_django.repository.work import Work
from bulkclaims_django.signals import job_ended
from bulkclaims_django.transactions import Database

if TYPE_CHECKING:
    from bulkclaims.jobs import Job

__all__ = ["DjangoRepository"]


class DjangoRepository(Uploads, Jobs, Work, Limits, Tokens, Access, Keeping):
    """
    A `JobRepository`, `Limiter`, `TokenStore`, `AccessStore` and `KeptStore` in a database of the Django project.

    Safe to use from any thread. Outside an atomic block each call is a transaction of its own; within one it is part of
    the host's, and what only a repeat of the whole transaction could mend raises `RepositoryUnavailable`.

    Args:
        using: The database's alias; by default the one to which the project's routers send what is written of jobs.
    """

    def __init__(self, using: str | None = None) -> None:
        self._database = Database(using or router.db_for_write(models.Job))
        self._tell = _tell


def _tell(job: Job) -> None:
    # Not the repository's own type: a subclass's jobs are to reach the same receivers.
    job_ended.send_robust(sender=DjangoRepository, job=job)
