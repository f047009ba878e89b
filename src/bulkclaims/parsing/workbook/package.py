"""
What a workbook's archive holds, found out before anything reads it.

The parts and their content types are those of ECMA-376 (Office Open XML); a spreadsheet of OpenDocument has its media
type in a file named `mimetype`. Sizes that an archive declares may lie, so every file in it is inflated, piece by
piece: `zipfile` gives no more than was declared, and fails where that was not all. No program writes a DOCTYPE into a
part of a workbook; whoever does wants entities to be expanded or fetched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED

from attrs import define, field

from bulkclaims.parsing.workbook.refusals import refusal

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

    from bulkclaims.parsing.workbook.limits import WorkbookLimits

_PIECE_BYTES = 64 * 1024
_SMALL_BYTES = 10 * 1024 * 1024
"""What is no larger than this does no harm, however well it was packed."""
_ENCRYPTED = 1
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
"""The namespace of workbooks that are written by the strict half of the standard (ISO/IEC 29500-1)."""
_FORMULA_WITHOUT_RESULT = re.compile(rb"(?:</f>|<f [^>]*/>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_LONGEST_END = 64
"""So many bytes of a piece are looked at again together with the next one."""


def inspect(archive: ZipFile, limits: WorkbookLimits) -> bool:
    """
    Look through *archive*; tell whether a sheet of it has formulas whose results were not saved.

    Raises:
        UploadRejected: It is no workbook that is read, or it would take more than *limits*.
    """
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise refusal("workbook_too_large")
    _refuse_other_kinds({entry.filename.lower() for entry in entries})
    _refuse_declared(entries, limits)
    return any([_inflate(archive, entry) for entry in entries])  # noqa: C419 -- all of them, whatever the first one has


def _refuse_other_kinds(names: set[str]) -> None:
    if "mimetype" in names and "content.xml" in names:
        raise refusal("ods_workbook")
    if "[content_types].xml" not in names:
        raise refusal("other_archive")
    if any(name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/") for name in names):
        raise refusal("macro_workbook")
    if "xl/workbook.bin" in names:
        raise refusal("binary_workbook")
    if not any(name.startswith("xl/") for name in names):
        raise refusal("other_document")


def _inflate(archive: ZipFile, entry: ZipInfo) -> bool:
    """Look at one file in *archive*; tell whether it is a sheet that has formulas without results."""
    part = _Part(entry.filename.startswith("xl/worksheets/"))
    with archive.open(entry) as stream:
        while piece := stream.read(_PIECE_BYTES):
            part.take(piece)
    return part.unsaved


def _refuse_declared(entries: list[ZipInfo], limits: WorkbookLimits) -> None:
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise refusal("password_protected")
    if any(entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for entry in entries):
        raise refusal("unread_part")
    if sum(entry.file_size for entry in entries) > limits.inflated_bytes:
        raise refusal("workbook_too_large")
    if any(_SMALL_BYTES < entry.file_size > limits.ratio * entry.compress_size for entry in entries):
        raise refusal("workbook_too_large")


@define(eq=False)
class _Part:
    """What is found out about one file in the archive while it is inflated."""

    _is_sheet: bool
    unsaved: bool = field(init=False, default=False)
    _prolog: expat.XMLParserType | None = field(init=False)
    """Reads up to the first element, in whatever encoding the file is, as the reader of the workbook will."""
    _end: bytes = field(init=False, default=b"")

    def __attrs_post_init__(self) -> None:
        """Nothing is read yet."""
        self._prolog = expat.ParserCreate()
        self._prolog.StartDoctypeDeclHandler = _refuse_doctype
        self._prolog.StartElementHandler = self._begin_element

    def take(self, piece: bytes) -> None:
        """
        Look at the next *piece*.

        Raises:
            UploadRejected: It holds a DOCTYPE, or is written by the strict half of the standard.
        """
        if self._prolog:
            self._read_prolog(self._prolog, piece)
        if self._is_sheet and not self.unsaved:
            self.unsaved = _FORMULA_WITHOUT_RESULT.search(self._end + piece) is not None
            self._end = piece[-_LONGEST_END:]

    def _read_prolog(self, prolog: expat.XMLParserType, piece: bytes) -> None:
        try:
            prolog.Parse(piece)
        except expat.ExpatError:
            # No XML: a picture, or a part that its reader will stumble over at the same place.
            self._prolog = None

    def _begin_element(self, name: str, attributes: dict[str, str]) -> None:
        # Only the prolog can hold a DOCTYPE.
        self._prolog = None
        prefix, colon, _ = name.rpartition(":")
        if attributes.get(f"xmlns{colon}{prefix}") == _STRICT:
            raise refusal("strict_workbook")


def _refuse_doctype(*_: object) -> None:
    raise refusal("unread_part")
