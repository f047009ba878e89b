"""Rows become distinct questions, and a row that cannot be asked says why."""

from __future__ import annotations

from bulkclaims.lookup.inquiries import questions
from bulkclaims.records import REQUIRED_COLUMNS, Row, Source

CELLS = ("PCN7", "Alma", "Tester", "03/04/1972", "ZX12")


def test_equal_rows_ask_one_question():
    """The rows stand with it in file order; a row that differs in anything asks another."""
    rows = [Row(n, REQUIRED_COLUMNS, CELLS) for n in (1, 3)] + [Row(4, REQUIRED_COLUMNS, ("PCN8", *CELLS[1:]))]
    asked, hopeless = questions(rows, {}, b"salt", ())

    assert [question.rows for question in asked.values()] == [[1, 3], [4]]
    assert hopeless == []


def test_a_row_that_cannot_be_asked_is_given_up_by_the_worker():
    """It counts as failed, was not refused at upload, and was never sent."""
    asked, (line,) = questions([Row(3, REQUIRED_COLUMNS, CELLS)], {}, b"salt", [frozenset({"npi", "tin"})])

    assert asked == {}
    assert (line.row, line.claim_number, line.patient_name) == (3, "PCN7", "Alma Tester")
    assert (line.status, line.source, line.asked) == ("Error", Source.WORKER, 0)
    assert line.error == "Not asked: this payer needs NPI or TIN; add the column or set it for the whole job"
