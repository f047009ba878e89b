"""A finished file is the same each time, and known once it was written."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from hashlib import sha256

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import JobNotFound, NotNow, RepositoryUnavailable, SettingsWrong
from bulkclaims.jobs import JobStatus, Settings
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.results.finished import FileDigest, _cut, gzipped
from bulkclaims.results.shapes import DEFAULT, Format, Shape, Which
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.writers import CsvWriter, JsonLinesWriter, XlsxWriter, full, nine, to_correct

SHAPES = [
    DEFAULT,
    Shape(bom=True),
    Shape(columns=Which.FULL),
    Shape(failed=True),
    Shape(failed=True, columns=Which.DEFAULT),
    Shape(format=Format.JSONL),
    Shape(format=Format.XLSX),
]


class Watched(MemoryRepository):
    """Counts how often chunks are read, and does what a test wants when they are."""

    reads = 0

    def chunks(self, organisation, job_id, first=0):  # noqa: D102 -- stated in `interfaces.JobStore`
        self.reads += 1
        for chunk in super().chunks(organisation, job_id, first):
            yield chunk
            self.between()

    def between(self):
        """Do nothing yet."""


class Forgetful(Watched):
    """A repository that keeps nothing but jobs."""

    find_kept = keep = drop_kept = None


@pytest.fixture
def repository():
    """Where jobs live."""
    return Watched()


@pytest.fixture
def bell():
    """What waits to be run."""
    return RememberingDispatcher()


@pytest.fixture
def bulk(repository, bell):
    """A service whose chunks run when a test says so."""
    settings = Settings(chunk_rows=2, sweep_seconds=None)
    with BulkClaims(repository, InstantProcessor(), dispatcher=bell, settings=settings) as bulk:
        yield bulk


@pytest.fixture
def ended(bulk, bell, claims, owner):
    """Make a job that has ended, row 2 refused."""

    def make(rows=5, **told):
        job = bulk.submit(claims(rows, bad=(2,)), filename="claims.csv", owner=owner, **told)
        bell.deliver(bulk.run)
        return bulk.job("ACME", job.id)

    return make


def reopened(bulk, job):
    """Have a job run once more, as after a payer was away, whatever its rows say."""
    stored = bulk._repository._jobs[job.id]
    stored.job = evolve(stored.job, run=stored.job.run + 1)


def test_a_digest_is_that_of_the_file(bulk, ended, repository):
    """Size and SHA-256 are those of the default CSV; the file is written once for them, or was written anyway."""
    job, other = ended(), ended()
    written = b"".join(bulk.results("ACME", job.id))
    read = b"".join(bulk.results_file(other).whole())
    repository.reads = 0
    digests = [bulk.digest("ACME", job.id), bulk.digest("ACME", job.id), bulk.digest("ACME", other.id)]

    assert digests[0] == digests[1] == FileDigest(len(written), sha256(written).hexdigest())
    assert digests[2].sha256 == sha256(read).hexdigest()
    assert repository.reads == 1


@pytest.mark.parametrize("repository", [Forgetful()])
def test_a_repository_that_keeps_nothing(bulk, ended, repository):
    """The digest is found out anew each time."""
    job = ended()
    read = b"".join(bulk.results_file(job).whole())

    assert bulk.results_file(job).known is None
    assert bulk.digest("ACME", job.id).sha256 == sha256(read).hexdigest()
    assert bulk.results_file(job).known is None


def test_a_job_that_runs_has_no_digest(bulk, claims, owner):
    """Its file may still change, so that it has neither mark nor digest, and is given only where it is wanted."""
    job = bulk.submit(claims(3), filename="claims.csv", owner=owner)
    partial = bulk.results_file(job, partial=True)

    with pytest.raises(NotNow):
        bulk.digest("ACME", job.id)
    with pytest.raises(NotNow, match="PENDING"):
        bulk.results_file(job).whole()
    assert partial.mark is None
    assert b"".join(partial.whole()).count(b"Not asked yet") == 3


def test_a_job_of_nobody_has_no_digest(bulk, ended):
    """Another organisation's is not there."""
    with pytest.raises(JobNotFound):
        bulk.digest("OTHER", ended().id)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_mark_names_bytes(bulk, ended, shape):
    """A file is the same each time, in whatever parts; the next run of its job has another mark."""
    job = ended()
    file = bulk.results_file(job, shape)
    whole = b"".join(file.whole())
    again = bulk.results_file(job, shape)
    parts = b"".join(again.part(0, 99)) + b"".join(again.part(100, len(whole) - 1))
    reopened(bulk, job)
    later = bulk.results_file(bulk.job("ACME", job.id), shape)

    assert (again.mark, again.known) == (file.mark, FileDigest(len(whole), sha256(whole).hexdigest()))
    assert parts == whole
    assert (later.mark != file.mark, later.known) == (True, None)


def test_every_shape_has_a_mark_of_its_own(bulk, ended):
    """And so has every job."""
    jobs = [ended(), ended()]

    assert len({bulk.results_file(job, shape).mark for job in jobs for shape in SHAPES}) == len(jobs) * len(SHAPES)


