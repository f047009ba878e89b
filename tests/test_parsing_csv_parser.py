"""The CSV parser reads files as people really have them, whole, in order, and in constant memory."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import re
import tracemalloc
from datetime import date
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import CsvParser
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Row
from bulkclaims.testing.contracts import RowParserContract
from bulkclaims.testing.files import claims_csv
from bulkclaims.testing.strategies import claims, dialects

HEADER = ",".join(REQUIRED_COLUMNS)
GOOD = ("ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001")
LINE = ",".join(GOOD)


class TestCsvParser(RowParserContract):
    """The CSV parser keeps the promises of its seam."""

    @pytest.fixture(params=["", '"'], ids=["plain", "quoted"])
    def file(self, request):
        """Some good rows and some bad ones, all as they are or all quoted."""
        lines = b"".join(claims_csv(12, bad_every=3)).decode().splitlines()
        return "\r\n".join(re.sub("([^,]+)", rf"{request.param}\1{request.param}", line) for line in lines).encode()

    @pytest.fixture
    def parser(self):
        """The member under test."""
        return CsvParser()


def parse(content: bytes | str):
    """Parse on a fixed day, any size."""
    data = content.encode() if isinstance(content, str) else content
    return CsvParser(None, today=lambda: date(2026, 11, 24)).parse(io.BytesIO(data))


def codes(content: bytes | str) -> list[tuple[int, list[str]]]:
    """The number of each row and the codes of its errors."""
    return [(row.number, [error.code for error in row.errors]) for row in parse(content)]


class Stream:
    """A stream that reads like a socket: a few bytes at a time, from pieces made on demand."""

    def __init__(self, pieces, most=1 << 20):
        self._pieces = iter(pieces)
        self._rest = b""
        self._most = most

    def read(self, size):
        """Give what is there, at least a byte unless the end is reached."""
        self._rest = self._rest or next(self._pieces, b"")
        size = min(size, self._most)
        given_out, self._rest = self._rest[:size], self._rest[size:]
        return given_out


def test_the_guides_example():
    """The file of the user guide gives its two rows, as typed, under our names."""
    rows = list(parse(f"{HEADER}\nZE59426195,CHANTAL,KISA,05/10/1975,057896633\nZE59426196,JOHN,DOE,01/15/1980,1234"))
    assert rows == [
        Row(1, REQUIRED_COLUMNS, ("ZE59426195", "CHANTAL", "KISA", "05/10/1975", "057896633")),
        Row(2, REQUIRED_COLUMNS, ("ZE59426196", "JOHN", "DOE", "01/15/1980", "1234")),
    ]


@given(st.lists(claims, min_size=1, max_size=30), dialects)
def test_any_good_rows_in_any_dialect_come_back(rows, dialect):
    """Whatever program wrote them, rows come back equal, in order, each once, without errors."""
    parsed = parse(dialect.write(rows))
    assert [(row.number, row.values, row.errors) for row in parsed] == [(n, row, ()) for n, row in enumerate(rows, 1)]
    assert parsed.facts.delimiter == dialect.delimiter
    assert parsed.facts.columns == REQUIRED_COLUMNS


@given(
    st.lists(claims, min_size=1, max_size=5),
    st.permutations(range(5)),
    st.lists(st.text("xy ", max_size=3).map(str.strip), min_size=5, max_size=5),
)
def test_columns_may_stand_in_any_order(rows, order, notes):
    """Columns are told by their names, and an unknown one is kept."""
    table = [[*(row[place] for place in order), note] for row, note in zip(rows, notes, strict=False)]
    header = [*(REQUIRED_COLUMNS[place] for place in order), "Note"]
    text = "\n".join(map(";".join, [header, *table]))
    parsed = list(parse(text))
    assert [list(row.values) for row in parsed] == table
    assert parsed[0].columns == tuple(header)


_bytes = (
    b'"',
    b"\n",
    b"\r",
    b",",
    b";",
    b"\x00",
    b"\xe9",
    b"\xc3\xa9",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b" ",
    b"\x81",
    b"\x0b",
)
_words = (LINE.encode(), HEADER.encode(), b"claim_number", b"13/45/1980", b"\xe2\x80\xa8", b"=1+1", b'""')
_shreds = st.lists(st.sampled_from((*_bytes, *_words))).map(b"".join)


@given(st.one_of(st.binary(max_size=300), _shreds, _shreds.map(lambda rest: f"{HEADER}\n{LINE}\n".encode() + rest)))
@example(b"sep=;\n")
def test_no_bytes_raise_anything_but_a_refusal(content):
    """Any bytes whatever are either rows, numbered upwards, or refused with a sentence."""
    rows = []
    with contextlib.suppress(UploadRejected):
        rows.extend(parse(content))
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    assert all(len(row.values) == len(row.columns) or row.errors for row in rows)


_cells = st.one_of(
    st.sampled_from(
        [*GOOD, "", " ", "O'BRIEN", "DE LA CRUZ", "12-3", "02/29/1972", "02/29/1973", "12/31/2025", "ZOË "]
    ),
    st.text("AB1 -'./:=", max_size=52),
)


@given(st.lists(st.lists(_cells, min_size=1, max_size=13), min_size=1, max_size=10), st.sampled_from(",\t"))
def test_quoting_changes_nothing(rows, delimiter):
    """The quick way through unquoted rows finds exactly what the long way finds in the same rows quoted."""
    header = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, "Note")
    rows = [[cell.strip() for cell in row] for row in [[*GOOD, *[""] * 8], *rows]]
    plain = "\r\n".join(map(delimiter.join, [header, *rows]))
    quoted = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in [header, *rows])
    assert list(parse(plain)) == list(parse(quoted))


@pytest.mark.parametrize("most", [1, 7, 65_536])
def test_reads_of_any_length_give_the_same(most):
    """A stream may give its bytes as it likes: rows, size and digest are the same."""
    content = b"".join(claims_csv(2000, bad_every=5)) + f'"ZE1","AL\r\nMA",{LINE}'.encode()
    whole, dripped = parse(content), CsvParser(None).parse(Stream([content], most))
    assert list(whole) == list(dripped)
    assert whole.facts == dripped.facts
    assert dripped.facts.size == len(content)
    assert dripped.facts.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_line_ends_at_block_ends(line_end, quote):
    """A line end that falls on the border of two reads, half of it or whole, makes no row and loses none."""
    for width in range(60, 64):
        name = quote + "A" * (width - 50) + quote
        content = HEADER + "".join(f"{line_end}ZE1,{name},TESTER,03/04/1972,ZX0001" for _ in range(3000))
        assert codes(content) == [(number, []) for number in range(1, 3001)]


def test_line_ends_may_be_mixed():
    """Every kind of line end ends a line, and nothing else does, quoted or not."""
    text = f"{HEADER},Note\r{LINE},a\x0bb\n{LINE},a\x85b\r\n{LINE},a\u2028b\r"
    assert [row.values[-1] for row in parse(text)] == ["a\x0bb", "a\x85b", "a\u2028b"]
    assert [row.values[-1] for row in parse(text.replace("ALMA", '"ALMA"'))] == ["a\x0bb", "a\x85b", "a\u2028b"]


def test_blank_rows_count_but_are_no_rows():
    """Blank lines, and rows of blank cells, keep the numbers of the rows after them true."""
    blank = f"{HEADER}\n\n{LINE}\n,,,,\n , ,,,\n,,\n{LINE}\n\n\n"
    assert codes(blank) == [(2, []), (6, [])]
    assert codes(blank.replace("ALMA", '"ALMA"')) == [(2, []), (6, [])]


def test_every_error_of_a_row_is_told():
    """A bad row tells each wrong cell, in the file's order, and keeps its cells as typed."""
    (row,) = parse(f"{HEADER},gender\n , ALMA,T*,3/4/72,1.2E+11,X")
    assert [(error.row, error.column, error.code) for error in row.errors] == [
        (1, "claim_number", "blank"),
        (1, "last_name", "reserved_character"),
        (1, "date_of_birth", "two_digit_year"),
        (1, "subscriber_id", "damaged_number"),
        (1, "gender", "unknown_gender"),
    ]
    assert row.values == (" ", " ALMA", "T*", "3/4/72", "1.2E+11", "X")


