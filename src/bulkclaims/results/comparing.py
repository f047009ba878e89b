"""
What earlier jobs say of the same claims, and whether payers say something else now.

A claim is known again by its number, the subscriber's id and the patient's birth date and name, as the parser leaves
them, whatever the case. Where rows of a file name the same claim, the first is compared with the earlier job's first,
the second with its second, and those beyond its last with that one.

An earlier job may have no answer to a row, because it was cancelled or the payer was away. Then the last answer before
it counts: that of the job which the earlier one was compared with itself, and so on. Jobs that are not linked so are
never guessed at. All of them are read once, the oldest first, so that a later answer takes an earlier one's place.

What is kept of them is no patient's data: 35 bytes for each row that is to be compared, under a keyed digest, with what
holds them some 150 bytes a row in small files and 50 in files of half a million rows, however many jobs are read. The
key is made anew each time and stays in the process.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import defaultdict
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from bulkclaims.errors import JobNotFound, PayloadUnreadable
from bulkclaims.payloads import open_result, open_rows
from bulkclaims.records import ERROR, Earlier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

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
_PLACE = Struct(f">{_MARK_BYTES - _SHELF_BYTES}s{_FACTS_BYTES}sIIB")
"""The rest of the mark, a digest of what was said, the number of the status word, since when, and by which job."""
_NO_FACTS = bytes(_FACTS_BYTES)
_NO_ANSWER = frozenset({"", ERROR})
_MOST_JOBS = 10
_MOST_ROWS = 300_000
"""So many earlier jobs are read for a comparison at most: more than one only while they have so many rows in all."""
_MOST_ROWS_HELD = 1_000_000
"""Of so many rows comparisons are held for pages to come, and always the latest one."""


@frozen
class _Said:
    """What earlier jobs say of a claim."""

    status: str = ""
    """The word of the last answer; `ERROR` where they have the row and no answer, "" where they have no such row."""
    facts: bytes = _NO_FACTS
    since: int = 0
    """The day from which each answer had this word, as an ordinal; 0 where it is not known."""
    job: int = 0
    """The last job that has the row, counted from the oldest on; 0 for none."""

    def next(self, result: RowResult | None, facts: bytes, job: int) -> _Said:
        """Say what is said of the claim once a later job is read, whose answer has these facts."""
        if result is None or result.status == ERROR:
            return evolve(self, status=self.status or ERROR, job=job)
        return _Said(result.status, facts, self.day_of(result) or _day(result.answered_at), job)

    def day_of(self, result: RowResult) -> int:
        """Since when a claim is in its status by a later answer: the payer's own word for it goes first."""
        return _day(result.effective_date) or (self.since if self.status == result.status else 0)


_NOTHING = _Said()


def _day(day: date | None) -> int:
    return 0 if day is None else day.toordinal()


@define
class _Shelves:
    """What earlier jobs say, by mark: packed, since there may be a million."""

    words: list[str] = field(factory=list)
    numbers: dict[str, int] = field(factory=dict)
    shelves: defaultdict[bytes, bytearray] = field(factory=lambda: defaultdict(bytearray))

    def put(self, mark: bytes, said: _Said) -> None:
        number = self.numbers.setdefault(said.status, len(self.words))
        if number == len(self.words):
            self.words.append(said.status)
        shelf = self.shelves[mark[:_SHELF_BYTES]]
        place = self._place(mark)
        packed = _PLACE.pack(mark[_SHELF_BYTES:], said.facts, number, said.since, said.job)
        shelf[place : place + _PLACE.size] = packed

    def find(self, mark: bytes) -> _Said | None:
        place = self._place(mark)
        shelf = self.shelves.get(mark[:_SHELF_BYTES], b"")
        if place == len(shelf):
            return None
        _, facts, number, since, job = _PLACE.unpack_from(shelf, place)
        return _Said(self.words[number], facts, since, job)

    def _place(self, mark: bytes) -> int:
        """Find the place of a mark on its shelf, or the shelf's end."""
        shelf = self.shelves.get(mark[:_SHELF_BYTES], b"")
        # Nobody has the key, so no other bytes on the shelf happen to be the fourteen that are looked for.
        place = shelf.find(mark[_SHELF_BYTES:])
        return len(shelf) if place < 0 else place


