"""What keeps patient data and secrets where they belong."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path
from typing import Self

from attrs import field, frozen

from bulkclaims.errors import BulkClaimsError, SettingsWrong


@frozen
class PlainCipher:
    """The cipher that does nothing: for tests, and for a store whose disk is encrypted beneath it."""

    def seal(self, plain: bytes) -> bytes:  # noqa: D102 -- the contract stands in `interfaces.Cipher`
        return plain

    def open(self, sealed: bytes) -> bytes:  # noqa: D102
        return sealed


@frozen
class Secret:
    """A password, key or token that no `repr`, log line or traceback shows."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself; call it where the request is made and nowhere else."""
        return self._text

    @classmethod
    def from_environment(cls, name: str) -> Self:
        """
        Read the secret from the environment variable *name*.

        Raises:
            SettingsWrong: It is unset or blank.
        """
        text = os.environ.get(name, "").strip()
        if not text:
            raise SettingsWrong(f"The environment variable {name} is to hold a secret, but it is not set.")
        return cls(text)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """
        Read the secret from a file, without the line break at its end.

        Raises:
            SettingsWrong: The file cannot be read or is blank.
        """
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsWrong(f"The secret in {path} cannot be read: {type(error).__name__}.") from error
        if not text:
            raise SettingsWrong(f"The file {path} is to hold a secret, but it is empty.")
        return cls(text)


class Masked(dict[str, str]):
    """Headers or form fields, some of them secret: what shows its names shows none of its values."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Names alone."""
        return f"Masked({', '.join(self)})"


def hush_http_logs() -> None:
    """Keep HTTP libraries from logging request lines: some payers' URLs and headers name patients."""
    for name in ("httpx", "httpcore", "hpack", "aiohttp", "pyreqwest"):
        logging.getLogger(name).setLevel(logging.WARNING)


def describe(error: BaseException) -> str:
    """
    Say what an exception is and where it was raised, for a log.

    Its text is shown only for exceptions of this library, which never quote a row; any other's may quote one.
    """
    if isinstance(error, BulkClaimsError):
        return f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
