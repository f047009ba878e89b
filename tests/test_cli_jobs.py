"""Tests of `bulkclaims.cli.jobs` and `wiring`: what the database holds, and how it is opened."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.jobs import Chunk, NewJob, Owner, Settings
from bulkclaims.records import AS_FOUND, Layout
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims_sqlalchemy import SqlRepository, open_repository, upgrade

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
URL = "sqlite:///bulkclaims.db"


def run(*arguments, **options):
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, **options)


def lines(rows, bad=()):
    """Write a file of claims."""
    born = {True: "13/45/1972", False: "03/04/1972"}
    text = [HEADER, *(f"PCN{n},ALMA,TESTER,{born[n in bad]},ZX1" for n in range(1, rows + 1))]
    return io.BytesIO("\n".join(text).encode())


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty database in the folder where the commands look for it."""
    monkeypatch.chdir(tmp_path)
    upgrade(URL)
    store = open_repository(URL)
    yield store
    store.close()


@pytest.fixture
def submit(store):
    """Make a job, and end it and all before it, or let it wait for its worker."""
    bell = RememberingDispatcher()
    with BulkClaims(store, InstantProcessor(), dispatcher=bell, settings=Settings(sweep_seconds=None)) as bulk:

        def submit(upload, *, name="claims.csv", ended=True, organisation="local", layout=AS_FOUND):
            job = bulk.submit(upload, filename=name, owner=Owner(organisation), layout=layout)
            if ended:
                bell.deliver(bulk.run)
            return bulk.job(organisation, job.id)

        yield submit


def test_jobs_of_a_new_database(tmp_path, monkeypatch):
    """The first command makes the database, for its owner alone, and finds it empty."""
    monkeypatch.chdir(tmp_path)
    done = run("jobs")
    assert (done.exit_code, done.stdout) == (0, "There are no jobs yet.\n")
    assert json.loads(run("jobs", "--json").stdout) == []
    assert stat.S_IMODE((tmp_path / "bulkclaims.db").stat().st_mode) == 0o600


def test_jobs_are_listed_newest_first_and_whole(submit):
    """Ids and names are neither cut nor taken for markup, however narrow the terminal; others' jobs are not shown."""
    first, second = submit(lines(2, bad=[1])), submit(lines(1), name="[red]a b[-].csv", ended=False)
    submit(lines(1), organisation="ACME", ended=False)
    table = run("jobs", env={"COLUMNS": "30"}).stdout.splitlines()

    assert table[0].split() == ["job", "status", "rows", "ok", "failed", "created", "file"]
    assert table[1].split()[:5] == [second.id, "PENDING", "1", "0", "0"]
    assert table[1].rstrip().endswith("  [red]a b[-].csv")
    assert table[2].split()[:5] == [first.id, "COMPLETED", "2", "1", "1"]
    assert len(table) == 3
    assert [job["id"] for job in json.loads(run("jobs", "--json", "--limit", "1").stdout)] == [second.id]


def test_more_jobs_than_a_page_of_the_database(submit):
    """All jobs are found, however many there are."""
    for _ in range(51):
        submit(lines(1), ended=False)
    assert len(json.loads(run("jobs", "--json", "--limit", "100").stdout)) == 51


def test_show(submit):
    """A job is shown with the cells that were refused, of which the first hundred are listed and all are counted."""
    job = submit(lines(103, bad=range(1, 103)))
    shown, told = run("show", job.id).stdout, json.loads(run("show", job.id, "--json").stdout)

    assert "status               COMPLETED\n" in shown
    assert "row 1, date_of_birth: " in shown
    assert shown.endswith("… and 2 more.\n")
    assert (told["error_count"], len(told["error_log"]), told["truncated"]) == (102, 100, True)
    assert "ALMA" not in shown


def test_show_says_how_the_file_was_read(submit):
    """Notes, headings, what it takes and what is worth a look, as people read them, and none of our own values."""
    header = f'{HEADER.replace("subscriber_id", "Member Nr")},Ref,"Paid\n\x1bby",'
    upload = io.BytesIO(f"{header}\nPCN1,ZOË,TESTER,03/04/1972,ZX1,R1,x,y\n".encode("cp1252"))
    shown = run("show", submit(upload, layout=Layout({"Member Nr": "subscriber_id"})).id).stdout
    note, *told = [line[21:] for line in shown.splitlines() if line.startswith(("headings", "notes", " "))]

    assert note.startswith("The file is not UTF-8;")
    assert told == [
        "claim_number, first_name, last_name, date_of_birth",
        "Member Nr → subscriber_id (given)",
        "Ref (other)",
        "Paid �by (other)",
        "(blank) → column_8 (other)",
    ]
    assert not {*shown} & {*"[]{}<>'\x1b"}


