"""The HTTP API whole: an adapter hands in requests and sends what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from bulkclaims.access import Action, by_role
from bulkclaims.errors import JobNotFound, MethodNotAllowed, NotAllowed, NotAuthenticated, RequestWrong
from bulkclaims.jobs import JobId
from bulkclaims.web import queries
from bulkclaims.web.accepting import is_accepted
from bulkclaims.web.calls import Call
from bulkclaims.web.messages import Response, json_response
from bulkclaims.web.openapi import document
from bulkclaims.web.problems import problem
from bulkclaims.web.routes import OPENAPI_PATH, ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkclaims.access import Principal
    from bulkclaims.interfaces import Authenticator, Authorize
    from bulkclaims.jobs import Job
    from bulkclaims.service import BulkClaims
    from bulkclaims.web.messages import Request
    from bulkclaims.web.routes import Route

_READING = frozenset({"GET", "HEAD"})


def _no_defaults(_: str) -> Mapping[str, str]:
    return {}


@frozen
class WebApi:
    """
    Answers every request of the HTTP API. Safe to call from any thread.

    Args:
        bulk: The service of this process.
        authenticator: Finds out who sends a request.
        authorize: Decides what they may do.
        defaults: An organisation's values for optional columns, such as `payer_id`, where neither file nor form has
            them.
    """

    bulk: BulkClaims
    authenticator: Authenticator
    authorize: Authorize = by_role
    defaults: Callable[[str], Mapping[str, str]] = field(default=_no_defaults)

    def answer(self, request: Request) -> Response:
        """Answer a request, whatever it is; never raises."""
        try:
            response = self._answer(request)
        except Exception as error:  # noqa: BLE001 -- whatever happens, a client gets a sentence and no traceback
            response = problem(error)
        response = evolve(response, headers={"X-Content-Type-Options": "nosniff", **response.headers})
        return _without_body(response) if request.method == "HEAD" else response

    def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if request.path.rstrip("/") == OPENAPI_PATH and method == "GET":
            return json_response(200, document(request.root))
        route, job_id = _find(method, request.path)
        principal = self._principal(request)
        may = _Permission(self.authorize, principal)
        job = self._job(may, job_id) if job_id is not None else None
        queries.only_known(request, route.known)
        action = route.asks_for(request)
        if not may(action, job):
            raise NotAllowed(f"You may not {action} here; ask whoever gave you your access for a wider role.")
        if route.media_types and not is_accepted(request.headers.get("accept", ""), route.media_types):
            listed = " or ".join(sorted(route.media_types))
            raise RequestWrong(f"This address answers with {listed}, which `Accept` excludes.", code="not_acceptable")
        # In the process that serves, and not in a parent that loads it and forks.
        self.bulk.start()
        defaults = self.defaults(principal.organisation)
        sees_all = self.authorize is by_role
        return route.answer(Call(self.bulk, request, principal, may, defaults, job, sees_all=sees_all))

    def _principal(self, request: Request) -> Principal:
        principal = self.authenticator.authenticate(request.headers, request.native)
        if principal is None:
            raise NotAuthenticated("Say who you are: send a token in the header `Authorization: Bearer TOKEN`.")
        if principal.by_cookie and request.method not in _READING and not _is_same_site(request):
            raise NotAllowed("The request comes from another site's page, and was not carried out.", code="cross_site")
        return principal

    def _job(self, may: _Permission, job_id: JobId) -> Job:
        """The job that the path names; one that the sender may not see looks as if it did not exist."""
        job = self.bulk.job(may.principal.organisation, job_id)
        if not may(Action.VIEW, job):
            raise JobNotFound
        return job


@frozen
class _Permission:
    """What one sender may do."""

    authorize: Authorize
    principal: Principal

    def __call__(self, action: Action, job: Job | None) -> bool:
        return self.authorize(self.principal, action, job)


def _without_body(response: Response) -> Response:
    """Leave the body out and its length in, where it is known; a file is not read to count it."""
    if isinstance(response.body, bytes):
        return evolve(response, body=b"", headers={**response.headers, "Content-Length": str(len(response.body))})
    # Of no piece at all, unlike an empty one, some servers say by themselves that its length is 0.
    return evolve(response, body=iter((b"",)))


def _find(method: str, path: str) -> tuple[Route, JobId | None]:
    """
    The route for a path, with or without the slash at its end, and the id of the job it names.

    Raises:
        RequestWrong: There is none: 404, or 405 when there is one for another method.
    """
    parts = path.removesuffix("/").split("/")
    fitting = [(route, names) for route in ROUTES if (names := _match(route.path.strip("/").split("/"), parts))]
    for route, (job_id,) in fitting:
        if route.method == method:
            return route, job_id
    if fitting:
        methods = {route.method for route, _ in fitting}
        raise MethodNotAllowed(", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))))
    raise RequestWrong("There is nothing at this address.", code="no_such_page")


def _match(template: list[str], parts: list[str]) -> tuple[JobId | None] | None:
    if len(template) != len(parts):
        return None
    job_id = None
    for wanted, part in zip(template, parts, strict=True):
        if wanted == "{job_id}" and part:
            job_id = JobId(part)
        elif wanted != part:
            return None
    return (job_id,)


def _is_same_site(request: Request) -> bool:
    """Whether a browser says that one of this site's own pages sends the request; what says nothing does not."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    ours = urlsplit(request.root)
    return request.headers.get("origin") == f"{ours.scheme}://{ours.netloc}"