def test_service_dates_out_of_order_come_after_the_cells_errors():
    """What is wrong between two cells is told besides what is wrong within others."""
    text = f"{HEADER},dos,to date\n{LINE},11/02/2026,11/01/2026\n{LINE.replace('ALMA', '')},1/2/2025,1/1/2025"
    assert codes(text) == [(1, ["last_before_first"]), (2, ["blank", "last_before_first"])]
    good = f"{HEADER},dos,to date\n{LINE},01/02/2025,01/02/2025\n{LINE},,01/02/2025"
    assert codes(good) == [(1, []), (2, [])]


def test_an_open_quote_costs_only_its_own_row():
    """Rows that an open quote swallowed up to the next quote are read as the rows they are."""
    text = f'{HEADER}\n{LINE}\nZE2,"BENNO,TESTER,03/04/1972,ZX2\n{LINE}\n{LINE}\nZE5,"CLEO",TESTER,03/04/1972,ZX5'
    rows = list(parse(text))
    assert [(row.number, [error.code for error in row.errors]) for row in rows] == [
        (1, []),
        (2, ["misquoted"]),
        (3, []),
        (4, []),
        (5, []),
    ]
    assert rows[1].values == ("ZE2", "BENNO,TESTER,03/04/1972,ZX2", "", "", "")
    assert rows[4].values == ("ZE5", "CLEO", "TESTER", "03/04/1972", "ZX5")


