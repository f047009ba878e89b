"""Headings are recognised however people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.aliases import ALIASES, KNOWN, REASON, RESULTS, bare
from bulkclaims.parsing.columns import name_columns
from bulkclaims.records import AS_FOUND, OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Heading, Known, Layout

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "columns.md"


def columns(headings, layout=AS_FOUND):
    """What each column of a file is named."""
    return tuple(heading.column for heading in name_columns(headings, layout))


def test_the_page_lists_the_aliases():
    """The table of aliases in the docs is the one in the code."""
    names = PAGE.read_text(encoding="utf-8").split("\n## Names\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", names, re.MULTILINE)
    assert {column: tuple(aliases.split(", ")) for column, aliases in rows} == ALIASES


def test_no_alias_means_two_columns():
    """Each alias is read as its own column, and each column as itself."""
    assert set(ALIASES) == {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    for column, aliases in ALIASES.items():
        assert {KNOWN[bare(name)] for name in (column, *aliases)} == {column}


@given(st.sampled_from(sorted(ALIASES)), st.randoms(), st.sampled_from(["", " ", "_", "-", ". ", "\ufeff", "\u200b"]))
def test_case_and_punctuation_do_not_count(column, random, joint):
    """A column's name is known in any case and with anything but letters and digits in between."""
    name = joint.join(random.choice([part.upper(), part.title(), part]) for part in column.split("_"))
    assert KNOWN[bare(f"{joint}{name}{joint}")] == column


def test_unknown_columns_keep_their_names_apart():
    """Other columns keep their own names; blank and repeated ones get names of their own."""
    named = columns([*REQUIRED_COLUMNS, " Note ", "", "Note", "column_7"])
    assert named == (*REQUIRED_COLUMNS, "Note", "column_7", "Note (8)", "column_7 (9)")


def test_names_made_apart_are_apart():
    """Not even a heading that looks like a name made up by us collides with one."""
    named = columns([*REQUIRED_COLUMNS, "a", "a (8)", "a", "a (8)"])
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
        name_columns(["dob", "note", heading, *REQUIRED_COLUMNS[1:3], "member id"])
    assert heading.split()[-1] not in refused.value.message.replace("column 3", "")


OWN = ("Fall-Nr", "Vorname", "Name", "Geboren", "Mitglied")
SAID = dict(zip(OWN, REQUIRED_COLUMNS, strict=True))


def refusal(headings, layout=AS_FOUND):
    """What is said of headings that are refused."""
    with pytest.raises(UploadRejected) as refused:
        name_columns(headings, layout)
    return refused.value


@pytest.mark.parametrize(
    ("layout", "known"),
    [
        (Layout(columns=SAID), Known.GIVEN),
        (Layout(saved=SAID), Known.SAVED),
        (Layout(columns=SAID, saved=dict.fromkeys(OWN, "")), Known.GIVEN),
        (Layout(columns={heading.upper().replace("-", " "): column for heading, column in SAID.items()}), Known.GIVEN),
    ],
)
def test_a_heading_is_what_was_said_of_it(layout, known):
    """The sender's word goes before what was saved; case, spaces and punctuation do not count."""
    named = name_columns([*OWN, "Note"], layout)
    assert named[:-1] == tuple(map(Heading, OWN, REQUIRED_COLUMNS, [known] * 5))
    assert named[-1] == Heading("Note", "Note", Known.OTHER)


def test_what_was_said_goes_before_our_own_names():
    """A heading that is one of our names may be said to be another column, and its own is then another's."""
    headings = ["claim no", "icn", *REQUIRED_COLUMNS[1:], "dos"]
    named = name_columns(headings, Layout(columns={"ICN": "claim_number"}, saved={"dos": ""}))
    assert [(heading.column, heading.known) for heading in named] == [
        ("claim no", Known.OTHER),
        ("claim_number", Known.GIVEN),
        *((column, Known.NAME) for column in REQUIRED_COLUMNS[1:]),
        ("dos", Known.OTHER),
    ]


