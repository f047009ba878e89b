"""From an answer to the nine columns: statuses, amounts, dates, notes and sentences."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import (
    AccessExpired,
    AnswerNotUnderstood,
    ConnectorError,
    InquiryRefused,
    PayerUnavailable,
    TicketGone,
)
from bulkclaims.lookup.inquiries import Question
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.outcomes import Exchange, answered, failed, find
from bulkclaims.lookup.status_codes import (
    CATEGORY_LABELS,
    CATEGORY_STATUS,
    NEXT_ACTIONS,
    STATUS_WORDS,
    WORD_STATUS,
    StatusTable,
)
from bulkclaims.records import Answer, ClaimInquiry, ClaimStatus

ASKED = ClaimInquiry("PCN7", "Alma", "Tester", date(1972, 3, 4), "ZX12", first_service_date=date(2025, 11, 14))
PAID = ClaimStatus(
    "F1",
    "65",
    payer_claim_number="PCN7",
    first_name="ALMA",
    last_name="TESTER",
    total_charged=Decimal(240),
    total_paid=Decimal("180.5"),
    processed_date=date(2025, 12, 5),
    effective_date=date(2025, 12, 6),
)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ASKED_TWICE = Exchange("acme", 2, NOON, 0.5)
ASKED_FOUR_TIMES = Exchange("acme", 4, NOON, 9.5)
OUR_WORDS = StatusTable()
BY_THE_RULES = MatchRules()
NOTHING = ClaimStatus("D0", "97", "IN", total_charged=Decimal(0), total_paid=Decimal(0))


def result(*claims, table=OUR_WORDS, rules=BY_THE_RULES, inquiry=ASKED):
    """The line for row 7 of an answer with *claims*."""
    question = Question(b"mark", inquiry, [7, 8])
    return answered(question, find(inquiry, Answer(claims, "T1"), rules), table, ASKED_TWICE)


def test_a_paid_claim_fills_every_column():
    """Status word, the payer's spelling of the name, amounts, adjudication date, codes and trace."""
    line = result(PAID)
    assert (line.row, line.claim_number, line.status, line.success) == (7, "PCN7", "Finalized", True)
    assert (line.patient_name, line.total_charged, line.total_paid) == ("ALMA TESTER", Decimal(240), Decimal("180.5"))
    assert (line.processed_date, line.error) == (date(2025, 12, 5), "")
    assert line.effective_date == date(2025, 12, 6)
    assert (line.payer_claim_number, line.category_code, line.status_code, line.trace) == ("PCN7", "F1", "65", "T1")
    assert (line.asked, line.fingerprint) == (2, b"mark")


def test_a_name_the_payer_does_not_tell_is_as_uploaded():
    """Blank in the answer: the row's own spelling."""
    assert result(evolve(PAID, first_name="", last_name="")).patient_name == "Alma Tester"


@pytest.mark.parametrize(("category", "day"), [("F2", date(2025, 12, 6)), ("P1", None)])
def test_the_effective_date_stands_in_only_for_finalized_claims(category, day):
    """Without a processed date, a finalized claim shows its effective date; a pending one shows none."""
    assert result(evolve(PAID, category_code=category, processed_date=None)).processed_date == day


@pytest.mark.parametrize(("category", "paid"), [("F2", Decimal(0)), ("P1", None), ("A2", None)])
def test_zero_is_an_amount_only_of_a_finalized_claim(category, paid):
    """A denied claim was paid 0.00; a pending one has no amount yet, whatever the payer fills in."""
    line = result(evolve(PAID, category_code=category, total_paid=Decimal(0)))
    assert (line.total_paid, line.total_charged) == (paid, Decimal(240))


@pytest.mark.parametrize("category", sorted(CATEGORY_STATUS.keys() - {"D0", "E0", "E1", "E2", "E3", "E4", "A4"}))
def test_every_category_has_its_word_and_is_a_success(category):
    """A matched claim in any state was found, and its category has a word and a label."""
    line = result(evolve(PAID, category_code=category))
    assert line.success
    assert line.status == CATEGORY_STATUS[category]
    assert CATEGORY_LABELS[category]


