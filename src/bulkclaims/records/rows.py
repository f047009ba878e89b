"""What comes in: the rows of an upload, what is wrong with them, and what was found out about the file."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIRED_COLUMNS = ("claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id")
OPTIONAL_COLUMNS = (
    "payer_id",
    "npi",
    "tin",
    "first_service_date",
    "last_service_date",
    "gender",
    "patient_account_number",
)

DATE_FORMAT = "%m/%d/%Y"
"""The one form of a date in cells and results, once the parser has read any of the forms it accepts."""


@frozen
class CellError:
    """
    One thing wrong with one cell, said so that the person who typed it can mend it, without quoting it.

    Where it stands among a row's `warnings` it is worth a look, and the row is sent all the same.
    """

    row: int
    """1 is the first data row."""
    column: str
    """The column's name, or "" where the row as a whole is wrong."""
    code: str
    message: str
    seen: str = ""
    """The shape of what stands there, with every letter as A or a and every digit as 9; "" where that tells nothing."""
    repair: str = ""
    """What would mend it, or has, where that can be said of the cell by itself: a short sentence; "" otherwise."""


@frozen
class Problem:
    """One kind of trouble in an upload, and where it was met."""

    column: str
    code: str
    message: str
    count: int
    rows: tuple[int, ...]
    """The first few rows that have it."""
    seen: tuple[str, ...] = ()
    """The first few different shapes of what stands there, as `CellError.seen` has them."""
    repair: str = ""


@frozen(weakref_slot=False)
class Row:
    """
    One data row of an upload, in the file's own column order.

    Values are text: stripped, and dates brought to `MM/DD/YYYY`. A row with errors keeps its cells as typed, so that
    they can be given back to be mended.
    """

    number: int
    """1 is the first row below the header; blank rows are counted but never become rows."""
    columns: tuple[str, ...]
    """Our name for each known column, the file's own for others. One tuple is shared by all rows of a file."""
    values: tuple[str, ...] = field(repr=False)
    errors: tuple[CellError, ...] = ()
    warnings: tuple[CellError, ...] = ()
    """What is worth a look: repairs that were made, and cells that look wrong but may be right. Not stored with it."""

    @property
    def cells(self) -> dict[str, str]:
        """The row's cells by column name."""
        return dict(zip(self.columns, self.values, strict=False))


@define(eq=False, init=False, weakref_slot=False)
class _RowInTheMaking:
    """A `Row` that is not frozen yet."""

    number: int
    columns: tuple[str, ...]
    values: tuple[str, ...] = field(repr=False)
    errors: tuple[CellError, ...]
    warnings: tuple[CellError, ...]


def row_of(
    number: int,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    errors: tuple[CellError, ...] = (),
    warnings: tuple[CellError, ...] = (),
) -> Row:
    """Make a `Row` in a third of the time that it takes to make one frozen: it is filled first and frozen then."""
    row = _RowInTheMaking()
    row.number = number
    row.columns = columns
    row.values = values
    row.errors = errors
    row.warnings = warnings
    row.__class__ = Row  # type: ignore[assignment]
    return row  # type: ignore[return-value]


class Known(StrEnum):
    """How a column's name in a file was understood."""

    NAME = "name"
    """It is one of ours, or a documented other name of it."""
    GIVEN = "given"
    """Whoever sent the file said so."""
    SAVED = "saved"
    """The organisation said so with an earlier file."""
    GUESS = "guess"
    """It resembles a name that the file lacks. Never acted on: whoever sent the file is asked."""
    OTHER = "other"
    """It is none of ours, and is kept."""


@frozen
class Heading:
    """One column of a file, by the name it has there."""

    text: str
    """As the file has it."""
    column: str
    """What it was read as: our name, or the file's own, made unique."""
    known: Known


@frozen
class Layout:
    """What is said beforehand of how an upload is laid out; what is not said is found out."""

    columns: Mapping[str, str | None] = field(factory=dict)
    """
    Our name for each of these headings, "" for none of ours; case, spaces and punctuation do not count.

    None lets a heading be read by its own name, whatever was said of it earlier.
    """
    saved: Mapping[str, str] = field(factory=dict)
    """Likewise, as the organisation said earlier; a heading in `columns` goes before it."""
    sheet: str = ""
    """Which sheet of a workbook; "" for the first that is visible."""


AS_FOUND = Layout()
"""Nothing is said beforehand."""


@frozen
class UploadFacts:
    """What reading a file brought to light beside its rows; complete once the last row is read."""

    encoding: str
    """"" of a workbook."""
    delimiter: str
    """"" of a workbook."""
    columns: tuple[str, ...]
    size: int
    """Bytes read."""
    sha256: str
    """Hexadecimal digest of the bytes read."""
    notes: tuple[str, ...] = ()
    """Sentences worth telling the user, such as that the file was read as Windows-1252."""
    headings: tuple[Heading, ...] = ()
    """What each column is called in the file; empty of a parser that does not tell, and of earlier versions."""
    sheet: str = ""
    """The sheet of a workbook that was read."""
