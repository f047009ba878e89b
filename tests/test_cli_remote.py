"""Tests of `bulkclaims.cli.remote`, against the HTTP API on a real port."""

from __future__ import annotations

import csv
import gzip
import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulkclaims.cli.commands import main
from bulkclaims.client import client as client_module
from bulkclaims.jobs import Chunk


@pytest.fixture
def remote(http_service, tmp_path, monkeypatch):
    """Run a command in this process, in a folder of its own, with address and token in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULKCLAIMS_URL", http_service.url)
    monkeypatch.setenv("BULKCLAIMS_TOKEN", http_service.token)
    return lambda *arguments: CliRunner().invoke(main, ["remote", *map(str, arguments)])


@pytest.fixture
def file(claims, tmp_path):
    """Write a file of claims; its name holds no patient's."""

    def make(rows, **options):
        (tmp_path / "claims.csv").write_bytes(claims(rows, **options).read())
        return "claims.csv"

    return make


@pytest.fixture
def uploaded(remote, file):
    """Upload a file and return its job's id."""
    return lambda *arguments, **options: json.loads(remote("upload", file(*arguments, **options), "--json").stdout)[
        "id"
    ]


@pytest.fixture
def running(http_service, monkeypatch):
    """Have a chunk run in place of each wait between two looks."""
    monkeypatch.setattr(client_module, "sleep", lambda _: http_service.run(chunks=1))


def test_upload(remote, file, http_service):
    """The job's id is all that is said, or the whole job for a program; nothing is waited for."""
    said = remote("upload", file(3), "--default", "payer_id=99999", "--default", "patient_account_number=A=2")
    described = json.loads(remote("upload", file(3), "--json").stdout)
    newer, older = http_service.repository.find("ACME").jobs

    assert (said.exit_code, said.stdout) == (0, f"Job: {older.id}\n")
    assert older.defaults == {"payer_id": "99999", "patient_account_number": "A=2"}
    assert (described["id"], described["status"], described["total_rows"]) == (newer.id, "PENDING", 3)
    assert described["created_at"] == newer.created_at.isoformat()


def test_a_key_of_ones_own(remote, file):
    """The same file under the same key is the same job."""
    first, second = (remote("upload", file(3), "--key", "march").stdout for _ in range(2))

    assert first == second


@pytest.mark.usefixtures("running")
def test_upload_to_results(remote, file, http_service):
    """With -o a command does what `run` does: progress beside, a headline, the file, and the outcome as exit code."""
    good = remote("upload", file(5), "-o", "results.csv")
    bad = remote("upload", file(3, bad=(2,)), "-o", "results.csv", "--json")
    job = http_service.repository.find("ACME").jobs[0]

    assert good.exit_code == 0
    assert good.stdout.splitlines()[1:] == ["5 of 5 rows answered", "Results: results.csv"]
    assert "PENDING 0/5 rows" in good.stderr
    assert "COMPLETED 5/5 rows, 5 ok, 0 failed" in good.stderr
    assert (bad.exit_code, bad.stderr) == (1, "")
    assert json.loads(bad.stdout)["results"] == "results.csv"
    assert Path("results.csv").read_bytes() == b"".join(http_service.bulk.results("ACME", job.id))
    assert stat.S_IMODE(Path("results.csv").stat().st_mode) == 0o600


@pytest.mark.usefixtures("running")
def test_upload_and_wait(remote, file):
    """Without -o no file is written."""
    done = remote("upload", file(2), "--wait")

    assert done.exit_code == 0
    assert done.stdout.endswith("2 of 2 rows answered\n")
    assert [path.name for path in Path().iterdir()] == ["claims.csv"]


def test_results_that_could_not_be_kept(remote, file, http_service):
    """Where the results may not or cannot go is said before anything is uploaded."""
    claims = file(1)
    same, nowhere = remote("upload", claims, "-o", claims), remote("upload", claims, "-o", "nowhere/results.csv")

    assert (same.exit_code, nowhere.exit_code) == (2, 2)
    assert "would take the place of claims.csv" in same.stderr
    assert "cannot be written to nowhere/results.csv" in nowhere.stderr
    assert http_service.heard == []


def test_ctrl_c_while_waiting(remote, file, http_service, monkeypatch):
    """Only the looking ends, with 130 and how to look again."""

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(client_module, "sleep", interrupt)
    done = remote("upload", file(1), "--wait")
    (job,) = http_service.repository.find("ACME").jobs

    assert done.exit_code == 130
    assert f"the job goes on. Look again with: bulkclaims remote progress {job.id} --follow" in done.stderr


def test_check(remote, file, http_service):
    """The report is that of `bulkclaims check`, exit code and all, and nothing is stored."""
    good, bad = remote("check", file(2)), remote("check", file(3, bad=(2,)), "--default", "payer_id=60054")
    described = json.loads(remote("check", file(3, bad=(2,)), "--json").stdout)

    assert good.exit_code == 0
    assert good.stdout == "2 rows, 2 can be sent, 0 cannot.\nRead as utf-8, cells separated by comma.\n"
    assert bad.exit_code == 1
    assert "date_of_birth" in bad.stdout.splitlines()[2]
    assert described["problems"][0]["rows"] == [2]
    assert not http_service.repository.find("ACME").jobs