def test_what_changed_depends_on_the_earlier_job(bulk, ended):
    """While that one runs again the file has no mark, and another one when it has other answers or is gone."""
    earlier = ended()
    job = ended(compare_with=earlier.id)
    marks = [bulk.results_file(job).mark]
    stored = bulk._repository._jobs[earlier.id]
    stored.job = evolve(stored.job, status=JobStatus.PROCESSING, run=2)
    marks.append(bulk.results_file(job).mark)
    with pytest.raises(NotNow, match="may still change"):
        bulk.digest("ACME", job.id)
    stored.job = evolve(earlier, run=2)
    marks.append(bulk.results_file(job).mark)
    bulk.delete("ACME", earlier.id)
    marks.append(bulk.results_file(job).mark)

    assert marks[1] is None
    assert len({*marks}) == 4


@pytest.mark.parametrize("read", ["whole", "part"])
def test_a_job_that_goes_on_while_it_is_read(bulk, ended, repository, read, monkeypatch):
    """Rows of two runs do not make one file: it breaks off before its end, and nothing of it is remembered."""
    monkeypatch.setattr("bulkclaims.writers.csv.ROWS_A_PIECE", 2)
    job = ended(7)
    file = bulk.results_file(job)
    whole = b"".join(file.whole())
    file = bulk.results_file(ended(7))
    repository.between = lambda: reopened(bulk, file.job)
    pieces, got = file.whole() if read == "whole" else file.part(10, len(whole) - 1), []
    with pytest.raises(NotNow) as error:
        got.extend(pieces)

    assert error.value.code == "results_moved"
    assert 0 < len(b"".join(got)) < len(whole) - 10
    assert bulk.results_file(file.job).known is None


def test_a_job_that_is_deleted_while_it_is_read(bulk, ended, repository):
    """Its file breaks off, too."""
    job = ended()
    pieces = bulk.results_file(job).whole()
    repository.between = lambda: repository._jobs.pop(job.id, None)

    with pytest.raises(JobNotFound):
        list(pieces)


def test_a_digest_that_cannot_be_kept(bulk, ended, repository, monkeypatch, caplog):
    """The file is given all the same, and the log says so."""

    def away(*_):
        raise RepositoryUnavailable("The job database is out of reach.")

    monkeypatch.setattr(repository, "keep", away)
    job = ended()
    with caplog.at_level(logging.WARNING):
        whole = b"".join(bulk.results_file(job).whole())

    assert whole.count(b"\r\n") == 6
    assert "The digest of a results file is not kept." in caplog.text


@pytest.mark.parametrize("kept", [b"junk", b"1", json.dumps(["00", 1, "ab"]).encode()], ids=["junk", "number", "other"])
def test_what_is_kept_and_cannot_be_read(bulk, ended, repository, kept):
    """It is taken for not there; nor is it taken for another file's."""
    job = ended()
    mark = bulk.results_file(job).mark
    repository.keep(job.id, {mark: kept}, 60)

    assert bulk.results_file(job).known is None


def test_what_is_kept_goes_with_its_job(bulk, ended, repository):
    """Nothing is left of the digest when the job is deleted."""
    job = ended()
    bulk.digest("ACME", job.id)
    mark = bulk.results_file(job).mark
    kept = dict(repository.find_kept(job.id, [mark]))
    bulk.delete("ACME", job.id)

    assert list(kept) == [mark]
    assert not repository.find_kept(job.id, [mark])


@pytest.mark.parametrize(
    ("shape", "kind", "columns"),
    [
        (DEFAULT, CsvWriter, nine),
        (Shape(columns=Which.DEFAULT, failed=True), CsvWriter, nine),
        (Shape(failed=True), CsvWriter, to_correct),
        (Shape(columns=Which.FULL, failed=True, format=Format.XLSX), XlsxWriter, full),
        (Shape(changed=True, format=Format.JSONL), JsonLinesWriter, nine),
    ],
)
def test_a_shape_has_its_writer(shape, kind, columns):
    """Of its format and with its columns; rows that failed are given to be corrected, unless columns are named."""
    writer = shape.writer()

    assert isinstance(writer, kind)
    assert (writer.columns, writer.suffix) == (columns, f".{shape.format}")


def test_a_workbook_without_its_library(bulk, ended, monkeypatch):
    """What is to be installed is told before anything is read."""
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)

    with pytest.raises(SettingsWrong, match=r"bulkclaims\[xlsx\]"):
        bulk.results_file(ended(), Shape(format=Format.XLSX))


@given(pieces=st.lists(st.binary(max_size=5), max_size=8), first=st.integers(0, 30), length=st.integers(1, 30))
def test_a_part_is_cut_out(pieces, first, length):
    """However the file comes in pieces, a part is what stands between its ends."""
    assert b"".join(_cut(pieces, first, first + length - 1)) == b"".join(pieces)[first : first + length]


@given(pieces=st.lists(st.binary(max_size=200), max_size=8))
def test_what_is_packed_is_unpacked(pieces):
    """The same pieces are packed to the same bytes, without a time among them."""
    packed = b"".join(gzipped(pieces))

    assert gzip.decompress(packed) == b"".join(pieces)
    assert packed == b"".join(gzipped(pieces))


def test_packing_holds_nothing_back():
    """Whoever reads along has each piece as soon as it was packed."""
    unpacker = zlib.decompressobj(31)

    assert [unpacker.decompress(packed) for packed in gzipped([b"a" * 1000, b"b" * 10])] == [
        b"a" * 1000,
        b"b" * 10,
        b"",
    ]
