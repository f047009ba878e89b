"""Bytes become text without loss, or the file is refused with the place of the fault."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.blocks import BLOCK_BYTES
from bulkclaims.parsing.encoding import Text


def read(content: bytes) -> tuple[str, Text]:
    """All of the text, and what was found out."""
    text = Text(io.BytesIO(content), None)
    return "".join(text.blocks()), text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(-3, 3))
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marked_text_comes_back(encoding, content, shift):
    """Any text with a byte order mark comes back, wherever the border of two blocks falls."""
    content = "x" * (BLOCK_BYTES // 2 + shift) + content
    assert read(content.encode(encoding))[0] == content


def test_windows_1252_from_the_first_odd_byte_on():
    """A file that is ASCII up to an odd byte is Windows-1252, says so, and where."""
    content = "claim\n" * 20_000 + "Zoë “Bé” €"
    text, found = read(content.encode("windows-1252"))
    assert text == content
    assert found.encoding == "windows-1252"
    (note,) = found.notes
    assert note.startswith("The file is not UTF-8; from line 20001 on it was read as Windows-1252.")


def test_windows_1252_at_the_very_end():
    """A last byte that looks like the start of a UTF-8 character is read, too."""
    assert read(b"ZO\xcb")[0] == "ZOË"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a\nb\n\xc3\xa9\n\xe9", 4),
        (b"\xc3\xa9" + b"a\r" * 70_000 + b"\xe9", 70_001),
        (b"a\n\xe9\nb\n\x81", 4),
        (b"a\n\xe9\n" + b"b\r\n" * 70_000 + b"\x8d", 70_003),
        (b"\xff\xfea\x00\n\x00\x00\xd8a\x00", 2),
        (b"\xef\xbb\xbfa\n\xe9", 2),
    ],
)
def test_undecodable_bytes_are_located(content, line):
    """Damage after text of a known encoding is refused with the number of its line."""
    with pytest.raises(UploadRejected, match=f"^Line {line} of") as refused:
        read(content)
    assert refused.value.code == "undecodable"
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a\nb\x81c", "neither UTF-8 nor Windows-1252"),
        (b"a\r" * BLOCK_BYTES + b"\x81", "neither UTF-8 nor Windows-1252"),
        (b"\xe9\n\x81", "not Windows-1252, as the file is up to there"),
        (b"\xe9\n".ljust(BLOCK_BYTES) + b"\x81", "not Windows-1252, as the file is up to there"),
        (b"\xc3\xa9\n\x81", "not UTF-8, as the file is up to there"),
        (b"\xef\xbb\xbfa\n\x81", "not UTF-8, as the file is up to there"),
    ],
)
def test_undecodable_bytes_are_called_what_they_are_not(content, what):
    """A file is said to be in an encoding only if something in it shows that: plain ASCII is in any."""
    with pytest.raises(UploadRejected, match=f"holds bytes that are {what}\\."):
        read(content)


def test_a_nul_is_located():
    """A NUL is refused with the number of its line, in any encoding."""
    with pytest.raises(UploadRejected, match=r"^Line 3 of") as refused:
        read("a\nb\nc\0".encode("utf-16"))
    assert refused.value.code == "nul_bytes"