def test_a_quote_that_finds_a_partner_costs_only_the_rows_it_stands_in():
    """Rows between two stray quotes are no cell's text: each is read as the row it is, under its own number."""
    claims = ['ZE1,"ALMA,TESTER,03/04/1972,ZX1', "ZE2,ALMA,TESTER,03/04/1972,ZX2", 'ZE3,BENNO",TESTER,03/04/1972,ZX3']
    rows = list(parse("\r\n".join([HEADER, *claims, LINE, LINE])))
    assert [(row.number, [error.code for error in row.errors]) for row in rows] == [
        (1, ["misquoted"]),
        (2, []),
        (3, []),
        (4, []),
        (5, []),
    ]
    assert rows[1].cells["claim_number"] == "ZE2"


def test_a_line_break_within_a_cell_of_ours_is_one_bad_row():
    """Where what follows it is no row of its own, the cell is bad and the count goes on."""
    assert codes(f'{HEADER}\nZE1,"AL\nMA",TESTER,03/04/1972,ZX1\n{LINE}') == [(1, ["control_character"]), (2, [])]


def test_a_stray_quote_before_a_very_long_cell():
    """Not even the cells of a bad row go beyond csv's limit."""
    (row,) = parse(f'{HEADER}\n"ZE1"x{"Z" * 140_000},{LINE}')
    assert [error.code for error in row.errors] == ["misquoted"]
    assert max(map(len, row.values)) < 132_000


def test_stray_quotes_on_many_lines_cost_one_row_each():
    """Reading goes on after each stray quote, also across the borders of blocks."""
    text = HEADER + f'\nZE1,"AL"MA,T,03/04/1972,ZX1\n{LINE}' * 3000
    assert codes(text) == [(n, ["misquoted"] if n % 2 else []) for n in range(1, 6001)]


