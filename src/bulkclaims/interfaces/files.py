"""Files: how an upload becomes rows, and how results become a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.jobs import Job
    from bulkclaims.records import Layout, ResultLine, Row, UploadFacts


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

    def parse(self, upload: Readable, layout: Layout = ..., /) -> ParsedUpload:
        """
        Start to read *upload*, which is not closed.

        Nothing is read before the first row is asked for.

        Args:
            upload: The file's bytes.
            layout: What is said beforehand of the file; nothing unless given.
        """


class ResultWriter(Protocol):
    """Turns results into a file of one format."""

    @property
    def media_type(self) -> str:
        """Such as `text/csv; charset=utf-8`."""

    @property
    def suffix(self) -> str:
        """File name ending, such as `.csv`."""

    def write(self, job: Job, lines: Iterable[ResultLine], /) -> Iterator[bytes]:
        """
        Yield the file in pieces, in constant memory: always the same columns for a job, lines in the order given.

        The same job and lines give the same bytes, whenever and wherever they are written.

        Args:
            job: Whose results they are; it tells what columns its file had.
            lines: All of its rows or some, each with its result.
        """
