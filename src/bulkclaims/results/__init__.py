"""
What a job came to. The web process's side of a job's end.

Row by row (`reading`), beside what an earlier job said (`comparing`), and as a file of some shape (`shapes`), the same
each time once the job has ended (`finished`).
"""

from bulkclaims.results.reading import Results, RowCursor, RowPage

__all__ = ["Results", "RowCursor", "RowPage"]

Results.__module__ = RowCursor.__module__ = RowPage.__module__ = __name__
