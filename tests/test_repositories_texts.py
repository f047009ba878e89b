"""What repositories keep as text comes back as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.jobs import JobId
from bulkclaims.repositories.texts import in_use, request_text, search_form, to_time, upload_summary, upload_text
from bulkclaims.testing.contracts.scenes import SUMMARY, new_job


def test_what_was_found_in_a_file_comes_back():
    """Facts, counts and the error log, in any script."""
    assert upload_summary(upload_text(SUMMARY)) == SUMMARY


def test_what_was_asked_for_comes_back():
    """Who, which file, and the defaults."""
    job = new_job(filename="März 🩺.csv")

    assert json.loads(request_text(job)) == {"user": "pat", "filename": "März 🩺.csv", "defaults": dict(job.defaults)}


@given(st.text(st.characters()))
def test_any_text_can_be_searched_for(text):
    """No database has trouble with its form, half characters and NUL included."""
    form = search_form(f"A\0{text}")

    assert form.startswith("a\ufffd")
    assert "\0" not in form
    assert form.encode().decode() == form


@pytest.mark.parametrize(("job_id", "used"), [("7b0f1b52", "7b0f1b52"), ("", ""), ("ü", ""), ("a\0b", "")])
def test_an_id_that_no_job_can_have_is_none(job_id, used):
    """Some databases will not even compare it."""
    assert in_use(JobId(job_id)) == used


def test_seconds_become_a_moment():
    """In UTC; none stays none."""
    assert to_time(0.5) == datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert to_time(None) is None
