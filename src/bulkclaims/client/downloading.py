"""Results on their way to the client's own disk: what broke off is gone on with, and what is not whole is not kept."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from base64 import b64encode
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn
from zipfile import BadZipFile, ZipFile

from attrs import define, frozen

from bulkclaims.client.saving import replacing, told
from bulkclaims.errors import ServerUnreachable, SettingsWrong

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx

_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")
"""A digest as RFC 9530 writes it."""


@frozen
class Whole:
    """What is known beforehand of a file of results."""

    format: str
    rows: int | None
    """None where only the service can tell."""


@contextmanager
def downloaded(path: Path, whole: Whole) -> Iterator[Download]:
    """
    Give what takes a file of results that takes the place of *path* in the end, as `replacing` does.

    Raises:
        SettingsWrong: It cannot be written.
    """
    if path.exists() and not path.is_file():
        raise SettingsWrong(f"{path} is no ordinary file, so results cannot be saved there.", code="output_unwritable")
    with told(path), replacing(path) as beside, beside.open("r+b") as file:
        yield Download(beside, whole, file)


@define
class Download:
    """A file of results that comes in one answer, or in several where the first ones break off."""

    _path: Path
    _whole: Whole
    _file: io.BufferedRandom
    _tag: str = ""
    """Names the file that has begun to come, where it can be gone on with."""
    _digest: str = ""

    def headers(self) -> Mapping[str, str]:
        """Say in a request what is here already; a packed file could not be gone on with."""
        plain = {"Accept-Encoding": "identity"}
        place = self._file.seek(0, os.SEEK_END)
        return {**plain, "Range": f"bytes={place}-", "If-Range": self._tag} if place and self._tag else plain

    def take(self, response: httpx.Response) -> None:
        """
        Write what comes, behind what is here if it is the rest of it.

        Raises:
            ServerUnreachable: It is another part than was asked for.
        """
        place = self._file.seek(0, os.SEEK_END)
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            self._begin_anew()
        elif not response.headers.get("content-range", "").startswith(f"bytes {place}-"):
            self.give_up()
        tag, digest = response.headers.get("etag", ""), _DIGEST.search(response.headers.get("repr-digest", ""))
        is_plain = "content-encoding" not in response.headers
        self._tag = tag if tag.startswith('"') and is_plain else ""
        self._digest = digest[1] if digest and is_plain else ""
        self._file.writelines(response.iter_bytes())

    def check(self) -> None:
        """
        See that the file is whole.

        Raises:
            ServerUnreachable: Something on the way let it break off as if it ended there; what is here is kept if it
                can be gone on with.
        """
        self._file.flush()
        if not _is_whole(self._path, self._whole):
            if self._tag:
                raise _broken()
            self.give_up()
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, "sha256").digest() if self._digest else b""
        if self._digest != b64encode(digest).decode():
            self.give_up()

    def give_up(self) -> NoReturn:
        """Forget what is here, so that the next try begins anew."""
        self._begin_anew()
        raise _broken()

    def _begin_anew(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._tag = self._digest = ""


def _broken() -> ServerUnreachable:
    return ServerUnreachable("The results broke off before their end; try again later.")


def _is_whole(path: Path, whole: Whole) -> bool:
    try:
        match whole.format:
            case "csv":
                rows = _rows_of_csv(path)
            case "jsonl":
                rows = _rows_of_json_lines(path)
            case _:
                # The record by which readers find all the rest stands at a workbook's end.
                ZipFile(path).close()
                return True
    except (csv.Error, BadZipFile, ValueError):
        return False
    return whole.rows in {None, rows}


def _rows_of_csv(path: Path) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(_ended_lines(file))
        cells = len(next(lines, ()))
        rows = 0
        for line in lines:
            # A row of an upload may have more cells than its header, and has them in the file to correct.
            if len(line) < cells:
                raise csv.Error
            rows += 1
    if not cells:
        raise csv.Error
    return rows


def _ended_lines(file: io.TextIOWrapper) -> Iterator[str]:
    for line in file:
        if not line.endswith(("\r", "\n")):
            raise csv.Error
        yield line


def _rows_of_json_lines(path: Path) -> int:
    rows = 0
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
            if not line.endswith(b"\n"):
                raise ValueError
            rows += 1
    return rows
