"""Having a workbook read by a process of its own, and making sure that it ends."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from datetime import date
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from attrs import asdict, frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.workbook.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from bulkclaims.parsing.workbook.limits import WorkbookLimits

ORDERS = "BULKCLAIMS_WORKBOOK"
"""The variable that holds the orders: not an argument, since everybody on a machine may list those."""

_CHILD = "bulkclaims.parsing.workbook.child"
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPYCACHEPREFIX")
"""What Python may need to start. Nothing else of the environment is the reader's business: it may hold secrets."""
_PIECE_BYTES = 64 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
"""Above what a row of the most characters comes to, each of them escaped."""
_ENDING_SECONDS = 5
_STOPPED = {-signal.SIGKILL, -signal.SIGXCPU}
"""How a process ends that was stopped for taking too much."""


@frozen
class Sheet:
    """What is to be known of a sheet before its rows."""

    name: str
    others: int
    """How many other sheets can be seen."""
    epoch: date
    """The day from which the workbook counts days."""
    unsaved: bool
    """Whether it has formulas whose results were not saved."""


SheetRow: TypeAlias = tuple[int, list[object]]
"""The number of a row in the sheet, and its values."""


def read_apart(file: IO[bytes], sheet: str, limits: WorkbookLimits) -> Generator[Sheet | SheetRow, None, None]:
    """
    Read *sheet* of the workbook *file* in a process of its own, which ends with this iterator at the latest.

    Yields:
        The sheet first, then its rows.

    Raises:
        UploadRejected: The workbook cannot be read, or not within *limits*.
    """
    file.flush()
    file.seek(0)
    with subprocess.Popen(  # noqa: S603 -- this interpreter, with arguments that nobody else chooses
        [sys.executable, "-P", "-W", "ignore", "-m", _CHILD],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what libraries warn of may quote a cell
        env=_environment(sheet, limits),
    ) as child:
        try:
            for line in _lines(cast("IO[bytes]", child.stdout), limits.silent_seconds):
                message = understood(line)
                if message is None:
                    return
                yield message
            raise _end_without_word(child)
        finally:
            child.kill()


def _environment(sheet: str, limits: WorkbookLimits) -> Mapping[str, str]:
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OPENPYXL_LXML": "False",  # its streams would not be bounded as those of the standard library are
        ORDERS: json.dumps({"sheet": sheet, "limits": asdict(limits)}),
    }


def _lines(pipe: IO[bytes], silent_seconds: float) -> Iterator[bytes]:
    """Yield whole lines as they come."""
    kept: list[bytes] = []
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_READ)
        while sum(map(len, kept)) <= _LONGEST_LINE:
            if not ready.select(silent_seconds):
                raise refusal("workbook_too_large")
            piece = os.read(pipe.fileno(), _PIECE_BYTES)
            if not piece:
                return
            kept.append(piece)
            if b"\n" in piece:
                *lines, rest = b"".join(kept).split(b"\n")
                kept = [rest]
                yield from lines
    raise refusal("bad_workbook")


def understood(line: bytes) -> Sheet | SheetRow | None:
    """Read one line; None says that all was told."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    match message:
        case [int(number), list(values)]:
            return number, values
        case {"sheet": str(name), "others": int(others), "epoch": str(epoch), "unsaved": bool(unsaved)}:
            return Sheet(name, others, date.fromisoformat(epoch), unsaved)
        case {"refused": str(code), "said": str(said)}:
            raise UploadRejected(said, code=code)
        case {"end": True}:
            return None
        case _:
            raise refusal("bad_workbook")


def _end_without_word(child: subprocess.Popen[bytes]) -> UploadRejected:
    try:
        code = child.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        code = 0
    return refusal("workbook_too_large" if code in _STOPPED else "bad_workbook")
