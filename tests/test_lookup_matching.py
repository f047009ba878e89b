"""Which claim of an answer is the one asked for: never the first for want of a better, never another patient's."""

from datetime import date
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.lookup.matching import (
    Match,
    MatchRules,
    NoMatch,
    contradicts,
    latest,
    match_claim,
    normal_id,
    normal_member_id,
    normal_name,
)
from bulkclaims.records import ClaimInquiry, ClaimStatus

STRICT = MatchRules()
WIDE = MatchRules(allow_demographic_match=True)
BORN = date(1972, 3, 4)
DAY = date(2025, 11, 14)

ASKED = ClaimInquiry("PCN7", "ALMA", "TESTER", BORN, "ZX12", first_service_date=DAY, patient_account_number="ACCT-7")
TOLD = ClaimStatus(
    "F1",
    payer_claim_number="PCN7",
    first_name="ALMA",
    last_name="TESTER",
    date_of_birth=BORN,
    subscriber_id="ZX12",
    service_dates=(DAY, DAY),
)

some_dates = st.none() | st.sampled_from([BORN, DAY, date(2025, 12, 1)])
claims = st.builds(
    ClaimStatus,
    category_code=st.sampled_from(["F1", "F2", "F3", "P1", "A4"]),
    payer_claim_number=st.sampled_from(["PCN7", "0PCN7", "pcn-7", "PCN8", "", "0"]),
    patient_account_number=st.sampled_from(["ACCT-7", "PCN7", "ACCT-8", ""]),
    first_name=st.sampled_from(["ALMA", "Alm", "BENNO", ""]),
    last_name=st.sampled_from(["TESTER", "Tester Jr", "OTHER", ""]),
    date_of_birth=st.none() | st.sampled_from([BORN, date(1980, 1, 1)]),
    subscriber_id=st.sampled_from(["ZX12", "00ZX12-01", "OTHER", ""]),
    total_paid=st.none() | st.decimals(0, 9, places=2),
    processed_date=some_dates,
    effective_date=some_dates,
    service_dates=st.none() | st.just((DAY, DAY)),
    complete=st.booleans(),
)
answers = st.lists(claims, max_size=5)
rules = st.sampled_from([STRICT, WIDE])


@given(answers, rules, st.randoms())
def test_the_order_of_an_answer_never_matters(told, how, random):
    """Any order of the same claims gives the same outcome."""
    shuffled = random.sample(told, len(told))
    assert match_claim(ASKED, told, how) == match_claim(ASKED, shuffled, how)


@given(answers, rules)
def test_another_patients_claim_is_never_taken(told, how):
    """A claim whose birth date or last name contradicts the row is never the match."""
    match = match_claim(ASKED, told, how)
    if isinstance(match, Match):
        assert match.claim in told
        assert match.claim.date_of_birth in {None, BORN}
        assert normal_name(match.claim.last_name) in {"", "TESTER"}


@given(answers)
def test_a_match_always_has_a_reason(told):
    """Without the setting, what is taken carries the number: no claim is taken only because it came first or alone."""
    match = match_claim(ASKED, told, STRICT)
    if isinstance(match, Match):
        payers, accounts = normal_id(match.claim.payer_claim_number), normal_id(match.claim.patient_account_number)
        assert payers.lstrip("0") == "PCN7" or accounts in {"ACCT7", "PCN7"}


@given(answers)
def test_strangers_change_nothing(told):
    """Adding claims of another patient with other numbers to a match leaves it as it is."""
    stranger = ClaimStatus("F1", payer_claim_number="X", last_name="OTHER", date_of_birth=date(1950, 1, 1))
    match = match_claim(ASKED, told, WIDE)
    if isinstance(match, Match):
        assert match_claim(ASKED, [stranger, *told], WIDE) == match


@pytest.mark.parametrize("number", ["PCN7", "pcn 7", "P.C.N-7", "000PCN7"])
def test_the_claim_number_matches_in_any_writing(number):
    """Case, spaces, dashes, dots and leading zeros do not matter."""
    told = evolve(TOLD, payer_claim_number=number)
    assert match_claim(ASKED, [evolve(TOLD, payer_claim_number="PCN6"), told], STRICT) == Match(told, "claim_number")


def test_an_exact_number_wins_over_one_with_zeros():
    """Both `123` and `0123` come back: the one written just so is meant, and the other is no version of it."""
    exact, zeros = evolve(TOLD, payer_claim_number="123"), evolve(TOLD, payer_claim_number="0123")
    assert match_claim(evolve(ASKED, claim_number="123"), [zeros, exact], STRICT) == Match(exact, "claim_number")
    assert match_claim(evolve(ASKED, claim_number="0123"), [zeros, exact], STRICT) == Match(zeros, "claim_number")


@pytest.mark.parametrize("other", [{"date_of_birth": date(1980, 1, 1)}, {"last_name": "OTHER"}])
def test_the_right_number_with_a_wrong_patient_is_not_shown(other):
    """Birth date or last name contradict: it is said to be another patient's, and no claim is handed on."""
    assert match_claim(ASKED, [evolve(TOLD, **other)], STRICT) == NoMatch("other_patient")


