"""
Claim status in X12 itself: the 276 inquiry, and the 277 and 999 that answer it, version 005010X212.

For clearinghouses that take X12 over a line of the host's own, which `X12Connector` is given as a function; and a codec
for whoever has such messages: `write_276` and `read_answer`. Nothing beside the standard library is needed.
"""

from bulkclaims.lookup.x12.answer import read_answer
from bulkclaims.lookup.x12.connector import X12Connector
from bulkclaims.lookup.x12.inquiry_276 import Party, X12Settings, write_276

__all__ = ["Party", "X12Connector", "X12Settings", "read_answer", "write_276"]
