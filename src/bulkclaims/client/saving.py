"""Files as they come from and go to the client's own disk."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import define

from bulkclaims.errors import SettingsWrong, UploadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened(file: IO[bytes] | str | os.PathLike[str]) -> Iterator[tuple[str, Steady]]:
    """
    Open what is to be uploaded, unless it is open, and see that it can be read twice; gives its name, too.

    Raises:
        UploadRejected: It can be read only once, as a pipe can.
        OSError: It cannot be read at all.
    """
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        with path.open("rb") as stream:
            yield path.name, _steady(stream)
        return
    name = getattr(file, "name", "")
    yield Path(name).name if isinstance(name, str) else "", _steady(file)


@define
class Steady:
    """
    A file that is as long at its end as it was when it was measured, or it is not sent.

    httpx measures by `seek` what has no descriptor; of an unpacked file the descriptor would tell the packed length.
    """

    _stream: IO[bytes]
    _size: int = 0
    _left: int = 0

    def read(self, size: int) -> bytes:
        """Read as files do."""
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0 or (self._left and not piece):
            raise UploadRejected(
                "The file grew or shrank while it was sent; send it when nothing writes to it.", code="file_changed"
            )
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as files do; moving to the end measures."""
        place = self._stream.seek(offset, whence)
        if whence == os.SEEK_END:
            self._size = place
        self._left = self._size - place
        return place

    def tell(self) -> int:
        """Where it stands."""
        return self._stream.tell()


def _steady(stream: IO[bytes]) -> Steady:
    try:
        stream.seek(0)
    except OSError:
        raise UploadRejected(
            "The upload can be read only once, and may have to be sent again; save it to a file first.",
            code="read_once",
        ) from None
    return Steady(stream)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """
    Give a file that takes the place of *path* in the end, so that no half file ever bears its name.

    Its owner alone can read it. A symbolic link stays, and what it points to is replaced.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def told(path: Path) -> Iterator[None]:
    """
    Say why results cannot be written to *path*; that nobody reads a pipe any longer is its writer's affair.

    Raises:
        SettingsWrong: What the system said of it.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        sentence = f"The results cannot be written to {path}: {error.strerror}."
        raise SettingsWrong(sentence, code="output_unwritable") from error
