"""
What is known of a workbook as a whole: its sheets, its epoch, its texts, and how its numbers are shown.

Nothing else of it is read. openpyxl holds fonts, fills, properties and names to the letter of the standard, and fails
on what other programs write there, which is no reason to refuse anybody's claims.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Self

from attrs import frozen
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS_MAX_SIZE, builtin_format_code
from openpyxl.styles.stylesheet import Stylesheet
from openpyxl.xml.constants import ARC_STYLE, SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import fromstring, iterparse

from bulkclaims.parsing.workbook.shown import form_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from xml.etree.ElementTree import Element
    from zipfile import ZipFile

    from bulkclaims.parsing.workbook.shown import Form


def tag(name: str) -> str:
    """Name an element as a part of a workbook has it."""
    return f"{{{SHEET_MAIN_NS}}}{name}"


_TEXTS = (tag("t"), f"{tag('r')}/{tag('t')}")
_STRING = tag("si")
_FORMATS = (tag("numFmts"), tag("cellXfs"))


@frozen
class Styles:
    """What the styles of cells say of their values."""

    count: int
    dates: Collection[int]
    """Those that show a number as a day or a time."""
    spans: Collection[int]
    """Those of them that show it as a span of time."""
    forms: Mapping[int, Form]
    """Those that make an id of it."""


@frozen
class SheetPart:
    """A sheet, and where in the archive it stands."""

    name: str
    is_visible: bool
    path: str


@frozen
class Book:
    """A workbook, of which no sheet was read yet."""

    archive: ZipFile
    sheets: Sequence[SheetPart]
    epoch: datetime
    texts: Sequence[str]
    """What cells refer to by number."""
    styles: Styles

    @classmethod
    def of(cls, file: IO[bytes]) -> Self:
        """Open the workbook *file*, which was looked through."""
        reader = ExcelReader(file, read_only=True, keep_links=False)
        reader.read_manifest()
        reader.read_workbook()
        return cls(
            reader.archive,
            [
                SheetPart(sheet.name, sheet.state == "visible", part.target)
                for sheet, part in reader.parser.find_sheets()
                if part.target in reader.valid_files and "chartsheet" not in part.Type
            ],
            reader.wb.epoch,
            _texts(reader.archive, reader.package.find(SHARED_STRINGS)),
            _styles(reader.archive) if ARC_STYLE in reader.valid_files else Styles(1, (), (), {}),
        )


def text_in(element: Element) -> str:
    """The text of *element*, however its parts look."""
    return "".join(part.text or "" for path in _TEXTS for part in element.iterfind(path))


def _texts(archive: ZipFile, part: Any) -> list[str]:  # noqa: ANN401 -- openpyxl ships no types
    texts: list[str] = []
    if part is not None:
        with archive.open(part.PartName[1:]) as stream:
            for _, element in iterparse(stream):
                if element.tag == _STRING:
                    texts.append(text_in(element))
                    element.clear()
    return texts


def _styles(archive: ZipFile) -> Styles:
    bare = fromstring(archive.read(ARC_STYLE))
    for part in [part for part in bare if part.tag not in _FORMATS]:
        bare.remove(part)
    for style in bare.iterfind(f"{_FORMATS[1]}/*"):
        number = style.get("numFmtId", "0")
        style.clear()
        style.set("numFmtId", number)
    read = Stylesheet.from_tree(bare)
    forms = {
        place: form
        for place, style in enumerate(read.cell_styles)
        if (form := form_of(_code(style.numFmtId, read.number_formats)))
    }
    return Styles(max(1, len(read.cell_styles)), read.date_formats, read.timedelta_formats, forms)


def _code(number: int, own: Sequence[str]) -> str:
    of_all = number < BUILTIN_FORMATS_MAX_SIZE
    return (builtin_format_code(number) if of_all else own[number - BUILTIN_FORMATS_MAX_SIZE]) or ""
