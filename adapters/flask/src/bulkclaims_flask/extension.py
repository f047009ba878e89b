"""What a host application holds: one extension object, which holds nothing itself."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen
from flask import current_app

from bulkclaims.access import by_role
from bulkclaims.errors import SettingsWrong
from bulkclaims.web import WebApi
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_flask.blueprint import make_blueprint
from bulkclaims_flask.commands import make_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Flask

    from bulkclaims.interfaces import Authenticator, Authorize, TokenStore
    from bulkclaims.service import BulkClaims as Service

EXTENSION = "bulkclaims"
URL_PREFIX = "BULKCLAIMS_URL_PREFIX"
DEFAULTS = "BULKCLAIMS_DEFAULTS"
_KEYS = {URL_PREFIX: "/api/v1/claims", DEFAULTS: {}}


@frozen
class Held:
    """What an application was set up with."""

    service: Service
    api: WebApi


class BulkClaims:
    """
    Serves the HTTP API of bulkclaims from a Flask application.

    It holds nothing itself, so one extension object serves any number of applications in a process.

    Configuration keys of the application:

    `BULKCLAIMS_URL_PREFIX`
        Where the API stands; `/api/v1/claims` by default.
    `BULKCLAIMS_DEFAULTS`
        Values for columns that files lack, such as `{"payer_id": "60054"}`; or a function that gives them for an
        organisation's name.
    """

    def init_app(
        self,
        app: Flask,
        service: Service,
        *,
        tokens: TokenStore | None = None,
        authenticator: Authenticator | None = None,
        authorize: Authorize = by_role,
    ) -> None:
        """
        Let *app* serve *service*.

        Args:
            app: The application. Its configuration is read now.
            service: What the views work with; it stands in `app.extensions["bulkclaims"]` from now on.
            tokens: Where API tokens are kept; `flask bulkclaims tokens` issues them.
            authenticator: Finds out who sends a request; by default, who has one of *tokens*.
            authorize: Decides what they may do.

        Raises:
            SettingsWrong: Neither *tokens* nor *authenticator* is given, so nobody could be let in; or a configuration
                key is misspelt.
        """
        _refuse_misspelt(app.config)
        if authenticator is None:
            if tokens is None:
                raise SettingsWrong(
                    "Give init_app an authenticator, or tokens to know senders by: nobody else gets in."
                )
            authenticator = TokenAuthenticator(tokens)
        prefix = app.config.get(URL_PREFIX, _KEYS[URL_PREFIX])
        if not isinstance(prefix, str) or not prefix.startswith("/"):
            raise SettingsWrong(f"The configuration key {URL_PREFIX} is to begin with a slash, as in /api/v1/claims.")
        api = WebApi(service, authenticator, authorize, _defaults(app.config.get(DEFAULTS, _KEYS[DEFAULTS])))
        app.extensions[EXTENSION] = Held(service, api)
        app.register_blueprint(make_blueprint(api), url_prefix=prefix.rstrip("/"))
        app.cli.add_command(make_commands(service, tokens))

    @property
    def service(self) -> Service:
        """
        The service of the application that is being served.

        Raises:
            RuntimeError: No application is being served, or `init_app` was not called for it.
        """
        try:
            return cast("Held", current_app.extensions[EXTENSION]).service
        except KeyError:
            raise RuntimeError(
                f"The Flask application {current_app.name!r} has no bulkclaims service; "
                "call init_app(app, service, ...) where the application is made."
            ) from None


def _refuse_misspelt(config: Mapping[str, Any]) -> None:
    for key in config:
        if key.startswith("BULKCLAIMS_") and key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1) or sorted(_KEYS)
            raise SettingsWrong(f"There is no configuration key {key}. Did you mean {' or '.join(near)}?")


def _defaults(given: Mapping[str, str] | Callable[[str], Mapping[str, str]]) -> Callable[[str], Mapping[str, str]]:
    return given if callable(given) else lambda _: given
