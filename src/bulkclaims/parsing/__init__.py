"""
Uploaded bytes to rows.

The bytes become text (`encoding`), the text physical lines (`lines`), the header line a table of columns (`header`,
`columns`), and each row its canonical cells or a list of all that is wrong with it (`table`, `cells`, `dates`). What
stands in for blank cells goes through the same checks (`defaults`).
"""

from bulkclaims.parsing.csv_parser import CsvParser, ParsedCsv
from bulkclaims.parsing.defaults import canonical_defaults

__all__ = ["CsvParser", "ParsedCsv", "canonical_defaults"]
