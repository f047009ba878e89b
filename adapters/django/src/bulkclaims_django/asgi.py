"""
Uploads under ASGI, kept to their size.

There Django takes in a request's whole body, on disk, before it asks any view who sends it and how much is allowed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import get_script_prefix
from django.urls import Resolver404, resolve

from bulkclaims.errors import NotAuthenticated, RepositoryUnavailable, SettingsWrong
from bulkclaims.web.tokens import TokenAuthenticator
from bulkclaims_django.conf import conf
from bulkclaims_django.service import repository
from bulkclaims_django.urls import app_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims_django.conf import Conf

__all__ = ["limited"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_FORM_BYTES = 512 * 1024
"""More than a form may hold beside its file."""
_SPARE = 1024 * 1024
"""So much is still taken of a body that nobody will read: a client that is nearly done sending would else miss the
answer."""


def limited(application: Application) -> Application:
    """
    Have bodies sent to the HTTP API end early for Django, where no more of them can count.

    Nothing is taken in from who brings no token, or one that is no good; of any other request, what `MAX_UPLOAD_BYTES`
    allows and a little more. The API then answers as it does for such a request: 401, or 413. Whom only `HOST_USER` or
    an `AUTHENTICATOR` of the project can know is known too late for that, so that for them the size alone counts.

    Args:
        application: What `get_asgi_application` returned, or anything around that. What is not a request to the API
            passes by untouched.
    """

    async def limiting(scope: Message, receive: Receive, send: Send) -> None:
        """Let the application take in what is allowed."""
        if scope["type"] != "http" or not _is_ours(scope):
            await application(scope, receive, send)
            return
        async with ThreadSensitiveContext():
            # In the thread, and with the connection, that the request's view is going to have.
            headers = _headers(scope)
            # No other request than a POST has a body that anybody reads.
            allowed = await sync_to_async(_allowed, thread_sensitive=True)(headers) if scope["method"] == "POST" else 0
            # Who waits to be asked for the body is not asked in vain.
            spare = 0 if not allowed and "expect" in headers else _SPARE
            exchange = _Exchange(scope, receive, send, allowed, spare)
            await application(scope, exchange.receive, exchange.send)

    return limiting


def _is_ours(scope: Message) -> bool:
    """Whether the project's URLs lead to the API; an address of it that does not exist is one, too."""
    try:
        found = resolve(scope["path"].removeprefix(get_script_prefix(scope)))
    except Resolver404:
        return False
    return found.app_names[-1:] == [app_name]


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _allowed(headers: Mapping[str, str]) -> float:
    """How many bytes of the body may be taken in."""
    try:
        said = conf()
    except SettingsWrong:
        # That it is not set up is all that the API is going to answer.
        return 0
    if not _may_be_known(said, headers):
        return 0
    return math.inf if said.max_upload_bytes is None else said.max_upload_bytes + _FORM_BYTES


def _may_be_known(said: Conf, headers: Mapping[str, str]) -> bool:
    if said.authenticator is not None:
        return True
    try:
        known = TokenAuthenticator(repository()).authenticate(headers, None)
    except NotAuthenticated:
        return False
    except RepositoryUnavailable:
        # Perhaps for a moment alone.
        return True
    return known is not None or said.host_user is not None


class _Exchange:
    """A request of whose body so many bytes are handed on, and its answer."""

    def __init__(self, scope: Message, receive: Receive, send: Send, allowed: float, spare: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._allowed = allowed
        self._spare = spare
        self._has_more = True
        self._is_cut = False

    async def receive(self) -> Message:
        """Give what comes next, or the body's end where no more of it may be taken in."""
        if self._has_more and self._is_cut:
            # Not even to see the client leave; the application asks no longer once it has answered.
            await asyncio.get_running_loop().create_future()
        if self._has_more and not self._allowed:
            return await self._end(b"")
        message = await self._next()
        body = message.get("body", b"")
        if len(body) > self._allowed:
            return await self._end(body[: int(self._allowed)])
        self._allowed -= len(body)
        return message

    async def send(self, message: Message) -> None:
        """Send the answer; a connection on which more of the body would come is closed behind it."""
        # HTTP/2 has no such header: there each request has a stream of its own.
        is_open = self._is_cut and self._has_more and self._scope["http_version"] < "2"
        if message["type"] == "http.response.start" and is_open:
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await self._send(message)

    async def _end(self, piece: bytes) -> Message:
        self._is_cut = True
        while self._has_more and self._spare > 0:
            self._spare -= len((await self._next()).get("body", b""))
        return {"type": "http.request", "body": piece, "more_body": False}

    async def _next(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        return message
