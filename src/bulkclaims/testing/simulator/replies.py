"""An answer of the simulated payer on its way out."""

from __future__ import annotations

from attrs import frozen

JSON = b"application/json"


@frozen
class Reply:
    """What is sent, after what delay, and whether the connection ends in the middle of it."""

    status: int
    body: bytes
    media_type: bytes = JSON
    delay: float = 0.0
    breaks_off: bool = False


WEB_PAGE = Reply(200, b"<!doctype html><title>Maintenance</title><p>We will be back soon.</p>", media_type=b"text/html")
