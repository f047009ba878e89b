"""Values are read off rows and show no patient data."""

from __future__ import annotations

from datetime import date

from bulkclaims.records import CellError, ClaimInquiry, ClaimStatus, Row, RowResult

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
