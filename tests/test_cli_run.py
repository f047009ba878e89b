"""Tests of `bulkclaims.cli.run`: `run`, `--resume` and `retry`, against the simulated payer and real SQLite files."""

from __future__ import annotations

import csv
import gc
import gzip
import hashlib
import json
import os
import re
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.simulator import PayerSimulator, SimulatorSettings

HEADER = "claim_number,first_name,last_name,date_of_birth,subscriber_id"
SETTINGS = """
[payer]
connector = "stedi"
base_url = "{url}"
organization_name = "Sample Clinic PC"
api_key_file = "payer.key"

[retry]
attempts = 2
base_seconds = 0.01
down_seconds = 0.01

[defaults]
payer_id = "99999"
npi = "1999999984"
"""


@pytest.fixture
def payer(tmp_path, monkeypatch):
    """Start a simulated payer, and stand in a folder whose settings name it."""
    monkeypatch.chdir(tmp_path)
    with PayerSimulator(SimulatorSettings(latency=0.05)) as simulator:
        (tmp_path / "bulkclaims.toml").write_text(SETTINGS.format(url=simulator.url))
        (tmp_path / "payer.key").write_text("try-me")
        yield simulator


@pytest.fixture
def write(tmp_path):
    """Write a file of claims with these numbers; `!` before one makes its row bad."""

    def write(*numbers, name="claims.csv"):
        born = {True: "13/45/1972", False: "03/04/1972"}
        rows = [f"{n.lstrip('!')},ALMA,TESTER,{born[n.startswith('!')]},ZX00012345" for n in numbers]
        (tmp_path / name).write_text("\n".join([HEADER, *rows]))

    return write


def run(*arguments, **options):
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, **options)


def results(name="claims.results.csv"):
    """Read a results file."""
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def newest():
    """Read the newest job."""
    return json.loads(run("jobs", "--json").stdout)[0]


def test_a_file_whose_rows_are_all_answered(payer, write, tmp_path):
    """All rows answered: exit 0, the results beside the claims, a summary, a database for its owner alone."""
    (tmp_path / "in").mkdir()
    write("PCN1-PAID", "PCN2-DENY", name="in/claims.csv")
    done = run("run", "in/claims.csv")

    assert done.exit_code == 0, done.output
    assert [(row["row"], row["status"]) for row in results("in/claims.results.csv")] == [
        ("1", "Finalized"),
        ("2", "Denied"),
    ]
    assert "2 of 2 rows answered" in done.stdout
    assert "Results: in/claims.results.csv   Job: " in done.stdout
    assert "COMPLETED 2/2 rows, 2 ok, 0 failed" in done.stderr.splitlines()[-1]
    assert stat.S_IMODE((tmp_path / "bulkclaims.db").stat().st_mode) == 0o600


def test_a_file_with_rows_that_fail(payer, write):
    """A bad row is never sent, a claim not found is not answered: exit 1, every row in the results, in order."""
    write("PCN1-PAID", "!PCN2-PAID", "PCN3-NF", "PCN4-500")
    done = run("run", "claims.csv", "-o", "out.csv")

    assert done.exit_code == 1
    assert [row["status"] for row in results("out.csv")] == ["Finalized", "Error", "Not Found", "Error"]
    assert sorted(set(payer.requests)) == ["PCN1-PAID", "PCN3-NF", "PCN4-500"]
    assert "no_such_day" not in done.stderr
    assert "HTTP 500" in done.stdout
    assert "ALMA" not in done.output
    assert "PCN" not in done.output


def test_a_program_reads_json_alone(payer, write):
    """With --json standard output is one value, and standard error is silent."""
    write("PCN1-PAID")
    done = run("run", "claims.csv", "--json")

    told = json.loads(done.stdout)
    assert (told["status"], told["outcome"], told["success_count"]) == ("COMPLETED", "all_succeeded", 1)
    assert told["results"] == "claims.results.csv"
    assert done.stderr == ""


def test_results_as_their_name_says(payer, write):
    """A packed CSV is the file whose digest a program is told; of a workbook there is none."""
    write("PCN1-PAID")
    packed = json.loads(run("run", "claims.csv", "-o", "out.csv.gz", "--json").stdout)
    book = json.loads(run("run", "claims.csv", "-o", "out.xlsx", "--json").stdout)

    assert packed["results_sha256"] == hashlib.sha256(gzip.decompress(Path("out.csv.gz").read_bytes())).hexdigest()
    assert (book["results_sha256"], Path("out.xlsx").read_bytes()[:2]) == (None, b"PK")


