"""
Uploaded bytes to rows.

The bytes become text (`encoding`), the text physical lines (`lines`), the header line a table of columns (`header`,
`columns`), and each row its canonical cells or a list of all that is wrong with it (`table`, `cells`, `dates`). What
stands in for blank cells goes through the same checks (`defaults`). What is said of it all stands in `problems`, and
what only the whole file tells is found by `profile`, which watches columns with `watches`. What spreadsheets leave of a
cell is recognised by `damage`, and most rows of most files are right as they stand (`plain`).

A workbook comes to the same rows another way (`workbook`); which of the two a file is, its first bytes tell (`formats`,
`upload_parser`).
"""

from bulkclaims.parsing.csv_parser import CsvParser, ParsedCsv
from bulkclaims.parsing.defaults import canonical_defaults
from bulkclaims.parsing.profile import Profile
from bulkclaims.parsing.upload_parser import UploadParser
from bulkclaims.parsing.workbook import WorkbookLimits, WorkbookParser

__all__ = [
    "CsvParser",
    "ParsedCsv",
    "Profile",
    "UploadParser",
    "WorkbookLimits",
    "WorkbookParser",
    "canonical_defaults",
]
