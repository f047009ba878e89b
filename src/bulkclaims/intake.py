"""
Upload → parse → store. The web process's side of a job's beginning.

Rows go from the upload's stream into the repository a chunk at a time, so memory stays flat however large the file is,
and no file is ever kept: a worker on another machine needs the repository alone.
"""

from __future__ import annotations

import secrets
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

from attrs import evolve, field, frozen

from bulkclaims.checking import CheckReport, ErrorLog, Findings, earlier_of, last_alike
from bulkclaims.errors import JobNotFound, KeyReused, UploadRejected, UploadRepeated, UploadSuperseded
from bulkclaims.jobs import JobId, NewChunk, NewJob, Settings, UploadSummary
from bulkclaims.parsing import canonical_defaults
from bulkclaims.payloads import seal_result, seal_rows
from bulkclaims.planning import Needs, Planner
from bulkclaims.records import AS_FOUND, ERROR, Layout, RowResult, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkclaims.interfaces import Cipher, JobRepository, ParsedUpload, Readable, RowParser
    from bulkclaims.jobs import Job, Owner
    from bulkclaims.planning import PayersOf
    from bulkclaims.records import Row, UploadFacts

_SALT_BYTES = 32
_KEPT_SAMPLES = 20
"""Rows of each warning that are kept with a job; a check tells more of them."""
_NONE_TO_COMPARE = "No earlier job of this content or name has ended, so there is nothing to compare with."


@frozen
class Told:
    """What an uploader says of a file beside its name."""

    defaults: Mapping[str, str] = field(factory=dict, repr=False)
    key: str = ""
    layout: Layout = AS_FOUND
    compare_with: JobId | Literal["last"] | None = None


