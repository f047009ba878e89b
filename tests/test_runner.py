"""A chunk is run under a lease, and nothing that was recorded is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import traceback
from typing import TYPE_CHECKING

import pytest
from attrs import evolve, field, frozen

from bulkclaims.dispatch import Doorbell
from bulkclaims.errors import AccessRefused, ChunkBroken, PayerAway, QuotaSpent, RepositoryUnavailable
from bulkclaims.event_loop import EventLoopThread
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Chunk, JobStatus, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.payloads import open_result
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import SealedResult, Source
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.runner import ChunkRunner
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher, found

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = PlainCipher()
SETTINGS = Settings(chunk_rows=10, window=2, renew_seconds=0.01, max_attempts=2)


@pytest.fixture
def clock():
    """What the repository's clock shows: the last entry."""
    return [1_800_000_000.0]


@pytest.fixture
def repository(clock):
    """An empty repository whose time the test tells."""
    return MemoryRepository(now=lambda: clock[-1])


@pytest.fixture
def loop():
    """A loop thread, ended after the test."""
    loop = EventLoopThread()
    yield loop
    loop.close()


@pytest.fixture
def dispatcher():
    """Keeps what is rung for."""
    return RememberingDispatcher()


@pytest.fixture
def runner(repository, dispatcher, loop):
    """Make a runner of the processor given."""

    def make(processor):
        return ChunkRunner(repository, processor, PLAIN, Doorbell(repository, dispatcher, SETTINGS), SETTINGS, loop)

    return make


@pytest.fixture
def job(repository, owner, claims):
    """A job of 25 rows in three chunks, row 3 refused."""
    return Intake(CsvParser(), repository, PLAIN, SETTINGS).submit(claims(25, bad=(3,)), "claims.csv", owner, Told())


def recorded(repository, job):
    """All recorded results by row."""
    return {r.row: open_result(r, PLAIN) for c in repository.chunks("ACME", job.id) for r in c.results}


def test_a_job_runs_to_its_end(repository, dispatcher, runner, job):
    """From the first ring, chunk after chunk is run until the job is complete; refused rows are never looked up."""
    processor = InstantProcessor(batch=3)
    run = runner(processor).run
    run(Chunk(job.id, 0))
    dispatcher.deliver(run)

    ended = repository.get("ACME", job.id)

    assert (ended.status, ended.succeeded, ended.failed) == (JobStatus.COMPLETED, 24, 1)
    assert sorted(processor.asked) == [n for n in range(1, 26) if n != 3]
    assert sorted(recorded(repository, job)) == list(range(1, 26))


def test_a_chunk_delivered_twice_is_run_once(repository, dispatcher, runner, job):
    """A queue that doubles every message costs nothing."""
    processor = InstantProcessor()
    run = runner(processor).run
    for number in (0, 0, 1, 2, 1, 2, 0):
        run(Chunk(job.id, number))

    assert len(processor.asked) == len(set(processor.asked)) == 24
    assert repository.get("ACME", job.id).status is JobStatus.COMPLETED


def test_a_message_for_a_deleted_job_is_dropped(repository, runner, job):
    """What a queue delivers late, after the job was deleted, is no failure of anyone."""
    repository.fail(job.id, "No.")
    repository.delete("ACME", job.id)
    processor = InstantProcessor()
    runner(processor).run(Chunk(job.id, 0))

    assert processor.asked == []


def test_cancel_stops_before_the_next_look_up(repository, runner, job):
    """After a cancel what is in flight is recorded and nothing more is asked."""
    asked = []

    async def cancel_at_the_fifth(row):
        asked.append(row.number)
        if len(asked) == 5:
            await asyncio.to_thread(repository.cancel, "ACME", job.id)

    runner(InstantProcessor(batch=1, before=cancel_at_the_fifth)).run(Chunk(job.id, 0))
    ended = repository.get("ACME", job.id)

    assert len(asked) == 5
    assert (ended.status, ended.succeeded) == (JobStatus.CANCELLED, 5)


@frozen
class Listening:
    """Answers a few rows, and waits until it is told not to go on."""

    answers: int
    then: Callable[[], object]
    asked: list = field(factory=list)

    async def process(self, rows, context):
        """Answer the first rows, do what is to be done meanwhile, and wait."""
        self.asked.extend(row.number for row in rows[: self.answers])
        yield [found(row) for row in rows[: self.answers]]
        await asyncio.to_thread(self.then)
        while context.go_on():  # noqa: ASYNC110 -- asking is how a processor hears of it
            await asyncio.sleep(0)