def test_the_senders_choice_goes_before_a_saved_one():
    """Of two headings for one column, the weaker is kept as none of ours, even if it has that very name."""
    layout = Layout(columns={"Ref": "claim_number"}, saved={"Fall": "claim_number"})
    assert columns(["Fall", "Ref", *REQUIRED_COLUMNS], layout) == (
        "Fall",
        "claim_number",
        "claim_number (3)",
        *REQUIRED_COLUMNS[1:],
    )


def test_none_takes_back_what_was_saved():
    """A heading is then read by its own name; one that has none is none of ours."""
    layout = Layout(columns={"ICN": None, "Fall": None}, saved={"icn": "patient_account_number", "fall": "gender"})
    assert columns(["icn", "Fall", *REQUIRED_COLUMNS[1:]], layout) == ("claim_number", "Fall", *REQUIRED_COLUMNS[1:])


def test_saved_headings_need_not_be_there():
    """A file without them is read by its names, whatever another version of the library has saved."""
    layout = Layout(saved={"Fall": "claim_number", "note": "favourite_colour", "!": "npi"})
    assert columns([*REQUIRED_COLUMNS, "note", "?"], layout) == (*REQUIRED_COLUMNS, "note", "?")


def test_a_mark_against_formulas_is_no_part_of_a_heading():
    """What our results files put before a heading is taken off."""
    assert columns([*REQUIRED_COLUMNS, "'=x", "'y"]) == (*REQUIRED_COLUMNS, "=x", "'y")


@pytest.mark.parametrize("heading", ["Nummer ZE59426", "", "?"])
def test_a_given_heading_must_be_there(heading):
    """Only our own column is named: what is not in the file may be anything."""
    error = refusal([*REQUIRED_COLUMNS, "", "!"], Layout(columns={heading: "npi", "Ref": "tin", "Colour": ""}))
    assert error.code == "unknown_heading"
    assert "said to be npi and tin." in error.message
    assert "ZE59426" not in error.message


def test_a_heading_cannot_be_a_column_that_is_not_ours():
    """The sentence names those that are, and not what was sent."""
    error = refusal(REQUIRED_COLUMNS, Layout(columns={"claim_number": "colour"}))
    assert error.code == "unknown_column"
    assert "one of claim_number, " in error.message
    assert "colour" not in error.message


def test_a_guess_is_told_and_never_acted_on():
    """The refusal says it in words, with how to confirm it, and as data; confirmed, it is read."""
    headings = ["lst_name", "Claim Numbr 7", *REQUIRED_COLUMNS[1:2], *REQUIRED_COLUMNS[3:]]
    error = refusal(headings)
    assert "(“lst_name” may be meant for last_name and column 2 may be meant for claim_number)" in error.message
    assert '--column "lst_name=last_name"' in error.message
    assert error.guesses == {"lst_name": "last_name"}
    confirmed = Layout(columns={**error.guesses, "claim numbr 7": "claim_number"})
    assert columns(headings, confirmed)[:2] == ("last_name", "claim_number")


def test_what_is_said_to_be_none_of_ours_is_no_guess():
    """Nor is what was said to be something else."""
    error = refusal(["lst_name", *REQUIRED_COLUMNS[:2], *REQUIRED_COLUMNS[3:]], Layout(columns={"lst_name": ""}))
    assert error.code == "missing_columns"
    assert error.guesses == {}
    assert 'columns={"Your heading": "last_name"}' in error.message


def test_one_of_two_can_be_chosen():
    """Two headings of one column are refused with how to choose; two that are spelt alike cannot be told apart."""
    headings = ["Claim", *REQUIRED_COLUMNS[1:], "Claim No"]
    error = refusal(headings)
    assert error.code == "doubled_columns"
    assert '--column "Claim No=claim_number"' in error.message
    assert columns(headings, Layout(columns={"claim no": "claim_number"}))[-1] == "claim_number"
    assert "--column" not in refusal(["Claim No", *REQUIRED_COLUMNS[1:], "Claim-No"]).message
    both = Layout(columns={"Claim": "claim_number", "Claim No": "claim_number"})
    assert refusal(headings, both).code == "doubled_columns"


