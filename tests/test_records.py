"""Values are read off rows and show no patient data."""

from __future__ import annotations

import pickle
from copy import copy, deepcopy
from datetime import date

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from bulkclaims.records import CellError, ClaimInquiry, ClaimStatus, Row, RowResult
from bulkclaims.records.rows import row_of

COLUMNS = ("claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id")
CELLS = ("CANARY1", "CANARYFIRST", "CANARYLAST", "03/04/1972", "CANARY2")


def test_an_inquiry_takes_cells_before_defaults():
    """A row's own cell wins over the job's default, a blank one does not."""
    columns = (*COLUMNS, "payer_id", "npi", "first_service_date", "comment")
    row = Row(1, columns, (*CELLS, "11111", "", "11/14/2025", "kept"))

    inquiry = ClaimInquiry.from_row(row, {"payer_id": "99999", "npi": "1999999984"})

    assert (inquiry.payer_id, inquiry.npi, inquiry.tin) == ("11111", "1999999984", "")
    assert (inquiry.date_of_birth, inquiry.first_service_date) == (date(1972, 3, 4), date(2025, 11, 14))
    assert inquiry.last_service_date is None


def test_a_row_made_quickly_is_a_row():
    """It is equal to one made as any frozen value is, can be no more changed, and passes through all that rows do."""
    cells = (7, COLUMNS, CELLS, (CellError(7, "first_name", "odd", "It is odd."),), ())
    quick, row = row_of(*cells), Row(*cells)
    assert (type(quick), quick, hash(quick), repr(quick)) == (Row, row, hash(row), repr(row))
    assert quick != row_of(8, COLUMNS, CELLS)
    assert row_of(7, COLUMNS, CELLS) == Row(7, COLUMNS, CELLS)
    assert {quick: 1}[row] == 1
    for again in (pickle.loads(pickle.dumps(quick)), copy(quick), deepcopy(quick), evolve(quick)):
        assert (type(again), again) == (Row, row)
    assert evolve(quick, number=8).number == 8
    with pytest.raises(FrozenInstanceError):
        quick.number = 8
    with pytest.raises(FrozenInstanceError):
        del quick.number


def test_no_repr_shows_a_patient():
    """Rows, inquiries, statuses and results may stand in a log line."""
    row = Row(1, COLUMNS, CELLS, (CellError(1, "first_name", "odd", "It is odd."),))
    values = [
        row,
        ClaimInquiry.from_row(row, {}),
        ClaimStatus("F1", payer_claim_number="CANARY", first_name="CANARY", subscriber_id="CANARY"),
        RowResult(1, "CANARY", "Error", False, patient_name="CANARY", error="CANARY", payer_claim_number="CANARY"),
    ]

    assert "CANARY" not in repr(values)
    assert "1972" not in repr(values)
