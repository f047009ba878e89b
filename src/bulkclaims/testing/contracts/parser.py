"""What every `RowParser` must pass."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.records import REQUIRED_COLUMNS
from bulkclaims.testing.contracts.properties import shared

if TYPE_CHECKING:
    from bulkclaims.interfaces import Readable, RowParser


class _Dribble:
    """A stream as a web server may give it: `read(size)` alone, and few bytes at a time."""

    def __init__(self, file: bytes, at_most: int = 7) -> None:
        self._file, self._at_most = BytesIO(file), at_most
        self.reads = 0

    def read(self, size: int) -> bytes:
        assert size > 0, "all of the stream was asked for at once"
        self.reads += 1
        return self._file.read(min(size, self._at_most))


def _dribble(file: bytes) -> Readable:
    return _Dribble(file)


class RowParserContract:
    """
    Every promise of `bulkclaims.interfaces.RowParser`.

    A subclass, named `Test…`, has a fixture `parser`, and a fixture `file`: the bytes of a file that the parser takes,
    with all required columns and at least three rows, of which some, but not all, have errors.
    """

    def test_nothing_is_read_before_the_first_row(self, parser: RowParser, file: bytes) -> None:
        """`parse` alone touches no byte of the upload."""
        stream = BytesIO(file)
        parser.parse(stream)
        assert stream.tell() == 0

    def test_the_upload_is_not_closed(self, parser: RowParser, file: bytes) -> None:
        """Who opened the upload closes it."""
        stream = BytesIO(file)
        list(parser.parse(stream))
        assert not stream.closed

    def test_rows_are_numbered_upwards(self, parser: RowParser, file: bytes) -> None:
        """Rows come in the file's order, the first at number 1 or later where blank ones precede it."""
        numbers = [row.number for row in parser.parse(BytesIO(file))]
        assert numbers == sorted(set(numbers))
        assert numbers[0] >= 1

    def test_rows_share_their_columns(self, parser: RowParser, file: bytes) -> None:
        """All rows of a file have one tuple of columns, by our names for those we know, and a cell for each."""
        upload = parser.parse(BytesIO(file))
        rows = list(upload)
        assert len({id(row.columns) for row in rows}) == 1
        assert rows[0].columns == upload.facts.columns
        assert set(REQUIRED_COLUMNS) <= set(rows[0].columns)
        assert all(len(row.values) == len(row.columns) for row in rows if not row.errors)

    def test_bad_rows_are_rows(self, parser: RowParser, file: bytes) -> None:
        """A row with bad cells comes with all its errors, which name its number, and the rows behind it follow."""
        rows = list(parser.parse(BytesIO(file)))
        assert {bool(row.errors) for row in rows} == {True, False}
        for row in rows:
            assert {error.row for error in row.errors} <= {row.number}
            assert all(error.code and error.message for error in row.errors)

    def test_facts_are_of_the_bytes_read(self, parser: RowParser, file: bytes) -> None:
        """After the last row size and digest are the file's."""
        upload = parser.parse(BytesIO(file))
        list(upload)
        assert (upload.facts.size, upload.facts.sha256) == (len(file), sha256(file).hexdigest())

    def test_a_dribbling_upload_is_read_alike(self, parser: RowParser, file: bytes) -> None:
        """A stream with `read(size)` alone, which gives fewer bytes than asked for, brings the same rows and facts."""
        whole, dribbled = parser.parse(BytesIO(file)), parser.parse(_dribble(file))
        assert list(whole) == list(dribbled)
        assert whole.facts == dribbled.facts

    def test_an_empty_file_is_rejected(self, parser: RowParser) -> None:
        """No bytes are no file."""
        with pytest.raises(UploadRejected):
            list(parser.parse(BytesIO(b"")))

    @shared
    @given(noise=st.binary(max_size=500), keep=st.floats(0, 1))
    def test_noise_is_rejected_or_read(self, parser: RowParser, file: bytes, noise: bytes, keep: float) -> None:
        """Whatever bytes come, also behind a good beginning, end as rows or as `UploadRejected`."""
        numbers = []
        with suppress(UploadRejected):
            for row in parser.parse(BytesIO(file[: int(keep * len(file))] + noise)):
                numbers.append(row.number)  # noqa: PERF401 -- the rows before a rejection count too
        assert numbers == sorted(set(numbers))
