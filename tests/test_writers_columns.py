"""Which columns results files have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve

from bulkclaims.jobs import JobId
from bulkclaims.parsing.aliases import REASON, RESULTS
from bulkclaims.parsing.columns import name_columns
from bulkclaims.records import Earlier, Known, Layout, ResultLine, Row, RowResult, Source, UploadFacts
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import full, nine, to_correct

NINE = [
    "row",
    "claim_number",
    "status",
    "patient_name",
    "total_charged",
    "total_paid",
    "processed_date",
    "success",
    "error",
]
COMPARED = ["previous_status", "changed", "days_in_status"]
FURTHER = [
    "payer_claim_number",
    "category_code",
    "status_code",
    "next_action",
    "note",
    "attempts",
    "source",
    "payer",
    "answered_at",
    "seconds",
    "trace",
]
REQUIRED = ["claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id"]


def job_of(*columns, compared_with=None):
    """A job whose upload had these columns."""
    facts = UploadFacts("utf-8", ",", columns, 100, "0" * 64)
    return evolve(JOB, upload=evolve(JOB.upload, facts=facts, compared_with=compared_with))


def names(columns):
    """What stands in the header."""
    return [column.name for column in columns]


def cells(columns, line):
    """A line by column."""
    return {column.name: column.value(line) for column in columns}


def test_nine():
    """They are those that billing staff know."""
    assert names(nine(job_of(*REQUIRED))) == NINE


def test_full():
    """The nine, what else is known of an answer, and what was uploaded; the claim's number is there once."""
    assert names(full(job_of(*REQUIRED, "Notes"))) == [*NINE, *FURTHER, *REQUIRED[1:], "Notes"]


def test_a_job_that_is_compared():
    """What changed stands behind the nine; blank where nothing is known of a row."""
    job = job_of(*REQUIRED, compared_with=JobId("b1d5b2ab-7a33-4e0c-9a4e-8d0a3d7c2f11"))
    row, result = Row(1, tuple(REQUIRED), ("",) * 5), RowResult(1, "C1", "Paid", True)
    told = ResultLine(row, result, Earlier("Pending", True, 12))

    assert names(nine(job)) == [*NINE, *COMPARED]
    assert names(full(job))[: len(NINE) + 3] == [*NINE, *COMPARED]
    assert [cells(nine(job), told)[name] for name in COMPARED] == ["Pending", "yes", 12]
    assert cells(nine(job), evolve(told, earlier=Earlier("Paid", False, None)))["changed"] == "no"
    assert [cells(nine(job), evolve(told, earlier=None))[name] for name in COMPARED] == [None] * 3


def test_what_an_answer_tells():
    """Each column has its own fact."""
    at = datetime(2026, 1, 2, tzinfo=UTC)
    result = RowResult(
        1,
        "C1",
        "Paid",
        True,
        note="Two versions.",
        payer_claim_number="P1",
        category_code="F1",
        status_code="65",
        trace="T1",
        source=Source.WINDOW,
        asked=2,
        payer="60054",
        answered_at=at,
        seconds=1.5,
        next_action="Post it.",
    )

    line = cells(full(job_of(*REQUIRED)), ResultLine(Row(1, tuple(REQUIRED), ("C1", "A", "B", "", "")), result))

    assert [line[name] for name in FURTHER] == [
        "P1",
        "F1",
        "65",
        "Post it.",
        "Two versions.",
        2,
        "window",
        "60054",
        at,
        1.5,
        "T1",
    ]
    assert [line["first_name"], line["last_name"]] == ["A", "B"]


def test_to_correct():
    """What is wrong and what to do, and behind it what was uploaded, in its order."""
    assert names(to_correct(job_of("Notes", *REQUIRED))) == ["error", "next_action", "Notes", *REQUIRED]


def test_a_second_round_has_the_reason_once():
    """What an earlier round said of a row is superseded."""
    job = job_of("error", "next_action", *REQUIRED)
    line = ResultLine(
        Row(1, job.upload.facts.columns, tuple("0123456")), RowResult(1, "C", "Error", False, error="New.")
    )

    assert names(to_correct(job)) == ["error", "next_action", *REQUIRED]
    assert list(cells(to_correct(job), line).values()) == ["New.", "", *"23456"]


@pytest.mark.parametrize(
    "begin", [["error"], ["next_action", "error"], ["Notes", "error", "next_action"], ["Error", "Next_Action"]]
)
def test_a_column_of_the_uploads_own_is_kept(begin):
    """A file that does not begin with our two columns is none of ours, and what stands in it is not lost."""
    job = job_of(*begin, *REQUIRED)
    row = Row(1, job.upload.facts.columns, tuple(map(str, range(len(begin) + 5))))

    found = cells(to_correct(job), ResultLine(row, RowResult(1, "C", "Error", False, error="New.")))

    kept = [f"{name} (uploaded)" if name in {"error", "next_action"} else name for name in begin]
    assert list(found) == ["error", "next_action", *kept, *REQUIRED]
    assert list(found.values()) == ["New.", "", *row.values]


def test_our_files_begin_as_the_parser_knows_them():
    """By their first columns they are known for ours."""
    assert tuple(names(to_correct(job_of(*REQUIRED)))[:2]) == REASON
    for columns in (nine, full):
        assert tuple(names(columns(job_of(*REQUIRED, compared_with=JobId(JOB.id))))[:9]) == RESULTS


def test_a_file_with_all_columns_is_read_without_a_word():
    """Its own columns are none of ours, but for the claim's number: not the payer's number of it, nor who was asked."""
    written = names(full(job_of(*REQUIRED, "payer_id", compared_with=JobId(JOB.id))))

    read = {heading.text: heading.column for heading in name_columns(written) if heading.known is not Known.OTHER}

    assert read == {name: name for name in (*REQUIRED, "payer_id")}


@pytest.mark.parametrize("columns", [full, to_correct])
def test_names_are_unique(columns):
    """A column of the upload that is named like one of ours says that it is the upload's."""
    job = job_of(*REQUIRED, "status", "status (uploaded)", "error", "row")

    found = names(columns(job))

    assert len(found) == len(set(found))
    assert names(full(job))[-4:] == [
        "status (uploaded)",
        "status (uploaded) (uploaded)",
        "error (uploaded)",
        "row (uploaded)",
    ]


@pytest.mark.parametrize("heading", ["Claim #", "claim" + "." * 300])
def test_a_column_that_is_none_of_ours_by_word_stays_so(heading):
    """A file to correct is read as its rows were, though nobody says again what a heading means."""
    headings = name_columns([heading, "My claims", *REQUIRED[1:]], Layout({heading: "", "My claims": "claim_number"}))
    job = job_of(*(each.column for each in headings))

    again = name_columns(names(to_correct(job)))

    assert [each.column for each in again[3:8]] == REQUIRED
    assert again[2].column.endswith(" (uploaded)")


def test_a_row_that_a_parser_left_short():
    """What it lacks is blank."""
    job = job_of(*REQUIRED)
    line = ResultLine(Row(1, tuple(REQUIRED), ("C1",)), RowResult(1, "C1", "Error", False))

    assert list(cells(to_correct(job), line).values()) == ["", "", "C1", *[""] * 4]
