"""Translates requests and responses between Flask and the HTTP API, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from flask import Blueprint, request, url_for
from flask import Response as FlaskResponse
from werkzeug.routing import BaseConverter
from werkzeug.wsgi import get_input_stream

from bulkclaims.web import OPENAPI_PATH, ROUTES, Request

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState

    from bulkclaims.web import WebApi

NAME = "bulkclaims"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""All of them lead to the API, which says itself what an address does not take."""


def make_blueprint(api: WebApi) -> Blueprint:
    """
    Make the blueprint `bulkclaims`, whose endpoints are named as the routes are: `url_for("bulkclaims.progress", …)`.

    Args:
        api: What answers.
    """
    blueprint = Blueprint(NAME, __name__)

    def view(**_: str) -> FlaskResponse:
        answer = api.answer(_request())
        response = FlaskResponse(answer.body, answer.status)
        response.headers.clear()  # of the type that Flask supposes, also where there is no body
        response.headers.extend(answer.headers)
        return response

    # Before the rules that need it.
    blueprint.record_once(_teach)
    below = {route.name: route.path for route in ROUTES} | {"openapi": OPENAPI_PATH, "root": "", "elsewhere": "{rest}"}
    for name, path in below.items():
        blueprint.add_url_rule(
            "/" + path.replace("{job_id}", "<job_id>").replace("{rest}", f"<{_Rest.name}:rest>"),
            endpoint=name,
            view_func=view,
            methods=_METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
            merge_slashes=False,
        )
    return blueprint


def _teach(state: BlueprintSetupState) -> None:
    state.app.url_map.converters.setdefault(_Rest.name, _Rest)


class _Rest(BaseConverter):
    """Whatever stands below the prefix, slashes and all, so that the API says what is wrong with it."""

    name = "bulkclaims_rest"
    regex = ".+"
    part_isolating = False


def _request() -> Request:
    # As decoded, like the path, whatever the prefix is spelt with.
    prefix = unquote(url_for(f"{NAME}.root"))
    return Request(
        method=request.method,
        path=(request.script_root + request.path).removeprefix(prefix),
        root=url_for(f"{NAME}.root", _external=True),
        query=request.args.to_dict(flat=False),
        headers={name.lower(): value for name, value in request.headers},
        # Not `request.stream`: the API has a limit of its own, which a host's for other pages may not undercut.
        body=get_input_stream(request.environ),
        native=request,
    )
