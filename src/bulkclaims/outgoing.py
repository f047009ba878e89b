"""What every request to somebody else's server needs: an address that keeps patient data private, and patience."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?")


def check_url(text: str, key: str) -> httpx.URL:
    """
    Make sure that patient data sent to this address stays private on its way.

    Args:
        text: The address as set.
        key: The setting's name, for the sentence.

    Returns:
        The address, parsed once for all requests.

    Raises:
        SettingsWrong: It is not an https:// address, nor http:// on this machine.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host or url.scheme not in {"http", "https"}:
        raise SettingsWrong(f"The setting {key} is to be an address such as https://claims.example/status.")
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise SettingsWrong(f"The setting {key} is to begin with https://: patient data may not travel in the clear.")
    if url.userinfo:
        raise SettingsWrong(f"The setting {key} holds a password; secrets come from the environment or a file.")
    return url


def is_untrusted(error: BaseException) -> bool:
    """Whether a request failed because the other side's certificate could not be verified."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Seconds that `Retry-After` asks to wait, given as seconds or as a date; None where it does not.

    Args:
        headers: Of the answer, names in lower case.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
