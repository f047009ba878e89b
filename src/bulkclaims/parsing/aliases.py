"""The names that files have for our columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 255
"""Characters of a heading that tell it from others."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "claim_number": (
        "claim",
        "claim #",
        "claim no",
        "claim id",
        "payer claim number",
        "payer claim control number",
        "icn",
        "dcn",
        "tcn",
    ),
    "first_name": ("first", "fname", "given name", "patient first name", "patient first", "member first name"),
    "last_name": (
        "last",
        "lname",
        "surname",
        "family name",
        "patient last name",
        "patient last",
        "member last name",
    ),
    "date_of_birth": ("dob", "birth date", "birthday", "patient dob", "patient date of birth", "patient birth date"),
    "subscriber_id": (
        "subscriber #",
        "subscriber no",
        "member id",
        "member #",
        "member no",
        "insurance id",
        "policy #",
        "policy no",
    ),
    "payer_id": ("payer #", "payer no", "payer code", "trading partner id"),
    "npi": ("provider npi", "billing npi", "billing provider npi", "npi #", "npi no"),
    "tin": ("practice tin", "tax id", "tax id #", "ein", "provider tin", "billing tin"),
    "first_service_date": (
        "dos",
        "date of service",
        "service date",
        "dos from",
        "from date",
        "service from",
        "service start date",
        "first date of service",
    ),
    "last_service_date": (
        "dos to",
        "to date",
        "service to",
        "service end date",
        "last date of service",
        "through date",
    ),
    "gender": ("sex", "patient gender", "patient sex"),
    "patient_account_number": (
        "account #",
        "account no",
        "patient account",
        "patient account #",
        "patient account no",
        "patient control number",
        "pcn",
    ),
}
"""
Other names of each column. Case, spaces and punctuation do not count, and `#` reads as `number`.

Under `payer` and `subscriber` people write names, not ids, so these are names of no column.
"""

REASON = ("error", "next_action")
"""With these begins the header of a file to correct."""

RESULTS = (
    "row",
    "claim_number",
    "status",
    "patient_name",
    "total_charged",
    "total_paid",
    "processed_date",
    "success",
    "error",
)
"""With these begins the header of every other file of results."""


def bare(heading: str) -> str:
    """What counts of a heading: letters and digits, without their case."""
    return re.sub(r"[\W_]+", "", heading[:LONGEST].replace("#", "number")).lower()


KNOWN: Mapping[str, str] = {bare(alias): column for column, aliases in ALIASES.items() for alias in (column, *aliases)}
"""Our column for each name, of which only what counts is left."""