def test_a_renewal_brings_word_of_a_cancel(repository, runner, job):
    """Also a worker that has nothing to record hears of a cancel, with its next renewal."""
    processor = Listening(2, lambda: repository.cancel("ACME", job.id))
    runner(processor).run(Chunk(job.id, 0))

    assert processor.asked == [1, 2]
    assert repository.get("ACME", job.id).status is JobStatus.CANCELLED


def submitted(repository, owner, claims):
    """A job of ten rows."""
    return Intake(CsvParser(), repository, PLAIN, SETTINGS).submit(claims(10), "claims.csv", owner, Told())


@frozen
class Interrupted(Listening):
    """Waits in the midst of its first chunk alone."""

    async def process(self, rows, context):
        """Answer all rows of any further chunk."""
        if not self.asked:
            async for batch in super().process(rows, context):
                yield batch
            return
        self.asked.extend(row.number for row in rows)
        yield [found(row) for row in rows]


def test_a_worker_makes_way_for_jobs_that_nobody_began(repository, dispatcher, runner, job, clock, owner, claims):  # noqa: PLR0917 -- fixtures
    """It begins the newest one itself, and then goes on with what it left, where nothing counts as a failed attempt."""
    others = []

    def others_come():
        others.extend(submitted(repository, owner, claims) for _ in range(2))
        clock.append(clock[-1] + 1)

    processor = Interrupted(2, others_come)
    assert runner(processor).run(Chunk(job.id, 0))
    lease = repository.lease(Chunk(others[0].id, 0), "next", 15)

    assert processor.asked == [1, 2, *range(1, 11), *range(4, 11)]
    assert repository.get("ACME", others[1].id).status is JobStatus.COMPLETED
    assert sorted(recorded(repository, job)) == list(range(1, 11))
    assert dispatcher.dispatched == [Chunk(job.id, 1), Chunk(job.id, 2)]
    assert lease is not None


def test_nobody_makes_way_for_a_job_that_was_begun_or_waits_in_vain(repository, runner, job, clock, owner, claims):  # noqa: PLR0917
    """Jobs whose turn came, and those whose own workers seem not to run, interrupt nobody."""
    begun, in_vain = submitted(repository, owner, claims), submitted(repository, owner, claims)
    clock.append(clock[-1] + 100)
    repository.lease(Chunk(begun.id, 0), "other", 15)
    looks = threading.Semaphore(0)
    looked = repository.unbegun
    repository.unbegun = lambda *within: (looked(*within), looks.release())[0]

    def wait_for_looks():
        assert all(looks.acquire(timeout=30) for _ in range(2))
        repository.cancel("ACME", job.id)

    runner(Listening(2, wait_for_looks)).run(Chunk(job.id, 0))

    assert repository.get("ACME", job.id).succeeded == 2
    assert repository.get("ACME", in_vain.id).status is JobStatus.PENDING


def test_a_database_that_is_gone_for_a_moment_keeps_nobody_from_going_on(repository, runner, job):
    """Whether another job waits is asked again later."""
    looks = threading.Semaphore(0)

    def gone(*_):
        looks.release()
        raise RepositoryUnavailable("The database is gone.")

    repository.unbegun = gone

    def wait_for_looks():
        assert all(looks.acquire(timeout=30) for _ in range(2))
        repository.cancel("ACME", job.id)

    runner(Listening(2, wait_for_looks)).run(Chunk(job.id, 0))

    assert repository.get("ACME", job.id).succeeded == 2


def test_a_worker_asked_to_stop_hands_its_chunk_back(repository, dispatcher, runner, job):
    """Stopping keeps what is answered, frees the chunk at once, rings for nothing more, and says so to the queue."""
    processor = InstantProcessor(batch=2)
    stopping = runner(processor)

    async def stop(row):
        if row.number == 4:
            stopping.stopping.set()

    processor.before = stop
    went_on = [stopping.run(Chunk(job.id, number)) for number in (0, 1)]

    assert went_on == [False, False]
    lease = repository.lease(Chunk(job.id, 0), "next", 15)
    assert lease is not None
    assert lease.answered == {1, 2, 3, 4}
    assert lease.attempts == 1
    assert dispatcher.dispatched == []
    assert processor.asked == [1, 2, 4]


