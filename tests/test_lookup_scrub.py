"""Nothing of a row gets out through a payer's own words."""

from datetime import date

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.lookup.wire.scrub import MAX_LENGTH, code, scrub, without_secrets
from bulkclaims.records import ClaimInquiry

ASKED = ClaimInquiry("PCN-7000001", "Alma", "O'Tester-Smith", date(1972, 3, 4), "ZX00012345", gender="F")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("providers must hold exactly one BillingProvider", "providers must hold exactly one BillingProvider"),
        ("member ZX00012345 not found", "member … not found"),
        ("ALMA  O'TESTER-SMITH,\nborn 03/04/1972", "…, born …"),
        ("o'tester unknown", "… unknown"),
        ("MrsSmithAlma unknown", "… unknown"),
        ("claim 7000001 and 19720304", "claim … and …"),
        ("", ""),
    ],
)
def test_words_of_the_row_and_numbers_are_hidden(said, shown):
    """Cells in any case, alone or within a longer word, and every word with a digit."""
    assert scrub(said, ASKED) == shown


@pytest.mark.parametrize(
    ("cells", "said", "shown"),
    [
        ({"first_name": "José", "last_name": "Núñez"}, "patient NUNEZ, JOSE unknown", "patient … unknown"),
        ({"first_name": "JOSE", "last_name": "NUNEZ"}, "patient Nu\u0301n\u0303ez, José unknown", "patient … unknown"),
        ({"last_name": "O'BRIEN"}, "OBRIEN or Bríen or O BRIEN unknown", "… or … or … unknown"),
        ({"last_name": "Nunez"}, "no NU NEZ and no Mrs Nu-Nez here", "no … and no Mrs … here"),
        ({"subscriber_id": "ABCDEF"}, "member ABC-DEF, AB C DEF or idAB/CDEFx", "member … or …"),
        ({"subscriber_id": "00ABC-DEF-01"}, "member ABCDEF", "member …"),
        ({"last_name": "O'Li Jr"}, "OLI unknown", "… unknown"),
        ({"first_name": "Strauß"}, "STRAUSS unknown", "… unknown"),
        ({"last_name": "Nunez"}, "NU\u200bNEZ\ud800 unknown", "… unknown"),
        ({"first_name": "Alma"}, "in general malady is no name", "in general malady is no name"),
        ({"first_name": "Li"}, "Li likes it", "… likes it"),
    ],
)
def test_a_cell_is_known_however_it_is_spelled(cells, said, shown):
    """Without its accents and punctuation or with others, split or run together; chance across words tells nothing."""
    assert scrub(said, evolve(ASKED, **cells)) == shown


def test_a_message_is_not_cut_within_a_name():
    """Of a name that begins where reading ends, no part is shown either."""
    known = ("ALMA, " * 400)[: 4 * MAX_LENGTH]

    assert {scrub(known[:end] + "ALMA" * 9, ASKED) for end in range(4 * MAX_LENGTH - 4, 4 * MAX_LENGTH)} <= {"…", "…,"}


@given(
    st.text(max_size=60),
    st.sampled_from(["Alma", "alma", "ZX00012345", "PCN-7000001", "TESTER", "1972-03-04", "Smith"]),
    st.text(max_size=60),
)
def test_no_cell_survives(before, cell, after):
    """Whatever surrounds it, a cell of the row is gone from the text."""
    assert cell.casefold() not in scrub(f"{before}{cell}{after}", ASKED).casefold()


@given(st.text(max_size=2000))
def test_it_is_never_long(said):
    """A page as a message does not become an error cell."""
    assert len(scrub(said, ASKED)) <= MAX_LENGTH


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "key canary/+secret is wrong"}',
        b'{"message": "key canary\\/+secret is wrong"}',
        b'{"message": "key canary/\\u002Bsecret is wrong"}',
        b'{"message": "key CANARY/+SECRET is wrong"}',
    ],
)
def test_a_secret_is_hidden_however_it_is_spelled(body):
    """JSON may write a slash with a backslash before it, and any character by its number."""
    assert without_secrets(body, ["canary/+secret", "canary"]).decode() == '{"message": "key … is wrong"}'


def test_what_is_too_short_for_a_secret_stays():
    """It could stand in any body."""
    assert without_secrets(b'{"message": "no"}', ["", "no"]) == b'{"message": "no"}'


@pytest.mark.parametrize("given_code", ["TOO_MANY_REQUESTS", "LCLM_PS_201", 42, "E-1.2:3"])
def test_a_code_is_shown(given_code):
    """Words, digits and separators make a code."""
    assert code(given_code, ASKED) == str(given_code)


@pytest.mark.parametrize(
    "given_code",
    [None, True, 1.5, "", "two words", "A" * 41, "Alma", "X_TESTER", "ZX00012345-1", "ZX000-12345", "O.TESTER", {}],
)
def test_what_is_no_code_is_not_shown(given_code):
    """Sentences, other kinds, and anything with a word of the row."""
    assert code(given_code, ASKED) == ""
