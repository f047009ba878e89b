"""Hypothesis strategies for claims and for the files that hold them."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING

from attrs import frozen
from hypothesis import strategies as st

from bulkclaims.parsing.damage import damage_of_id
from bulkclaims.records import DATE_FORMAT, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÀÉÑÖßéøü"

ids = st.text(_ID_CHARACTERS, min_size=2, max_size=20).filter(lambda text: not damage_of_id(text))
"""Claim numbers and subscriber ids; never what a spreadsheet or a data frame made of one."""

_words = st.text(_LETTERS, min_size=1, max_size=14)
names = st.builds("{}{}{}".format, _words, st.sampled_from(("", " ", "-", "'", ", ")), _words)
"""Names as on insurance cards, all of them within Windows-1252."""

dates = st.dates(date(1910, 1, 1), date(2020, 12, 31)).map(lambda day: day.strftime(DATE_FORMAT))
"""Dates of birth as the parser leaves them."""

claims = st.tuples(ids, names, names, dates, ids)
"""Rows that the parser accepts, in the order of `REQUIRED_COLUMNS`, as the parser leaves them."""


@frozen
class Dialect:
    """How a program writes CSV."""

    delimiter: str
    line_end: str
    encoding: str
    quote_all: bool

    def write(self, rows: Sequence[Sequence[str]], columns: Sequence[str] = REQUIRED_COLUMNS) -> bytes:
        """Write a file of *rows* under a header."""
        text = io.StringIO(newline="")
        writer = csv.writer(
            text,
            delimiter=self.delimiter,
            lineterminator=self.line_end,
            quoting=csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL,
        )
        writer.writerows([columns, *rows])
        return text.getvalue().encode(self.encoding)


dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(("\n", "\r\n", "\r")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "windows-1252")),
    quote_all=st.booleans(),
)
"""Every way of writing CSV that the parser understands."""
