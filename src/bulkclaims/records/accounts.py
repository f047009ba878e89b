"""Payer accounts: how fast they may be asked, their tokens, and what can be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from attrs import Attribute


@frozen
class Rate:
    """How fast a payer account may be asked, by all workers together."""

    per_second: float
    per_day: int | None = None


@frozen
class SealedAccess:
    """A payer account's access token as a store keeps it for all workers."""

    serial: int
    """1 for the first one; each that follows adds one."""
    payload: bytes = field(repr=False)
    seconds_left: float
    """How long it is still good; below zero once it is not."""


def _at_least_one(_: object, attribute: Attribute[Any], number: int | None) -> None:
    if number is not None and number < 1:
        raise SettingsWrong(f"The setting {attribute.name} is to be 1 or more.")


@frozen
class Capabilities:
    """
    What a connector can do and what it needs.

    Raises:
        SettingsWrong: It may have no look-up at a time.
    """

    account: str
    """Names the payer account in the limiter, such as `stedi`; never patient data."""
    needs: tuple[frozenset[str], ...] = ()
    """Optional columns it cannot do without; any one of each set is enough, from a cell or the job's defaults."""
    max_in_flight: int = field(default=10, validator=_at_least_one)
    """Look-ups at a time in one worker process."""
    rate: Rate | None = None
    in_flight_in_all: int | None = field(default=None, validator=_at_least_one)
    """Look-ups at a time by all workers together; None: each process keeps its own `max_in_flight` alone."""
    searches_by: tuple[frozenset[str], ...] = (frozenset({"claim_number"}),)
    """The ways it can search: the columns that each goes by."""
    window_days: int | None = field(default=None, validator=_at_least_one)
    """The longest range of dates of service that it takes; None where there is no limit, or no such search."""
    page_size: int | None = field(default=None, validator=_at_least_one)
    """How many claims a page of a window search holds; None for a connector that cannot search windows."""
    requests_each: int = field(default=1, validator=_at_least_one)
    """How many requests a look-up takes at the least: more than one where the payer answers later."""
    lookback_months: int | None = field(default=None, validator=_at_least_one)
    """How far back the payer knows claims, by their dates of service; None where nothing is known of it."""

    @property
    def searches_without_number(self) -> bool:
        """Whether a claim can be searched for by patient and dates of service alone."""
        return any("claim_number" not in columns for columns in self.searches_by)
