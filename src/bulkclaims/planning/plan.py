"""How many requests a file will take, counted while it is read."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.jobs import PayerPlan
from bulkclaims.planning.windows import WORTH_A_WINDOW, provider_of, service_days, spans
from bulkclaims.records import ClaimInquiry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkclaims.planning.needs import PayersOf
    from bulkclaims.records import Capabilities, Row


HEADROOM = 0.92
"""
Which part of the rate is used. Slots are when look-ups begin here; on the way to the payer some fall behind, and close
up with those that follow. With this, 50 a second are not 51 in any second as long as none is more than 85 ms late.
"""


_DAYS = frozenset({"first_service_date", "last_service_date"})


@define
class Planner:
    """
    Counts the rows of one file by whom they will be asked of, in memory that does not grow with them.

    Args:
        payers: What can be asked of whoever is asked for rows of a payer id; None where nobody is.
        defaults: The job's values for optional columns.
    """

    payers: PayersOf
    defaults: Mapping[str, str]
    _rows: Counter[str] = field(factory=Counter, init=False)
    _accounts: dict[str, Capabilities] = field(factory=dict, init=False)
    _days: dict[tuple[str, tuple[str, str]], Counter[int]] = field(factory=dict, init=False)
    """For each provider whose claims can be searched by window: rows by their first day of service."""

    def add(self, rows: Sequence[Row]) -> None:
        """Count *rows*, all of one file, but for those that will not be asked."""
        for payer_id, some in self._by_payer([row for row in rows if not row.errors]).items():
            can = self.payers(payer_id)
            if can is not None and some:
                self._accounts[can.account] = can
                self._rows[can.account] += len(some)
                if can.page_size is not None and not _DAYS.isdisjoint({*rows[0].columns, *self.defaults}):
                    self._add_days(can, some)

    def plans(self) -> tuple[PayerPlan, ...]:
        """What will be asked of each payer account, most rows first."""
        return tuple(self._plan(self._accounts[account], rows) for account, rows in self._rows.most_common())

    def _by_payer(self, rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
        default = self.defaults.get("payer_id", "")
        if not rows or "payer_id" not in rows[0].columns:
            return {default: rows}
        place = rows[0].columns.index("payer_id")
        grouped: dict[str, list[Row]] = {}
        for row in rows:
            grouped.setdefault(row.values[place] or default, []).append(row)
        return {**grouped}

    def _add_days(self, can: Capabilities, rows: Iterable[Row]) -> None:
        for row in rows:
            inquiry = ClaimInquiry.from_row(row, self.defaults)
            provider, days = provider_of(inquiry), service_days(inquiry, can.window_days or 1)
            if provider and days:
                self._days.setdefault((can.account, provider), Counter())[days[0]] += 1

    def _plan(self, can: Capabilities, rows: int) -> PayerPlan:
        searches = found = 0
        for (account, _), days in self._days.items():
            if account == can.account and days.total() >= WORTH_A_WINDOW:
                searches += sum(_pages(days, can))
                found += days.total()
        calls = searches + (rows - found) * can.requests_each
        return PayerPlan(
            account=can.account,
            rows=rows,
            calls=calls,
            most_calls=found + rows * can.requests_each,
            searches=searches,
            seconds=calls / (can.rate.per_second * HEADROOM) if can.rate else None,
            per_day=can.rate.per_day if can.rate else None,
        )


def _pages(days: Counter[int], can: Capabilities) -> Iterable[int]:
    """How many pages each window has, if the provider has no other claims in it."""
    for first, last in spans(days, can.window_days or 1):
        claims = sum(days[day] for day in range(first.toordinal(), last.toordinal() + 1))
        yield ceil(claims / (can.page_size or claims))