def test_a_workbook_without_its_library(payer, write, monkeypatch):
    """What is missing is told before anybody is asked."""
    write("PCN1-PAID")
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    done = run("run", "claims.csv", "-o", "out.xlsx")

    assert (done.exit_code, "bulkclaims[xlsx]" in done.stderr) == (2, True)
    assert not payer.requests


def test_brackets_are_taken_literally(payer, write):
    """A file name that looks like markup is shown as it is."""
    write("PCN1-PAID", name="[red]c[/].csv".replace("/", "-"))
    done = run("run", "[red]c[-].csv")
    assert "Results: [red]c[-].results.csv" in done.stdout


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "file_unreadable"), ("", "empty_file"), ("claim_number\n1", None), (HEADER, "no_rows")],
)
def test_a_file_that_cannot_be_used(payer, tmp_path, text, code):
    """A missing or unusable file: exit 2, one sentence, no job, no results, nobody asked."""
    if text is not None:
        (tmp_path / "claims.csv").write_text(text)
    done = run("run", "claims.csv")
    told = json.loads(run("run", "claims.csv", "--json").stdout)["error"]

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.strip() == told["message"]
    assert told["at_fault"] == "file"
    assert code in {None, told["code"]}
    assert not (tmp_path / "claims.results.csv").exists()
    assert json.loads(run("jobs", "--json").stdout) == []
    assert payer.requests == ()


def test_results_that_could_not_be_written_are_told_before_anyone_is_asked(payer, write, tmp_path):
    """An output folder that is not there, or the claims themselves as output: exit 2, nothing sent or harmed."""
    write("PCN1-PAID")
    before = (tmp_path / "claims.csv").read_text()
    nowhere, itself = run("run", "claims.csv", "-o", "nowhere/x.csv"), run("run", "claims.csv", "-o", "./claims.csv")

    assert (nowhere.exit_code, itself.exit_code) == (2, 2)
    assert "cannot be written to nowhere/x.csv: No such file or directory." in nowhere.stderr
    assert "would take the place of claims.csv" in itself.stderr
    assert (tmp_path / "claims.csv").read_text() == before
    assert payer.requests == ()


def test_a_payer_that_refuses_the_key(payer, write, tmp_path):
    """Wrong credentials end the run early: exit 1, a sentence, every row in the results, no patient in any message."""
    (tmp_path / "payer.key").write_text("wrong")
    write("PCN1-PAID", "PCN2-PAID")
    done = run("run", "claims.csv")

    assert done.exit_code == 1
    assert "The run ended early." in done.stdout
    assert [row["status"] for row in results()] == ["Error", "Error"]
    assert "ALMA" not in done.output
    assert "PCN" not in done.output


def test_a_run_leaves_the_garbage_collector_as_it_was(payer, write):
    """Whoever runs the command within a process of their own gets that process back as it was."""
    before = gc.get_threshold(), gc.get_freeze_count()
    write("PCN1-PAID")
    run("run", "claims.csv")

    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_rows_wait_for_is_said_once(payer, write, tmp_path):
    """While the payer is away: a sentence with the minute until which rows wait; then they are asked by themselves."""
    settings = SETTINGS.format(url=payer.url)
    (tmp_path / "bulkclaims.toml").write_text(f"{settings}\n[breaker]\nrows = 1\nfirst_seconds = 2\n")
    write("PCN1-FLAKY")
    done = run("run", "claims.csv")

    assert done.exit_code == 0, done.output
    (told,) = [line for line in done.stderr.splitlines() if "wait" in line]
    assert re.fullmatch(
        r"Some rows wait until \d\d:\d\d UTC: The payer \(stedi\) does not answer. "
        r"Its rows wait, and are asked again by themselves.",
        told,
    )
    assert payer.requests == ("PCN1-FLAKY",) * 2
    assert "ALMA" not in done.output


def test_a_program_is_told_too_what_rows_wait_for(payer, write, tmp_path):
    """Beside the output: standard output stays one value."""
    settings = SETTINGS.format(url=payer.url)
    (tmp_path / "bulkclaims.toml").write_text(f"{settings}\n[breaker]\nrows = 1\nfirst_seconds = 2\n")
    write("PCN1-FLAKY")
    done = run("run", "claims.csv", "--json")

    assert json.loads(done.stdout)["success_count"] == 1
    assert done.stderr.startswith("Some rows wait until ")


