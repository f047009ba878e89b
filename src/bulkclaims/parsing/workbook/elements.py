"""
The rows and cells of a sheet's part, read as they stand.

The elements are those of ECMA-376 (part 1, 18.3). openpyxl's own reader leaves out what stands out of order, without a
word; here such a sheet is refused.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import IO, TYPE_CHECKING, TypeAlias

from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.xml.functions import iterparse

from bulkclaims.parsing.workbook.book import tag, text_in
from bulkclaims.parsing.workbook.cells import MOST_DIGITS
from bulkclaims.parsing.workbook.refusals import refusal
from bulkclaims.records import DATE_FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from bulkclaims.parsing.workbook.book import Book

    Value: TypeAlias = str | int | float | bool | dict[str, str] | None

_DATA, _ROW, _CELL, _VALUE, _INLINE = map(tag, ("sheetData", "row", "c", "v", "is"))
_NOT_WHOLE = frozenset(".eE")
_ESCAPED = re.compile(r"_x005F_(?=x[0-9A-F]{4}_)|_x(00[01][0-9A-F])_", re.IGNORECASE)
"""How a workbook writes a control character, and an underscore that would read as the beginning of one."""


def rows_in(stream: IO[bytes], book: Book) -> Iterator[tuple[int, list[Value]]]:
    """
    Read the part *stream* of a sheet of *book*: the number of each row, and its values up to the last.

    Raises:
        UploadRejected: Rows or cells stand out of order, or refer to what is not there.
    """
    last, ended = 0, False
    for _, element in iterparse(stream):
        if element.tag == _ROW:
            number = _number_of(element, last)
            if ended or number <= last:
                raise refusal("disordered_sheet")
            yield number, _values(element, number, book)
            last = number
            element.clear()
        ended = ended or element.tag == _DATA
        if ended:
            # What stands below the rows may be long, and nobody asks for it.
            element.clear()


def _number_of(row: Element, last: int) -> int:
    """The number of *row*; programs that leave it out may still have it in the references of cells."""
    if number := row.get("r"):
        return int(number)
    cell = row.find(_CELL)
    reference = None if cell is None else cell.get("r")
    return coordinate_to_tuple(reference)[0] if reference else last + 1


def _values(row: Element, number: int, book: Book) -> list[Value]:
    values: list[Value] = []
    last = 0
    for cell in row.iterfind(_CELL):
        reference = cell.get("r")
        line, column = coordinate_to_tuple(reference) if reference else (number, last + 1)
        if line != number or column <= last:
            raise refusal("disordered_sheet")
        value = _value(cell, book)
        if value is not None:
            values += [None] * (column - 1 - len(values))
            values.append(value)
        last = column
    return values


def _value(cell: Element, book: Book) -> Value:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        inline = cell.find(_INLINE)
        return None if inline is None else _unescaped(text_in(inline))
    text = cell.findtext(_VALUE)
    if not text:
        return None
    match kind:
        case "n":
            return _number(text, int(cell.get("s", "0")), book)
        case "s":
            return _unescaped(_shared(int(text), book))
        case "b":
            return bool(int(text))
        case "d":
            return _day(from_ISO8601(text))
        case _:
            return _unescaped(text)


def _shared(number: int, book: Book) -> str:
    if not 0 <= number < len(book.texts):
        raise refusal("unread_part")
    return book.texts[number]


def _unescaped(text: str) -> str | None:
    return _ESCAPED.sub(_character, text) if "_x" in text else text or None


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else "_"


def _number(text: str, style: int, book: Book) -> Value:
    value = int(text) if _NOT_WHOLE.isdisjoint(text) else float(text)
    styles = book.styles
    if not 0 <= style < styles.count:
        raise refusal("unread_part")
    if style in styles.dates:
        try:
            return _day(from_excel(value, book.epoch, timedelta=style in styles.spans))
        except (OverflowError, ValueError):
            return "#VALUE!"
    form = styles.forms.get(style)
    is_whole = form and 0 <= value < MOST_DIGITS and value == int(value)
    shown = form.shown(int(value)) if form and is_whole else None
    return {"shown": shown} if shown else value


def _day(value: date | time | timedelta) -> Value:
    """As in a CSV; a time that is not midnight stays visible."""
    if not isinstance(value, date):
        return str(value)
    if isinstance(value, datetime) and value.time() != time():
        return {"day": value.strftime(f"{DATE_FORMAT} %H:%M:%S")}
    return {"day": value.strftime(DATE_FORMAT)}
