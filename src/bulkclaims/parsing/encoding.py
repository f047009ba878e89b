"""Bytes to text: what the file's encoding is, and that it is text at all."""

from __future__ import annotations

import codecs
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.blocks import Blocks
from bulkclaims.parsing.formats import refuse_other_formats

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@define(eq=False)
class Text(Blocks):
    """
    The text of an upload, read block by block, and what reading it brought to light.

    UTF-8, or UTF-16 with a byte order mark. A file that is plain ASCII up to its first byte that is not UTF-8 goes on
    as Windows-1252 from there, which loses nothing; a file in which valid UTF-8 came before is damaged.

    Args:
        upload: Where to read the bytes.
        max_bytes: The size above which to refuse the file; None for any size.
    """

    encoding: str = field(init=False, default="utf-8")
    notes: list[str] = field(init=False, factory=list)
    _decoder: codecs.IncrementalDecoder = field(init=False)
    _may_be_windows: bool = field(init=False, default=True)
    """Whether nothing has shown yet that the file is not Windows-1252."""
    _line: int = field(init=False, default=1)
    """The line of the file on which the next character stands."""

    def blocks(self) -> Iterator[str]:
        """
        Read the upload to its end.

        Raises:
            UploadRejected: It is too large, no text, or in no encoding we know.
        """
        blocks = iter(self)
        first = next(blocks, b"")
        refuse_other_formats(first)
        mark, encoding = next((pair for pair in _BYTE_ORDER_MARKS if first.startswith(pair[0])), (b"", "utf-8"))
        self._go_on_as(encoding)
        self._may_be_windows = not mark
        for block in chain((first.removeprefix(mark),), blocks, (b"",)):
            text = self._decode(block, self._line)
            self._refuse_nul(text)
            self._may_be_windows = self._may_be_windows and text.isascii()
            self._line += _line_ends(text)
            yield text

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