def test_a_payer_that_does_not_come_back_costs_its_rows(payer, write, tmp_path):
    """When patience is over each row is asked once more, and fails with a sentence; the job ends."""
    with PayerSimulator(SimulatorSettings(outage=(0, 1e6))) as away:
        settings = SETTINGS.format(url=away.url)
        breaker = "[breaker]\nrows = 1\nfirst_seconds = 0.5\npatience_seconds = 1\n"
        (tmp_path / "bulkclaims.toml").write_text(f"{settings}\n{breaker}")
        write("PCN1-PAID", "PCN2-PAID")
        done = run("run", "claims.csv")

    assert done.exit_code == 1
    assert [row["status"] for row in results()] == ["Error", "Error"]
    assert all("out of service" in row["error"] for row in results())
    assert "The payer (stedi) does not answer." in done.stderr


def test_several_payers_are_no_hindrance_to_the_rest_of_a_run(payer, write, tmp_path):
    """Resume and retry work as with one payer."""
    settings = SETTINGS.format(url=payer.url).replace("[payer]", '[payers.one]\npayer_ids = ["99999"]')
    (tmp_path / "bulkclaims.toml").write_text(settings)
    write("PCN1-PAID", "PCN2-FLAKYX2")
    assert run("run", "claims.csv").exit_code == 1
    assert run("retry", newest()["id"]).exit_code == 0
    assert run("run", "--resume").exit_code == 0
    assert [row["status"] for row in results()] == ["Finalized", "Finalized"]
    assert payer.requests.count("PCN1-PAID") == 1


def test_a_run_says_what_changed_since_an_earlier_one(payer, write):
    """Since the last job of the same file, or one that is named; beside the rows and in the summary, and as JSON."""
    write("PCN1-PAID", "PCN2-PENDX1", "PCN3-PEND")
    first = run("run", "claims.csv")
    job_id = newest()["id"]
    last = run("run", "claims.csv", "--compare-with", "last")
    named = run("run", "claims.csv", "--compare-with", job_id, "--json")

    assert "changed" not in first.stdout
    assert ["changed", "since", "the", "earlier", "job", "1"] in [line.split() for line in last.stdout.splitlines()]
    assert [(row["previous_status"], row["changed"]) for row in results()] == [
        ("Finalized", "no"),
        ("Pending", "yes"),
        ("Pending", "no"),
    ]
    told = json.loads(named.stdout)
    assert (told["compared_with"], told["changed"]) == (job_id, 1)


def test_a_run_says_of_which_rows_no_earlier_answer_is_known(payer, write):
    """Rows that are new, and those that have had none so far: whether they changed nobody can tell."""
    write("PCN1-PAID", "!PCN2")
    first = run("run", "claims.csv")
    write("PCN1-PAID", "!PCN2", "PCN3-PAID")
    second = run("run", "claims.csv", "--compare-with", "last")
    again = run("run", "claims.csv", "--compare-with", "last", "--json")

    assert "no earlier answer" not in first.stdout
    assert ["no", "earlier", "answer", "2"] in [line.split() for line in second.stdout.splitlines()]
    assert json.loads(again.stdout)["no_earlier_answer"] == 1


def test_what_is_worth_a_look_is_said_before_anyone_is_asked(payer, tmp_path):
    """With the notes, the first ten kinds of it; `show` has the rest, and what the file takes, as a check does."""
    names = ("Dr ALMA", "ALMA JR", "ALMA Q", "ALMA\xa0MAY", "ZOË".encode().decode("cp1252"))
    rows = [f"'PCN{n}-PAID,{name},{name},03/04/1972,'ZX00012345" for n, name in enumerate(names)]
    (tmp_path / "claims.csv").write_text("\n".join([HEADER, *rows]))
    done, program = run("run", "claims.csv"), run("run", "claims.csv", "--json")
    shown = run("show", newest()["id"]).stdout

    first, _, rest = done.stderr.partition("… and ")
    assert first.count("\n") == 11
    assert first.startswith("Worth a look, though the rows are sent:\n")
    assert rest.startswith(f"{len(json.loads(program.stdout)['warnings']) - 10} more; see bulkclaims show ")
    assert "rows/s" in rest
    assert "Worth a look" not in done.stdout
    assert "Worth a look" in program.stderr
    assert "plan                 To ask stedi for 5 rows: 5 requests" in shown