def test_show_of_a_file_that_has_names_of_its_own(submit):
    """Each heading has a line with our name for it."""
    job = submit(io.BytesIO(lines(1).read().replace(b"_", b" ").replace(b"claim", b"Claim")))
    shown = run("show", job.id).stdout

    assert "headings             Claim number → claim_number (name)\n" in shown
    assert f"\n{'':20} last name → last_name (name)\n" in shown


def test_show_says_what_is_worth_a_look(submit):
    """In the sentences of a check; what there is nothing of is not named."""
    job = submit(io.BytesIO(lines(1).read() + b"\nPCN2,BENNO JR,TESTER,03/04/1972,ZX1"))
    shown = run("show", job.id).stdout

    assert "Worth a look, though the rows are sent:\n" in shown
    assert not any(line.startswith(("notes", "plan", "warnings")) for line in shown.splitlines())


def test_show_of_a_row_that_is_wrong_as_a_whole(submit):
    """Where no column is at fault none is named, and nothing stands in its place."""
    job = submit(io.BytesIO(lines(1).read() + b"\nPCN2,BENNO,TESTER"))
    assert "row 2: This row has 3 cells" in run("show", job.id).stdout


def test_show_of_a_job_without_faults(submit):
    """Without refused cells there is nothing to list; another's job is not there."""
    job, others = submit(lines(1)), submit(lines(1), organisation="ACME")
    assert "more." not in run("show", job.id).stdout
    unknown = run("show", others.id)
    assert (unknown.exit_code, unknown.stderr) == (2, "There is no such job.\n")
    assert run("show", others.id, "--organisation", "ACME").exit_code == 0


def test_results_go_to_standard_output_or_a_file(submit, tmp_path):
    """The same file either way."""
    job = submit(lines(3))
    printed, written = run("results", job.id), run("results", job.id, "-o", "out.csv")

    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert printed.stdout_bytes == (tmp_path / "out.csv").read_bytes()
    assert printed.stdout.count("Finalized") == 3
    assert written.stderr == "Results: out.csv\n"
    assert json.loads(run("results", job.id, "-o", "out.csv", "--json").stdout) == {"results": "out.csv"}


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("out.csv", b"row,claim_number"),
        ("out", b"row,claim_number"),
        ("out.XLSX", b"PK"),
        ("out.jsonl", b'{"row": 1'),
        ("out.jsonl.gz", b'{"row": 1'),
        ("out.gz", b"row,claim_number"),
    ],
)
def test_the_name_of_a_file_says_its_format(submit, tmp_path, name, begins):
    """Its ending does, and .gz has it packed."""
    job = submit(lines(3))
    done = run("results", job.id, "-o", name)
    file = (tmp_path / name).read_bytes()

    assert done.exit_code == 0, done.output
    assert (gzip.decompress(file) if name.endswith(".gz") else file).startswith(begins)


def test_results_as_options_say(submit):
    """Format, columns and rows are those that are named, whatever the file's name is."""
    job = submit(lines(3, bad=(2,)))
    failed = run("results", job.id, "--failed").stdout
    plain = run("results", job.id, "--failed", "--columns", "default").stdout
    full = run("results", job.id, "--format", "jsonl", "--columns", "full", "-o", "out.csv")
    marked = run("results", job.id, "--bom")
    changed = run("results", job.id, "--changed", "--json")

    assert failed.splitlines()[0] == "error,next_action,claim_number,first_name,last_name,date_of_birth,subscriber_id"
    assert [line.split(",")[0] for line in plain.splitlines()] == ["row", "2"]
    assert full.exit_code == 0
    assert json.loads(Path("out.csv").read_text().splitlines()[0])["subscriber_id"] == "ZX1"
    assert marked.stdout_bytes.startswith(b"\xef\xbb\xbfrow,")
    assert json.loads(changed.stdout)["error"]["code"] == "not_compared"


def test_a_mark_for_another_format(submit):
    """It is for CSV alone: anything else is a usage error."""
    done = run("results", "x", "--bom", "-o", "out.xlsx")
    assert (done.exit_code, "--bom is for CSV files alone." in done.stderr) == (2, True)


def test_a_workbook_is_not_for_a_terminal(submit):
    """It is refused there, and goes into a pipe."""
    job = submit(lines(3))
    command = [sys.executable, "-m", "bulkclaims.cli", "results", job.id, "--format", "xlsx"]
    terminal, end = os.openpty()
    refused = subprocess.run(command, stdout=end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(terminal)
    os.close(end)

    assert refused.returncode == 2
    assert "A workbook is nothing for a terminal" in refused.stderr
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"PK")


