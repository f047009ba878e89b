"""What a results file may be asked to be: of which format, with which columns and which rows."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from zlib import ZLIB_RUNTIME_VERSION

from attrs import frozen

from bulkclaims.writers import CsvWriter, JsonLinesWriter, XlsxWriter, full, nine, to_correct

if TYPE_CHECKING:
    from bulkclaims.interfaces import ResultWriter
    from bulkclaims.writers import Columns


class Format(StrEnum):
    """Formats of results files; each word is also the ending of their names."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


class Which(StrEnum):
    """Which columns a results file has."""

    DEFAULT = "default"
    FULL = "full"


@frozen(kw_only=True)
class Shape:
    """What a results file is asked to be."""

    format: Format = Format.CSV
    columns: Which | None = None
    """None for the default ones or, of rows that failed, for those of the upload with the reason: the file to
    correct."""
    failed: bool = False
    """Only rows that did not succeed."""
    changed: bool = False
    """Only rows of which the job that this one is compared with says something else."""
    bom: bool = False
    """Whether a CSV begins with the mark by which older spreadsheets know UTF-8."""

    def writer(self) -> ResultWriter:
        """
        Give what writes such files.

        Raises:
            SettingsWrong: It needs a library that is not installed.
        """
        columns = self._columns()
        if self.format is Format.CSV:
            return CsvWriter(columns=columns, bom=self.bom)
        if self.format is Format.JSONL:
            return JsonLinesWriter(columns=columns)
        return XlsxWriter(columns=columns)

    def facts(self) -> tuple[str, ...]:
        """Say what the bytes of such a file depend on, beside the job and this library's version."""
        library = (_workbook_library(), ZLIB_RUNTIME_VERSION) if self.format is Format.XLSX else ()
        asked = (self.format, self.columns, self.failed, self.changed, self.bom)
        return (*map(str, asked), *library)

    def _columns(self) -> Columns:
        if self.columns is None and self.failed:
            return to_correct
        return full if self.columns is Which.FULL else nine


DEFAULT = Shape()
"""The CSV that billing staff know."""


@cache
def _workbook_library() -> str:
    """Give the version of the library that writes workbooks."""
    return version("xlsxwriter")
