"""Headings are recognised however people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.columns import ALIASES, known_column, name_columns
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "columns.md"


def test_the_page_lists_the_aliases():
    """The table of aliases in the docs is the one in the code."""
    names = PAGE.read_text(encoding="utf-8").split("\n## Names\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", names, re.MULTILINE)
    assert {column: tuple(aliases.split(", ")) for column, aliases in rows} == ALIASES


def test_no_alias_means_two_columns():
    """Each alias is read as its own column, and each column as itself."""
    assert set(ALIASES) == {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    for column, aliases in ALIASES.items():
        assert {known_column(name) for name in (column, *aliases)} == {column}


@given(st.sampled_from(sorted(ALIASES)), st.randoms(), st.sampled_from(["", " ", "_", "-", ". ", "\ufeff", "\u200b"]))
def test_case_and_punctuation_do_not_count(column, random, joint):
    """A column's name is known in any case and with anything but letters and digits in between."""
    name = joint.join(random.choice([part.upper(), part.title(), part]) for part in column.split("_"))
    assert known_column(f"{joint}{name}{joint}") == column


def test_unknown_columns_keep_their_names_apart():
    """Other columns keep their own names; blank and repeated ones get names of their own."""
    named = name_columns([*REQUIRED_COLUMNS, " Note ", "", "Note", "column_7"])
    assert named == (*REQUIRED_COLUMNS, "Note", "column_7", "Note (8)", "column_7 (9)")


def test_names_made_apart_are_apart():
    """Not even a heading that looks like a name made up by us collides with one."""
    named = name_columns([*REQUIRED_COLUMNS, "a", "a (8)", "a", "a (8)"])
    assert len(set(named)) == len(named)


def test_a_guess_never_quotes_a_cell():
    """A claim in the first line, beside one heading by chance, is not quoted."""
    with pytest.raises(UploadRejected) as refused:
        name_columns(["ZE1", "ALMA", "TESTER", "dob", "ZX0001"])
    assert not re.search("ALMA|TESTER|ZX0001|ZE1", refused.value.message)


@pytest.mark.parametrize("heading", ["Claim number ZE59426", "claim_number 7", "Claim no ٣"])
def test_a_guess_never_quotes_a_digit(heading):
    """A heading that resembles a column's name and carries data is named by its place."""
    with pytest.raises(UploadRejected, match=r"\(column 3 may be meant for claim_number\)") as refused:
        name_columns(["dob", "note", heading, *REQUIRED_COLUMNS[1:3], "subscriber"])
    assert heading.split()[-1] not in refused.value.message.replace("column 3", "")
