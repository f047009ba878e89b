"""
The HTTP API, written once for every framework.

An adapter makes a `Request` of what its framework brings, has `WebApi` answer it, and sends the `Response`. `ROUTES`
tells it what there is, for those who make addresses by name.
"""

from bulkclaims.web.api import WebApi
from bulkclaims.web.messages import Request, Response
from bulkclaims.web.routes import OPENAPI_PATH, ROUTES, Route

__all__ = ["OPENAPI_PATH", "ROUTES", "Request", "Response", "Route", "WebApi"]