def test_a_run_that_cannot_be_compared_says_so(payer, write):
    """There is no earlier job, no such job, or it is deleted by the time the results are written again."""
    write("PCN1-PAID")
    none = run("run", "claims.csv", "--compare-with", "last")
    unknown = run("run", "claims.csv", "--compare-with", "00000000-0000-4000-8000-000000000000")
    first = newest()["id"]
    run("run", "claims.csv", "--compare-with", first)
    run("purge", first)
    gone = run("run", "claims.csv", "--resume")

    assert "there is nothing to compare with" in " ".join(none.stderr.split())
    assert (unknown.exit_code, "There is no such job" in unknown.stderr) == (2, True)
    assert "The job to compare with is not kept any more" in " ".join(gone.stderr.split())
    assert (gone.exit_code, results()[0]["previous_status"]) == (0, "")


def test_run_without_a_file_needs_resume(payer):
    """A run of nothing is a usage error."""
    done = run("run")
    assert done.exit_code == 2
    assert "--resume" in done.stderr


def test_resume_without_any_job(payer, write):
    """There is nothing to resume in an empty database; a file named beside is simply run."""
    nothing = run("run", "--resume")
    write("PCN1-PAID")
    named = run("run", "claims.csv", "--resume")

    assert (nothing.exit_code, named.exit_code) == (2, 0)
    assert "There is no job to resume" in nothing.stderr
    assert payer.requests == ("PCN1-PAID",)
    assert "No job was made of claims.csv as it is now, so a new one begins." in " ".join(named.stderr.split())


def test_resume_of_an_ended_job_only_writes_its_results(payer, write, tmp_path):
    """The newest job, or the newest of the same content whatever its name, is found; nobody is asked again."""
    write("PCN1-PAID", name="first.csv")
    write("PCN2-PAID", name="second.csv")
    assert run("run", "first.csv").exit_code == run("run", "second.csv").exit_code == 0
    (tmp_path / "first.csv").rename("renamed.csv")
    by_content, last = run("run", "renamed.csv", "--resume"), run("run", "--resume", "-o", "last.csv")

    assert (by_content.exit_code, last.exit_code) == (0, 0)
    assert [row["claim_number"] for row in results("renamed.results.csv")] == ["PCN1-PAID"]
    assert [row["claim_number"] for row in results("last.csv")] == ["PCN2-PAID"]
    assert payer.requests == ("PCN1-PAID", "PCN2-PAID")
    assert last.stderr == ""


def test_retry_asks_only_for_what_failed_at_the_payer(payer, write):
    """Rows answered and rows refused stay as they are; those that failed at the payer are asked again."""
    write("PCN1-PAID", "!PCN2-PAID", "PCN3-FLAKYX2")
    assert run("run", "claims.csv").exit_code == 1
    before = len(payer.requests)
    again = run("retry", newest()["id"])

    assert again.exit_code == 1
    assert payer.requests[before:] == ("PCN3-FLAKYX2",)
    assert [row["status"] for row in results()] == ["Finalized", "Error", "Finalized"]


def test_retry_with_nothing_to_ask(payer, write):
    """A job whose rows were all answered, or no job at all: exit 2 and a sentence."""
    write("PCN1-PAID")
    run("run", "claims.csv")
    nothing, unknown = run("retry", newest()["id"]), run("retry", "no-such-job", "--json")

    assert (nothing.exit_code, unknown.exit_code) == (2, 2)
    assert nothing.stderr.strip().endswith(".")
    assert json.loads(unknown.stdout)["error"]["code"] == "job_not_found"


def test_a_job_that_is_over_and_was_not_ended_is_gone_on_with_as_ended(payer, write):
    """After a kill in the last moment `--resume` only writes the results, and `retry` asks again for what failed."""
    write("PCN1-PAID", "PCN2-FLAKYX2")
    run("run", "claims.csv")
    for command in (["run", "--resume"], ["retry", newest()["id"]]):
        with closing(sqlite3.connect("bulkclaims.db")) as connection, connection:
            connection.execute("UPDATE bulkclaims_jobs SET status = 'PROCESSING', ended_at = NULL")
        done = run(*command)
        assert "rows answered" in done.stdout, done.output

    assert payer.requests.count("PCN1-PAID") == 1
    assert [row["status"] for row in results()] == ["Finalized", "Finalized"]


def advised(told):
    """Read the words of the command that a stopped one advises."""
    program, *words = shlex.split(told.rpartition(" with: ")[2])
    assert program == "bulkclaims"
    return words