@pytest.mark.parametrize("other", ["ICN", "payer_claim_number", "Claim #", "Claim Number", "CLAIM-NUMBER"])
def test_an_exact_name_goes_before_others(other):
    """What has another name of the column, or another spelling, is then none of ours, and is kept."""
    for headings in ([other, *REQUIRED_COLUMNS], [*REQUIRED_COLUMNS, other]):
        found = name_columns(headings)
        assert [(each.text, each.known) for each in found if each.column not in REQUIRED_COLUMNS] == [
            (other, Known.OTHER)
        ]
        assert [each.text for each in found if each.column in REQUIRED_COLUMNS] == list(REQUIRED_COLUMNS)


def test_two_exact_names_are_doubled():
    """Nobody knows which of them is meant."""
    assert refusal([*REQUIRED_COLUMNS, "claim_number"]).code == "doubled_columns"


@pytest.mark.parametrize(
    ("layout", "read"),
    [
        (Layout(saved={"Claim Number": "", "Our Ref": "npi"}), ("claim_number", Known.NAME)),
        (Layout(saved={"CLAIM_NUMBER": "npi"}), ("claim_number", Known.NAME)),
        (Layout(saved={"claim_number": "npi"}), ("npi", Known.SAVED)),
        (Layout(columns={"Claim Number": "npi"}), ("npi", Known.GIVEN)),
        (Layout(columns={"claim number": "tin"}, saved={"claim_number": "npi"}), ("tin", Known.GIVEN)),
        (Layout(columns={"claim number": None}, saved={"claim_number": "npi"}), ("claim_number", Known.NAME)),
    ],
)
def test_an_exact_name_goes_before_what_was_saved_of_other_spellings(layout, read):
    """And gives way to what was saved of just that spelling, or given of any."""
    headings = ["claim_number", *REQUIRED_COLUMNS[1:], *(["icn"] if read[0] != "claim_number" else [])]
    heading = name_columns(headings, layout)[0]
    assert (heading.column, heading.known) == read


@pytest.mark.parametrize("begin", [(*REASON, "claim_number"), RESULTS])
def test_nothing_that_was_saved_counts_in_a_file_of_ours(begin):
    """It has our own names, or such as were none of ours; what is given counts there, too."""
    headings = [*begin, *REQUIRED_COLUMNS[1:], "payer", "Our Ref"]
    layout = Layout(saved={"claim_number": "npi", "Our Ref": "claim_number", "payer": "payer_id", "error": "gender"})
    found = name_columns(headings, layout)
    assert {each.text for each in found if each.known is Known.NAME} == set(REQUIRED_COLUMNS)
    assert {each.known for each in found} == {Known.NAME, Known.OTHER}
    given = evolve(layout, columns={"Our Ref": "claim_number"})
    assert [each.text for each in name_columns(headings, given) if each.known is Known.GIVEN] == ["Our Ref"]
    assert Known.SAVED in {each.known for each in name_columns(["x", *REQUIRED_COLUMNS, "Our Ref"], layout)}


@pytest.mark.parametrize("heading", ["Payer", "Subscriber", "payer name"])
def test_names_of_people_and_payers_are_no_ids(heading):
    """Under such headings people write who it is, not which number that has."""
    assert columns([*REQUIRED_COLUMNS, heading])[-1] == heading


def test_what_is_no_name_may_be_guessed():
    """Where the column is missing, whoever sent the file is asked."""
    assert refusal([*REQUIRED_COLUMNS[:4], "Subscriber"]).guesses == {"Subscriber": "subscriber_id"}
