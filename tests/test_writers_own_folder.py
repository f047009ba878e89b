"""Nothing of a workbook stays behind for good, however its writer ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

import pytest

from bulkclaims.records import REQUIRED_COLUMNS, ResultLine, Row, RowResult
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import XlsxWriter

SCRIPT = """
import sys
from bulkclaims.records import REQUIRED_COLUMNS, ResultLine, Row, RowResult
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.writers import XlsxWriter

def lines():
    row = Row(1, REQUIRED_COLUMNS, ("C1", "ALMA", "TESTER", "03/04/1972", "00012345"))
    for number in range(2000):
        yield ResultLine(row, RowResult(number, "C1", "Paid", True, "ALMA TESTER"))
    print("half", flush=True)
    sys.stdin.read()

print(sum(map(len, XlsxWriter().write(JOB, lines()))))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where temporary files go, for this process and for those it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def half_way(folder):
    """A process that is in the midst of a workbook, and the folder it has."""
    processes = []

    def start():
        before = set(folder.iterdir())
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "half\n"
        (own,) = set(folder.iterdir()) - before
        return process, own

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def written():
    """A small workbook."""
    line = ResultLine(Row(1, REQUIRED_COLUMNS, ("C1",) * 5), RowResult(1, "C1", "Paid", True))
    return b"".join(XlsxWriter().write(JOB, [line]))


@pytest.mark.slow
def test_what_a_killed_writer_left_is_removed_by_the_next(folder, half_way):
    """Of another that still writes, nothing is touched, and it ends as ever."""
    killed, left = half_way()
    alive, used = half_way()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert b"ALMA" in b"".join(each.read_bytes() for each in left.iterdir())
    there = sorted(used.iterdir())

    assert written().startswith(b"PK")

    assert list(folder.iterdir()) == [used]
    assert sorted(used.iterdir()) == there
    size, _ = alive.communicate()
    assert (int(size) > 1000, list(folder.iterdir())) == (True, [])


def test_only_folders_of_ours_are_removed(folder):
    """What has no lock may be somebody else's, or was made this moment; what only looks so is left alone."""
    prefix = "bulkclaims-results-"
    (folder / f"{prefix}without").mkdir()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (folder / f"{prefix}linked").mkdir()
    (folder / f"{prefix}linked" / "in-use").symlink_to(elsewhere / "file")
    (folder / f"{prefix}file").touch()
    before = sorted(folder.rglob("*"))

    written()

    assert sorted(folder.rglob("*")) == before


def test_another_users_folders_are_left_alone(folder, monkeypatch):
    """Even where we could remove them: to somebody else, one that nobody holds is not theirs."""
    left = folder / "bulkclaims-results-left"
    left.mkdir()
    (left / "in-use").touch()

    with monkeypatch.context() as other:
        other.setattr(os, "getuid", lambda: left.stat().st_uid + 1)
        written()
    assert left.exists()
    written()
    assert not left.exists()
