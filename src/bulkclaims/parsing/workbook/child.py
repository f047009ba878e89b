"""
The process that reads a workbook: its bounds, what it is told, and what it tells.

It is started with the workbook as its standard input and its orders in the environment. Each line that it prints is
JSON: what is to be known of the sheet, a row, why the workbook is refused, or that the sheet has ended.
"""

from __future__ import annotations

import json
import os
import resource
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.workbook.limits import WorkbookLimits
from bulkclaims.parsing.workbook.package import inspect
from bulkclaims.parsing.workbook.process import ORDERS
from bulkclaims.parsing.workbook.refusals import refusal
from bulkclaims.parsing.workbook.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

END = {"end": True}
_FILE_BYTES = 16 * 1024 * 1024
"""Enough for Python to keep a module that it compiled."""


def main() -> None:
    """Do what the environment says with what stands on the standard input."""
    orders = json.loads(os.environ[ORDERS])
    limits = WorkbookLimits(**orders["limits"])
    restrict(limits)
    with open(0, "rb", closefd=False) as file, open(1, "wb", closefd=False) as out:
        out.writelines(json.dumps(message).encode() + b"\n" for message in told(file, orders["sheet"], limits))


def told(file: IO[bytes], sheet: str, limits: WorkbookLimits) -> Iterator[dict[str, Any] | list[Any]]:
    """Read a workbook and yield all that there is to tell; whatever is wrong with it is told, too."""
    whole = False
    try:
        with ZipFile(file) as archive:
            unsaved = inspect(archive, limits)
        whole = True
        yield from read_sheet(file, sheet, limits.cells, unsaved=unsaved)
    except UploadRejected as refused:
        yield _refused(refused)
    except MemoryError:
        yield _refused(refusal("workbook_too_large"))
    except ModuleNotFoundError:
        yield _refused(refusal("workbooks_not_read"))
    except Exception:  # noqa: BLE001 -- of a damaged workbook zipfile, expat and openpyxl raise nearly anything
        yield _refused(refusal("unread_part" if whole else "bad_workbook"))
    else:
        yield END


def restrict(limits: WorkbookLimits) -> None:
    """Bound what this process may take from now on."""
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # macOS refuses some of them.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (lowest, lowest))


def _refused(why: UploadRejected) -> dict[str, Any]:
    return {"refused": why.code, "said": why.message}


if __name__ == "__main__":  # pragma: no cover -- in a process of its own, which is killed once it has told all
    main()
