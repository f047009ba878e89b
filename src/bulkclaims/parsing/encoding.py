"""Bytes to text: what the file's encoding is, and that it is text at all."""

from __future__ import annotations

import codecs
import hashlib
import re
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.errors import UploadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.interfaces import Readable

BLOCK_BYTES = 32 * 1024
MEGABYTE = 1024 * 1024

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAVE_AS_CSV = "Open it where it was made and save it as “CSV UTF-8”."
_UNPACK = "Unpack it and upload the CSV inside."
_ASK_FOR_CSV = "Ask for the same list as a CSV."
_OTHER_FORMATS = (
    (rb"PK\x03\x04.*?(?:\[Content_Types\]\.xml|xl/)", "an Excel workbook (XLSX)", _SAVE_AS_CSV),
    (rb"PK\x03\x04", "a ZIP archive", _UNPACK),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook (XLS, or XLSX with a password)", _SAVE_AS_CSV),
    (rb"%PDF", "a PDF", _ASK_FOR_CSV),
    (rb"\x1f\x8b", "a compressed file (gzip)", _UNPACK),
    (rb"\x89PNG", "a picture (PNG)", _ASK_FOR_CSV),
    (rb"\xff\xd8\xff", "a picture (JPEG)", _ASK_FOR_CSV),
    (rb"\{\\rtf", "a text document (RTF)", _SAVE_AS_CSV),
    (rb"\s*<", "a web page or XML", _SAVE_AS_CSV),
)
"""How such a file begins, what it is, and what to do about it."""


@define(eq=False)
class Text:
    """
    The text of an upload, read block by block, and what reading it brought to light.

    UTF-8, or UTF-16 with a byte order mark. A file that is plain ASCII up to its first byte that is not UTF-8 goes on
    as Windows-1252 from there, which loses nothing; a file in which valid UTF-8 came before is damaged.

    Args:
        upload: Where to read the bytes.
        max_bytes: The size above which to refuse the file; None for any size.
    """

    _upload: Readable
    _max_bytes: int | None
    encoding: str = field(init=False, default="utf-8")
    size: int = field(init=False, default=0)
    """Bytes read so far."""
    notes: list[str] = field(init=False, factory=list)
    _digest: hashlib._Hash = field(init=False, factory=hashlib.sha256)
    _decoder: codecs.IncrementalDecoder = field(init=False)
    _may_be_windows: bool = field(init=False, default=True)
    """Whether nothing has shown yet that the file is not Windows-1252."""
    _line: int = field(init=False, default=1)
    """The line of the file on which the next character stands."""

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes read so far."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[str]:
        """
        Read the upload to its end.

        Raises:
            UploadRejected: It is too large, no text, or in no encoding we know.
        """
        blocks = self._byte_blocks()
        first = next(blocks, b"")
        _refuse_other_formats(first)
        mark, encoding = next((pair for pair in _BYTE_ORDER_MARKS if first.startswith(pair[0])), (b"", "utf-8"))
        self._go_on_as(encoding)
        self._may_be_windows = not mark
        for block in chain((first.removeprefix(mark),), blocks, (b"",)):
            text = self._decode(block, self._line)
            self._refuse_nul(text)
            self._may_be_windows = self._may_be_windows and text.isascii()
            self._line += _line_ends(text)
            yield text

    def _byte_blocks(self) -> Iterator[bytes]:
        while block := _read_fully(self._upload, BLOCK_BYTES):
            self.size += len(block)
            if self._max_bytes is not None and self.size > self._max_bytes:
                raise UploadRejected(
                    f"The file is larger than {self._max_bytes / MEGABYTE:,.4g} MB. "
                    "Split it into smaller files, each with the header, and upload them one by one.",
                    code="file_too_large",
                )
            self._digest.update(block)
            yield block

    def _go_on_as(self, encoding: str) -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def _decode(self, block: bytes, line: int) -> str:
        try:
            return self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            pending, start = error.object, error.start
        # Outside of `except`, so that no traceback carries the bytes.
        before = pending[:start].decode(self.encoding)
        line += _line_ends(before)
        if not self._may_be_windows or not before.isascii():
            raise _undecodable(line, f"not {_in_words(self.encoding)}, as the file is up to there")
        if self.encoding != "utf-8":
            raise _undecodable(line, "neither UTF-8 nor Windows-1252")
        self._go_on_as("windows-1252")
        self.notes.append(
            f"The file is not UTF-8; from line {line} on it was read as Windows-1252. "
            "Check names with accents, or save the file as “CSV UTF-8”."
        )
        return before + self._decode(pending[start:], line)

    def _refuse_nul(self, text: str) -> None:
        at = text.find("\0")
        if at >= 0:
            raise UploadRejected(
                f"Line {self._line + _line_ends(text[:at])} of the file holds a NUL character, which no CSV has: the "
                "file is damaged, or UTF-16 without its byte order mark. Save it as “CSV UTF-8” and upload it again.",
                code="nul_bytes",
            )


def _undecodable(line: int, what: str) -> UploadRejected:
    return UploadRejected(
        f"Line {line} of the file holds bytes that are {what}. Save it as “CSV UTF-8” and upload it again.",
        code="undecodable",
    )


def _in_words(encoding: str) -> str:
    return encoding.upper().replace("WINDOWS", "Windows")


def _line_ends(text: str) -> int:
    r"""Count the lines' `\n`, or `\r` where there is no other: quick, and wrong only for a file that mixes the two."""
    return text.count("\n") or text.count("\r")


def _read_fully(upload: Readable, size: int) -> bytes:
    """Read *size* bytes unless the end comes first: a socket may give a few at a time, and blocks cost time each."""
    pieces = [upload.read(size)]
    missing = size - len(pieces[0])
    while pieces[-1] and missing:
        pieces.append(upload.read(missing))
        missing -= len(pieces[-1])
    return b"".join(pieces)


def _refuse_other_formats(first: bytes) -> None:
    for beginning, kind, cure in _OTHER_FORMATS:
        if re.match(beginning, first, re.DOTALL):
            raise UploadRejected(f"The file is {kind}, not a CSV. {cure}", code="binary_file")
