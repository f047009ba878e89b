"""What every `ResultWriter` must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from typing import TYPE_CHECKING
from weakref import WeakSet

from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.records import RowResult, Source
from bulkclaims.testing.contracts.properties import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkclaims.interfaces import ResultWriter

amounts = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, places=2)
texts = st.text(max_size=30) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", '"', "a,b", "a\r\nb", "\t", "\x00", " Zoë ", "🩺"]
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
)
"""Results with anything in them that a file or a payer might bring."""


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
        columns, lines = self.read(b"".join(writer.write([])))
        assert "row" in columns
        assert list(lines) == []

    @shared
    @given(results=st.lists(row_results, max_size=8))
    def test_any_results_become_one_line_each(self, writer: ResultWriter, results: list[RowResult]) -> None:
        """Whatever the cells hold, each result is one line, in the order given, under the same columns as ever."""
        columns, lines = self.read(b"".join(writer.write(iter(results))))
        assert columns == self.read(b"".join(writer.write([])))[0]
        assert all(list(line) == list(columns) for line in lines)
        assert [int(str(line["row"])) for line in lines] == [result.row for result in results]

    @shared
    @given(results=st.lists(row_results, max_size=4))
    def test_equal_results_make_equal_lines(self, writer: ResultWriter, results: list[RowResult]) -> None:
        """A file downloaded twice says the same, and a writer can write more than one file."""
        assert self.read(b"".join(writer.write(results))) == self.read(b"".join(writer.write(results)))

    def test_nothing_is_read_before_the_first_piece_is_asked_for(self, writer: ResultWriter) -> None:
        """Making the iterator costs nothing: a download may never be begun."""
        results = iter([RowResult(1, "C1", "Paid", success=True)])
        writer.write(results)
        assert len(list(results)) == 1

    def test_results_are_not_gathered(self, writer: ResultWriter) -> None:
        """Of a long file only some results are in memory at a time."""
        alive: WeakSet[RowResult] = WeakSet()
        most = 0

        def results() -> Iterator[RowResult]:
            nonlocal most
            for row in range(1, 10_001):
                result = RowResult(row, f"C{row}", "Paid", success=True)
                alive.add(result)
                most = max(most, len(alive))
                yield result

        for piece in writer.write(results()):
            assert isinstance(piece, bytes)
        assert most < 5_000
