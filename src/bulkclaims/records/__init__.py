"""
The frozen values that travel the path from upload to results: rows, what is asked of them, what is answered.

Nothing here does any work beyond its own arithmetic. Fields that hold patient data are left out of every `repr`, so
that a value may stand in a log line or a traceback without telling anyone's name.
"""

from bulkclaims.records.accounts import Capabilities, Rate, SealedAccess
from bulkclaims.records.claims import Answer, ClaimInquiry, ClaimStatus, Ticket, Window, WindowPage, to_date
from bulkclaims.records.results import ERROR, NOT_FOUND, Earlier, ResultLine, RowResult, SealedResult, Source
from bulkclaims.records.rows import (
    AS_FOUND,
    DATE_FORMAT,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    CellError,
    Heading,
    Known,
    Layout,
    Problem,
    Row,
    UploadFacts,
)

__all__ = [
    "AS_FOUND",
    "DATE_FORMAT",
    "ERROR",
    "NOT_FOUND",
    "OPTIONAL_COLUMNS",
    "REQUIRED_COLUMNS",
    "Answer",
    "Capabilities",
    "CellError",
    "ClaimInquiry",
    "ClaimStatus",
    "Earlier",
    "Heading",
    "Known",
    "Layout",
    "Problem",
    "Rate",
    "ResultLine",
    "Row",
    "RowResult",
    "SealedAccess",
    "SealedResult",
    "Source",
    "Ticket",
    "UploadFacts",
    "Window",
    "WindowPage",
    "to_date",
]

for _name in __all__:
    # This is where everybody imports them from, and where the docs are to find them.
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