def test_a_report_to_work_through(remote, file):
    """`--report` writes a line for each row that is listed; the file of claims is never overwritten with it."""
    remote("check", claims := file(3, bad=(2,)), "--report", "report.csv")
    (line,) = csv.DictReader(Path("report.csv").read_text().splitlines())
    assert (line["severity"], line["column"], line["row"]) == ("error", "date_of_birth", "2")
    assert remote("check", claims, "--report", claims).exit_code == 2


def test_a_file_that_cannot_be_used(remote):
    """A file that is not there, and one without the columns, are refused with 2 and a sentence."""
    Path("other.csv").write_text("a,b\n1,2\n")
    missing, other = remote("upload", "claims.csv"), remote("upload", "other.csv", "--json")

    assert (missing.exit_code, other.exit_code) == (2, 2)
    assert missing.stderr == "The file claims.csv cannot be read: No such file or directory.\n"
    assert json.loads(other.stdout)["error"]["at_fault"] == "file"


def test_jobs(remote, uploaded, http_service):
    """Jobs are listed newest first, by what is known of them."""
    nothing = remote("jobs")
    first = uploaded(3, bad=(2,))
    http_service.run()
    second = uploaded(1)
    listed = remote("jobs").stdout.splitlines()

    assert nothing.stdout == "There are no such jobs.\n"
    assert [line.split()[:5] for line in listed[1:]] == [
        [second, "PENDING", "1", "0", "0"],
        [first, "COMPLETED", "3", "2", "1"],
    ]
    assert [job["id"] for job in json.loads(remote("jobs", "--limit", "1", "--json").stdout)] == [second]
    assert [job["id"] for job in json.loads(remote("jobs", "--status", "completed", "--json").stdout)] == [first]
    assert json.loads(remote("jobs", "--search", "april", "--json").stdout) == []


def test_show(remote, uploaded):
    """A job's facts, then the cells that were refused."""
    job_id = uploaded(3, bad=(2,))
    said = remote("show", job_id).stdout.splitlines()

    assert said[0].split() == ["id", job_id]
    assert [line.split() for line in said if line.startswith("outcome")] == [["outcome"]]
    assert said[-1].startswith("row 2, date_of_birth: ")
    assert f"{'headings':20} claim_number, first_name, last_name, date_of_birth, subscriber_id" in said
    assert not {*"".join(said)} & {*"[]{}<>"}
    assert json.loads(remote("show", job_id, "--json").stdout)["error_log"][0]["row"] == 2


def test_progress(remote, uploaded, http_service, monkeypatch):
    """A line for a person, with how long it goes on and what keeps it; the numbers for a program."""
    job_id = uploaded(4)
    waiting = remote("progress", job_id).stdout
    monkeypatch.setattr("bulkclaims.jobs._LONG_QUEUED", 0)
    stuck = remote("progress", job_id).stdout.splitlines()
    http_service.run(chunks=1)
    moving = remote("progress", job_id).stdout

    assert waiting == "PENDING 0/4 rows, 0 ok, 0 failed\n"
    assert "no worker has ever been seen" in stuck[1]
    assert moving.startswith("PROCESSING 2/4 rows, 2 ok, 0 failed, about ")
    assert json.loads(remote("progress", job_id, "--json").stdout)["processed_rows"] == 2


@pytest.mark.usefixtures("running")
def test_progress_to_the_end(remote, uploaded):
    """--follow shows every move and ends as the job did."""
    done = remote("progress", uploaded(3, bad=(2,)), "--follow")

    assert (done.exit_code, done.stdout) == (1, "2 of 3 rows answered\n")
    assert "COMPLETED 3/3 rows" in done.stderr


