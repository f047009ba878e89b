"""Who may do what: people and programs, the tokens they show, and the roles that say how far they may go."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from bulkclaims.errors import NotSetUp

if TYPE_CHECKING:
    from datetime import datetime

    from attrs import Attribute

    from bulkclaims.jobs import Job


class Role(StrEnum):
    """How far somebody may go within their organisation; each role may do what the one before may."""

    READ = "read"
    SUBMIT = "submit"
    MANAGE = "manage"


class Action(StrEnum):
    """What somebody asks for."""

    LIST = "list"
    VIEW = "view"
    DOWNLOAD = "download"
    CHECK = "check"
    UPLOAD = "upload"
    RETRY = "retry"
    CANCEL = "cancel"
    DELETE = "delete"


_READ = frozenset({Action.LIST, Action.VIEW, Action.DOWNLOAD})
_SUBMIT = _READ | {Action.CHECK, Action.UPLOAD, Action.RETRY, Action.CANCEL}
_ALLOWED = {Role.READ: _READ, Role.SUBMIT: _SUBMIT, Role.MANAGE: _SUBMIT | {Action.DELETE}}

_LONGEST_NAME = 255


def misnamed(organisation: object) -> str:
    """Say why *organisation* can name none, in a sentence that does not quote it; "" when it can."""
    if not isinstance(organisation, str):
        fault = f"it is of the type {type(organisation).__name__}"
    elif not organisation.strip():
        fault = "it is blank"
    elif organisation != organisation.strip():
        fault = "there is white space at one of its ends"
    elif len(organisation) > _LONGEST_NAME:
        fault = f"it has more than {_LONGEST_NAME} characters"
    else:
        return ""
    return f"An organisation is a text of 1 to {_LONGEST_NAME} characters without white space at its ends; {fault}."


def _is_named(_: Principal, __: Attribute[str], organisation: object) -> None:
    if wrong := misnamed(organisation):
        raise NotSetUp(f"Whatever says who sends requests gave a principal that nobody can be. {wrong}")


@frozen
class Principal:
    """
    Somebody who has proved who they are.

    Raises:
        NotSetUp: The organisation is not a text, blank, longer than 255 characters, or has white space at its ends.
    """

    organisation: str = field(validator=_is_named)
    user: str
    role: Role
    by_cookie: bool = False
    """Whether a browser proves it by itself, so that another site's page could make it do so."""


def by_role(principal: Principal, action: Action, job: Job | None, /) -> bool:
    """Allow what the role allows, on jobs of the principal's organisation, and no more: the default `Authorize`."""
    ours = job is None or job.owner.organisation == principal.organisation
    return ours and action in _ALLOWED.get(principal.role, frozenset())


TokenState = Literal["good", "revoked", "expired"]


@frozen
class ApiToken:
    """What is kept of a token: enough to know it again, not enough to show it."""

    id: str
    organisation: str
    user: str
    """Whom or what it was issued to."""
    role: Role
    digest: bytes = field(repr=False)
    """Of its secret, which nobody keeps."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state_at(self, moment: datetime) -> TokenState:
        """Whether it is still good, and why not."""
        if self.revoked_at is not None:
            return "revoked"
        return "good" if self.expires_at is None or moment < self.expires_at else "expired"