def test_an_obsolete_category_has_its_word_too():
    """Payers may still send X0."""
    line = result(evolve(PAID, category_code="X0", reported_status=""))
    assert (line.status, line.success, CATEGORY_LABELS["X0"]) == ("Pending", True, "supplemental information")
    assert line.next_action == NEXT_ACTIONS["X0"]


def test_all_words_are_among_the_public_ones():
    """The tables hold no word that `STATUS_WORDS` does not list."""
    assert {*CATEGORY_STATUS.values(), *WORD_STATUS.values()} <= set(STATUS_WORDS)


@pytest.mark.parametrize(
    ("word", "status"), [("In Process", "Pending"), (" DENIED ", "Denied"), ("Rejected", "Rejected")]
)
def test_words_of_payers_without_codes_are_mapped(word, status):
    """Words are looked up regardless of case and spaces around them."""
    assert result(evolve(PAID, category_code="", reported_status=word)).status == status


def test_an_unknown_code_is_pending_and_says_so():
    """Nothing is made of a code that is not known, and the note keeps it."""
    line = result(evolve(PAID, category_code="Z9", entity_code="IN"))
    assert (line.status, line.success) == ("Pending", True)
    assert line.note == "the payer's status is not known here and is shown as Pending [Z9:65:IN]"


def test_an_unknown_word_is_pending_and_is_not_quoted():
    """A payer's free word may be anything, so it is not repeated."""
    line = result(evolve(PAID, category_code="", reported_status="Zonked"))
    assert line.note == "the payer's status is not known here and is shown as Pending"


def test_words_can_be_folded_by_the_host():
    """A shop that knows only Finalized and Pending folds Denied into Finalized."""
    table = StatusTable(categories={**CATEGORY_STATUS, "F2": "Finalized"})
    assert result(evolve(PAID, category_code="F2"), table=table).status == "Finalized"


def test_further_reasons_are_noted():
    """Codes beside the status are shown, and change neither status nor codes."""
    line = result(evolve(PAID, category_code="F2", status_code="585", reasons=("F2:107", "F2:21:QC")))
    assert (line.status, line.category_code, line.status_code) == ("Denied", "F2", "585")
    assert line.note == "further reasons: F2:107, F2:21:QC"


def test_versions_and_demographic_matches_are_noted():
    """A successful row says when there is something to know about how it was found."""
    assert result(PAID, evolve(PAID, processed_date=None)).note == (
        "the payer has 2 versions of this claim; the latest is shown"
    )
    told = evolve(
        PAID,
        payer_claim_number="X",
        date_of_birth=ASKED.date_of_birth,
        subscriber_id="ZX12",
        service_dates=(date(2025, 11, 14), date(2025, 11, 14)),
    )
    assert result(told, rules=MatchRules(allow_demographic_match=True)).note == (
        "found by patient and dates of service, not by its number"
    )


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ((), "Claim not found"),
        ((NOTHING,), "Claim not found [D0:97:IN]"),
        ((evolve(PAID, payer_claim_number="OTHER"), NOTHING), "Claim not found [D0:97:IN]"),
        ((evolve(PAID, category_code="A4", status_code="35"),), "Claim not found [A4:35]"),
        ((evolve(PAID, payer_claim_number="OTHER"),), "Claim not found: the payer returned other claims"),
        ((evolve(PAID, last_name="X"),), "Claim not found: the claim number belongs to a different patient"),
    ],
)
def test_not_found_says_why_and_shows_no_amounts(claims, error):
    """However a claim is not found: no amounts, no dates, the name as uploaded, and the reason."""
    line = result(*claims)
    assert (line.status, line.success, line.error) == ("Not Found", False, error)
    assert (line.total_charged, line.total_paid, line.processed_date) == (None, None, None)
    assert (line.patient_name, line.payer_claim_number) == ("Alma Tester", "")


def test_a_found_claim_beside_a_search_that_found_nothing_counts():
    """D0 and extras: an extra that matches is taken."""
    assert result(NOTHING, PAID).status == "Finalized"


@pytest.mark.parametrize("category", ["E1", "E2"])
def test_a_system_that_is_down_is_asked_again(category):
    """E1 and E2 are "payer unavailable", with their codes."""
    with pytest.raises(PayerUnavailable, match=rf"\[{category}:0\]") as down:
        result(ClaimStatus("E0"), ClaimStatus(category, "0"))
    assert down.value.code == "payer_down"


