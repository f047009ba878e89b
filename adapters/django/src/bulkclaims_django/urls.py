"""
The HTTP API's addresses, for `include("bulkclaims_django.urls")` under any prefix that ends in a slash.

Each route of `bulkclaims.web.ROUTES` has its name: `reverse("bulkclaims:progress", args=[job_id])`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, re_path

from bulkclaims.web import OPENAPI_PATH, ROUTES
from bulkclaims_django.service import api as own_api
from bulkclaims_django.views import make_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.urls import URLPattern

    from bulkclaims.web import WebApi

app_name = "bulkclaims"


def patterns(api: Callable[[], WebApi]) -> list[URLPattern]:
    """
    Make the patterns under which an API is served.

    Args:
        api: Gives what answers; asked for every request.
    """
    named = {route.name: route.path for route in ROUTES} | {"openapi": OPENAPI_PATH, "root": ""}
    addresses = [
        path(below.replace("{job_id}", "<str:job_id>"), make_view(api, below), name=name)
        for name, below in named.items()
    ]
    # Whatever else there is below the prefix, so that the API says what is wrong with it, and with APPEND_SLASH there
    # is nothing to append to.
    return [*addresses, re_path(r"^(?P<below>[\s\S]*)$", make_view(api, "{below}"))]


urlpatterns = patterns(own_api)
