"""What reading one workbook may take."""

from __future__ import annotations

from attrs import frozen

_MEBIBYTE = 1024 * 1024


@frozen
class WorkbookLimits:
    """
    What reading one workbook may take; one that wants more is refused.

    The defaults leave room for some hundred thousand rows, and stop a file that was made to exhaust a server.
    """

    entries: int = 2_000
    """Files in the workbook's archive; one has some ten, and a few for each sheet and picture."""
    inflated_bytes: int = 400 * _MEBIBYTE
    """Bytes of all of them, unpacked."""
    ratio: int = 250
    """How many times its packed size a file in the archive may have, once it has more than ten megabytes."""
    cells: int = 10_000_000
    """Cells of the sheet that are not blank."""
    memory_bytes: int = 512 * _MEBIBYTE
    """Address space of the process that reads."""
    cpu_seconds: int = 120
    """Processor time of the process that reads."""
    silent_seconds: float = 60
    """How long it may tell nothing, by the clock."""