@pytest.mark.parametrize("category", ["E0", "E3", "E4"])
def test_refused_data_are_the_rows_fault(category):
    """E0, E3 and E4 are "correct the row", with their codes."""
    with pytest.raises(InquiryRefused, match=rf"\[{category}:24\]"):
        result(ClaimStatus(category, "24"), NOTHING)


def test_an_error_entry_beside_the_claim_does_not_hide_it():
    """The claim asked for is there: an E entry about something else is no reason to ask again."""
    assert result(ClaimStatus("E1"), PAID).success


@given(st.permutations([NOTHING, ClaimStatus("D0", "35"), evolve(PAID, payer_claim_number="X"), ClaimStatus("D0")]))
def test_the_codes_shown_do_not_depend_on_the_order(claims):
    """Of several reasons for not found, always the same is shown."""
    assert result(*claims).error == "Claim not found [D0]"


def test_a_failure_is_an_error_line_with_its_sentence():
    """No answer: status Error, the sentence, no amounts."""
    line = failed(Question(b"mark", ASKED, [3]), PayerUnavailable(), ASKED_FOUR_TIMES, StatusTable())
    assert (line.row, line.status, line.success, line.patient_name) == (3, "Error", False, "Alma Tester")
    assert (line.asked, line.fingerprint) == (4, None)
    assert line.error == "The payer did not respond; try again later."


@pytest.mark.parametrize(("payer_id", "payer"), [("87726", "87726"), ("", "acme")])
def test_every_outcome_tells_who_was_asked_when_and_for_how_long(payer_id, payer):
    """An answer, a claim that is not found and a failure alike; where the row has no payer id, the account stands."""
    inquiry = evolve(ASKED, payer_id=payer_id)
    question = Question(b"mark", inquiry, [7])
    lines = [
        result(PAID, inquiry=inquiry),
        result(NOTHING, inquiry=inquiry),
        failed(question, PayerUnavailable(), ASKED_TWICE, OUR_WORDS),
    ]
    assert [(line.payer, line.answered_at, line.seconds) for line in lines] == [(payer, NOON, 0.5)] * 3
    assert [line.effective_date for line in lines[1:]] == [None, None]


