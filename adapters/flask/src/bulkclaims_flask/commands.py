"""`flask bulkclaims`: what a host's operators do by hand or by cron."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from bulkclaims.access import Role, misnamed
from bulkclaims.web.tokens import issue_token

if TYPE_CHECKING:
    from bulkclaims.interfaces import TokenStore
    from bulkclaims.service import BulkClaims as Service


def _named(_: click.Context, __: click.Parameter, organisation: str) -> str:
    if wrong := misnamed(organisation):
        raise click.BadParameter(wrong)
    return organisation


_ORGANISATION = click.option("--org", "organisation", required=True, callback=_named, help="Whose tokens.")


def make_commands(service: Service, tokens: TokenStore | None) -> AppGroup:
    """
    Make the group of commands.

    Args:
        service: What is swept.
        tokens: Where tokens are kept; without it there are no commands for them.
    """
    group = AppGroup("bulkclaims", help="Jobs and tokens of bulkclaims.")

    @group.command("sweep")
    def sweep() -> None:
        """Bring back what dead workers left behind, end what is over, and delete what is past keeping."""
        service.sweep()
        click.echo("Swept.")

    if tokens is not None:
        group.add_command(_token_commands(tokens))
    return group


def _token_commands(tokens: TokenStore) -> AppGroup:
    group = AppGroup("tokens", help="API tokens.")

    @group.command("create")
    @_ORGANISATION
    @click.option("--user", default="", help="Whom or what the token is for.")
    @click.option("--role", type=click.Choice([role.value for role in Role]), default="submit", show_default=True)
    @click.option("--expires-days", type=click.IntRange(0, 36_500), default=90, show_default=True, help="0 for never.")
    def create(organisation: str, user: str, role: str, expires_days: int) -> None:
        """Issue a token; it is shown this once."""
        lifetime = timedelta(days=expires_days) if expires_days else None
        issued = issue_token(
            tokens, organisation=organisation, user=user, role=Role(role), lifetime=lifetime, now=datetime.now(UTC)
        )
        click.echo(issued.text)

    @group.command("list")
    @_ORGANISATION
    def listing(organisation: str) -> None:
        """List an organisation's tokens, oldest first."""
        for token in tokens.list_tokens(organisation):
            state = token.state_at(datetime.now(UTC))
            click.echo(f"{token.id}  {token.role:6}  {state:7}  {token.created_at:%Y-%m-%d}  {token.user}")

    @group.command("revoke")
    @click.argument("token_id")
    @_ORGANISATION
    def revoke(organisation: str, token_id: str) -> None:
        """Revoke a token at once."""
        if not tokens.revoke_token(organisation, token_id, datetime.now(UTC)):
            raise click.ClickException(f"{organisation} has no token {token_id}.")
        click.echo("Revoked.")

    return group
