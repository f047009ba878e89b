"""What payers need of a row beside the required columns: said at upload, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, evolve, field

from bulkclaims.errors import UploadRejected
from bulkclaims.records import Capabilities, CellError, to_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bulkclaims.records import Row

PayersOf: TypeAlias = Callable[[str], Capabilities | None]
"""Tells what can be asked of whoever is asked for rows of a payer id; None when nobody is."""

_NAMES = {"npi": "NPI", "tin": "TIN"}
_DAYS = ("last_service_date", "first_service_date")
_MONTHS = 12


def named(choice: Iterable[str]) -> str:
    """The columns of which a payer needs one, for a sentence."""
    return " or ".join(_NAMES.get(column, column) for column in sorted(choice))


@define
class Needs:
    """
    Checks the rows of one file for what their payers need.

    Args:
        payers: What can be asked of whoever is asked for rows of a payer id; None where nobody is.
        defaults: The job's values for optional columns.
        today: The day on which the file is taken.
    """

    payers: PayersOf
    defaults: Mapping[str, str]
    today: date = field(factory=date.today)
    _checks: dict[tuple[tuple[str, ...], str], _Checks] = field(factory=dict, init=False)

    def require(self, rows: Sequence[Row]) -> None:
        """
        See that the file has the columns that every one of its first *rows* needs.

        Raises:
            UploadRejected: It lacks some, all named at once; or nobody answers for any of the rows.
        """
        checks = [self._for(row) for row in rows]
        lacking = set[frozenset[str]].intersection(*({c for c, places in each.needs if not places} for each in checks))
        if lacking:
            raise UploadRejected(
                f"The payer cannot be asked without {', and '.join(sorted(map(named, lacking)))}: add such a column to "
                "the file, or have a default set for all jobs.",
                code="missing_defaults",
            )
        if all(each.unknown and each.payer_at is None for each in checks):
            raise UploadRejected(
                "No payer is set up for the rows of this file: add a column payer_id, or have a default set.",
                code="missing_defaults",
            )

    def checked(self, rows: Sequence[Row]) -> Sequence[Row]:
        """*rows*, of one file, each with one more error for everything that its payer needs and it lacks."""
        if "payer_id" not in rows[0].columns and not self._for(rows[0]).anything:
            return rows
        return [evolve(row, errors=(*row.errors, *more)) if (more := tuple(self._errors(row))) else row for row in rows]

    def _errors(self, row: Row) -> Iterator[CellError]:
        checks = self._for(row)
        if checks.unknown:
            sentence = "No payer is set up for this id; correct it, or have the payer set up."
            yield CellError(row.number, "payer_id", "unknown_payer", sentence)
        for choice, places in checks.needs:
            if not any(row.values[place] for place in places):
                sentence = f"This payer needs {named(choice)}; fill it in, or have it set for the whole job."
                yield CellError(row.number, min(choice), "needed_by_payer", sentence)
        # A row with errors may hold no date at all there.
        days_at = [] if row.errors or not checks.oldest else checks.days_at
        latest = next((place for place in days_at if row.values[place]), None)
        if latest is not None and checks.oldest and to_date(row.values[latest]) < checks.oldest:
            sentence = f"This payer knows claims of the last {checks.months} months alone; leave the row out."
            yield CellError(row.number, row.columns[latest], "too_old_for_payer", sentence)

    def _for(self, row: Row) -> _Checks:
        place = _place(row.columns, "payer_id")
        payer = (row.values[place] if place is not None else "") or self.defaults.get("payer_id", "")
        checks = self._checks.get((row.columns, payer))
        if checks is None:
            checks = self._checks[row.columns, payer] = self._made(row.columns, payer, place)
        return checks

    def _made(self, columns: tuple[str, ...], payer: str, payer_at: int | None) -> _Checks:
        can = self.payers(payer)
        if can is None:
            return _Checks(payer_at, unknown=True)
        needs = [choice for choice in can.needs if not any(self.defaults.get(column) for column in choice)]
        places = [(choice, [columns.index(name) for name in sorted(choice) if name in columns]) for choice in needs]
        days_at = [columns.index(name) for name in _DAYS if name in columns]
        months = can.lookback_months
        oldest = _months_before(self.today, months) if months and days_at else None
        return _Checks(payer_at, needs=places, days_at=days_at, oldest=oldest, months=months)


@define
class _Checks:
    """What to look at in rows of one payer: places in a row's values."""

    payer_at: int | None
    unknown: bool = False
    needs: list[tuple[frozenset[str], list[int]]] = field(factory=list)
    days_at: list[int] = field(factory=list)
    oldest: date | None = None
    months: int | None = None

    @property
    def anything(self) -> bool:
        """Whether a row can be wrong at all."""
        return bool(self.unknown or self.needs or self.oldest)


def _place(columns: tuple[str, ...], name: str) -> int | None:
    return columns.index(name) if name in columns else None


def _months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the first of the next month where that has no such day."""
    years, month = divmod(day.month - 1 - months, _MONTHS)
    year, month = day.year + years, month + 1
    try:
        return day.replace(year=year, month=month)
    except ValueError:
        return date(year + month // _MONTHS, month % _MONTHS + 1, 1)
