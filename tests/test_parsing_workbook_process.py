"""The process that reads a workbook ends with its reader at the latest, and whatever becomes of it is understood."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest
import xlsxwriter

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import WorkbookLimits, WorkbookParser
from bulkclaims.parsing.workbook import child, process, refusals
from bulkclaims.parsing.workbook import parser as parsing
from bulkclaims.records import REQUIRED_COLUMNS

GOOD = ("ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001")
ROWS_100K = """
import resource, sys
from bulkclaims import UploadParser
with open(sys.argv[1], "rb") as file:
    rows = sum(1 for _ in UploadParser(None).parse(file))
# What getrusage says of this process may be what its parent needed when it started it.
(here,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(rows, here, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def workbook(rows, out=None, **options):
    """A workbook of so many claims, in a file or to be read."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(out or written, options) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, REQUIRED_COLUMNS)
        for number in range(1, rows + 1):
            for place, text in enumerate((f"ZE{number}", f"ALMA{number}", *GOOD[2:4], f"ZX{number:08}")):
                sheet.write_string(number, place, text)
    written.seek(0)
    return written


def refusal_of(parser, file):
    """The code with which a workbook is refused."""
    with pytest.raises(UploadRejected) as refused:
        list(parser.parse(file))
    return refused.value.code


@pytest.fixture
def no_process_left(others):
    """See that no process, not even a dead one, and no open file is left of a test."""
    me = psutil.Process()
    before = me.num_fds()
    yield me
    assert set(me.children()) <= others
    assert me.num_fds() == before


@pytest.fixture
def others():
    """What runs already: servers that tests before this one share."""
    return set(psutil.Process().children())


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Let a program stand in for the one that reads: a shell script, run with the workbook as its input."""

    def write(script):
        path = tmp_path / "reader"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return write


SHEET = json.dumps({"sheet": "Claims", "others": 0, "epoch": "1899-12-30", "unsaved": False})
HEADER = json.dumps([1, list(REQUIRED_COLUMNS)])
TOP = f"echo '{SHEET}'; echo '{HEADER}'; "


@pytest.mark.usefixtures("no_process_left")
class TestEnds:
    """However the process ends."""

    @pytest.mark.parametrize(
        ("script", "code"),
        [
            ("exit 0", "bad_workbook"),
            ("exit 3", "bad_workbook"),
            ("kill -SEGV $$", "bad_workbook"),
            ("kill -ABRT $$", "bad_workbook"),
            ("kill -KILL $$", "workbook_too_large"),
            ("kill -XCPU $$", "workbook_too_large"),
            (f"{TOP} kill -KILL $$", "workbook_too_large"),
            (f"{TOP} exit 0", "bad_workbook"),
            ("echo garbage", "bad_workbook"),
            ("head -c 99999 /dev/zero | tr '\\0' '['; echo", "bad_workbook"),
            ("echo '{}'", "bad_workbook"),
            ("echo '[1, 2]'", "bad_workbook"),
            (f"{TOP} echo '[2, [[]]]'", "bad_workbook"),
            (f"echo '{HEADER}'", "bad_workbook"),
            ("echo '{\"end\": true}'", "bad_workbook"),
            ("head -c 17000000 /dev/zero", "bad_workbook"),
            ('echo \'{"refused": "no_visible_sheet", "said": "No."}\'', "no_visible_sheet"),
        ],
    )
    def test_an_end_is_understood(self, program, script, code):
        """As a refusal with a stable code, and nothing of what was printed in its sentence."""
        program(script)
        assert refusal_of(WorkbookParser(), workbook(1)) == code

    def test_a_process_that_says_nothing_is_ended(self, program):
        """By the clock, however little it does."""
        program("exec sleep 60")
        assert refusal_of(WorkbookParser(limits=WorkbookLimits(silent_seconds=0.2)), workbook(1)) == (
            "workbook_too_large"
        )

    def test_a_process_that_says_no_more_and_stays_is_ended(self, program, monkeypatch):
        """It closed its output, and nobody waits for more."""
        monkeypatch.setattr(process, "_ENDING_SECONDS", 0.1)
        program("exec >&-; exec sleep 60")
        assert refusal_of(WorkbookParser(), workbook(1)) == "bad_workbook"

    def test_a_second_sheet_is_not_listened_to(self, program):
        """Whoever says so is not the program that was started, and the rows are what counts."""
        row = json.dumps([2, list(GOOD)])
        program(f"{TOP} echo '{SHEET}'; echo '{row}'; echo '{json.dumps(child.END)}'")
        assert [row.values for row in WorkbookParser().parse(workbook(1))] == [GOOD]

    def test_a_reader_that_stops_ends_the_process(self, others):
        """At once, in the middle of a sheet."""
        rows = iter(WorkbookParser().parse(workbook(5_000)))
        assert next(rows).number == 1
        (reading,) = set(psutil.Process().children()) - others
        rows.close()
        assert not reading.is_running()

    def test_a_process_that_dies_half_way_is_no_end_of_rows(self, others):
        """Rows came before, and then the truth."""
        rows = iter(WorkbookParser().parse(workbook(5_000)))
        next(rows)
        (reading,) = set(psutil.Process().children()) - others
        reading.send_signal(signal.SIGKILL)
        with pytest.raises(UploadRejected):
            list(rows)

    def test_an_upload_that_breaks_off_starts_nothing(self):
        """An error of the stream is the caller's."""

        class Broken:
            def read(self, _size):
                raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            list(WorkbookParser().parse(Broken()))


def test_the_process_knows_no_secret_of_this_one(program, tmp_path, monkeypatch):
    """Of the environment it is given what Python needs, and its orders are in no list of processes."""
    monkeypatch.setenv("DATABASE_PASSWORD", "CANARY")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    program(f"env > {tmp_path}/env; echo $@ > {tmp_path}/arguments")
    refusal_of(WorkbookParser(), workbook(1))
    environment = (tmp_path / "env").read_text(encoding="utf-8")
    assert "CANARY" not in environment
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert '"sheet": ""' in environment
    assert "sheet" not in (tmp_path / "arguments").read_text(encoding="utf-8")


def test_the_uploads_copy_has_no_name(monkeypatch, tmp_path):
    """Nobody finds it in the folder for temporary files, even while it is read."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = iter(WorkbookParser().parse(workbook(1)))
    next(rows)
    assert list(tmp_path.iterdir()) == []


def test_the_program_does_as_it_was_told(monkeypatch, tmp_path):
    """It reads its input and prints what there is to tell, a line each; here within this process."""
    set_limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: set_limits.append((kind, limits)))
    monkeypatch.setenv(process.ORDERS, json.dumps({"sheet": "", "limits": {"cpu_seconds": 7, "memory_bytes": 1 << 28}}))
    book, told = tmp_path / "book", tmp_path / "told"
    book.write_bytes(workbook(1).getvalue())
    kept = [os.dup(number) for number in (0, 1)]
    try:
        os.dup2(os.open(book, os.O_RDONLY), 0)
        os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT), 1)
        child.main()
    finally:
        os.dup2(kept[0], 0)
        os.dup2(kept[1], 1)
    lines = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["sheet"] == "Sheet1"
    assert lines[1:] == [[1, list(REQUIRED_COLUMNS)], [2, ["ZE1", "ALMA1", *GOOD[2:4], "ZX00000001"]], child.END]
    assert {(resource.RLIMIT_AS, (1 << 28,) * 2), (resource.RLIMIT_CPU, (7, 7)), (resource.RLIMIT_CORE, (0, 0))} <= {
        *set_limits
    }


def test_a_bound_that_is_there_is_not_loosened(monkeypatch):
    """A service may be bound itself."""
    set_limits = {}
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (100, 100))
    monkeypatch.setattr(resource, "setrlimit", set_limits.__setitem__)
    child.restrict(WorkbookLimits())
    assert set_limits[resource.RLIMIT_AS] == (100, 100)


def test_a_process_without_openpyxl_says_so(monkeypatch):
    """Whoever runs the service can help, and a CSV goes meanwhile."""
    monkeypatch.delitem(sys.modules, "bulkclaims.parsing.workbook.book", raising=False)
    for module in ("openpyxl", "openpyxl.reader.excel"):
        monkeypatch.setitem(sys.modules, module, None)
    (message,) = child.told(workbook(1), "", WorkbookLimits())
    assert message == {"refused": "workbooks_not_read", "said": refusals.SENTENCES["workbooks_not_read"]}


def test_a_process_without_memory_says_so(monkeypatch):
    """Where Python itself notices."""

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(child, "inspect", exhausted)
    (message,) = child.told(workbook(1), "", WorkbookLimits())
    assert message["refused"] == "workbook_too_large"


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"constant_memory": True}, {}], ids=["inline", "shared"])
def test_a_hundred_thousand_rows_stay_below_200_megabytes(tmp_path, options):
    """In the process that takes the upload, and in the one that reads it."""
    path = tmp_path / "claims.xlsx"
    workbook(100_000, str(path), **options)
    done = subprocess.run(
        [sys.executable, "-c", ROWS_100K, str(path)], capture_output=True, check=True, text=True, timeout=300
    )
    rows, here, there = map(int, done.stdout.split())
    assert rows == 100_000
    assert max(here, there) < 200 * 1024, f"{here} and {there} KiB"


def test_the_reader_of_workbooks_is_imported_in_no_other_process():
    """The one that takes uploads stays small."""
    assert parsing.read_apart is process.read_apart
    code = "import sys, bulkclaims.parsing; assert not {'openpyxl', 'resource'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