def test_what_is_not_told_contradicts_nothing():
    """An answer without names and birth dates is matched by its number."""
    bare = ClaimStatus("F1", payer_claim_number="PCN7")
    assert not contradicts(ASKED, bare)
    assert match_claim(ASKED, [bare], STRICT) == Match(bare, "claim_number")


@pytest.mark.parametrize("confirmed", [{"date_of_birth": None}, {"subscriber_id": ""}])
@pytest.mark.parametrize("column", ["patient_account_number", "claim_number"])
def test_the_account_number_matches_with_birth_date_or_member_id(confirmed, column):
    """The provider's own number, from either column, is enough if one more thing identifies the patient."""
    asked = evolve(ASKED, **{"patient_account_number": "", column: "ACCT-7"})
    told = evolve(TOLD, payer_claim_number="ICN1", patient_account_number="acct7", **confirmed)
    assert match_claim(asked, [told], STRICT) == Match(told, "patient_account_number")


def test_the_account_number_alone_is_not_enough():
    """With neither birth date nor member id nothing says that it is our account number."""
    told = ClaimStatus("F1", payer_claim_number="ICN1", patient_account_number="ACCT-7")
    assert match_claim(ASKED, [told], STRICT) == NoMatch("other_claims")


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"first_name": "Alm"}, True),
        ({"first_name": "Al"}, False),
        ({"first_name": ""}, False),
        ({"last_name": ""}, False),
        ({"date_of_birth": None}, False),
        ({"subscriber_id": ""}, False),
        ({"service_dates": None}, False),
        ({"service_dates": (date(2025, 11, 15), date(2025, 11, 20))}, False),
        ({"service_dates": (date(2025, 11, 1), date(2025, 11, 14))}, True),
    ],
)
def test_a_demographic_match_needs_everything_and_the_setting(change, taken):
    """Birth date, names, member id and overlapping dates, all known; and only if the setting allows it."""
    told = evolve(TOLD, payer_claim_number="ICN1", **change)
    assert match_claim(ASKED, [told], STRICT) == NoMatch("other_claims")
    assert match_claim(ASKED, [told], WIDE) == (Match(told, "demographics") if taken else NoMatch("other_claims"))


def test_a_demographic_match_needs_dates_in_the_row():
    """A row without dates of service overlaps with nothing."""
    assert match_claim(evolve(ASKED, first_service_date=None), [evolve(TOLD, payer_claim_number="X")], WIDE) == NoMatch(
        "other_claims"
    )


def test_blank_first_names_are_not_the_same():
    """Two blanks prove nothing."""
    asked = evolve(ASKED, first_name="1")
    told = evolve(TOLD, payer_claim_number="X", first_name="")
    assert match_claim(asked, [told], WIDE) == NoMatch("other_claims")


def test_of_two_similar_claims_none_is_taken():
    """Two claims of the same patient and dates: neither is a guess we make."""
    two = [evolve(TOLD, payer_claim_number=number) for number in ("ICN1", "ICN2")]
    assert match_claim(ASKED, two, WIDE) == NoMatch("other_claims")


def test_an_empty_answer_is_nothing():
    """No claims at all: plainly not found."""
    assert match_claim(ASKED, [], WIDE) == NoMatch("nothing")


def test_the_latest_version_counts_and_versions_are_counted():
    """Of several with the number, the latest effective or processed date wins."""
    old = evolve(TOLD, effective_date=date(2025, 1, 1), total_paid=Decimal(1))
    new = evolve(TOLD, category_code="F2", processed_date=date(2025, 1, 2), total_paid=Decimal(2))
    assert match_claim(ASKED, [new, old], STRICT) == Match(new, "claim_number", 2)


def test_on_the_same_day_the_one_with_details_counts():
    """Rather than a paid one without; a later day counts for more than details."""
    whole, bare = evolve(TOLD, category_code="F2"), evolve(TOLD, complete=False)
    assert latest([whole, bare]) == latest([bare, whole]) == whole
    later = evolve(bare, effective_date=DAY)
    assert latest([whole, later]) == latest([later, whole]) == later


@pytest.mark.parametrize("better", ["F1", "F3", "P1"])
def test_on_the_same_day_a_denial_comes_last(better):
    """On a tie the paid or revised version wins over the denied one."""
    paid, denied = evolve(TOLD, category_code=better), evolve(TOLD, category_code="F2")
    assert latest([paid, denied]) == latest([denied, paid]) == paid


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MULLER"),
        ("O'Brien", "O\u2019BRIEN"),
        ("O'Brien", "OBRIEN"),
        ("Smith-Jones", "SMITH JONES"),
        ("Tester, Jr.", "TESTER"),
        ("King III", "king"),
    ],
)
def test_names_are_compared_as_payers_spell_them(one, other):
    """Marks, case, punctuation and suffixes make no other person."""
    assert normal_name(one) == normal_name(other) != ""


def test_a_name_that_is_only_a_suffix_stays():
    """Somebody may be called Jr."""
    assert normal_name("Jr") == "JR"


@pytest.mark.parametrize(("one", "other"), [("ZX 12-01", "ZX12"), ("0012345", "12345"), ("a.b-c", "ABC")])
def test_member_ids_are_compared_without_tails_and_zeros(one, other):
    """A dependent's tail, leading zeros and separators make no other member."""
    assert normal_member_id(one) == normal_member_id(other)
