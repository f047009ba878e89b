"""`bulkclaims tokens`: who may use the HTTP API from a program."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from bulkclaims.access import Role
from bulkclaims.cli import wiring
from bulkclaims.cli.options import common_options
from bulkclaims.errors import SettingsWrong
from bulkclaims.web.tokens import issue_token

if TYPE_CHECKING:
    from bulkclaims.access import ApiToken
    from bulkclaims.cli.options import Terminal

_CENTURY = 36_500


@click.group()
def tokens() -> None:
    """Issue and revoke tokens for the HTTP API."""


@tokens.command("create")
@click.option("--user", default="api", show_default=True, help="Whom or what it is for; jobs made with it say so.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.SUBMIT.value,
    show_default=True,
    help="How far it reaches: read looks, submit also uploads, retries and cancels, manage also deletes.",
)
@click.option(
    "--expires-days",
    type=click.IntRange(0, _CENTURY),
    default=90,
    show_default=True,
    help="How long it is good for; 0 for good.",
)
@common_options
def create(terminal: Terminal, user: str, role: str, expires_days: int) -> None:
    """Make a token and write it, alone, to standard output."""
    with wiring.repository(terminal.settings) as store:
        issued = issue_token(
            store,
            organisation=terminal.settings.organisation,
            user=user,
            role=Role(role),
            lifetime=timedelta(days=expires_days) if expires_days else None,
            now=datetime.now(UTC),
        )
    kept = issued.kept
    until = f"{kept.expires_at:%Y-%m-%d}" if kept.expires_at else "it is revoked"
    terminal.say(issued.text)
    terminal.note(f"This is shown once; keep it where secrets are kept. Its id is {kept.id}, it is good until {until}.")
    terminal.give({"token": issued.text, **_as_json(kept)})


@tokens.command("list")
@common_options
def list_(terminal: Terminal) -> None:
    """List the organisation's tokens, oldest first, without their secrets."""
    with wiring.repository(terminal.settings) as store:
        found = store.list_tokens(terminal.settings.organisation)
    terminal.say(_HEADER if found else "There are no tokens yet.")
    for token in found:
        terminal.say(_line(token))
    terminal.give([_as_json(token) for token in found])


@tokens.command("revoke")
@click.argument("token_id")
@common_options
def revoke(terminal: Terminal, token_id: str) -> None:
    """Make a token worthless from now on; TOKEN_ID is what stands between `bc_` and the next `_` in it."""
    organisation = terminal.settings.organisation
    with wiring.repository(terminal.settings) as store:
        if not store.revoke_token(organisation, token_id, datetime.now(UTC)):
            sentence = f"The organisation {organisation} has no token with this id; see bulkclaims tokens list."
            raise SettingsWrong(sentence, code="token_not_found")
    terminal.say(f"Token {token_id} is revoked.")
    terminal.give({"revoked": token_id})


_HEADER = f"{'id':12}  {'role':6}  {'state':7}  {'created':16}  {'expires':16}  user"


def _line(token: ApiToken) -> str:
    created, expires = (
        moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "never"
        for moment in (token.created_at, token.expires_at)
    )
    state = token.state_at(datetime.now(UTC))
    return f"{token.id:12}  {token.role:6}  {state:7}  {created:16}  {expires:16}  {token.user}"


def _as_json(token: ApiToken) -> dict[str, Any]:
    """Describe a token for a program, without its secret and what is kept of it."""
    return {
        "id": token.id,
        "organisation": token.organisation,
        "user": token.user,
        "role": token.role,
        "state": token.state_at(datetime.now(UTC)),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
    }
