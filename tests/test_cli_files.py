"""Tests of `bulkclaims.cli.files`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bulkclaims.cli.files import check_output, open_claims, write_whole
from bulkclaims.errors import SettingsWrong, UploadRejected

CLAIMS = Path("claims.csv")


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path):
    """A missing file of claims is the file's fault, and the sentence names it."""
    with pytest.raises(UploadRejected, match=r"nowhere\.csv cannot be read: No such file") as refusal:
        open_claims(tmp_path / "nowhere.csv")
    assert refusal.value.code == "file_unreadable"


def test_a_whole_file_appears_under_its_name_for_its_owner_alone(tmp_path):
    """Results stand under their name with nothing beside them, and only their owner can read them."""
    path = tmp_path / "results.csv"
    path.write_text("old")
    write_whole(path, [b"a", b"b"])

    assert path.read_bytes() == b"ab"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_file_never_bears_the_name(tmp_path):
    """When the pieces end in an error, what stood under the name stays, and nothing is left beside it."""
    path = tmp_path / "results.csv"
    path.write_text("old")

    def pieces():
        yield b"new"
        raise LookupError

    with pytest.raises(LookupError):
        write_whole(path, pieces())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["old", None])
def test_a_link_stays_a_link(tmp_path, text):
    """Results go where the link points, with nothing beside it or its target, also when nothing is there yet."""
    target, link = tmp_path / "there" / "results.csv", tmp_path / "here" / "link.csv"
    target.parent.mkdir()
    link.parent.mkdir()
    link.symlink_to("../there/results.csv")
    if text is not None:
        target.write_text(text)
    check_output(link, CLAIMS)
    write_whole(link, [b"a", b"b"])

    assert link.is_symlink()
    assert target.read_bytes() == b"ab"
    assert [*link.parent.iterdir(), *target.parent.iterdir()] == [link, target]


def test_a_link_into_a_folder_that_is_not_there_is_told_beforehand(tmp_path):
    """Whether results can be written is tried where they will be written."""
    link = tmp_path / "link.csv"
    link.symlink_to("nowhere/results.csv")
    with pytest.raises(SettingsWrong, match=r"cannot be written to .*link\.csv: No such file"):
        check_output(link, CLAIMS)


def test_a_pipe_is_written_into_and_not_replaced(tmp_path):
    """A named pipe, like /dev/stdout, gets the pieces and stays what it is."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    check_output(path, CLAIMS)
    write_whole(path, [b"a", b"b"])
    reader.join()

    assert got == [b"ab"]
    assert path.is_fifo()


def test_standard_output_is_written_to_whatever_it_leads_to(tmp_path):
    """A file that it was sent to keeps what was in it, and what comes after."""
    program, path = tmp_path / "write.py", tmp_path / "all.txt"
    program.write_text(
        "from pathlib import Path\n"
        "from bulkclaims.cli.files import write_whole\n"
        "write_whole(Path('/dev/stdout'), [b'B\\n'])"
    )
    subprocess.run(f'(echo A; "{sys.executable}" {program}; echo C) > {path}', shell=True, check=True)

    assert path.read_text() == "A\nB\nC\n"


def test_a_folder_that_is_not_there_is_told_before_anything_is_written(tmp_path):
    """Both the check beforehand and the writing itself say where results cannot be written."""
    path = tmp_path / "nowhere" / "results.csv"
    for attempt in (lambda path: check_output(path, CLAIMS), lambda path: write_whole(path, [b"a"])):
        with pytest.raises(SettingsWrong, match=r"cannot be written to .*nowhere/results.csv: No such file") as refusal:
            attempt(path)
        assert refusal.value.code == "output_unwritable"


def test_a_closed_pipe_is_left_to_the_command_line(tmp_path):
    """Nobody reading on is no fault of the output: it passes as it is."""

    def pieces():
        yield b"a"
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write_whole(tmp_path / "results.csv", pieces())
