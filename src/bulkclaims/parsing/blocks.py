"""The bytes of an upload: in blocks, counted, digested, and within a limit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.errors import UploadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.interfaces import Readable

BLOCK_BYTES = 32 * 1024
MEGABYTE = 1024 * 1024


@define(eq=False)
class Blocks:
    """
    An upload in blocks, read once.

    Args:
        upload: Where to read the bytes.
        max_bytes: The size above which to refuse the file; None for any size.
    """

    _upload: Readable
    _max_bytes: int | None
    size: int = field(init=False, default=0)
    """Bytes read so far."""
    _digest: hashlib._Hash = field(init=False, factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """
        Read to the end.

        Raises:
            UploadRejected: The file is too large.
        """
        while block := read_fully(self._upload, BLOCK_BYTES):
            self.size += len(block)
            if self._max_bytes is not None and self.size > self._max_bytes:
                raise UploadRejected(
                    f"The file is larger than {self._max_bytes / MEGABYTE:,.4g} MB. "
                    "Split it into smaller files, each with the header, and upload them one by one.",
                    code="file_too_large",
                )
            self._digest.update(block)
            yield block


def read_fully(upload: Readable, size: int) -> bytes:
    """Read *size* bytes unless the end comes first: a socket may give a few at a time, and blocks cost time each."""
    pieces = [upload.read(size)]
    missing = size - len(pieces[0])
    while pieces[-1] and missing:
        pieces.append(upload.read(missing))
        missing -= len(pieces[-1])
    return b"".join(pieces)
