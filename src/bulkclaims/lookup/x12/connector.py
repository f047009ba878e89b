"""Asks by X12, over any line that the host has."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from bulkclaims.lookup.wire.inquiry_rules import capabilities_of
from bulkclaims.lookup.x12.answer import read_answer
from bulkclaims.lookup.x12.inquiry_276 import write_276

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkclaims.lookup.x12.inquiry_276 import X12Settings
    from bulkclaims.records import Answer, ClaimInquiry


async def _nothing_to_close() -> None:
    """What a line does that keeps nothing open."""


class X12Connector:
    """
    Asks for each claim with a 276 of its own.

    Args:
        settings: Whom to ask, and as whom.
        send: The host's line: takes an interchange and brings back the one that answers it. Called on the worker's
            event loop, several at a time. It raises a `ConnectorError` where the line fails, `PayerUnavailable` where
            another try may help; its exceptions hold nothing of a message.
        close: Lets go of the line, on the same event loop.
    """

    def __init__(
        self,
        settings: X12Settings,
        send: Callable[[bytes], Awaitable[bytes]],
        close: Callable[[], Awaitable[None]] = _nothing_to_close,
    ) -> None:
        self._settings = settings
        self._send = send
        self._close = close
        self.capabilities = capabilities_of(settings, settings.account)

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:  # noqa: D102 -- the contract stands in `interfaces.Connector`
        number = secrets.randbelow(999_999_999) + 1
        # The day where the claims are handled.
        message = write_276(inquiry, self._settings, number, datetime.now())  # noqa: DTZ005
        return read_answer(await self._send(message))

    async def aclose(self) -> None:  # noqa: D102
        await self._close()
