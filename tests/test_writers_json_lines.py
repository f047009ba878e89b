"""JSON Lines are for programs: one object a row, and every value of a kind that keeps it as it is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from attrs import evolve

from bulkclaims.records import REQUIRED_COLUMNS, Earlier, ResultLine, Row, RowResult
from bulkclaims.testing.contracts import ResultWriterContract
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import JsonLinesWriter, full, nine, to_correct

VALUES = ("C1", "ALMA", "TESTER", "03/04/1972", "ZX00012345")


@pytest.mark.parametrize("columns", [nine, full])
class TestJsonLinesWriter(ResultWriterContract):
    """The JSON Lines writer keeps the promises of its seam, whatever its columns."""

    @pytest.fixture
    def writer(self, columns):
        """The member under test."""
        return JsonLinesWriter(columns)

    @pytest.fixture(autouse=True)
    def _names(self, columns):
        self.names = [column.name for column in columns(JOB)]

    def read(self, file):
        """Read the file back line by line; there is no header to read."""
        return self.names, [json.loads(line) for line in file.decode().splitlines()]


def written(columns, *lines):
    """The objects of a file."""
    return [json.loads(line) for line in b"".join(JsonLinesWriter(columns).write(JOB, lines)).splitlines()]


def test_every_value_is_of_its_kind():
    """Amounts are text with two places, days and moments ISO 8601, nothing is null, and text has no mark."""
    result = RowResult(
        1,
        "=1",
        "Paid",
        True,
        "ALMA",
        Decimal("-0.1"),
        None,
        date(2026, 1, 2),
        answered_at=datetime(2026, 1, 3, 4, tzinfo=UTC),
    )

    (line,) = written(full, ResultLine(Row(1, REQUIRED_COLUMNS, VALUES), result))

    assert line["row"] == 1
    assert line["claim_number"] == "=1"
    assert line["total_charged"] == "-0.10"
    assert line["total_paid"] is None
    assert line["processed_date"] == "2026-01-02"
    assert line["success"] is True
    assert line["answered_at"] == "2026-01-03T04:00:00Z"
    assert line["subscriber_id"] == "ZX00012345"


def test_cells_beyond_the_header():
    """A row that has too many cells has all of them in a file of the upload's columns, and in no other."""
    line = ResultLine(Row(1, REQUIRED_COLUMNS, (*VALUES, "x", "")), RowResult(1, "C1", "Error", False))

    (corrected,), (short,) = written(to_correct, line), written(nine, line)

    assert corrected["further_cells"] == ["x", ""]
    assert "further_cells" not in short


@pytest.mark.parametrize("columns", [nine, full])
@pytest.mark.parametrize(
    ("earlier", "told"), [(Earlier("Pending", True, 3), True), (Earlier("Paid", False, None), False), (None, None)]
)
def test_what_changed_is_a_flag(columns, earlier, told):
    """True, false, or null where nothing is known; people are given a word."""
    job = evolve(JOB, upload=evolve(JOB.upload, compared_with=JOB.id))
    line = ResultLine(Row(1, REQUIRED_COLUMNS, VALUES), RowResult(1, "C1", "Paid", True), earlier)

    (read,) = (json.loads(file) for file in JsonLinesWriter(columns).write(job, [line]))

    assert read["changed"] is told


def test_every_line_is_one_line():
    """Signs that some readers take for line ends are escaped."""
    line = ResultLine(Row(1, REQUIRED_COLUMNS, VALUES), RowResult(1, "a\u2028b\x85c\nd", "Error", False))

    file = b"".join(JsonLinesWriter().write(evolve(JOB), [line])).decode()

    assert len(file.splitlines()) == 1
    assert file.isascii()