def test_the_digest_of_results_is_shown(submit, tmp_path):
    """Once the file was written whole, a job has it."""
    job = submit(lines(3))
    before = json.loads(run("show", job.id, "--json").stdout)["results_sha256"]
    run("results", job.id, "-o", "out.csv.gz")
    after = json.loads(run("show", job.id, "--json").stdout)["results_sha256"]
    digest = hashlib.sha256(gzip.decompress((tmp_path / "out.csv.gz").read_bytes())).hexdigest()

    assert (before, after) == (None, digest)
    assert f"results_sha256       {digest}\n" in run("show", job.id).stdout


def test_results_of_a_job_that_runs(submit):
    """They are refused until the job has ended, unless a part is enough."""
    job = submit(lines(3), ended=False)
    refused, part = run("results", job.id, "--json"), run("results", job.id, "--partial")
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["error"]["code"] == "not_ended"
    assert part.stdout.count("Not asked yet") == 3


def test_nobody_reads_on(submit):
    """`| head` ends the command without a word."""
    job = submit(lines(5000), ended=False)
    command = f"{sys.executable} -m bulkclaims.cli results {job.id} --partial | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("row,claim_number,")
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["results {}", "show {}", "jobs --json", "show nothing --json"])
def test_standard_output_that_cannot_be_written(submit, command):
    """A full disk behind standard output is exit 2 and a sentence, also at the last byte and for a program."""
    words = command.format(submit(lines(3)).id)
    command = f"{sys.executable} -m bulkclaims.cli {words} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.endswith("Standard output cannot be written: No space left on device.\n")
    assert "bug" not in done.stderr
    assert ("There is no such job.\n" in done.stderr) == ("nothing" in words)


def test_cancel(submit, store):
    """A job that waits is cancelled; one that runs stops before its next look-up; one that has ended is refused."""
    ended, waiting, running = submit(lines(1)), submit(lines(2), ended=False), submit(lines(2), ended=False)
    store.lease(Chunk(running.id, 0), "worker", 60)

    assert run("cancel", waiting.id).stdout == f"Job {waiting.id} is cancelled: 0 of 2 rows are answered.\n"
    assert f"Job {running.id} stops before its next look-up" in run("cancel", running.id).stdout
    assert json.loads(run("cancel", running.id, "--json").stdout)["cancel_requested"] is True
    assert run("cancel", ended.id).exit_code == 2


@pytest.fixture
def killed(submit, store):
    """Make a job whose cancel waits for the lease of a worker that was killed, and end that lease."""

    def make():
        job = submit(lines(2), ended=False)
        store.lease(Chunk(job.id, 0), "worker", 60)
        assert "stops before its next look-up" in run("cancel", job.id).stdout
        return job

    def end():
        with closing(sqlite3.connect("bulkclaims.db")) as connection, connection:
            connection.execute("UPDATE bulkclaims_chunks SET lease_until = lease_until - 60")

    return make, end


@pytest.mark.parametrize(
    ("command", "tells"),
    [
        (["jobs"], "CANCELLED"),
        (["show", "{}"], "status               CANCELLED"),
        (["results", "{}"], "Not asked: the job was cancelled"),
        (["purge", "{}"], "Deleted 1 job."),
        (["purge", "--older-than", "0"], "Deleted 1 job."),
    ],
)
def test_a_cancel_is_granted_once_the_dead_workers_lease_has_ended(killed, command, tells):
    """Nobody settles a job after its run was killed, so that every command that shows or uses it does."""
    cancelled, end = killed
    job = cancelled()
    end()
    done = run(*[word.format(job.id) for word in command])

    assert done.exit_code == 0, done.output
    assert tells in done.stdout


def test_cancel_of_a_job_that_is_over_already(killed):
    """A second cancel, after the lease has ended, finds the job ended."""
    cancelled, end = killed
    job = cancelled()
    end()
    assert "has ended already" in run("cancel", job.id).stderr


def test_purge_of_a_job_whose_cancel_waits(killed):
    """It is refused, for the lease may be alive, with the advice to wait: it is cancelled already."""
    cancelled, _ = killed
    job = cancelled()
    done = run("purge", job.id)

    assert done.exit_code == 2
    assert done.stderr == "The job was cancelled, but a worker may still hold a part of it; try again in a minute.\n"


