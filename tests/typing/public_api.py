"""Read by type checkers and never run: what users write must have the types that the pages promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_type

from bulkclaims.access import Action, Principal, by_role
from bulkclaims.jobs import Job, Outcome, Progress, Workers
from bulkclaims.lookup import HttpConnector, LookupProcessor, SharedAccess, StediConnector, StediSettings
from bulkclaims.records import ClaimInquiry, Row
from bulkclaims.web.authenticators import AnyOf, HostUsers
from bulkclaims.web.jwt import JwtAuthenticator, JwtSettings
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_celery import CeleryDispatcher, register
from bulkclaims_django import service as project
from bulkclaims_rq import RqDispatcher, chunk_function

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from celery import Celery
    from rq import Queue

    from bulkclaims import MemoryRepository
    from bulkclaims.interfaces import (
        AccessStore,
        Authenticator,
        Authorize,
        Cipher,
        Connector,
        Dispatcher,
        KeptStore,
        Limiter,
        RowProcessor,
        TokenStore,
    )
    from bulkclaims.jobs import Chunk
    from bulkclaims.service import BulkClaims
    from bulkclaims_django.repository import DjangoRepository
    from bulkclaims_sqlalchemy import SqlRepository


class OwnDispatcher:
    """A part of a host's own needs no import from us but the values that it is given."""

    def dispatch(self, chunks: Sequence[Chunk]) -> None:
        """Ring a bell of the host's own."""
        del chunks


def dispatchers(app: Celery, queue: Queue) -> list[Dispatcher]:
    """Every member of a seam, and a part of the host's own, fit where the seam is asked for."""
    return [CeleryDispatcher(app), RqDispatcher(queue, "host.run"), OwnDispatcher()]


def workers(app: Celery, bulk: BulkClaims) -> None:
    """A service, or in a Django project the module that makes one, is what a queue's worker delivers to."""
    register(app, bulk)
    register(app, project)
    assert_type(chunk_function(bulk), Callable[[str, int], None])
    assert_type(chunk_function(project), Callable[[str, int], None])


class OwnAuthenticator:
    """Knows a host's own proofs."""

    def authenticate(self, headers: Mapping[str, str], native: object) -> Principal | None:
        """Know nobody."""
        del headers, native
        return None


def own_authorize(principal: Principal, action: Action, job: Job | None) -> bool:
    """Decide by more than the role."""
    return by_role(principal, action, job) and (job is None or job.owner.user == principal.user)


def access(store: TokenStore, settings: JwtSettings) -> tuple[list[Authenticator], list[Authorize]]:
    """Every member of the seams before the HTTP API, and a host's own."""
    members: list[Authenticator] = [
        TokenAuthenticator(store),
        JwtAuthenticator(settings),
        HostUsers(lambda _: None),
        OwnAuthenticator(),
    ]
    return [*members, AnyOf(*members)], [by_role, own_authorize]


def payers(store: AccessStore, cipher: Cipher, settings: StediSettings, description: Path) -> list[Connector]:
    """Every connector can share its token with other workers."""
    access = SharedAccess(store, cipher)
    return [StediConnector(settings, access=access), HttpConnector.from_toml(description, access=access)]


def stores(memory: MemoryRepository, sql: SqlRepository, django: DjangoRepository) -> None:
    """Every repository limits, and keeps payers' tokens, and what workers keep for a while."""
    limiters: list[Limiter] = [memory, sql, django]
    keepers: list[AccessStore] = [memory, sql, django]
    shelves: list[KeptStore] = [memory, sql, django]
    del limiters, keepers, shelves


def processors(payer: Connector, limiter: Limiter) -> RowProcessor:
    """Look-ups are shared through any limiter."""
    return LookupProcessor(payer, limiter=limiter)


def records(row: Row, job: Job, progress: Progress) -> None:
    """Records tell what they hold."""
    assert_type(progress.workers, Workers | None)
    assert_type(row.cells, dict[str, str])
    assert_type(ClaimInquiry.from_row(row, {}), ClaimInquiry)
    assert_type(job.outcome, Outcome | None)
