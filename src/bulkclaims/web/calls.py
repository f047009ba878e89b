"""A request whose sender, route and job are known: what every route answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.errors import JobNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkclaims.access import Action, Principal
    from bulkclaims.jobs import Job
    from bulkclaims.service import BulkClaims
    from bulkclaims.web.messages import Request


@frozen
class Call:
    """One call of one route."""

    bulk: BulkClaims
    request: Request
    principal: Principal
    may: Callable[[Action, Job | None], bool]
    """Whether the sender may do this to that."""
    defaults: Mapping[str, str] = field(repr=False)
    """The organisation's values for optional columns."""
    named: Job | None = None
    """The job that the path names, if it names one; the sender may see it."""
    sees_all: bool = field(default=True, kw_only=True)
    """Whether the sender may see each of the organisation's jobs; otherwise a rule of the host's has to be asked."""

    @property
    def organisation(self) -> str:
        """Whose jobs the sender sees."""
        return self.principal.organisation

    @property
    def job(self) -> Job:
        """The job that the path names."""
        if self.named is None:
            raise JobNotFound
        return self.named
