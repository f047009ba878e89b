"""A multipart form with one file, read while it arrives: nothing of it is ever held whole."""

from __future__ import annotations

import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from bulkclaims.errors import BulkClaimsError, RequestWrong, UploadBrokenOff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_multipart.multipart import MultipartCallbacks

    from bulkclaims.interfaces import Readable

FILE = "file"
"""The name of the form's file."""
_PIECE = 64 * 1024
_MOST_FIELDS = 32
_FIELD_BYTES = 1024
_LONG_FIELDS = {"columns": 8 * 1024}
"""Bytes of those fields that may be longer: what a list of headings takes."""
_OTHER_BYTES = 256 * 1024
"""So much may come before the file."""
_DRAINED = 1024 * 1024
"""So much is still read of a body that was refused: a client that is nearly done sending would else miss the answer."""


@frozen
class _Part:
    """Where a part of the form begins."""

    name: str
    filename: str


class _End:
    """Where a part of the form ends."""


class FormUpload:
    """
    The file of a form, with `read` as files have it, and the fields that came before it.

    A field or another file behind the file is refused when the file has been read to its end, and so is a body that
    breaks off: whoever reads the file to its end has a whole request.

    Args:
        content_type: The request's header, "" when it has none.
        body: The request's body.
        has_length: Whether a header says how long the body is.

    Raises:
        RequestWrong: The body is no such form, has no file, or broke off before it.
    """

    def __init__(self, content_type: str, body: Readable, *, has_length: bool = True) -> None:
        kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise RequestWrong(
                f"Send the file as multipart/form-data, in a field named {FILE}, as `curl -F {FILE}=@claims.csv` does.",
                code="not_a_form",
            )
        self.fields: dict[str, str] = {}
        self._body = body
        self._has_length = has_length
        self._spare = _OTHER_BYTES
        self._events = self._parse(options[b"boundary"])
        self._rest = b""
        self.filename = self._find_file()

    def read(self, size: int) -> bytes:
        """
        Read at most *size* bytes of the file.

        Raises:
            RequestWrong: The body breaks off, or something stands behind the file.
        """
        if not self._rest:
            self._rest = self._next_piece()
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def drain(self) -> None:
        """Read a little of what is left of the body, for a client that is about to be refused."""
        left = _DRAINED
        with suppress(RequestWrong):
            while left > 0 and (piece := self._piece()):
                left -= len(piece)

    def _parse(self, boundary: bytes) -> Iterator[_Part | bytes | _End]:
        found = _Found()
        try:
            parser = MultipartParser(boundary, found.callbacks())
            # What stands behind the form's end is nobody's.
            while not found.whole and (piece := self._piece()):
                parser.write(piece)
                while found.events:
                    yield found.events.popleft()
        except (FormParserError, UnicodeDecodeError):
            raise RequestWrong("The form is malformed; send it again.") from None
        if found.whole:
            return
        if self._spare == _OTHER_BYTES and not self._has_length:
            # A server that cannot tell where such a body ends gives none of it.
            sentence = "The server takes no body of unknown length; send it with the header Content-Length."
            raise RequestWrong(sentence, code="length_required")
        raise UploadBrokenOff

    def _piece(self) -> bytes:
        try:
            piece = self._body.read(_PIECE)
        except BulkClaimsError:
            raise
        except Exception:  # noqa: BLE001 -- each server has exceptions of its own for a client that breaks off
            raise UploadBrokenOff from None
        self._spare -= len(piece)
        return piece

    def _find_file(self) -> str:
        while isinstance(part := next(self._events, None), _Part):
            if part.name == FILE:
                return _plain_name(part.filename)
            if part.name in self.fields:
                raise RequestWrong("The form has a field more than once.")
            self.fields[part.name] = self._value(_LONG_FIELDS.get(part.name, _FIELD_BYTES))
            if self._spare < 0 or len(self.fields) > _MOST_FIELDS:
                raise RequestWrong("The form has more before its file than any upload needs.")
        raise RequestWrong(f"The form has no file; send it in a field named {FILE}.", code="no_file")

    def _value(self, most: int) -> str:
        value = b""
        while isinstance(piece := next(self._events), bytes):
            value += piece
            if len(value) > most:
                raise RequestWrong(f"A field of the form is longer than {most:,} bytes.")
        try:
            return value.decode().strip()
        except UnicodeDecodeError:
            raise RequestWrong("A field of the form is not UTF-8.") from None

    def _next_piece(self) -> bytes:
        for event in self._events:
            if isinstance(event, bytes):
                return event
            if isinstance(event, _Part):
                raise RequestWrong(f"The form goes on behind its file; put fields before {FILE}, and send one file.")
        return b""


@define
class _Found:
    """What the parser has found and nobody has fetched yet."""

    events: deque[_Part | bytes | _End] = field(factory=deque)
    whole: bool = False
    _name: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": lambda data, start, end: self.events.append(data[start:end]),
            "on_part_end": lambda: self.events.append(_End()),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name = self._value = self._disposition = b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self.events.append(_Part(options.get(b"name", b"").decode(), options.get(b"filename", b"").decode()))

    def _end(self) -> None:
        self.whole = True


def _plain_name(text: str) -> str:
    """The name of a file without folders and without what cannot be seen, for display."""
    name = re.split(r"[/\\]", text)[-1]
    return "".join(letter for letter in name if letter.isprintable())[:255] or "upload.csv"
