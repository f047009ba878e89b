"""Which days of service to search a provider's claims in, so that as few requests as can be answer many rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from bulkclaims.records import ClaimInquiry, Window

WORTH_A_WINDOW = 3
"""Rows of one provider for which its claims are searched together: fewer are asked for as quickly by themselves."""


def provider_of(inquiry: ClaimInquiry) -> tuple[str, str] | None:
    """Whose claims a window search would find it among: payer id and tax id; None where one is not known."""
    tin = inquiry.tin.replace("-", "").strip()
    return (inquiry.payer_id, tin) if inquiry.payer_id and tin else None


def service_days(inquiry: ClaimInquiry, longest: int) -> range | None:
    """
    The days of service, as ordinals; None where they are not known, or more than *longest*.

    Args:
        inquiry: With or without dates of service.
        longest: The longest window that the payer takes, in days.
    """
    first = inquiry.first_service_date or inquiry.last_service_date
    last = inquiry.last_service_date or inquiry.first_service_date
    if first is None or last is None or not 0 < (last - first).days + 1 <= longest:
        return None
    return range(first.toordinal(), last.toordinal() + 1)


def spans(days: Iterable[int], longest: int) -> Iterator[tuple[date, date]]:
    """
    The fewest spans of at most *longest* days, in order, that hold all *days*.

    Args:
        days: Ordinals, in any order.
        longest: In days.
    """
    first = last = None
    for day in sorted(set(days)):
        if first is None:
            first = day
        elif day >= first + longest:
            yield date.fromordinal(first), date.fromordinal(last or first)
            first = day
        last = day
    if first is not None:
        yield date.fromordinal(first), date.fromordinal(last or first)


def stretched(window: Window, longest: int, read: AbstractSet[int], today: date) -> Window:
    """
    The window made as long as it may be without a day that was read already, or is to come.

    Rows of a job that are not here yet may lie in the days beyond.
    """
    day = window.last.toordinal()
    while day + 1 not in read and day < today.toordinal() and day + 1 - window.first.toordinal() < longest:
        day += 1
    return evolve(window, last=date.fromordinal(day))


def halves(window: Window) -> tuple[Window, ...]:
    """Two windows in place of one that holds too many claims; none for a single day."""
    if window.days == 1:
        return ()
    middle = window.first + timedelta(days=window.days // 2 - 1)
    return evolve(window, last=middle), evolve(window, first=middle + timedelta(days=1))
