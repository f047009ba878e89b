"""
Availity's claim statuses: an inquiry is taken under an id, and answered later.

Source: the vendor's published Swagger description of claim statuses. What it leaves open is a setting here: the base
path, the scope of the token, and which states of a look-up mean that it is over.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from attrs import evolve

from bulkclaims.errors import AccessRefused, ConnectorError, PayerUnavailable, TicketGone
from bulkclaims.lookup.payers.availity_answer import LOOK_UP_FAILED, lists_look_ups, read_answer, ticket_of, told
from bulkclaims.lookup.payers.availity_request import AvailitySettings, request_form
from bulkclaims.lookup.wire.answer_values import json_of, trace_of
from bulkclaims.lookup.wire.http_status import ERROR_CLASSES, error_of
from bulkclaims.lookup.wire.inquiry_rules import capabilities_of
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.tokens import ClientCredentials
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.records import Answer, Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.lookup.wire.http_status import ErrorClass, Said
    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import ClientFactory, Reply
    from bulkclaims.records import ClaimInquiry

__all__ = ["AvailityConnector", "AvailitySettings"]

_REQUESTS = 4
"""One sends the inquiry, two ask for its answer, of which the first comes too soon, and one deletes it."""
_STILL_AT_WORK = 202
_GONE = frozenset({404, 410})
"""Of a look-up, that it is no more; of the place where inquiries are sent, that there is none."""
_CLASSES: Mapping[int, ErrorClass | None] = {
    **ERROR_CLASSES,
    **dict.fromkeys(_GONE, None),
    # Wrong is what every request has alike.
    **dict.fromkeys((405, 406, 409, 415), "access_refused"),
}
_POSTED = {"Accept": "application/json", "X-HTTP-Method-Override": "GET"}
_FETCHED = {"Accept": "application/json"}


class AvailityConnector:
    """
    Sends an inquiry to Availity and fetches its answer under the id that it got.

    Args:
        settings: Whom to ask, and as whom.
        client: Makes the HTTP client, on the event loop that will use it.
        access: Where all workers keep the token; without it each process fetches its own.

    Raises:
        SettingsWrong: A setting is not usable; the sentence names it.
    """

    def __init__(
        self, settings: AvailitySettings, client: ClientFactory = make_client, access: SharedAccess | None = None
    ) -> None:
        self._settings = settings
        self._url = settings.url
        credentials = ClientCredentials(
            url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scope=settings.token_scope,
        )
        self._line = PayerLine(self._url, client, credentials, _CLASSES, access)
        self.capabilities = evolve(capabilities_of(settings, settings.account), requests_each=_REQUESTS)

    async def prepare(self) -> None:  # noqa: D102
        await self._line.prepare()

    async def start(self, inquiry: ClaimInquiry) -> Ticket | Answer:  # noqa: D102 -- the contract stands in `interfaces.TicketConnector`
        form = request_form(inquiry, self._settings, date.today())  # noqa: DTZ011 -- the day where the claims are handled
        reply = await self._ask("POST", _POSTED, {"data": form}, inquiry)
        if reply.status in _GONE:
            raise error_of("access_refused", reply)
        taken = reply.status == _STILL_AT_WORK
        body = json_of(reply.body or b"{}") if taken else json_of(reply.body)
        if not taken and not lists_look_ups(body):
            answer = read_answer(body, inquiry, self._settings, _trace(reply))
            if answer is not None:
                return answer
        return ticket_of(body, reply.headers.get("location", ""), self._url)

    async def poll(self, ticket: Ticket, inquiry: ClaimInquiry) -> Answer | None:  # noqa: D102
        reply = await self._ask("GET", _FETCHED, {}, inquiry, self._path(ticket))
        if reply.status in _GONE:
            raise TicketGone(f"The payer no longer knows this inquiry; it is to be sent anew. [HTTP {reply.status}]")
        if reply.status == _STILL_AT_WORK:
            return None
        try:
            return read_answer(json_of(reply.body), inquiry, self._settings, _trace(reply))
        except PayerUnavailable as failure:
            if failure.code == LOOK_UP_FAILED:
                # Under its id it would fail for as long as it is kept. Once it is gone, the inquiry is sent anew.
                with suppress(ConnectorError):
                    await self.discard(ticket)
            raise

    async def discard(self, ticket: Ticket) -> None:  # noqa: D102
        await self._line.ask("DELETE", _FETCHED, {}, path=self._path(ticket))

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:
        """
        Send the inquiry, and ask for its answer once.

        For a host that looks one claim up. A row processor uses `start` and `poll`, and so sends each inquiry once.

        Raises:
            ConnectorError: As the contract says; `PayerUnavailable` also while there is no answer yet.
        """
        taken = await self.start(inquiry)
        try:
            answer = await self.poll(taken, inquiry) if isinstance(taken, Ticket) else taken
        except TicketGone:
            answer = None
        if answer is None:
            raise PayerUnavailable("The payer is still at work on this inquiry; try again later.")
        return answer

    async def aclose(self) -> None:  # noqa: D102
        await self._line.aclose()

    async def _ask(
        self, method: str, headers: Mapping[str, str], body: Mapping[str, Any], inquiry: ClaimInquiry, path: str = ""
    ) -> Reply:
        def heard(reply: Reply) -> Said:
            self._check_live(reply)
            return told(reply, inquiry)

        if self._settings.mock_scenario:
            headers = {**headers, "X-Api-Mock-Scenario-ID": self._settings.mock_scenario}
        reply = await self._line.ask(method, headers, body, heard, path)
        self._check_live(reply)
        return reply

    def _check_live(self, reply: Reply) -> None:
        if not self._settings.demo and reply.headers.get("x-api-mock-response", "").strip().lower() == "true":
            raise AccessRefused(
                "The payer's answers are canned ones, no payer's: the token's scope is that of the demonstration. "
                "Set the scope of live data, or demo where canned answers are wanted."
            )

    def _path(self, ticket: Ticket) -> str:
        return f"{self._url.raw_path.decode('ascii').rpartition('/')[0]}/{ticket.id}"


def _trace(reply: Reply) -> str:
    names = ("x-global-transaction-id", "x-availity-transaction-id")
    return next(filter(None, (trace_of(reply.headers.get(name)) for name in names)), "")
