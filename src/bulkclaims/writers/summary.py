"""The summary of a workbook: what its lines come to, and a chart of their statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from bulkclaims.writers.sheet_text import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkclaims.jobs import Job
    from bulkclaims.records import RowResult

    Row: TypeAlias = Sequence[str | int | Decimal | datetime | None]

_MOST_STATUSES = 30
"""A chart of more would tell nothing."""
_LONGEST_STATUS = 100
_OTHERS = "Others"
_HEADINGS = ("Rows", "Charged", "Paid")
_FORMATS = {str: "@", int: "#,##0", Decimal: "#,##0.00", datetime: "yyyy-mm-dd hh:mm:ss"}


@define
class Count:
    """What some results come to."""

    rows: int = 0
    charged: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    def add(self, result: RowResult) -> None:
        """Count *result* in."""
        self.rows += 1
        self.charged += _amount(result.total_charged)
        self.paid += _amount(result.total_paid)


@define
class Tally:
    """What the lines of a file come to: in all, by success and by status."""

    all: Count = field(factory=Count)
    succeeded: Count = field(factory=Count)
    failed: Count = field(factory=Count)
    by_status: dict[str, Count] = field(factory=dict)

    def add(self, result: RowResult) -> None:
        """Count *result* in."""
        status = result.status
        if status not in self.by_status and len(self.by_status) >= _MOST_STATUSES:
            status = _OTHERS
        for count in (
            self.all,
            self.succeeded if result.success else self.failed,
            self.by_status.setdefault(status, Count()),
        ):
            count.add(result)


def write_summary(book: Any, job: Job, tally: Tally) -> None:  # noqa: ANN401 -- XlsxWriter ships no types
    """Add the sheet `Summary` to *book*."""
    sheet = book.add_worksheet("Summary")
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 3, 20)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 1)
    formats = {kind: book.add_format({"num_format": form, "align": "left"}) for kind, form in _FORMATS.items()}
    bold = book.add_format({"bold": True, "bottom": 1})
    above = [*_about(job), (), *_totals(tally), ()]
    by_status = list(_by_status(tally))
    for at, row in enumerate([*above, *by_status]):
        for place, value in enumerate(row):
            _write(sheet, at, place, value, bold if _HEADINGS[0] in row else formats[type(value)])
    if tally.by_status:
        sheet.insert_chart(0, 5, _chart(book, len(above) + 1, by_status[1:]))


def _about(job: Job) -> Iterator[Row]:
    yield "Job", job.id
    yield "Status", job.status.value
    yield "Rows of the upload", job.total_rows
    moments = {"Uploaded": job.created_at, "Started": job.started_at, "Ended": job.ended_at}
    for name, moment in moments.items():
        if moment is not None:
            yield f"{name} (UTC)", moment.astimezone(UTC).replace(tzinfo=None)


def _totals(tally: Tally) -> Iterator[Row]:
    yield "In this file", *_HEADINGS
    for name, count in {"Succeeded": tally.succeeded, "Failed": tally.failed, "All": tally.all}.items():
        yield _row(name, count)


def _by_status(tally: Tally) -> Iterator[Row]:
    yield "Status", *_HEADINGS
    for status, count in sorted(tally.by_status.items(), key=lambda each: (-each[1].rows, each[0])):
        yield _row(status[:_LONGEST_STATUS], count)


def _row(name: str, count: Count) -> Row:
    return name, count.rows, count.charged, count.paid


def _write(sheet: Any, at: int, place: int, value: object, form: Any) -> None:  # noqa: ANN401 -- XlsxWriter's
    match value:
        case str():
            write_text(sheet, at, place, value, form)
        case datetime():
            sheet.write_datetime(at, place, value, form)
        case _:
            sheet.write_number(at, place, value, form)


def _chart(book: Any, first: int, rows: Sequence[Row]) -> Any:  # noqa: ANN401 -- XlsxWriter's
    last = first + len(rows) - 1
    chart = book.add_chart({"type": "column"})
    chart.add_series(
        {
            "name": "Rows",
            "categories": ["Summary", first, 0, last, 0],
            "values": ["Summary", first, 1, last, 1],
            # What a viewer shows that does not calculate.
            "categories_data": [row[0] for row in rows],
            "values_data": [row[1] for row in rows],
            "data_labels": {"value": True},
        }
    )
    chart.set_title({"name": "Rows by status"})
    chart.set_legend({"none": True})
    chart.set_size({"width": 640, "height": 360})
    return chart


def _amount(amount: Decimal | None) -> Decimal:
    return amount if amount is not None and amount.is_finite() else Decimal(0)