class TestNextAction:
    """What billing staff do next."""

    @pytest.mark.parametrize("key", [*CATEGORY_STATUS, *STATUS_WORDS])
    def test_every_code_and_word_has_one(self, key):
        """A short sentence or two for each, whichever status code stands beside it."""
        action = OUR_WORDS.next_action("Zonked", key, "999")
        assert action.endswith(".")
        assert len(action) <= 100

    def test_all_keys_are_codes_or_words(self):
        """No entry waits for something that never comes."""
        errors = (ConnectorError, *ConnectorError.__subclasses__())
        failures = {"payer_down", *(error.code for error in errors)}
        known = {*CATEGORY_STATUS, *STATUS_WORDS}
        assert known <= {key.partition(":")[0] for key in NEXT_ACTIONS} <= known | failures
        assert all(key.partition(":")[2].isdigit() for key in NEXT_ACTIONS if ":" in key)

    @pytest.mark.parametrize(
        ("category", "status", "word", "key"),
        [
            ("F1", "65", "", "F1"),
            ("F2", "585", "", "F2"),
            ("F2", "54", "", "F2:54"),
            ("P3", "317", "Finalized", "P3"),
            ("", "", "In Process", "Pending"),
            ("Z9", "", "", "Pending"),
        ],
    )
    def test_the_narrowest_entry_counts(self, category, status, word, key):
        """Category and status code, the category, the payer's word; what is not known is pending."""
        claim = evolve(PAID, category_code=category, status_code=status, reported_status=word)
        assert result(claim).next_action == NEXT_ACTIONS[key]

    @pytest.mark.parametrize(
        ("claim", "key"),
        [
            (None, "Not Found"),
            (NOTHING, "D0:97"),
            (ClaimStatus("D0"), "D0"),
            (evolve(PAID, category_code="A4"), "A4"),
            (evolve(PAID, payer_claim_number="X"), "Not Found"),
        ],
    )
    def test_what_is_not_found_has_one(self, claim, key):
        """By the codes of the search where there are any."""
        assert result(*filter(None, [claim])).next_action == NEXT_ACTIONS[key]

    def test_a_host_has_sentences_of_its_own(self):
        """A copy of the table, with others in it, or with hardly any."""
        table = StatusTable(actions={**NEXT_ACTIONS, "F1": "Tell Alma.", "F2:585": "Tell Benno.", "Not Found": "Ask."})
        assert result(PAID, table=table).next_action == "Tell Alma."
        assert result(evolve(PAID, category_code="F2", status_code="585"), table=table).next_action == "Tell Benno."
        assert result(table=table).next_action == "Ask."
        assert result(PAID, table=StatusTable(actions={})).next_action == ""

    @pytest.mark.parametrize(
        ("error", "action"),
        [
            (PayerUnavailable(), "Retry the job later."),
            (PayerUnavailable(code="look_up_failed"), "Retry the job later."),
            (InquiryRefused("No."), "Correct the row and upload it again."),
            (
                AccessExpired("No."),
                "Retry the job. If rows fail so again, have the payer account's credentials checked.",
            ),
            (AnswerNotUnderstood("No."), "Retry the job. If the row fails so again, tell your administrator."),
            (TicketGone("No."), "Retry the job. If the row fails so again, tell your administrator."),
            (ConnectorError("No."), "Retry the job. If the row fails so again, tell your administrator."),
        ],
    )
    def test_a_failure_has_one(self, error, action):
        """By what went wrong."""
        assert failed(Question(b"mark", ASKED, [3]), error, ASKED_FOUR_TIMES, StatusTable()).next_action == action

    @pytest.mark.parametrize(
        ("error", "action"),
        [
            (PayerUnavailable(code="payer_down"), "Ring them up."),
            (PayerUnavailable(), "Wait."),
            (PayerUnavailable(code="look_up_failed"), "Wait."),
            (TicketGone("No."), "Ask Bea."),
            (InquiryRefused("No."), "Ask Bea."),
        ],
    )
    def test_a_host_has_sentences_of_its_own_for_failures(self, error, action):
        """By the error's code, or that of its class or of the class above."""
        actions = {"payer_down": "Ring them up.", "payer_unavailable": "Wait.", "connector_error": "Ask Bea."}
        question = Question(b"mark", ASKED, [3])
        assert failed(question, error, ASKED_FOUR_TIMES, StatusTable(actions=actions)).next_action == action
        assert failed(question, error, ASKED_FOUR_TIMES, StatusTable(actions={"Error": "Ask."})).next_action == "Ask."
        assert failed(question, error, ASKED_FOUR_TIMES, StatusTable(actions={})).next_action == ""


@pytest.mark.parametrize(
    ("word", "amount", "day"),
    [("Finalized", Decimal(0), date(2026, 1, 5)), ("DENIED", Decimal(0), date(2026, 1, 5)), ("Pending", None, None)],
)
def test_a_payer_that_gives_words_says_by_them_whether_it_has_decided(word, amount, day):
    """A zero of a claim that waits is no payment, and the day of its status no day of decision."""
    claim = ClaimStatus(
        "", reported_status=word, payer_claim_number=ASKED.claim_number, total_paid=Decimal(0),
        effective_date=date(2026, 1, 5),
    )  # fmt: skip
    line = answered(Question(b"mark", ASKED, [3]), find(ASKED, Answer((claim,)), BY_THE_RULES), OUR_WORDS, ASKED_TWICE)
    assert (line.total_paid, line.processed_date) == (amount, day)


def test_not_in_the_adjudication_system_is_not_found():
    """A4 without a number is no other claim; with the number asked for it is the claim, and not found all the same."""
    for number in ("", ASKED.claim_number):
        finding = find(ASKED, Answer((ClaimStatus("A4", "35", payer_claim_number=number),)), MatchRules())
        line = answered(Question(b"mark", ASKED, [3]), finding, OUR_WORDS, ASKED_TWICE)
        assert (line.status, line.error, line.category_code) == ("Not Found", "Claim not found [A4:35]", "A4")
