"""Secrets do not show, and logs name exceptions without quoting them."""

from __future__ import annotations

import logging

import pytest
from ciphers import AesCipher

from bulkclaims.errors import LeaseLost, SettingsWrong
from bulkclaims.privacy import PlainCipher, Secret, describe, hush_http_logs
from bulkclaims.testing.contracts import CipherContract, EncryptingCipherContract


class TestPlainCipher(CipherContract):
    """The plain member keeps the promises of its seam."""

    @pytest.fixture
    def cipher(self):
        """The member under test."""
        return PlainCipher()


class TestAesCipher(EncryptingCipherContract):
    """A member that holds a key keeps the further promises, too."""

    @pytest.fixture
    def cipher(self):
        """The member under test."""
        return AesCipher(b"1" * 32)

    @pytest.fixture
    def stranger(self):
        """The same with another key."""
        return AesCipher(b"2" * 32)


def test_a_secret_shows_only_when_it_is_revealed(monkeypatch):
    """No repr or text shows it, whichever way it came in."""
    monkeypatch.setenv("STEDI_API_KEY", "hush-hush\n")
    secret = Secret.from_environment("STEDI_API_KEY")

    assert secret.reveal() == "hush-hush"
    assert "hush" not in f"{secret!r} {secret} {[secret]}"


def test_a_secret_from_a_file_loses_its_line_break(tmp_path):
    """Editors end files with a line break that is no part of the secret."""
    path = tmp_path / "key"
    path.write_text("hush-hush\n")

    assert Secret.from_file(path) == Secret("hush-hush")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_secret_missing_from_the_environment_is_named(monkeypatch, value):
    """The sentence names the variable to set."""
    monkeypatch.delenv("STEDI_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("STEDI_API_KEY", value)

    with pytest.raises(SettingsWrong, match="STEDI_API_KEY"):
        Secret.from_environment("STEDI_API_KEY")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_missing_from_its_file_is_named(tmp_path, content):
    """The sentence names the file, and quotes nothing of it."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsWrong, match="key"):
        Secret.from_file(path)


def test_an_exception_is_described_without_its_text():
    """Another library's exception may quote a row: its type and place must do."""
    try:
        int("CANARY")
    except ValueError as error:
        described = describe(error)

    assert described.startswith("ValueError at test_privacy.py:")
    assert describe(ValueError("CANARY")) == "ValueError"
    assert describe(LeaseLost()) == f"LeaseLost: {LeaseLost()}"


def test_http_libraries_log_no_request_lines():
    """At their usual level they would log URLs, and some payers put patients into those."""
    hush_http_logs()

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