def interrupt_once(payer, requests):
    """Press Ctrl-C once the payer was asked so often."""

    def press():
        while len(payer.requests) < requests:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_a_stopped_job_can_be_cancelled_and_retried(payer, write):
    """Stopped, the run says how to go on; cancelled, its results are whole; retried, only the rest is asked."""
    claims = [f"PCN{number}-PAID" for number in range(200)]
    write(*claims)
    pressing = interrupt_once(payer, 20)
    stopped = run("run", "claims.csv", "--json")
    pressing.join()
    asked, job = payer.requests, newest()
    assert stopped.exit_code == 130
    assert json.loads(stopped.stdout)["processed_rows"] == len(asked) == job["processed_rows"]
    assert "what is answered is kept. Go on with: bulkclaims run claims.csv --resume --json\n" in stopped.stderr

    assert run("cancel", job["id"]).exit_code == 0
    cancelled = run("run", "--resume")
    assert cancelled.exit_code == 1
    assert f"Cancelled after {len(asked)} of 200 rows" in cancelled.stdout
    assert [row["claim_number"] for row in results()] == claims

    pressing = interrupt_once(payer, len(asked) + 20)
    stopped = run("retry", job["id"])
    pressing.join()
    assert stopped.exit_code == 130
    assert advised(stopped.stderr) == ["retry", job["id"]]

    assert run(*advised(stopped.stderr)).exit_code == 0
    assert sorted(payer.requests) == sorted(claims)
    assert all(row["success"] == "True" for row in results())


def test_a_stopped_run_says_the_whole_command_that_goes_on(payer, write, tmp_path):
    """What it prints finds the settings, the job and the file for the results, and can be pasted as it is."""
    (tmp_path / "bulkclaims.toml").rename("other.toml")
    claims = [f"PCN{number}-PAID" for number in range(100)]
    write(*claims, name="my claims.csv")
    options = ["--config", "other.toml", "--database", "sqlite:///other.db", "--organisation", "ACME"]
    pressing = interrupt_once(payer, 20)
    stopped = run("run", "my claims.csv", "-o", "my results.csv", *options)
    pressing.join()

    assert advised(stopped.stderr) == ["run", "my claims.csv", "--resume", "-o", "my results.csv", *options]
    assert run(*advised(stopped.stderr)).exit_code == 0
    assert [row["claim_number"] for row in results("my results.csv")] == claims
    assert len(payer.requests) == 100


def test_a_stopped_job_whose_file_was_changed_goes_on_by_its_id(payer, write):
    """What it has is not asked again, whatever became of the file."""
    claims = [f"PCN{number}-PAID" for number in range(100)]
    write(*claims)
    pressing = interrupt_once(payer, 20)
    run("run", "claims.csv")
    pressing.join()
    write(*claims[1:])

    assert run("retry", newest()["id"]).exit_code == 0
    assert sorted(payer.requests) == sorted(claims)


def test_a_file_that_is_not_utf8_says_so(payer, write, tmp_path):
    """As it is run, and in the job."""
    write("PCN1-PAID")
    file = tmp_path / "claims.csv"
    file.write_bytes(file.read_bytes().replace(b"TESTER", "NÚÑEZ".encode("windows-1252")))
    done = run("run", "claims.csv")

    assert "Windows-1252" in done.stderr
    assert newest()["encoding"] == "windows-1252"
    assert "Windows-1252" in newest()["notes"][0]


def test_a_job_resumed_without_its_file_is_gone_on_with_so_again(payer, write):
    """Whoever named no file is told to name none; the options of the environment are not repeated."""
    write(*[f"PCN{number}-PAID" for number in range(100)])
    for command in (["run", "claims.csv"], ["run", "--resume"]):
        pressing = interrupt_once(payer, len(payer.requests) + 20)
        stopped = run(*command, env={"BULKCLAIMS_CONFIG": "bulkclaims.toml"})
        pressing.join()
    assert advised(stopped.stderr) == ["run", "--resume"]


