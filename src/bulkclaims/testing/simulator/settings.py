"""What a simulated payer can be told to be like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

DialectName = Literal["stedi", "optum", "optum-real", "availity", "uhc"]
DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
"""The payer APIs that can be spoken."""


@frozen(kw_only=True)
class SimulatorSettings:
    """How a simulated payer behaves, apart from what it says of each claim."""

    port: int = 0
    """0 for any free one."""
    api_key: str = "try-me"
    """The key of Stedi's dialect, or the client secret of the others, whose client id is `simulator`."""
    dialect: DialectName = "stedi"
    """Whose API it speaks: Stedi's, Optum's Medical Network's, Optum Real's, Availity's, or UHC's API Marketplace's."""
    latency: float = 0.0
    """Seconds before each answer."""
    error_rate: float = 0.0
    """Share of requests answered 503 first: each in its turn, so that a rate of 0.1 is every tenth."""
    rate_limit: int | None = None
    """Requests in any second; more are answered 429."""
    max_in_flight: int | None = None
    """Requests at a time; more are answered 429. Stedi allows an account 50."""
    retry_after: int | None = None
    """Seconds named in a `Retry-After` header beside each 429 and 503; no such header when None."""
    outage: tuple[float, float] | None = None
    """From and until when, in seconds after the start, every request is answered 503."""
    token_seconds: int = 3600
    """How long a token is good, where the dialect has tokens."""
    claims: Path | None = None
    """A claims file, as it is uploaded: the payer knows its claims, and finds them by their dates of service."""
    log: Path | None = None
    """A file for one JSON line about each request, written before it is answered."""