def test_results(remote, uploaded, http_service):
    """They go to standard output, to a file of its owner's, or to what is no file and stays so."""
    job_id = uploaded(3)
    running = remote("results", job_id, "-o", "results.csv")
    part = remote("results", job_id, "--partial")
    http_service.run()
    printed, written = remote("results", job_id), remote("results", job_id, "-o", "results.csv", "--json")
    device = remote("results", job_id, "-o", "/dev/null")

    assert (running.exit_code, part.exit_code) == (2, 0)
    assert part.stdout.count("Not asked yet") == 3
    assert printed.stdout_bytes == Path("results.csv").read_bytes()
    assert json.loads(written.stdout) == {"results": "results.csv"}
    assert device.stderr == "Results: /dev/null\n"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_results_of_every_shape(remote, uploaded, http_service):
    """As the options or the file's name say; a packed one is checked before it is packed, and nothing is left of it."""
    job_id = uploaded(3, bad=(2,))
    http_service.run()
    for name in ("out.xlsx", "out.jsonl.gz", "out.csv"):
        assert remote("results", job_id, "-o", name).exit_code == 0
    failed = remote("results", job_id, "--failed").stdout
    full = remote("results", job_id, "--format", "jsonl", "--columns", "full").stdout
    nowhere = remote("results", job_id, "-o", "nowhere/out.csv.gz")

    assert Path("out.xlsx").read_bytes().startswith(b"PK")
    assert gzip.decompress(Path("out.jsonl.gz").read_bytes()).count(b"\n") == 3
    assert Path("out.csv").read_text().startswith("row,")
    (line,) = csv.DictReader(failed.splitlines())
    assert (line["claim_number"], line["date_of_birth"]) == ("PCN000002", "13/45/1972")
    assert json.loads(full.splitlines()[0])["subscriber_id"] == "ZX000001"
    assert sorted(path.name for path in Path().iterdir()) == ["claims.csv", "out.csv", "out.jsonl.gz", "out.xlsx"]
    assert (nowhere.exit_code, "cannot be written to nowhere/out.csv.gz" in nowhere.stderr) == (2, True)


@pytest.mark.usefixtures("running")
def test_upload_to_a_workbook(remote, file):
    """The name of the file says what it is to be."""
    done = remote("upload", file(2), "-o", "results.xlsx")

    assert (done.exit_code, Path("results.xlsx").read_bytes()[:2]) == (0, b"PK")


def test_results_through_a_link(remote, uploaded, http_service):
    """A symbolic link stays, and what it points to is written."""
    job_id = uploaded(3)
    http_service.run()
    Path("there").mkdir()
    Path("link.csv").symlink_to("there/results.csv")
    remote("results", job_id, "-o", "link.csv")

    assert Path("link.csv").is_symlink()
    assert Path("there/results.csv").read_bytes() == remote("results", job_id).stdout_bytes


def test_results_that_standard_output_does_not_take(uploaded, http_service):
    """A full disk behind it is exit 2 and a sentence, and no bug."""
    job_id = uploaded(3)
    http_service.run()
    command = f"{sys.executable} -m bulkclaims.cli remote results {job_id} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "Standard output cannot be written: No space left on device.\n")


def test_cancel_retry_and_delete(remote, uploaded, http_service):
    """Each says what became of the job, or why not."""
    job_id = uploaded(3)
    early = remote("delete", job_id)
    cancelled, again = remote("cancel", job_id), remote("cancel", job_id, "--json")
    retried = remote("retry", job_id)
    http_service.run()
    deleted = remote("delete", job_id)

    assert (early.exit_code, again.exit_code) == (2, 2)
    assert cancelled.stdout == f"Job {job_id} is cancelled: 0 of 3 rows are answered.\n"
    assert json.loads(again.stdout)["error"]["code"] == "not_now"
    assert retried.stdout == f"Job {job_id} goes on with run 2: 0 rows are answered already.\n"
    assert (deleted.exit_code, deleted.stdout) == (0, "Deleted 1 job.\n")
    assert remote("show", job_id).stderr == "There is no such job.\n"


def test_cancelling_what_runs(remote, uploaded, http_service):
    """A job that a worker holds is said to stop, not to have stopped."""
    job_id = uploaded(3)
    http_service.repository.lease(Chunk(job_id, 0), "worker", 60)

    assert remote("cancel", job_id).stdout.startswith(f"Job {job_id} stops before its next look-up")


def test_a_token_from_a_file(remote, http_service, monkeypatch):
    """The file wins over the environment; without either, or without an address, a sentence says what to give."""
    Path("token").write_text(f"{http_service.token}\n")
    monkeypatch.setenv("BULKCLAIMS_TOKEN", "CANARY")
    wrong, right = remote("jobs"), remote("jobs", "--token-file", "token")
    monkeypatch.delenv("BULKCLAIMS_TOKEN")
    given, nobody = remote("jobs", "--token", http_service.token), remote("jobs")
    nowhere = remote("jobs", "--url", "")

    assert [done.exit_code for done in (wrong, right, given, nobody, nowhere)] == [2, 0, 0, 2, 2]
    assert wrong.stderr == "The token is not known.\n"
    assert "--token-file" in nobody.stderr
    assert "give --url, or set BULKCLAIMS_URL" in nowhere.stderr


@pytest.mark.parametrize("given", ["payer_id", "=1"])
def test_a_default_that_is_none(remote, file, given):
    """It is a usage error that shows how to write one."""
    done = remote("upload", file(1), "--default", given)

    assert done.exit_code == 2
    assert "NAME=VALUE" in done.stderr


def test_no_output_tells_the_token(remote, file, http_service, caplog):
    """Neither help, output nor any log line holds it, whatever goes wrong."""
    http_service.faults = [(500, {}, b"")]
    with caplog.at_level(logging.DEBUG):
        outputs = [remote("upload", "--help").output, remote("upload", file(1)).output, remote("jobs").output]

    assert "CANARY" not in "".join(outputs) + caplog.text
