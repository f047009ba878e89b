"""Values that stand in for cells, held to what the cells of their columns are held to."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from bulkclaims.errors import DefaultRefused
from bulkclaims.parsing.table import Table
from bulkclaims.records import OPTIONAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def canonical_defaults(defaults: Mapping[str, str], today: Callable[[], date] = date.today) -> dict[str, str]:
    """
    Bring a job's defaults to the form that cells have once they are read, such as `MM/DD/YYYY`.

    Args:
        defaults: Values by the name of their column; blank ones stand for nothing.
        today: Tells the date that no date of service may lie after.

    Raises:
        DefaultRefused: One is of no optional column, or a cell of its column could not be this.
    """
    for column, value in defaults.items():
        if column not in OPTIONAL_COLUMNS:
            raise DefaultRefused(column, f"Only {', '.join(OPTIONAL_COLUMNS)} can have a default.")
        if not isinstance(value, str):
            raise DefaultRefused(column, "It is to be text, in quotes: zeros at its start count.")
    row = Table.of(tuple(defaults), today()).read(0, list(defaults.values()))
    if row is None:
        return dict.fromkeys(defaults, "")
    for error in row.errors:
        raise DefaultRefused(error.column, error.message)
    return row.cells
