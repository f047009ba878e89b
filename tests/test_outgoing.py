"""Tests of `bulkclaims.outgoing`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from bulkclaims.errors import SettingsWrong
from bulkclaims.outgoing import check_url, retry_after


@pytest.mark.parametrize(
    "url", ["https://payer.example/status", "http://127.0.0.1:8080/", "http://localhost", "http://[::1]:1"]
)
def test_safe_addresses_pass(url):
    """Anything goes over https, and http only to this machine."""
    assert check_url(url, "base_url") == httpx.URL(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://payer.example",
        "ftp://x",
        "payer.example",
        "",
        "https://",
        "https://u:p@payer.example",
        "http://[",
        "https://a\x00b",
    ],
)
def test_unsafe_addresses_are_refused_by_name(url):
    """Anything else is refused with the setting's name, and without quoting what may be a password."""
    with pytest.raises(SettingsWrong, match="base_url") as refusal:
        check_url(url, "base_url")

    assert "u:p" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), (" 0.5 ", 0.5), ("", None), ("soon", None), ("-3", None), ("Wed, 01 Jan 2020 00:00:00", 0)],
)
def test_seconds_to_wait(text, seconds):
    """Seconds are read, a moment that has passed is no wait, and what is neither is nothing."""
    assert retry_after({"retry-after": text}) == seconds


def test_a_moment_to_wait_for():
    """A date, as HTTP writes it, is as many seconds as are left until then."""
    moment = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    assert 3590 < retry_after({"retry-after": moment}) <= 3600