def test_a_quoted_line_break_is_within_its_row():
    """A cell may hold line breaks; in a column that is not ours it is kept."""
    (first, second) = parse(f'{HEADER},Note\n{LINE},"two\r\nlines"\n{LINE},"say ""hi"""')
    assert first.values == (*GOOD, "two\r\nlines")
    assert second.values == (*GOOD, 'say "hi"')


def test_cells_missing_or_too_many_at_the_end():
    """Blank cells beyond the header, and missing ones of optional columns, are no error; others are."""
    text = f"{HEADER},Note\n{LINE},x,,\n{LINE}\n{LINE},x,y\nZE1,ALMA,TESTER"
    rows = list(parse(text))
    assert [[error.code for error in row.errors] for row in rows] == [[], [], ["too_many_cells"], ["too_few_cells"]]
    assert rows[0].values == (*GOOD, "x")
    assert rows[1].values == (*GOOD, "")
    assert rows[2].values == (*GOOD, "x", "y")
    assert rows[3].values == ("ZE1", "ALMA", "TESTER", "", "", "")


def test_excels_delimiter_line_is_understood():
    """A first line `sep=;` is for Excel, and no header."""
    parsed = parse(f"sep=;\n{HEADER.replace(',', ';')}\n{LINE.replace(',', ';')}")
    assert [row.values for row in parsed] == [GOOD]
    assert parsed.facts.delimiter == ";"


def test_more_columns_than_the_quick_way_takes():
    """A file of very many columns is read as well."""
    parsed = list(parse(f"{HEADER},{','.join(map(str, range(300)))}\n{LINE}{',x' * 300}"))
    assert parsed[0].values == (*GOOD, *["x"] * 300)


def test_facts_grow_with_reading():
    """Nothing is read before the first row is asked for, and a file is read once."""
    parsed = parse(f"{HEADER}\n{LINE}")
    assert (parsed.facts.size, parsed.facts.columns) == (0, ())
    assert len(list(parsed)) == 1
    assert list(parsed) == []
    assert parsed.facts.encoding == "utf-8"
    assert parsed.facts.notes == ()


def test_a_refusal_may_come_after_rows():
    """A file that turns bad at its end has given its good rows by then."""
    rows = iter(parse(f'{HEADER}\n{LINE}\nZE2,"BENNO'))
    assert next(rows).number == 1
    with pytest.raises(UploadRejected, match="Row 2 opens a quote"):
        next(rows)


def test_a_raised_csv_limit_still_leaves_rows_bounded():
    """A host that lifts csv's limit on cells gets a refusal of the row, not all of the file in memory."""
    limit = csv.field_size_limit(10**9)
    try:
        with pytest.raises(UploadRejected) as refused:
            list(parse(f'{HEADER}\n{LINE}\n"ZE2,' + f"{LINE}\n" * 40_000))
    finally:
        csv.field_size_limit(limit)
    assert refused.value.code == "row_too_large"
    assert "line 3 " in refused.value.message


def test_the_size_is_counted_while_reading():
    """A file above the limit is refused after at most one block more than the limit was read."""
    stream = Stream(claims_csv(1_000_000))
    with pytest.raises(UploadRejected) as refused:
        list(CsvParser(max_bytes=100_000).parse(stream))
    assert refused.value.code == "file_too_large"
    parsed = CsvParser(max_bytes=len(HEADER) + 1 + len(LINE)).parse(io.BytesIO(f"{HEADER}\n{LINE}".encode()))
    assert len(list(parsed)) == 1


@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.slow
def test_memory_stays_flat(quote):
    """Ten times the rows take no more memory, with quotes and without."""

    def peak(rows: int) -> int:
        pieces = claims_csv(rows, bad_every=33)
        header = next(pieces)
        stream = Stream(chain([header, quote + b"ZE1" + quote + LINE[3:].encode() + b"\n"], pieces))
        tracemalloc.start()
        for _ in CsvParser(None).parse(stream):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(100)
    assert peak(30_000) < 1.1 * peak(3_000)