def test_a_database_that_is_gone_is_told_as_such(runner, repository, job, monkeypatch):
    """An error of this library quotes nothing, and goes on as it is."""

    def gone(*_):
        raise RepositoryUnavailable("The database is gone.")

    monkeypatch.setattr(repository, "record", gone)
    with pytest.raises(RepositoryUnavailable):
        runner(InstantProcessor()).run(Chunk(job.id, 0))


def test_an_error_that_was_not_foreseen_is_told_without_its_text(runner, repository, job):
    """A queue keeps what a task raised, for a day or longer; a host's part may quote a row in it, so it stays here."""

    async def quote(row):
        raise KeyError(row.cells["first_name"])

    with pytest.raises(ChunkBroken) as broken:
        runner(InstantProcessor(before=quote)).run(Chunk(job.id, 0))

    assert "KeyError at test_runner.py" in str(broken.value)
    assert "ALMA" not in "".join(traceback.format_exception(broken.value))
    assert repository.lease(Chunk(job.id, 0), "next", 15) is None


def test_logs_tell_the_chunk_the_lease_and_the_time_by_field(runner, job, caplog):
    """Whoever collects logs can find all that was done under a lease, and how long it took, and no row's contents."""
    caplog.set_level("INFO", "bulkclaims")
    runner(InstantProcessor()).run(Chunk(job.id, 1))

    (record,) = caplog.records
    assert (record.job, record.chunk, record.lease, record.attempt) == (job.id, 1, 1, 1)
    assert record.worker
    assert 0 <= record.seconds < 30
    assert "ALMA" not in str(vars(record))


def test_a_late_worker_records_nothing(repository, clock, runner, job):
    """A worker whose lease passed to another records nothing more, and leaves the other's chunk alone."""
    late = []

    async def lose_the_lease(row):
        if row.number == 2:
            late.append(_take_over(repository, clock, Chunk(job.id, 0)))

    runner(InstantProcessor(batch=1, before=lose_the_lease)).run(Chunk(job.id, 0))

    assert sorted(recorded(repository, job)) == [1, 3]
    assert repository.renew(late[0], 15)


def _take_over(repository, clock, chunk):
    """Let the lease held on *chunk* run out and take it, as happens after the holder was frozen."""
    clock.append(clock[-1] + SETTINGS.lease_seconds + 1)
    return repository.lease(chunk, "other", 15)


def test_a_lost_lease_ends_the_renewals(repository, clock, runner, job):
    """A worker that learns by a renewal that its lease is lost asks nothing more."""

    class Knowing(InstantProcessor):
        """Waits until it is told to stop."""

        async def process(self, rows, context):
            """Lose the lease and wait for word of it."""
            _take_over(repository, clock, Chunk(job.id, 0))
            while context.go_on():  # noqa: ASYNC110 -- likewise
                await asyncio.sleep(0)
            for batch in ():
                yield batch

    runner(Knowing()).run(Chunk(job.id, 0))

    assert sorted(recorded(repository, job)) == [3]


def test_a_renewal_that_fails_is_tried_again(repository, runner, job, monkeypatch, caplog):
    """A database away for a moment costs a warning, not the chunk."""
    renew, failed, renewed = repository.renew, threading.Event(), threading.Event()

    def fail_once(lease, seconds):
        if not failed.is_set():
            failed.set()
            raise RepositoryUnavailable("The database is gone.")
        answer = renew(lease, seconds)
        renewed.set()
        return answer

    async def wait(row):
        if row.number == 1:
            await asyncio.to_thread(renewed.wait, 10)

    monkeypatch.setattr(repository, "renew", fail_once)
    runner(InstantProcessor(before=wait)).run(Chunk(job.id, 0))

    assert repository.get("ACME", job.id).succeeded == 9
    assert "The database is gone." in caplog.text


def test_refused_credentials_end_the_job(repository, dispatcher, runner, job):
    """When every look-up would fail alike, the job ends with one plain sentence instead of 10,000 row errors."""

    async def refuse(row):
        raise AccessRefused("The payer refuses our key.")

    runner(InstantProcessor(before=refuse)).run(Chunk(job.id, 0))
    ended = repository.get("ACME", job.id)

    assert (ended.status, ended.problem) == (JobStatus.FAILED, "The payer refuses our key.")
    assert dispatcher.dispatched == []


