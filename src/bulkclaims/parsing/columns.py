"""Which column of a file is which of ours."""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bulkclaims.errors import UploadRejected
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_COLUMNS = 1000

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
        "subscriber",
        "subscriber #",
        "subscriber no",
        "member id",
        "member #",
        "member no",
        "insurance id",
        "policy #",
        "policy no",
    ),
    "payer_id": ("payer", "payer #", "payer no", "payer code", "trading partner id"),
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
"""Other names of each column. Case, spaces and punctuation do not count, and `#` reads as `number`."""

_MOST_GUESSES = 50
_LONGEST_GUESS = 40


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.replace("#", "number")).lower()


_KNOWN = {_bare(alias): column for column, aliases in ALIASES.items() for alias in (column, *aliases)}


def known_column(heading: str) -> str | None:
    """Our name for the column that a file calls *heading*, or None."""
    return _KNOWN.get(_bare(heading[:255]))


def name_columns(headings: Sequence[str]) -> tuple[str, ...]:
    """
    Name each column: ours where we know it, otherwise the file's own, made unique.

    Raises:
        UploadRejected: Too many columns; required ones are missing or known ones doubled; or this is no header.
    """
    if len(headings) > MOST_COLUMNS:
        raise too_many_columns("The header")
    known = [known_column(heading) for heading in headings]
    if not any(known) and any(re.search(r"\d{4}|\d[/-]\d", heading) for heading in headings):
        raise UploadRejected(
            "The first line names no column that we know. It must be the header, such as "
            f"{','.join(REQUIRED_COLUMNS)}: add it, or remove what stands above it.",
            code="no_header",
        )
    _refuse_missing_or_doubled(headings, known)
    return tuple(_unique(known, headings))


def too_many_columns(place: str) -> UploadRejected:
    """Refuse a file whose *place*, such as `Row 7`, has more cells than any list of claims."""
    return UploadRejected(
        f"{place} has more than {MOST_COLUMNS:,} cells. Remove the columns that do not belong to the claims.",
        code="too_many_columns",
    )


def _refuse_missing_or_doubled(headings: Sequence[str], known: Sequence[str | None]) -> None:
    places = defaultdict(list)
    for place, column in enumerate(known, start=1):
        if column:
            places[column].append(str(place))
    missing = [column for column in REQUIRED_COLUMNS if column not in places]
    doubled = [f"{column} (columns {_listed(at)})" for column, at in places.items() if len(at) > 1]
    if not missing and not doubled:
        return
    said = []
    if missing:
        said.append(f"lacks {_listed(missing)}{_guesses(headings, known, missing)}")
    if doubled:
        said.append(f"has more than one {_listed(doubled)}")
    raise UploadRejected(
        f"The header {' and '.join(said)}. Every file needs each of {', '.join(REQUIRED_COLUMNS)} once.",
        code="missing_columns" if missing else "doubled_columns",
    )


def _guesses(headings: Sequence[str], known: Sequence[str | None], missing: Sequence[str]) -> str:
    names = [bare for bare, column in _KNOWN.items() if column in missing]
    strangers = [(place, headings[place - 1].strip()) for place, column in enumerate(known, start=1) if column is None]
    guesses: dict[str, str] = {}
    for place, heading in strangers[:_MOST_GUESSES]:
        if len(heading) <= _LONGEST_GUESS and (close := get_close_matches(_bare(heading), names, n=1, cutoff=0.75)):
            guesses.setdefault(_KNOWN[close[0]], _quoted(heading, place))
    meant = [f"{heading} may be meant for {column}" for column, heading in guesses.items()]
    return f" ({_listed(meant)})" if meant else ""


def _quoted(heading: str, place: int) -> str:
    """A heading that resembles a column's name, or its place where a digit says that it may hold a cell as well."""
    return f"column {place}" if any(map(str.isdigit, heading)) else f"“{heading}”"


def _unique(known: Sequence[str | None], headings: Sequence[str]) -> Iterator[str]:
    taken = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    for place, (column, heading) in enumerate(zip(known, headings, strict=True), start=1):
        name = column or heading.strip() or f"column_{place}"
        while not column and name in taken:
            name = f"{name} ({place})"
        taken.add(name)
        yield name


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
