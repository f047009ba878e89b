"""The files a command reads and writes, and sentences for what goes wrong with them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bulkclaims.cli.shapes import is_packed
from bulkclaims.client.saving import replacing, told
from bulkclaims.errors import SettingsWrong, UploadRejected
from bulkclaims.results.finished import gzipped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedReader


_STANDARD_OUTPUT = Path("/dev/stdout")


def open_claims(path: Path) -> BufferedReader:
    """
    Open a file of claims.

    Raises:
        UploadRejected: It is not there or cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise UploadRejected(f"The file {path} cannot be read: {error.strerror}.", code="file_unreadable") from error


def check_output(path: Path, claims: Path) -> None:
    """
    See that results can be written, and not in place of the claims, before hours of look-ups are spent on them.

    Raises:
        SettingsWrong: They cannot.
    """
    if path.resolve() == claims.resolve():
        raise SettingsWrong(f"The results would take the place of {claims}: name another file.", code="output_is_input")
    if _is_file_to_be(path):
        with told(path), tempfile.TemporaryFile(dir=path.resolve().parent):
            pass


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """
    Write a file as `replacing` does, or to a device; packed, where its name says so.

    Raises:
        SettingsWrong: It cannot be written.
    """
    pieces = gzipped(pieces) if is_packed(path) else pieces
    with told(path):
        if _is_file_to_be(path):
            with replacing(path) as beside, beside.open("wb") as file:
                file.writelines(pieces)
        else:
            # Opened by its name, a file that standard output leads to would be written from its beginning again.
            with os.fdopen(os.dup(1), "wb") if path == _STANDARD_OUTPUT else path.open("wb") as device:
                device.writelines(pieces)


def _is_file_to_be(path: Path) -> bool:
    """Whether the name is that of an ordinary file, or of nothing yet; `/dev/stdout` is neither, wherever it leads."""
    return not path.is_relative_to("/dev") and (path.is_file() or not path.exists())
