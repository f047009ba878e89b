"""A file that is being read: its rows, and the facts about it so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.records import Row, UploadFacts


class Reading(Protocol):
    """Whatever knows the facts about a file while its rows are read."""

    @property
    def facts(self) -> UploadFacts:
        """What was found out so far."""


@define(eq=False)
class ParsedFile:
    """The rows of a file and, as they are read, the facts about it."""

    _reading: Reading
    # The generator knows nothing of this object: it ends, and all that it holds, once nobody holds this any more.
    _rows: Iterator[Row] = field(repr=False)

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    @property
    def facts(self) -> UploadFacts:  # noqa: D102 -- the contract stands in `interfaces.ParsedUpload`
        return self._reading.facts
