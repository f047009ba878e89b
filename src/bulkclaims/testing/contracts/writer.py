"""What every `ResultWriter` must pass."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import NotNow
from bulkclaims.jobs import Job, JobId, JobStatus, Owner, UploadSummary
from bulkclaims.records import REQUIRED_COLUMNS, Earlier, ResultLine, Row, RowResult, Source, UploadFacts
from bulkclaims.testing.contracts.properties import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bulkclaims.interfaces import ResultWriter

amounts = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, places=2)
texts = st.text(max_size=30) | st.sampled_from(
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "'=1",
        '"',
        "a,b",
        "a\r\nb",
        "\t",
        "\x00",
        "\x1f",
        "_x0041_",
        "\uffff",
        "<r>&</r>",
        " Zoë ",
        "🩺",
    ]
)
row_results = st.builds(
    RowResult,
    row=st.integers(1, 10**6),
    claim_number=texts,
    status=st.sampled_from(["Paid", "Denied", "Pending", "Error"]) | texts,
    success=st.booleans(),
    patient_name=texts,
    total_charged=amounts,
    total_paid=amounts,
    processed_date=st.none() | st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    error=texts,
    payer_claim_number=texts,
    category_code=texts,
    status_code=texts,
    trace=texts,
    source=st.sampled_from(Source),
    asked=st.integers(0, 9),
    note=texts,
    payer=texts,
    answered_at=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- Hypothesis adds it
    seconds=st.none() | st.floats(0, 3600),
    next_action=texts,
)
"""Results with anything in them that a file or a payer might bring."""

result_lines = st.builds(
    lambda result, values, earlier: ResultLine(Row(result.row, REQUIRED_COLUMNS, values), result, earlier),
    row_results,
    st.tuples(*[texts] * len(REQUIRED_COLUMNS)),
    st.none() | st.builds(Earlier, texts, st.booleans(), st.none() | st.integers(0, 999)),
)
"""Likewise, with the rows that they answer, and what an earlier job says of them."""

_MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = Job(
    id=JobId("6e0f6a52-8c0e-4b8f-9d43-0d5f1c2b3a49"),
    owner=Owner("ACME"),
    filename="claims.csv",
    status=JobStatus.COMPLETED,
    total_rows=2,
    succeeded=1,
    failed=1,
    upload=UploadSummary(UploadFacts("utf-8", ",", REQUIRED_COLUMNS, 100, "0" * 64)),
    created_at=_MOMENT,
    queued_at=_MOMENT,
    ended_at=_MOMENT,
)
"""A job whose results are written."""


class ResultWriterContract(ABC):
    """
    Every promise of `bulkclaims.interfaces.ResultWriter`.

    A subclass, named `Test…`, has a fixture `writer`, and tells by `read` what stands in a file.
    """

    @abstractmethod
    def read(self, file: bytes) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        """
        Read a file back.

        Args:
            file: What the writer wrote.

        Returns:
            The names of the columns, and one mapping from column to cell for each line below them. A format without
            a header line gives the names it promises.
        """

    def test_the_file_has_a_type_and_an_ending(self, writer: ResultWriter) -> None:
        """A download needs a media type and a file name."""
        kind, _, rest = writer.media_type.partition("/")
        assert kind
        assert rest
        assert writer.suffix.startswith(".")
        assert writer.suffix[1:].isalnum()

    def test_no_results_are_a_file_too(self, writer: ResultWriter) -> None:
        """Without results the file is well-formed and has the same columns as ever."""
        columns, lines = self.read(b"".join(writer.write(JOB, [])))
        assert "row" in columns
        assert list(lines) == []

    def test_any_results_become_one_line_each(self, writer: ResultWriter) -> None:
        """Whatever the cells hold, each result is one line, in the order given, under the same columns as ever."""
        ever, _ = self.read(b"".join(writer.write(JOB, [])))

        @shared
        @given(lines=st.lists(result_lines, max_size=8))
        def check(lines: list[ResultLine]) -> None:
            columns, read = self.read(b"".join(writer.write(JOB, iter(lines))))
            assert columns == ever
            assert all(list(each) == list(columns) for each in read)
            assert [int(str(each["row"])) for each in read] == [line.row.number for line in lines]

        check()

    @shared
    @given(lines=st.lists(result_lines, max_size=4))
    def test_equal_results_make_equal_files(self, writer: ResultWriter, lines: list[ResultLine]) -> None:
        """A file downloaded twice is the same byte for byte, so that a download which broke off can go on."""
        assert b"".join(writer.write(JOB, lines)) == b"".join(writer.write(JOB, iter(lines)))

    @shared
    @given(text=st.sampled_from(["a", "🩺", "=", '"', ","]), length=st.sampled_from([16_384, 32_767, 32_768, 100_000]))
    def test_text_of_any_length_is_written(self, writer: ResultWriter, text: str, length: int) -> None:
        """However much somebody pasted into a cell, it neither stops the file nor the lines after it."""
        long = evolve(_line(1).result, claim_number=text * length, error=text * length)
        _, read = self.read(b"".join(writer.write(JOB, [evolve(_line(1), result=long), _line(2)])))
        assert [int(str(each["row"])) for each in read] == [1, 2]

    def test_nothing_is_read_before_the_first_piece_is_asked_for(self, writer: ResultWriter) -> None:
        """Making the iterator costs nothing: a download may never be begun."""
        lines = iter([_line(1)])
        writer.write(JOB, lines)
        assert len(list(lines)) == 1

    def test_nothing_is_left_behind(
        self, writer: ResultWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Results on a disk are gone when the reader stops half-way, and when the results themselves break off."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        pieces = writer.write(JOB, map(_line, range(1, 3000)))
        next(pieces)
        assert list(tmp_path.iterdir()) == []
        del pieces
        with pytest.raises(NotNow):
            list(writer.write(JOB, _broken_off()))
        assert list(tmp_path.iterdir()) == []

    def test_results_are_not_gathered(self, writer: ResultWriter) -> None:
        """Of a long file only some results are in memory at a time."""
        alive: WeakSet[ResultLine] = WeakSet()
        most = 0

        def lines() -> Iterator[ResultLine]:
            nonlocal most
            for row in range(1, 10_001):
                line = _line(row)
                alive.add(line)
                most = max(most, len(alive))
                yield line

        for piece in writer.write(JOB, lines()):
            assert isinstance(piece, bytes)
        assert most < 5_000


def _broken_off() -> Iterator[ResultLine]:
    yield from map(_line, range(1, 3000))
    raise NotNow("The repository went away.", code="gone")


def _line(row: int) -> ResultLine:
    values = (f"C{row}", "ALMA", "TESTER", "03/04/1972", "ZX00012345")
    return ResultLine(Row(row, REQUIRED_COLUMNS, values), RowResult(row, f"C{row}", "Paid", success=True))