def start(*arguments):
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "bulkclaims.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly_and_resume_finishes(payer, tmp_path, number):
    """Exit 130 with all that was asked recorded; --resume asks only the rest, and the results are whole."""
    with (tmp_path / "claims.csv").open("wb") as file:
        file.writelines(claims_csv(150, suffixes=("-PAID", "-PEND")))
    process = start("run", "claims.csv")
    while len(payer.requests) < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert newest()["processed_rows"] == len(payer.requests)

    assert run("run", "claims.csv", "--resume").exit_code == 0
    assert len(payer.requests) == len(set(payer.requests)) == 150
    assert [int(row["row"]) for row in results()] == list(range(1, 151))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_upload_leaves_nothing_of_it(payer, tmp_path, number):
    """Rows stored by then are deleted, however long the rest of the file takes to come: exit 130 and a sentence."""
    os.mkfifo("claims.csv")
    process = start("run", "claims.csv", "-o", "out.csv")
    with Path("claims.csv").open("wb", buffering=0) as claims:
        claims.write(b"".join(claims_csv(3000)))
        while not stored():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)

    assert process.returncode == 130
    assert told == (
        "Stopped before claims.csv was read to its end; nothing of it is kept. "
        "Begin again with: bulkclaims run claims.csv -o out.csv\n"
    )
    assert stored() == 0
    assert json.loads(run("jobs", "--json").stdout) == []
    assert not Path("out.csv").exists()


def stored():
    """Count the chunks of rows in the database."""
    if not Path("bulkclaims.db").exists():
        return 0
    with closing(sqlite3.connect("bulkclaims.db")) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'bulkclaims_payloads'").fetchone()[0]
        return made and connection.execute("SELECT count(*) FROM bulkclaims_payloads").fetchone()[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_results_are_written(payer, write, number):
    """The job has ended and its results can be written once more: exit 130 and how."""
    write("PCN1-PAID", *["!PCN2-PAID"] * 3000)
    os.mkfifo("out")
    process = start("run", "claims.csv", "-o", "out")
    with Path("out").open("rb", buffering=0) as out:
        assert out.read(1) == b"r"
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in told

    resume = advised(told)
    assert resume == ["run", "claims.csv", "--resume", "-o", "out"]
    assert run(*resume[:-1], "whole.csv").exit_code == 1
    assert len(results("whole.csv")) == 3001
    assert payer.requests == ("PCN1-PAID",)


@pytest.mark.parametrize("command", ["run", "retry"])
def test_what_is_past_keeping_is_deleted_first(payer, write, tmp_path, command):
    """Jobs and broken-off uploads older than the settings say go when the next job is run; others' jobs stay."""
    with (tmp_path / "bulkclaims.toml").open("a") as settings:
        settings.write("\n[jobs]\nretention_seconds = 1000\nabandoned_seconds = 1000\n")
    write("PCN1-FLAKYX9")
    for organisation in ("local", "ACME", "local", "local"):
        run("run", "claims.csv", "--organisation", organisation)
    with closing(sqlite3.connect("bulkclaims.db")) as connection, connection:
        connection.execute("UPDATE bulkclaims_jobs SET ended_at = ended_at - 1001 WHERE serial <= 3")
        # As after a kill during its upload.
        connection.execute("UPDATE bulkclaims_jobs SET status = NULL, ended_at = NULL, begun_at = 1 WHERE serial = 3")
    job = newest()["id"]
    run(command, {"run": "claims.csv", "retry": job}[command])

    with closing(sqlite3.connect("bulkclaims.db")) as connection:
        assert [kept for (kept,) in connection.execute("SELECT serial FROM bulkclaims_jobs WHERE serial <= 4")] == [
            2,
            4,
        ]


def test_a_second_signal_ends_at_once(tmp_path, monkeypatch):
    """Whoever cannot wait for what is in flight presses twice."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.csv").write_text(f"{HEADER}\nPCN1-SLOW,ALMA,TESTER,03/04/1972,ZX00012345\n")
    (tmp_path / "payer.key").write_text("try-me")
    payer = start("simulate-payer", "--log", "asked")
    (tmp_path / "bulkclaims.toml").write_text(SETTINGS.format(url=payer.stdout.readline().split()[1]))
    process = start("run", "claims.csv")
    while not (tmp_path / "asked").stat().st_size:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    while "Stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)
    payer.kill()
    payer.communicate()
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["bulkclaims.cli.commands", "bulkclaims.errors", "attr", "click"])
def test_a_signal_while_the_program_loads_gives_no_traceback(module, number):
    """Ctrl-C or a polite kill in the first second is an interruption like any other, whatever is being loaded."""
    program = (
        "import os, signal, sys, importlib.abc\n"
        # What a shell starts in the background would ignore it, and so would its children.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Press(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == sys.argv[1]:\n"
        "            os.kill(os.getpid(), int(sys.argv[2]))\n"
        "sys.meta_path.insert(0, Press())\n"
        "from bulkclaims.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, module, str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
