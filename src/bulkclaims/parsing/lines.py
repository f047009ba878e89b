"""Text to physical lines, kept until the row they belong to is read."""

from __future__ import annotations

import csv
from io import StringIO
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field

from bulkclaims.errors import UploadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_ROW_CHARACTERS = 1024 * 1024

_LONG = 128 * 1024
"""Fewer characters than this hold no cell beyond csv's limit."""


@define(eq=False)
class Lines:
    r"""
    The physical lines of a file, for a `csv.reader` to read, and to read again where a quote misled it.

    Only `\n`, `\r` and `\r\n` end a line; `str.splitlines` would also split at characters that people paste into cells.

    Args:
        texts: The file's text in pieces of any length.
    """

    _texts: Iterator[str]
    done: int = field(init=False, default=0)
    """How many lines the present reader has read to the end of its last row; whoever reads keeps this up to date."""
    _ended: bool = field(init=False, default=False)
    """Whether the present reader asked for a line beyond the last one."""
    _kept: list[str] = field(init=False, factory=list, repr=False)
    """The lines since the row being read began, and those handed out beyond it."""
    _before: int = field(init=False, default=0)
    """How many of the present reader's lines come before the first kept one; negative when that one is not its own."""
    dropped: int = field(init=False, default=0)
    """How many of the file's lines come before the first kept one."""
    _rest: str = field(init=False, default="", repr=False)
    """Text that is not split into lines yet: its last line may go on in the next piece."""
    _blocks: Iterator[list[str]] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """All readers share one source of further lines."""
        self._blocks = self._read_blocks()

    def unquoted(self) -> Iterator[str]:
        """
        Yield text, cut between lines, from the end of the last row on.

        Ends before the first piece that holds a quote or a very long line; `again` goes on from there.
        """
        self._rest = "".join(self._kept[self._row_start :]) + self._rest
        self.dropped += self._row_start
        self._kept, self._before, self.done = [], 0, 0
        self._blocks = self._read_blocks()  # who looked ahead may have come to the end of the former ones
        # The last line may lack its end.
        for text in chain(("",), self._texts, ("\n",)):
            self._rest += text
            if '"' in self._rest or len(self._rest) > _LONG:
                return
            # A "\r" at the end may be half of a "\r\n".
            cut = max(self._rest.rfind("\n"), self._rest.rfind("\r", 0, -1)) + 1
            whole, self._rest = self._rest[:cut], self._rest[cut:]
            yield whole

    def again(self, skip: int = 0) -> Iterator[str]:
        """Let a new reader begin *skip* lines after the end of the last row; lines have their ends."""
        start = self._row_start + skip
        self._before, self.done, self._ended = -start, 0, False
        # Nothing is sliced here, or a quote on every line would make reading quadratic.
        return chain(_from(self._kept, start), chain.from_iterable(self._blocks), self._end())

    @property
    def line(self) -> int:
        """The number of the file's line on which the next row begins; 1 is the first."""
        return self.dropped + self._row_start + 1

    @property
    def first_of_row(self) -> str:
        """The line with which the row being read begins."""
        return self._kept[self._row_start]

    def further_of_row(self, lines_read: int) -> list[str]:
        """The lines of the row being read but its first, when its reader has read so many."""
        return self._kept[self._row_start + 1 : lines_read - self._before]

    def refuse_endless_row(self, place: str, problem: csv.Error, lines_read: int) -> None:
        """
        Tell a row that has no end from one that can be skipped.

        Args:
            place: What is being read, such as `Row 7`.
            problem: What `csv.reader` raised.
            lines_read: Lines it has read, up to there.

        Raises:
            UploadRejected: The row goes on to the end of the file, or has a cell beyond csv's limit.
        """
        too_large = "field limit" in str(problem)
        if self._ended or (too_large and lines_read - self.done > 1):
            raise UploadRejected(
                f"{place} opens a quote that is never closed, so what follows cannot be told apart. "
                'Remove the " there, or add the missing one.',
                code="unclosed_quote",
            )
        if too_large:
            raise UploadRejected(
                f"{place} has a cell of more than {csv.field_size_limit():,} characters. "
                "Remove what does not belong there.",
                code="cell_too_large",
            )

    @property
    def _row_start(self) -> int:
        return self.done - self._before

    def _read_blocks(self) -> Iterator[list[str]]:
        for text in self._texts:
            lines = list(StringIO(self._rest + text, newline=""))
            # Even a last line with an end may go on: "\r" may be half of a "\r\n".
            self._rest = lines.pop() if lines else ""
            self._keep(lines)
            yield lines
        lines, self._rest = list(StringIO(self._rest, newline="")), ""
        self._keep(lines)
        yield lines

    def _end(self) -> Iterator[str]:
        self._ended = True
        yield from ()

    def _keep(self, lines: list[str]) -> None:
        begun = self._kept[self._row_start :]
        self.dropped += self._row_start
        self._before = self.done
        self._kept = begun + lines
        if sum(map(len, begun)) > MOST_ROW_CHARACTERS:
            raise _row_too_large(self.dropped)
        if len(self._rest) > MOST_ROW_CHARACTERS:
            raise _row_too_large(self.dropped + len(self._kept))


def _from(lines: list[str], start: int) -> Iterator[str]:
    for index in range(start, len(lines)):
        yield lines[index]


def _row_too_large(lines_before: int) -> UploadRejected:
    return UploadRejected(
        f"The row that begins on line {lines_before + 1} is longer than {MOST_ROW_CHARACTERS:,} characters. "
        "Check that the file is a CSV with one claim on each line.",
        code="row_too_large",
    )