@pytest.mark.parametrize(
    "refusal", [AccessRefused("The payer refuses our key."), QuotaSpent("Spent."), AccessRefused("")]
)
def test_what_others_have_in_flight_is_recorded_before_the_job_ends(repository, dispatcher, runner, job, refusal):
    """The job says at once why it cannot go on, begins nothing more, and ends when the last worker has recorded."""
    other = repository.lease(Chunk(job.id, 1), "other", 15)
    processor = InstantProcessor()

    async def refuse(row):
        raise refusal

    processor.before = refuse
    run = runner(processor).run
    run(Chunk(job.id, 0))
    noted = repository.get("ACME", job.id)
    run(Chunk(job.id, 2))
    goes_on = repository.record(other, [SealedResult(11, success=True, status="Finalized", payload=b"in flight")])
    repository.release(other)
    run(Chunk(job.id, 1))
    ended = repository.get("ACME", job.id)

    assert noted.status is JobStatus.PROCESSING
    assert noted.problem
    assert noted.problem.startswith(str(refusal))
    assert goes_on is False
    assert (ended.status, ended.problem, ended.succeeded) == (JobStatus.FAILED, noted.problem, 1)
    assert dispatcher.dispatched == []
    assert processor.asked == []


def test_refused_credentials_end_the_job_of_a_process_that_stops(repository, runner, job):
    """It rings for nothing more, but leaves no job that is over to others, of whom there may be none."""
    stopping = runner(InstantProcessor())

    async def refuse(row):
        stopping.stopping.set()
        raise AccessRefused("The payer refuses our key.")

    stopping.processor.before = refuse

    assert stopping.run(Chunk(job.id, 0)) is False
    assert repository.get("ACME", job.id).status is JobStatus.FAILED


def test_a_job_deleted_meanwhile_does_not_fail(repository, clock, runner, job):
    """A worker that was late to hear that its payer refuses it finds the job ended and gone."""

    async def refuse(row):
        clock.append(clock[-1] + SETTINGS.lease_seconds + 1)
        repository.fail(job.id, "No.")
        repository.delete("ACME", job.id)
        raise AccessRefused("The payer refuses our key.")

    assert runner(InstantProcessor(before=refuse)).run(Chunk(job.id, 0)) is True


def test_a_chunk_whose_payer_is_away_is_put_aside(repository, dispatcher, runner, job, clock):
    """What was answered stays, other chunks go on, and the job says why some rows wait; later they go on."""
    away = True

    async def before(row):
        if away and row.number == 5:
            raise PayerAway("The payer (one) does not answer.", 30)

    run = runner(InstantProcessor(batch=1, before=before)).run
    run(Chunk(job.id, 0))
    dispatcher.deliver(run)
    waiting = repository.get("ACME", job.id)

    assert (waiting.status, waiting.waiting_for) == (JobStatus.PROCESSING, "The payer (one) does not answer.")
    assert sorted(recorded(repository, job)) == [1, 2, 3, 4, *range(11, 26)]
    assert repository.lease(Chunk(job.id, 0), "next", 15) is None

    away = False
    clock.append(clock[-1] + 30)
    run(Chunk(job.id, 0))
    dispatcher.deliver(run)
    assert repository.get("ACME", job.id).status is JobStatus.COMPLETED


@frozen
class NothingFound(InstantProcessor):
    """Finds none of the rows, but for those it is told."""

    known: frozenset[int] = frozenset()
    broken: frozenset[int] = frozenset()

    async def process(self, rows, context):
        """Say so, three rows at a time."""
        async with contextlib.aclosing(super().process(rows, context)) as batches:
            async for batch in batches:
                yield [self._seen(each) for each in batch]

    def _seen(self, result):
        if result.row in self.broken:
            return evolve(result, status="Error", success=False)
        return result if result.row in self.known else evolve(result, status="Not Found", success=False)


