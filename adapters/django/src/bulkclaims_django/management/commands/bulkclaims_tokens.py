"""`manage.py bulkclaims_tokens`: tokens for programs that use the HTTP API."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.management import BaseCommand, CommandError

from bulkclaims.access import Role, misnamed
from bulkclaims.web.tokens import issue_token
from bulkclaims_django.management.errors import plainly
from bulkclaims_django.service import repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management import CommandParser


_MOST_DAYS = 36_500


class Command(BaseCommand):
    """Issues, lists and revokes."""

    help = "Issue, list and revoke API tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the three things that can be done."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
        create = actions.add_parser("create", help="Issue a token; it is shown this once, alone on standard output.")
        listing = actions.add_parser("list", help="List an organisation's tokens, oldest first.")
        revoke = actions.add_parser("revoke", help="Revoke a token at once.")
        for action in (create, listing, revoke):
            action.add_argument("--org", type=_named, required=True, help="Whose tokens.")
        create.add_argument("--user", default="", help="Whom or what the token is for; its jobs bear this name.")
        create.add_argument("--role", choices=[*map(str, Role)], default=str(Role.SUBMIT), help="How far it reaches.")
        create.add_argument("--expires-days", metavar="DAYS", type=int, default=90, help="90 by default; 0 for never.")
        revoke.add_argument("token_id", help="As `list` shows it.")

    def handle(self, *, action: str, **options: Any) -> None:  # noqa: ANN401 -- what the arguments hold
        """Do one of the three."""
        acts: dict[str, Callable[..., None]] = {"create": self._create, "list": self._list, "revoke": self._revoke}
        with plainly():
            acts[action](**options)

    def _create(self, *, org: str, user: str, role: str, expires_days: int, **_: object) -> None:
        if not 0 <= expires_days <= _MOST_DAYS:
            raise CommandError(f"The days of --expires-days are to be from 1 to {_MOST_DAYS:,}, or 0 for never.")
        lifetime = timedelta(days=expires_days) if expires_days else None
        issued = issue_token(
            repository(), organisation=org, user=user, role=Role(role), lifetime=lifetime, now=datetime.now(UTC)
        )
        self.stdout.write(issued.text)

    def _list(self, *, org: str, **_: object) -> None:
        for token in repository().list_tokens(org):
            state, created = token.state_at(datetime.now(UTC)), f"{token.created_at:%Y-%m-%d}"
            self.stdout.write(f"{token.id}  {token.role:6}  {state:7}  {created}  {token.user}")

    def _revoke(self, *, org: str, token_id: str, **_: object) -> None:
        if not repository().revoke_token(org, token_id, datetime.now(UTC)):
            raise CommandError(f"{org} has no token {token_id}.")
        self.stdout.write("Revoked.")


def _named(organisation: str) -> str:
    if wrong := misnamed(organisation):
        raise ArgumentTypeError(wrong)
    return organisation
