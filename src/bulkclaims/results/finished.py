"""
Results as files of every shape, and what a finished one comes to.

A file of a job that has ended is the same whenever it is written, so that a mark can name its bytes: a digest of all
that they depend on. Nothing of the file itself is stored. Its size and its digest are kept under the mark once it was
written whole, where the repository is a `KeptStore`; a part of it is made by writing it anew and leaving out the rest.
"""

from __future__ import annotations

import json
import logging
import zlib
from hashlib import blake2b, sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bulkclaims.errors import NotNow, PayloadUnreadable, RepositoryUnavailable
from bulkclaims.interfaces import KeptStore
from bulkclaims.privacy import describe
from bulkclaims.results.shapes import DEFAULT

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Iterable, Iterator

    from bulkclaims.interfaces import ResultWriter
    from bulkclaims.jobs import Job
    from bulkclaims.results import Results
    from bulkclaims.results.shapes import Shape

_log = logging.getLogger(__name__)

_KEPT_SECONDS = 400 * 24 * 3600.0
"""Longer than jobs are kept, and with the job it goes anyway; what has lapsed is found out anew."""
_VERSION = version("bulkclaims")
_GZIP = 16 + zlib.MAX_WBITS
"""Has zlib write gzip's header, without a time of its own."""


@frozen
class FileDigest:
    """What a finished file comes to."""

    size: int
    """Bytes."""
    sha256: str
    """In hexadecimal digits."""


@frozen
class ResultFiles:
    """Gives the results of jobs as files."""

    results: Results

    def of(self, job: Job, shape: Shape = DEFAULT, *, partial: bool = False) -> ResultFile:
        """
        Give the results of a job as a file; nothing of it is written yet.

        Args:
            job: As it was read just now.
            shape: What is asked for.
            partial: Whether a job that still runs may be read too.

        Raises:
            SettingsWrong: The format needs a library that is not installed.
        """
        writer = shape.writer()
        mark = self.mark(job, shape)
        known = None if mark is None else self._known(job, mark)
        return ResultFile(job, shape, writer, mark, known, self, is_partial=partial)

    def mark(self, job: Job, shape: Shape) -> bytes | None:
        """Name the bytes of a file by all that they depend on; None while they may still change."""
        jobs = (job, *self.results.comparisons.earlier_jobs(job))
        if not all(each.status.ended for each in jobs):
            return None
        told = [_VERSION, shape.facts(), *map(_facts, jobs)]
        return blake2b(json.dumps(told).encode(), digest_size=32).digest()

    def remember(self, job: Job, mark: bytes, found: FileDigest) -> None:
        """Keep what a file comes to, where there is a place for it; if it cannot be kept, it is found out anew."""
        store = self.results.repository
        if not isinstance(store, KeptStore):
            return
        sealed = self.results.cipher.seal(json.dumps([mark.hex(), found.size, found.sha256]).encode())
        try:
            store.keep(job.id, {mark: sealed}, _KEPT_SECONDS)
        except RepositoryUnavailable as failure:
            _log.warning("The digest of a results file is not kept. %s", describe(failure))

    def _known(self, job: Job, mark: bytes) -> FileDigest | None:
        store = self.results.repository
        sealed = store.find_kept(job.id, [mark]).get(mark) if isinstance(store, KeptStore) else None
        return None if sealed is None else self._opened(mark, sealed)

    def _opened(self, mark: bytes, sealed: bytes) -> FileDigest | None:
        try:
            told, size, digest = json.loads(self.results.cipher.open(sealed))
        except (PayloadUnreadable, TypeError, ValueError) as error:
            _log.warning("What was kept of a results file cannot be read and is not used. %s", describe(error))
            return None
        return FileDigest(size, digest) if told == mark.hex() else None


@frozen
class ResultFile:
    """The results of a job as a file of some shape."""

    job: Job
    shape: Shape
    writer: ResultWriter
    mark: bytes | None
    """Names its bytes; None while they may still change."""
    known: FileDigest | None
    """What it comes to, if it was written whole before."""
    _files: ResultFiles = field(repr=False)
    is_partial: bool = field(kw_only=True)

    def whole(self) -> Iterator[bytes]:
        """
        Yield all of it in pieces, in constant memory.

        Raises:
            NotNow: Before the first piece: the job still runs, and no partial file is asked for; or what changed is,
                and it is compared with no other. Before the last piece: the job has gone on meanwhile, so that the
                pieces do not fit together.
        """
        return self.passing(self._pieces())

    def part(self, first: int, last: int) -> Iterator[bytes]:
        """
        Yield what stands from byte *first* to byte *last*, both included, of a finished file.

        Raises:
            NotNow: As `whole` does.
        """
        return self._steady(_cut(self._pieces(), first, last))

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """
        Pass on the pieces of the whole file, and remember at their end what they come to.

        Raises:
            NotNow: As `whole` does, before the last piece.
        """
        if self.mark is None:
            yield from pieces
            return
        count = _Count()
        for piece in self._steady(pieces):
            count.add(piece)
            yield piece
        if self.known is None:
            self._files.remember(self.job, self.mark, count.found())

    def measured(self) -> FileDigest:
        """
        Say what it comes to; where that is not known it is written once for it, and then it is.

        Raises:
            NotNow: It may still change; or as `whole` does, before the last piece.
        """
        if self.known is not None:
            return self.known
        if self.mark is None:
            raise NotNow("The results may still change; they are final when all jobs that they tell of have ended.")
        count = _Count()
        for piece in self._steady(self._pieces()):
            count.add(piece)
        self._files.remember(self.job, self.mark, count.found())
        return count.found()

    def _pieces(self) -> Iterator[bytes]:
        return self._files.results.file(
            self.job.owner.organisation,
            self.job.id,
            self.writer,
            partial=self.is_partial,
            failed=self.shape.failed,
            changed=self.shape.changed,
        )

    def _steady(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Hold the last piece back until it is sure that all of them are of one and the same file."""
        held = b""
        for piece in pieces:
            if held:
                yield held
            held = piece
        now = self._files.results.repository.get(self.job.owner.organisation, self.job.id)
        if self._files.mark(now, self.shape) != self.mark:
            raise NotNow("The job has gone on while its results were read; read them again.", code="results_moved")
        yield held


@define
class _Count:
    """What the pieces of a file come to so far."""

    size: int = 0
    digest: hashlib._Hash = field(factory=sha256)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.digest.update(piece)

    def found(self) -> FileDigest:
        return FileDigest(self.size, self.digest.hexdigest())


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pack pieces of a file as gzip does, each so that it can be read at once; the same ones give the same bytes."""
    packer = zlib.compressobj(wbits=_GZIP)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _facts(job: Job) -> list[object]:
    """Say what of a job its results depend on: each run answers rows anew, and how it ends says why rows have none."""
    counts = (job.total_rows, job.succeeded, job.failed, job.refused)
    return [job.id, job.run, job.status, job.problem, job.ended_at and job.ended_at.isoformat(), *counts]


def _cut(pieces: Iterable[bytes], first: int, last: int) -> Iterator[bytes]:
    place = 0
    for piece in pieces:
        begin = max(first - place, 0)
        if begin < len(piece):
            yield piece[begin : last + 1 - place]
        place += len(piece)
        if place > last:
            return