def test_purge(submit):
    """One job is deleted by its id, or all that ended long enough ago; what runs stays."""
    first, *_ = submit(lines(1)), submit(lines(1)), submit(lines(1)), submit(lines(1), ended=False)

    assert run("purge", first.id).stdout == "Deleted 1 job.\n"
    assert run("purge", first.id).exit_code == 2
    assert run("purge", "--older-than", "1").stdout == "Deleted 0 jobs.\n"
    assert json.loads(run("purge", "--older-than", "0", "--json").stdout) == {"deleted": 2, "abandoned_uploads": 0}
    assert len(json.loads(run("jobs", "--json").stdout)) == 1


def test_purge_leaves_jobs_of_others_alone(submit):
    """Whoever purges by age deletes jobs of the organisation that was named, and of no other."""
    ours, theirs = submit(lines(1), organisation="ACME"), submit(lines(1), organisation="OTHER")

    assert run("purge", "--older-than", "0", "--organisation", "ACME").stdout == "Deleted 1 job.\n"
    assert run("show", ours.id, "--organisation", "ACME").exit_code == 2
    assert run("show", theirs.id, "--organisation", "OTHER").exit_code == 0


def begin(store, *, ago):
    """Begin an upload so many seconds ago, and leave it."""
    store.begin(NewJob(Owner("local"), "claims.csv", b"salt"))
    with closing(sqlite3.connect("bulkclaims.db")) as connection, connection:
        connection.execute("UPDATE bulkclaims_jobs SET begun_at = begun_at - ? WHERE status IS NULL", (ago,))


def test_purge_takes_abandoned_uploads_along(submit, store):
    """What an upload that broke off has stored goes with the jobs of its age; one that may be under way stays."""
    begin(store, ago=601)
    begin(store, ago=0)

    assert run("purge", "--older-than", "1").stdout == "Deleted 0 jobs.\n"
    assert run("purge", "--older-than", "0").stdout == "Deleted 0 jobs and 1 abandoned upload.\n"
    assert store.purge(0, 0) == 1


def test_purge_passes_over_a_job_that_somebody_else_deletes(submit, store, monkeypatch):
    """A job that is gone between the look at it and its deletion is not counted, and is no error."""
    kept, gone = submit(lines(1)), submit(lines(1))
    delete = SqlRepository.delete

    def late(store, organisation, job_id):
        if job_id == gone.id:
            delete(store, organisation, job_id)
        delete(store, organisation, job_id)

    monkeypatch.setattr(SqlRepository, "delete", late)
    assert run("purge", "--older-than", "0").stdout == "Deleted 1 job.\n"
    assert run("show", kept.id).exit_code == 2


def test_purge_wants_one_thing_named():
    """Neither or both is a usage error: nothing is deleted by accident."""
    for arguments in (["purge"], ["purge", "x", "--older-than", "1"]):
        done = run(*arguments)
        assert done.exit_code == 2
        assert "Name one JOB_ID, or give --older-than DAYS." in done.stderr


def test_upgrade_can_be_repeated(submit):
    """The command makes or mends tables and keeps what they hold."""
    submit(lines(1))
    assert run("db", "upgrade").stdout == "The database is up to date.\n"
    assert json.loads(run("db", "upgrade", "--json").stdout) == {"database": "up to date"}
    assert len(json.loads(run("jobs", "--json").stdout)) == 1


def test_an_embedded_database_without_tables_gets_them(tmp_path, monkeypatch):
    """An empty SQLite file is brought up to this version by whichever command comes first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bulkclaims.db").touch()
    assert run("jobs").exit_code == 0


def test_a_newer_database_is_left_alone(store):
    """Tables of a later version are refused with what to install, and stay as they are."""
    with sqlite3.connect("bulkclaims.db") as connection:
        (table,) = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%version%'").fetchone()
        connection.execute(f"UPDATE {table} SET version_num = '9999'")
    connection.close()
    done = run("jobs")
    assert done.exit_code == 2
    assert "made by a newer version" in done.stderr


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///garbage.db", "The job database"),
        ("sqlite:///nowhere/jobs.db", "nowhere/jobs.db cannot be made: No such file or directory."),
        ("sqlite://", "A SQLite database must be a file"),
        ("oracle://patients", "names none of sqlite, postgresql and mariadb"),
    ],
)
def test_a_database_that_cannot_be_opened(tmp_path, monkeypatch, url, sentence):
    """A wrong URL or a file that is no database: exit 2, a sentence, and the file as it was."""
    monkeypatch.chdir(tmp_path)
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database " * 1000)
    done = run("jobs", "--database", url)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output
    assert garbage.read_bytes() == b"no database " * 1000
    assert [path.name for path in Path().iterdir()] == ["garbage.db"]
