"""
Excel workbooks to rows.

A workbook is an archive of XML that a stranger made, so it is opened in a process of its own with bounds on its memory
and time (`process`, `child`). That process looks through the archive before anything reads it (`package`), reads one
sheet (`sheet`, of a `book`, by its `elements`, and numbers as they are `shown`), and tells its rows over a pipe. Here
they are held to the same checks as those of a CSV (`parser`), once it is plain what each cell meant (`cells`). What is
refused, and in which words, stands in `refusals`.
"""

from bulkclaims.parsing.workbook.limits import WorkbookLimits
from bulkclaims.parsing.workbook.parser import WorkbookParser

__all__ = ["WorkbookLimits", "WorkbookParser"]
