"""
What an earlier job says of the same claims, and whether payers say something else now.

A claim is known again by its number, the subscriber's id and the patient's birth date and name, as the parser leaves
them, whatever the case. Where rows of a file name the same claim, the first is compared with the earlier job's first,
the second with its second, and those beyond its last with that one.

The earlier job is read once, from its first chunk to its last. What is kept of it is no patient's data: 30 bytes a row
under a keyed digest, with what holds them some 150 bytes a row in small files and 50 in files of half a million rows.
The key is made anew each time and stays in the process.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter, defaultdict
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bulkclaims.errors import JobNotFound, PayloadUnreadable
from bulkclaims.payloads import open_result, open_rows
from bulkclaims.records import ERROR, Earlier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.interfaces import Cipher, JobStore
    from bulkclaims.jobs import Job, StoredChunk
    from bulkclaims.records import Row, RowResult

_log = logging.getLogger(__name__)

_NAMES = ("claim_number", "subscriber_id", "date_of_birth", "first_name", "last_name")
"""What names a claim."""
_KEY_BYTES = 32
_MARK_BYTES = 16
_SHELF_BYTES = 2
"""So much of a mark tells the shelf that its claim is on; the rest is looked for there."""
_FACTS_BYTES = 8
_PLACE = Struct(f">{_MARK_BYTES - _SHELF_BYTES}s{_FACTS_BYTES}sII")
"""The rest of the mark, a digest of what was said, the number of the status word, and the day of the answer or 0."""
_MOST_ROWS_HELD = 1_000_000
"""Of so many rows comparisons are held for pages to come, and always the latest one."""
_RECENT = 200
"""So many of the organisation's jobs are looked through for the last one."""


def last_alike(repository: JobStore, organisation: str, filename: str, sha256: str) -> Job | None:
    """
    Find the latest job that was made of the same bytes or, if there is none, of a file of the same name.

    A job that has not ended is left out, since its rows may yet have other answers, and so is one that ended before a
    single row of it was asked for.
    """
    recent = repository.find(organisation, limit=_RECENT).jobs
    jobs = [job for job in recent if job.status.ended and job.processed > job.refused]
    same = [job for job in jobs if job.upload.facts.sha256 == sha256]
    return next(iter(same or [job for job in jobs if job.filename == filename]), None)


@frozen
class _Said:
    """What the earlier job says of a claim."""

    status: str
    facts: bytes
    day: int
    """Of the answer, as an ordinal; 0 where it is not known."""


@define
class _Shelves:
    """What an earlier job says, by mark: packed, since there may be a million."""

    words: list[str] = field(factory=list)
    numbers: dict[str, int] = field(factory=dict)
    shelves: defaultdict[bytes, bytearray] = field(factory=lambda: defaultdict(bytearray))

    def put(self, mark: bytes, said: _Said) -> None:
        number = self.numbers.setdefault(said.status, len(self.words))
        if number == len(self.words):
            self.words.append(said.status)
        self.shelves[mark[:_SHELF_BYTES]] += _PLACE.pack(mark[_SHELF_BYTES:], said.facts, number, said.day)

    def find(self, mark: bytes) -> _Said | None:
        shelf = self.shelves.get(mark[:_SHELF_BYTES], b"")
        # Nobody has the key, so no other bytes on the shelf happen to be the fourteen that are looked for.
        place = shelf.find(mark[_SHELF_BYTES:])
        if place < 0:
            return None
        _, facts, number, day = _PLACE.unpack_from(shelf, place)
        return _Said(self.words[number], facts, day)


