"""Grouping what is found in rows, as they come: counted exactly, with the first rows of each kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.checking.report import CheckReport
from bulkclaims.parsing import Profile
from bulkclaims.records import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkclaims.jobs import JobId, PayerPlan
    from bulkclaims.records import CellError, Row, UploadFacts

_SHAPES = 5
"""Different shapes that are told of a problem."""


@define
class Findings:
    """
    All that is found in the rows of one file, in memory that does not grow with them.

    Args:
        samples: How many rows of each kind are listed.
    """

    samples: int = 100
    _total: int = 0
    _bad: int = 0
    _cells: list[CellError] = field(factory=list)
    """What is listed, each with its shape, in the order of the file."""
    _errors: _Groups = field(init=False)
    _warnings: _Groups = field(init=False)
    _profile: Profile = field(factory=Profile)

    def __attrs_post_init__(self) -> None:
        """Both list into one."""
        self._errors, self._warnings = _Groups(self.samples, self._cells), _Groups(self.samples, self._cells)

    def add(self, rows: Sequence[Row]) -> None:
        """Look at some rows of the file, after those before them."""
        self._total += len(rows)
        for row in [row for row in rows if row.errors or row.warnings]:
            self._bad += bool(row.errors)
            self._errors.add(row.errors)
            self._warnings.add(row.warnings)
        self._profile.add(rows)

    def report(self, facts: UploadFacts, plan: tuple[PayerPlan, ...], same_as: JobId | None) -> CheckReport:
        """Say it all, once the last row was added."""
        problems, warnings = _by_frequency(self._errors.problems()), self.warnings()
        duplicates, cells = self._profile.duplicates, tuple(self._cells)
        return CheckReport(facts, self._total, self._bad, problems, plan, warnings, duplicates, same_as, cells)

    def warnings(self) -> tuple[Problem, ...]:
        """Warnings of rows and of the whole file, the most frequent first."""
        return _by_frequency([*self._warnings.problems(), *self._profile.findings(self._errors.swapped())])


@define
class ErrorLog:
    """Counts every bad cell and lists the first ones."""

    limit: int
    count: int = 0
    listed: list[CellError] = field(factory=list)

    def add(self, rows: Iterable[Row]) -> None:
        """Take the errors of some rows."""
        errors = [error for row in rows for error in row.errors]
        self.count += len(errors)
        self.listed += errors[: self.limit - len(self.listed)]


@define
class _Group:
    first: CellError
    """Its sentence stands for those of all."""
    count: int = 0
    rows: list[int] = field(factory=list)
    shapes: dict[str, None] = field(factory=dict)


@define
class _Groups:
    """Groups what is said of cells by what would mend it."""

    samples: int
    cells: list[CellError]
    found: dict[tuple[str, str, str], _Group] = field(factory=dict)

    def add(self, errors: Iterable[CellError]) -> None:
        for error in errors:
            # The sentence may count the cells of its row; where it says what mends it, nothing else does.
            kind = (error.column, error.code, error.repair or error.message)
            group = self.found.get(kind) or self.found.setdefault(kind, _Group(error))
            group.count += 1
            if len(group.rows) < self.samples:
                group.rows.append(error.row)
                self.cells.append(error)
                if error.seen and len(group.shapes) < _SHAPES:
                    group.shapes[error.seen] = None

    def problems(self) -> list[Problem]:
        return [
            Problem(
                group.first.column,
                group.first.code,
                group.first.message,
                group.count,
                tuple(group.rows),
                tuple(group.shapes),
                group.first.repair,
            )
            for group in self.found.values()
        ]

    def swapped(self) -> Counter[str]:
        """Cells by column with a month above 12, where day and month are swapped beyond doubt."""
        swapped = [group for (_, code, _), group in self.found.items() if code == "day_month_swapped"]
        return Counter({group.first.column: group.count for group in swapped})


def _by_frequency(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: -problem.count))
