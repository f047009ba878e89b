"""
A temporary folder that is removed even where its process was killed: by the next process that makes one.

While a folder is in use its owner holds a lock (flock) on a file in it, which the operating system takes off when the
owner ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_PREFIX = "bulkclaims-results-"
_LOCK = "in-use"


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that only its user can read, and remove it at the end; those left behind are removed first."""
    _remove_abandoned()
    with ExitStack() as held, tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        # Let go of only after the folder is removed.
        held.enter_context(_locked(folder))
        yield folder


def _locked(folder: Path) -> BinaryIO:
    # Under its name the file is always locked, unless its owner is gone.
    unnamed = folder / f"{_LOCK}.new"
    file = unnamed.open("xb")
    fcntl.flock(file, fcntl.LOCK_EX)
    unnamed.rename(folder / _LOCK)
    return file


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, gone meanwhile, or not ours
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    if folder.lstat().st_uid != os.getuid():
        return
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