class TestPause:
    """A job whose first rows are all not found ends and says why, before all others are asked in vain."""

    @pytest.fixture
    def runner_of(self, repository, dispatcher, loop):
        """Make a runner that pauses after so many rows."""

        def make(processor, enough):
            settings = evolve(SETTINGS, pause_after_none_found=enough)
            doorbell = Doorbell(repository, dispatcher, settings)
            return ChunkRunner(repository, processor, PLAIN, doorbell, settings, loop)

        return make

    @pytest.fixture
    def run(self, repository, dispatcher, runner_of, job):
        """Run the job to wherever it goes, and give it back."""

        def to_the_end(known=(), enough=6, broken=()):
            processor = NothingFound(batch=3, known=frozenset(known), broken=frozenset(broken))
            dispatcher.dispatch([Chunk(job.id, 0)])
            dispatcher.deliver(runner_of(processor, enough).run)
            return repository.get("ACME", job.id), len(processor.asked)

        return to_the_end

    def test_it_says_what_to_look_at(self, run):
        """The payer id, NPI or tax id may be wrong for the whole file."""
        ended, asked = run()
        assert ended.status is JobStatus.FAILED
        assert ended.problem.startswith("None of the first 6 rows was found, so the job was paused")
        assert "NPI" in ended.problem
        assert asked <= 9

    def test_what_is_in_flight_is_recorded(self, repository, runner_of, job):
        """Look-ups that were under way when the pause was decided were asked, and are kept."""

        class Busy(InstantProcessor):
            """Has two more rows in flight when it hears that it is not to go on."""

            async def process(self, rows, context):
                """Find none of them."""
                for some in (rows[:6], rows[6:8]):
                    yield [evolve(found(row), status="Not Found", success=False) for row in some]

        runner_of(Busy(), 6).run(Chunk(job.id, 0))
        ended = repository.get("ACME", job.id)

        assert ended.status is JobStatus.FAILED
        assert "first 6 rows" in ended.problem
        assert sorted(recorded(repository, job)) == [1, 2, 3, 4, 5, 6, 7, 8, 9]

    def test_a_row_that_fails_otherwise_says_nothing(self, run):
        """It neither counts nor shows that anything can be found."""
        ended, asked = run(broken={1, 5})
        assert ended.problem.startswith("None of the first 7 rows was found")
        assert asked == 9

    def test_a_retry_goes_on_regardless(self, run, repository, job):
        """Whoever says to go on has looked."""
        run()
        repository.reopen("ACME", job.id)
        ended, _ = run()
        assert (ended.status, ended.failed) == (JobStatus.COMPLETED, 25)

    @pytest.mark.parametrize("known", [{1}, {6}])
    def test_one_that_is_found_is_enough(self, run, known):
        """Then the others may really not be there."""
        ended, _ = run(known)
        assert ended.status is JobStatus.COMPLETED

    @pytest.mark.parametrize("enough", [None, 10])
    def test_it_is_a_setting_and_looks_at_the_first_chunk(self, run, enough):
        """Nine rows of the first chunk are asked, and one is refused: no ten are not found."""
        ended, _ = run(enough=enough)
        assert ended.status is JobStatus.COMPLETED


def test_a_broken_processor_does_not_turn_in_a_tight_circle(repository, runner, job):
    """An unexpected exception leaves the lease to run out, which counts as an attempt."""

    async def break_down(row):
        raise ValueError("a bug")

    with pytest.raises(ChunkBroken, match="ValueError"):
        runner(InstantProcessor(before=break_down)).run(Chunk(job.id, 0))

    assert repository.lease(Chunk(job.id, 0), "next", 15) is None
    assert repository.get("ACME", job.id).status is JobStatus.PROCESSING


def test_a_chunk_that_ends_its_workers_is_given_up(repository, runner, job):
    """After some dead workers with nothing recorded, the chunk's rows fail instead of going round for ever."""
    for _ in range(SETTINGS.max_attempts):
        assert repository.lease(Chunk(job.id, 2), "doomed", 0)
    processor = InstantProcessor()

    runner(processor).run(Chunk(job.id, 2))
    results = [result for row, result in recorded(repository, job).items() if row > 20]

    assert processor.asked == []
    assert len(results) == 5
    assert {(r.success, r.source, r.patient_name) for r in results} == {(False, Source.WORKER, "ALMA TESTER")}
    assert {r.error.partition(":")[0] for r in results} == {"Given up"}


