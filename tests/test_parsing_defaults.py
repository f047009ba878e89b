"""Tests of `bulkclaims.parsing.defaults`."""

from __future__ import annotations

from datetime import date

import pytest

from bulkclaims.errors import DefaultRefused
from bulkclaims.parsing import canonical_defaults


def canonical(**defaults):
    """Check defaults on New Year's Eve."""
    return canonical_defaults(defaults, lambda: date(2026, 12, 31))


def test_defaults_come_out_as_cells_do():
    """Whatever a cell may look like a default may, and it ends in the same one form."""
    assert canonical(
        payer_id=" 60054 ",
        npi="1999999984",
        tin="12-3456789",
        first_service_date="2026-03-04",
        last_service_date="3/5/2026",
        gender="female",
        patient_account_number='="007"',
    ) == {
        "payer_id": "60054",
        "npi": "1999999984",
        "tin": "123456789",
        "first_service_date": "03/04/2026",
        "last_service_date": "03/05/2026",
        "gender": "F",
        "patient_account_number": "007",
    }


def test_blank_defaults_stand_for_nothing():
    """A default may be blank, alone or beside others, or there may be none."""
    assert canonical() == {}
    assert canonical(npi="", tin=" ") == {"npi": "", "tin": ""}
    assert canonical(npi=" ", payer_id="60054") == {"npi": "", "payer_id": "60054"}


@pytest.mark.parametrize(
    ("defaults", "column", "reason"),
    [
        ({"npi": "12"}, "npi", "must be 10 digits"),
        ({"npi": "1999999985"}, "npi", "check digit"),
        ({"first_service_date": "01/01/2027"}, "first_service_date", "lies in the future"),
        (
            {"first_service_date": "01/02/2026", "last_service_date": "01/01/2026"},
            "last_service_date",
            "earlier than the first_service_date",
        ),
        ({"payer_id": "6"}, "payer_id", "shorter than 2"),
        ({"npi": 1999999984}, "npi", "It is to be text"),
        ({"payer": "60054"}, "payer", "Only payer_id, npi,"),
        ({"claim_number": "PCN1"}, "claim_number", "can have a default"),
    ],
)
def test_a_default_that_no_cell_could_be_is_refused(defaults, column, reason):
    """The refusal names the column and says why, and does not repeat the value."""
    with pytest.raises(DefaultRefused, match=reason) as refusal:
        canonical(**defaults)

    assert refusal.value.column == column
    assert str(refusal.value).startswith(f"The default for {column} cannot be used. ")
    assert str(defaults[column]) not in str(refusal.value)