@define
class Comparison:
    """What an earlier job says, to be compared with one job row by row, in any order."""

    rows: int = 0
    """How many the earlier job has."""
    _key: bytes = field(factory=lambda: secrets.token_bytes(_KEY_BYTES), init=False, repr=False)
    _shelves: _Shelves = field(factory=_Shelves, init=False, repr=False)
    _repeated: dict[bytes, int] = field(factory=dict, init=False, repr=False)
    """How many rows of the earlier job name a claim that more than one names."""
    _which: dict[int, int] = field(factory=dict, init=False, repr=False)
    """Which of them a row is compared with, where that is not the first; by the row's number."""

    def learn(self, row: Row, result: RowResult | None) -> None:
        """Take in the next row of the earlier job; it has no result while nobody was asked for it."""
        self.rows += 1
        mark = self._mark(row)
        before = self._repeated.get(mark) or int(self._shelves.find(mark) is not None)
        if before:
            self._repeated[mark] = before + 1
        day = result.answered_at.toordinal() if result and result.answered_at else 0
        said = _Said(result.status, self._facts(result), day) if result else _Said(ERROR, bytes(_FACTS_BYTES), day)
        self._shelves.put(self._nth(mark, before), said)

    def number(self, rows: Iterable[Row]) -> None:
        """Go through all rows that will be compared, in order, where several may name the same claim."""
        if not self._repeated:
            return
        met = Counter[bytes]()
        for row in rows:
            mark = self._mark(row)
            if mark in self._repeated:
                which = min(met[mark], self._repeated[mark] - 1)
                met[mark] += 1
                if which:
                    self._which[row.number] = which

    def earlier(self, row: Row, result: RowResult) -> Earlier:
        """Compare a row."""
        said = self._shelves.find(self._nth(self._mark(row), self._which.get(row.number, 0)))
        if said is None:
            return Earlier("", changed=False, days_in_status=_days_in_status(result, None))
        answered = ERROR not in {said.status, result.status}
        changed = answered and said.facts != self._facts(result)
        return Earlier(said.status, changed, _days_in_status(result, said))

    def _mark(self, row: Row) -> bytes:
        cells = row.cells
        names = [cells.get(name, "").casefold() for name in _NAMES]
        return self._digest(repr(names).encode("utf-8", "surrogatepass"), _MARK_BYTES)

    def _nth(self, mark: bytes, number: int) -> bytes:
        return self._digest(mark + number.to_bytes(8), _MARK_BYTES) if number else mark

    def _facts(self, result: RowResult) -> bytes:
        amounts = [None if amount is None else f"{amount:.2f}" for amount in (result.total_charged, result.total_paid)]
        return self._digest(repr((result.status, *amounts, result.processed_date)).encode(), _FACTS_BYTES)

    def _digest(self, text: bytes, size: int) -> bytes:
        return blake2b(text, key=self._key, digest_size=size).digest()


def _days_in_status(result: RowResult, said: _Said | None) -> int | None:
    if result.status == ERROR or result.answered_at is None:
        return None
    since = said.day if said and said.status == result.status else 0
    if result.effective_date is not None:
        since = result.effective_date.toordinal()
    return max(0, result.answered_at.toordinal() - since) if since else None


@frozen
class Comparisons:
    """
    Compares jobs with those that they are to be compared with, and holds on to what it read for whoever asks again.

    Args:
        repository: Where jobs live.
        cipher: Protects what is stored of patients.
    """

    repository: JobStore
    cipher: Cipher
    _held: dict[object, Comparison] = field(factory=dict, init=False, repr=False)
    """The latest used ones last."""
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def earlier_job(self, job: Job) -> Job | None:
        """Find the job that *job* is compared with; None where it is with none, or that is not kept any more."""
        if job.upload.compared_with is None:
            return None
        try:
            return self.repository.get(job.owner.organisation, job.upload.compared_with)
        except JobNotFound:
            return None

    def of(self, job: Job) -> Comparison | None:
        """Say what the earlier job says; None where there is none that can be read."""
        earlier = self.earlier_job(job)
        if earlier is None:
            return None
        key = (job.id, earlier.id, earlier.run, earlier.processed)
        with self._lock:
            comparison = self._held.pop(key, None)
        comparison = comparison or self._read(job, earlier)
        if comparison is not None:
            self._hold(key, comparison)
        return comparison

    def _hold(self, key: object, comparison: Comparison) -> None:
        with self._lock:
            self._held[key] = comparison
            while len(self._held) > 1 and sum(held.rows for held in self._held.values()) > _MOST_ROWS_HELD:
                del self._held[next(iter(self._held))]

    def _read(self, job: Job, earlier: Job) -> Comparison | None:
        comparison = Comparison()
        try:
            for chunk in self._chunks(earlier):
                results = {sealed.row: open_result(sealed, self.cipher) for sealed in chunk.results}
                for row in open_rows(chunk.payload, self.cipher):
                    comparison.learn(row, results.get(row.number))
            comparison.number(row for chunk in self._chunks(job) for row in open_rows(chunk.payload, self.cipher))
        except (JobNotFound, PayloadUnreadable) as failure:
            _log.warning("Job %s is not compared with job %s. %s", job.id, earlier.id, failure)
            return None
        return comparison

    def _chunks(self, job: Job) -> Iterator[StoredChunk]:
        return self.repository.chunks(job.owner.organisation, job.id)