@define
class Comparison:
    """What earlier jobs say, to be compared with one job row by row, in any order."""

    rows: int = 0
    """How many are to be compared."""
    _key: bytes = field(factory=lambda: secrets.token_bytes(_KEY_BYTES), init=False, repr=False)
    _shelves: _Shelves = field(factory=_Shelves, init=False, repr=False)
    _repeated: dict[bytes, int] = field(factory=dict, init=False, repr=False)
    """How many rows that are to be compared name a claim that more than one names."""
    _which: dict[int, int] = field(factory=dict, init=False, repr=False)
    """Which of them a row is, where it is not the first; by the row's number."""
    _job: int = field(default=0, init=False, repr=False)
    """The earlier job that is being read, counted from the oldest on."""
    _met: dict[bytes, tuple[int, int]] = field(factory=dict, init=False, repr=False)
    """The last earlier job that has such a claim, and how many of its rows name it."""

    def expect(self, row: Row) -> None:
        """Take in the next row that will be compared; all of them come before the first earlier job."""
        self.rows += 1
        mark = self._mark(row)
        before = self._repeated.get(mark) or int(self._shelves.find(mark) is not None)
        if before:
            self._repeated[mark] = before + 1
            self._which[row.number] = before
        self._shelves.put(self._nth(mark, before), _NOTHING)

    def begin(self) -> None:
        """Go on to the next earlier job: the oldest comes first."""
        self._job += 1

    def learn(self, row: Row, result: RowResult | None) -> None:
        """Take in the next row of an earlier job; it has no result while nobody was asked for it."""
        mark = self._mark(row)
        before = self._met.get(mark, (0, 0))
        which = before[1] if before[0] == self._job else 0
        if mark in self._repeated:
            self._met[mark] = (self._job, which + 1)
        nth = self._nth(mark, which)
        said = self._shelves.find(nth)
        if said is not None and said.job != self._job:
            self._shelves.put(nth, said.next(result, self._facts(result) if result else _NO_FACTS, self._job))

    def earlier(self, row: Row, result: RowResult) -> Earlier:
        """Compare a row."""
        mark = self._mark(row)
        _, rows = self._met.get(mark, (0, 0))
        which = min(self._which.get(row.number, 0), max(rows - 1, 0))
        said = self._shelves.find(self._nth(mark, which)) or _NOTHING
        answered = _NO_ANSWER.isdisjoint((said.status, result.status))
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


def _days_in_status(result: RowResult, said: _Said) -> int | None:
    if result.status == ERROR or result.answered_at is None:
        return None
    since = said.day_of(result)
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

    def earlier_jobs(self, job: Job) -> tuple[Job, ...]:
        """Find the job that *job* is compared with, the one that that is compared with, and so on, in bounds."""
        jobs: list[Job] = []
        link, rows = self.earlier_job(job), 0
        while link is not None and len(jobs) < _MOST_JOBS and (not jobs or rows + link.total_rows <= _MOST_ROWS):
            jobs.append(link)
            rows += link.total_rows
            link = self.earlier_job(link)
        return tuple(jobs)

    def of(self, job: Job) -> Comparison | None:
        """Say what the earlier jobs say; None where the first of them cannot be read."""
        earlier = self.earlier_jobs(job)
        if not earlier:
            return None
        key = (job.id, *((each.id, each.run, each.processed) for each in earlier))
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

    def _read(self, job: Job, earlier: Sequence[Job]) -> Comparison | None:
        """Read *earlier*, the last one first; one that cannot be read does not count, nor does what came before it."""
        comparison = None
        for each in reversed(earlier):
            try:
                comparison = comparison or self._expecting(job)
                self._learn(comparison, each)
            except (JobNotFound, PayloadUnreadable) as failure:
                _log.warning("Job %s is not compared with job %s. %s", job.id, each.id, failure)
                comparison = None
        return comparison

    def _expecting(self, job: Job) -> Comparison:
        comparison = Comparison()
        for chunk in self._chunks(job):
            for row in open_rows(chunk.payload, self.cipher):
                comparison.expect(row)
        return comparison

    def _learn(self, comparison: Comparison, earlier: Job) -> None:
        comparison.begin()
        for chunk in self._chunks(earlier):
            results = {sealed.row: open_result(sealed, self.cipher) for sealed in chunk.results}
            for row in open_rows(chunk.payload, self.cipher):
                comparison.learn(row, results.get(row.number))

    def _chunks(self, job: Job) -> Iterator[StoredChunk]:
        return self.repository.chunks(job.owner.organisation, job.id)