@pytest.mark.parametrize(
    "wrong",
    [{"patient_name": "CANARY\ud800"}, {"status": "\udc00"}, {"note": b"CANARY"}, {"processed_date": "CANARY"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_result_that_cannot_be_kept_costs_only_its_row(  # noqa: PLR0917 -- pytest passes them by name
    repository, dispatcher, runner, job, caplog, wrong
):
    """Whatever a processor puts into one result, its neighbours are kept, nothing is asked twice, and the row fails."""

    class Odd(InstantProcessor):
        """Row 2's result has a field that cannot be stored."""

        async def process(self, rows, context):
            """Spoil one result of its batch."""
            async for batch in super().process(rows, context):
                yield [evolve(each, asked=3, **wrong) if each.row == 2 else each for each in batch]

    processor = Odd(batch=5)
    run = runner(processor).run
    run(Chunk(job.id, 0))
    dispatcher.deliver(run)
    ended = repository.get("ACME", job.id)
    result = recorded(repository, job)[2]

    assert (ended.status, ended.succeeded, ended.failed) == (JobStatus.COMPLETED, 23, 2)
    assert len(processor.asked) == len(set(processor.asked)) == 24
    assert (result.claim_number, result.patient_name, result.asked) == ("PCN000002", "ALMA TESTER", 3)
    assert (result.status, result.success) == ("Error", False)
    assert "cannot be kept" in result.error
    assert "cannot be kept" in caplog.text
    assert "CANARY" not in caplog.text


def test_a_cipher_that_cannot_seal_loses_no_answer(repository, loop, dispatcher, job):
    """What fails for every result alike is no row's fault: the chunk is left to be run again."""

    class Keyless(PlainCipher):
        """Opens, and seals no more."""

        def seal(self, plain):
            """Have no key."""
            raise ValueError("no key")

    doorbell = Doorbell(repository, dispatcher, SETTINGS)
    with pytest.raises(ChunkBroken, match="ValueError"):
        ChunkRunner(repository, InstantProcessor(), Keyless(), doorbell, SETTINGS, loop).run(Chunk(job.id, 0))

    assert sorted(recorded(repository, job)) == [3]


def test_recorded_answers_can_be_found_again(repository, runner, job):
    """A processor may ask which inquiries the job has an answer for already."""
    seen = {}

    class Fingerprinting(InstantProcessor):
        """Gives its answers fingerprints, and asks for two."""

        async def process(self, rows, context):
            """Record row 1 under a fingerprint, then look for it and for another."""
            yield [_with_fingerprint(found(rows[0]), b"one")]
            seen.update(await context.recorded([b"one", b"two"]))
            yield [found(row) for row in rows[1:]]

    runner(Fingerprinting()).run(Chunk(job.id, 0))

    assert {fingerprint: result.row for fingerprint, result in seen.items()} == {b"one": 1}


def test_a_repository_is_asked_for_some_hundred_answers_at_a_time(repository, runner, job, monkeypatch):
    """However many inquiries a chunk has, no question to the repository grows with them."""
    asked, seen, answers = [], {}, repository.answers
    marks = [b"%d" % number for number in range(1201)]

    def note(job_id, fingerprints):
        asked.append(len(fingerprints))
        return answers(job_id, fingerprints)

    class Curious(InstantProcessor):
        """Asks for many answers."""

        async def process(self, rows, context):
            """Record the first and the last fingerprint, then look for all."""
            yield [_with_fingerprint(found(rows[0]), marks[0]), _with_fingerprint(found(rows[1]), marks[-1])]
            seen.update(await context.recorded(marks))

    monkeypatch.setattr(repository, "answers", note)
    runner(Curious()).run(Chunk(job.id, 0))

    assert set(seen) == {marks[0], marks[-1]}
    assert (max(asked), sum(asked)) == (500, 1201)


def _with_fingerprint(result, fingerprint):
    return evolve(result, fingerprint=fingerprint)


def test_the_salt_reaches_the_processor(repository, loop, dispatcher, owner, claims):
    """The key for fingerprints is opened for the processor, and is the same for every chunk of a job."""
    salts = set()

    class Salted(InstantProcessor):
        """Keeps the salts it is given."""

        async def process(self, rows, context):
            """Keep the salt, then do as ever."""
            salts.add(context.salt)
            async for batch in super().process(rows, context):
                yield batch

    job = Intake(CsvParser(), repository, PLAIN, SETTINGS).submit(claims(25), "claims.csv", owner, Told())
    runner = ChunkRunner(repository, Salted(), PLAIN, Doorbell(repository, dispatcher, SETTINGS), SETTINGS, loop)
    runner.run(Chunk(job.id, 0))
    dispatcher.deliver(runner.run)

    assert len(salts) == 1
    assert len(salts.pop()) == 32