@frozen
class Intake:
    """Takes uploads."""

    parser: RowParser
    repository: JobRepository
    cipher: Cipher
    settings: Settings = field(factory=Settings)
    payers: PayersOf | None = None
    """What can be asked of whoever is asked for rows of a payer id; None where that is not known here."""

    def submit(self, upload: Readable, filename: str, owner: Owner, told: Told) -> Job:
        """
        Read *upload* to its end and make a job of it, or find the job that was made of it before under the same key.

        Raises:
            UploadRejected: The file as a whole or one of the defaults cannot be used; nothing is left of it.
            UploadRepeated: An upload under the key is still under way.
            UploadSuperseded: The file came so slowly that its upload was given up.
            KeyReused: The key was used for another file, or for this one read or compared otherwise.
            JobNotFound: The organisation has no such job to compare with; nothing was read.
        """
        if told.compare_with is not None and told.compare_with != "last":
            self.repository.get(owner.organisation, told.compare_with)
        defaults = canonical_defaults(told.defaults)
        parsed = self.parser.parse(upload, told.layout)
        planner = Planner(self.payers or _unknown, defaults)
        chunks = self._chunks(parsed, defaults, planner)
        first = next(chunks)  # most bad files are refused here, before a trace of them is stored
        try:
            job_id = self.repository.begin(self._new_job(filename, owner, defaults, told.key))
        except UploadRepeated as repeated:
            if repeated.job_id is None:
                raise
            deque(chunks, maxlen=0)
            job = self.repository.get(owner.organisation, JobId(repeated.job_id))
            return _require_same(job, parsed.facts, defaults, told)
        log, found = ErrorLog(self.settings.listed_errors), Findings(_KEPT_SAMPLES)
        try:
            for number, rows in enumerate(chain([first], chunks)):
                self.repository.add(job_id, self._seal(number, rows))
                log.add(rows)
                found.add(rows)
            facts, compared_with = self._compared(parsed.facts, filename, owner, told)
            same_as, facts = earlier_of(self.repository, owner.organisation, facts)
            summary = UploadSummary(
                facts, log.count, tuple(log.listed), planner.plans(), found.warnings(), same_as, compared_with
            )
            return self.repository.publish(job_id, summary)
        except JobNotFound:
            raise UploadSuperseded from None
        except BaseException:
            self.repository.discard(job_id)
            raise

    def check(
        self, upload: Readable, defaults: Mapping[str, str], *, organisation: str = "", layout: Layout = AS_FOUND
    ) -> CheckReport:
        """
        Read *upload* to its end and say what is wrong with it; store nothing.

        Raises:
            UploadRejected: The file as a whole or one of *defaults* cannot be used.
        """
        defaults = canonical_defaults(defaults)
        parsed = self.parser.parse(upload, layout)
        found = Findings()
        planner = Planner(self.payers or _unknown, defaults)
        for rows in self._chunks(parsed, defaults, planner):
            found.add(rows)
        same_as, facts = earlier_of(self.repository, organisation, parsed.facts)
        return found.report(facts, planner.plans(), same_as)

    def _chunks(self, parsed: ParsedUpload, defaults: Mapping[str, str], planner: Planner) -> Iterator[Sequence[Row]]:
        rows = iter(parsed)
        chunk: Sequence[Row] = list(islice(rows, self.settings.chunk_rows))
        if not chunk:
            raise UploadRejected("The file has no rows below its header.", code="no_rows")
        needs = Needs(self.payers, defaults) if self.payers else None
        if needs:
            needs.require(chunk)
        while chunk:
            if needs:
                chunk = needs.checked(chunk)
                planner.add(chunk)
            yield chunk
            chunk = list(islice(rows, self.settings.chunk_rows))

    def _compared(
        self, facts: UploadFacts, filename: str, owner: Owner, told: Told
    ) -> tuple[UploadFacts, JobId | None]:
        if told.compare_with != "last":
            return facts, told.compare_with
        last = last_alike(self.repository, owner.organisation, filename, facts.sha256)
        return (facts, last.id) if last else (evolve(facts, notes=(*facts.notes, _NONE_TO_COMPARE)), None)

    def _new_job(self, filename: str, owner: Owner, defaults: Mapping[str, str], key: str) -> NewJob:
        salt = self.cipher.seal(secrets.token_bytes(_SALT_BYTES))
        return NewJob(owner, filename, salt, dict(defaults), self.settings.deadline_seconds, key)

    def _seal(self, number: int, rows: Sequence[Row]) -> NewChunk:
        refused = tuple(seal_result(refusal(row), self.cipher) for row in rows if row.errors)
        return NewChunk(number, len(rows), seal_rows(rows, self.cipher), refused)


def _require_same(job: Job, facts: UploadFacts, defaults: Mapping[str, str], told: Told) -> Job:
    """
    Give back a job that an upload under its key would make once more.

    Raises:
        KeyReused: It would make another one.
    """
    before = job.upload.facts
    is_read_alike = (before.sha256, before.columns, before.sheet) == (facts.sha256, facts.columns, facts.sheet)
    if not is_read_alike or dict(job.defaults) != dict(defaults) or not _is_compared_so(job, told):
        raise KeyReused
    return job


def _is_compared_so(job: Job, told: Told) -> bool:
    """Whether a job is compared with what an upload names: by `last` with some other, or with none for want of one."""
    if told.compare_with == "last":
        return job.upload.compared_with is not None or _NONE_TO_COMPARE in job.upload.facts.notes
    return job.upload.compared_with == told.compare_with


def refusal(row: Row) -> RowResult:
    """The result of a row that cannot be sent to a payer: all its errors, one sentence after the other."""
    cells = row.cells
    return RowResult(
        row=row.number,
        claim_number=cells.get("claim_number", ""),
        status=ERROR,
        success=False,
        patient_name=" ".join(filter(None, (cells.get("first_name"), cells.get("last_name")))),
        error=" ".join(f"{error.column}: {error.message}" if error.column else error.message for error in row.errors),
        source=Source.UPLOAD,
        next_action="Correct the row and upload it again.",
    )


def _unknown(_payer_id: str) -> None:
    """Who is asked where no payer is known."""
