"""Files: how an upload becomes rows, and how results become a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.records import Row, RowResult, UploadFacts


class Readable(Protocol):
    """Bytes as they come, of an open file or from a network."""

    def read(self, size: int, /) -> bytes:
        """Wait for at most *size* bytes, and perhaps fewer; none at the end."""


class ParsedUpload(Protocol):
    """The rows of one file, read once, in order, in constant memory."""

    def __iter__(self) -> Iterator[Row]:
        """
        Yield each row that is not blank. May be iterated once.

        A bad row is a `Row` with `errors`, every one of them; never an exception.

        Raises:
            UploadRejected: The file as a whole cannot be used. May come after rows were yielded: a file can turn bad
                at its end.
        """

    @property
    def facts(self) -> UploadFacts:
        """What was found out about the file so far; complete after the last row."""


class RowParser(Protocol):
    """Turns uploaded bytes into rows. Called in the process that takes the upload."""

    def parse(self, upload: Readable, /) -> ParsedUpload:
        """
        Start to read *upload*, which is not closed.

        Nothing is read before the first row is asked for.
        """


class ResultWriter(Protocol):
    """Turns results into a file of one format."""

    @property
    def media_type(self) -> str:
        """Such as `text/csv; charset=utf-8`."""

    @property
    def suffix(self) -> str:
        """File name ending, such as `.csv`."""

    def write(self, results: Iterable[RowResult], /) -> Iterator[bytes]:
        """Yield the file in pieces, in constant memory: always the same columns, results in the order given."""
