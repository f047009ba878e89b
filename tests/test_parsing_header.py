"""The header is found below what reports put above it, and nothing of the claims is taken for that."""

from __future__ import annotations

import csv
import io
import tracemalloc
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import CsvParser
from bulkclaims.parsing.header import DELIMITERS, MOST_LINES, header_at, note_of_lines_above
from bulkclaims.records import REQUIRED_COLUMNS, Known, Layout

HEADER = ",".join(REQUIRED_COLUMNS)
LINE = "ZE1,ALMA,TESTER,03/04/1972,ZX0001"
NOTE = "The header was found on line 4; 3 lines above it were not read."
OWN = Layout(columns={"Fall": "claim_number", "Vorname": "first_name", "Name": "last_name"})


class Pieces:
    """A stream of pieces made on demand."""

    def __init__(self, pieces):
        self.pieces, self.rest, self.read_bytes = iter(pieces), b"", 0

    def read(self, size):
        """Give what is there."""
        self.rest = self.rest or next(self.pieces, b"")
        given_out, self.rest = self.rest[:size], self.rest[size:]
        self.read_bytes += len(given_out)
        return given_out


def read(content, layout=None):
    """All rows of a file and what was found out about it."""
    data = content.encode() if isinstance(content, str) else content
    parsed = CsvParser(None).parse(io.BytesIO(data), layout or Layout())
    return list(parsed), parsed.facts


def refusal(content):
    """What is said of a file that is refused."""
    with pytest.raises(UploadRejected) as refused:
        read(content)
    return refused.value


@pytest.mark.parametrize(
    ("above", "note"),
    [
        ("Open claims\nfrom 01/01/2026, to 11/24/2026\n\n", NOTE),
        ("\nOpen claims, by payer\n,,,,\n", NOTE),
        ('"Open claims\nof ""Sample, Clinic"""\n\n', NOTE),
        ("Payer,Sample Health\nClaims\n1,2,3,4,5,6,7,8,9\n", NOTE),
        ("sep=,\nOpen claims\n \n", NOTE),
        ("Open claims\n", "The header was found on line 2; 1 line above it was not read."),
        ("\n\n,,\n", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_above_the_header_are_passed_over_and_said(above, note, end, encoding):
    """Titles, ranges of dates and blank lines, whatever ends a line; row 1 is the first below the header."""
    text = f"{above}{HEADER}\n{LINE}\n{LINE}".replace("\n", end)
    rows, facts = read(text.encode(encoding))
    assert [(row.number, row.cells["claim_number"], row.errors) for row in rows] == [(1, "ZE1", ()), (2, "ZE1", ())]
    assert facts.notes == tuple(filter(None, [note]))
    assert {heading.known for heading in facts.headings} == {Known.NAME}


_titles = st.lists(
    st.text(st.sampled_from("Rxé 12/;,\t|'\n\""), max_size=20).map(lambda text: [text]), min_size=1, max_size=9
).filter(lambda titles: sum(1 + title[0].count("\n") for title in titles) < MOST_LINES)


@given(_titles, st.sampled_from(DELIMITERS), st.booleans())
def test_any_lines_above_the_header(titles, delimiter, quote_all):
    """Whatever stands there and however it is quoted, delimiter and header are chosen together."""
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    row = ["ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001"]
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows([*titles, REQUIRED_COLUMNS, row])
    rows, facts = read(text.getvalue())
    assert [(each.number, list(each.values)) for each in rows] == [(1, row)]
    assert facts.delimiter == delimiter


def test_the_titles_delimiters_do_not_decide():
    """A title with many commas above a header with semicolons."""
    text = f"Claims, open, of 2026, by payer, by date, by whom\n{HEADER}\n{LINE}".replace(HEADER, HEADER + ",dos")
    header, line = HEADER.replace(",", ";"), LINE.replace(",", ";")
    assert read(text.replace(HEADER, header).replace(",dos", ";dos").replace(LINE, line))[1].delimiter == ";"


def test_the_header_is_looked_for_on_few_lines():
    """It may stand on the thirtieth line that counts, and not below."""
    titles = [f"Title {number}" for number in range(MOST_LINES)]
    assert len(read("\n".join([*titles[1:], HEADER, LINE]))[0]) == 1
    assert refusal("\n".join([*titles, HEADER, LINE])).code == "missing_columns"
    assert len(read("\n" * 500 + "\n".join([*titles[1:], HEADER, LINE]))[0]) == 1


def test_mapped_headings_find_the_header():
    """What was said of headings counts as our own names do."""
    rows, facts = read(f"Liste\nFall;Vorname;Name;dob;member id\n{LINE.replace(',', ';')}", OWN)
    assert [row.values[0] for row in rows] == ["ZE1"]
    assert facts.notes == ("The header was found on line 2; 1 line above it was not read.",)
    assert [heading.text for heading in facts.headings] == ["Fall", "Vorname", "Name", "dob", "member id"]


def test_a_mapped_heading_with_a_delimiter_in_it():
    """Quotes are minded where a header is looked for."""
    layout = Layout(columns={"Name, last": "last_name"})
    assert len(read(f"{HEADER.replace('last_name', chr(34) + 'Name, last' + chr(34))}\n{LINE}", layout)[0]) == 1


def test_a_heading_with_a_line_break():
    """The header may take more than one line, and is found all the same."""
    header = '"Claim\nNo","First\nName",Last,DOB,"Subscriber\nID"'
    rows, facts = read(f"Title\n{header}\n{LINE}")
    assert [row.number for row in rows] == [1]
    assert facts.notes == ("The header was found on line 2; 1 line above it was not read.",)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (f"{LINE}\n{LINE}\n{LINE}", "no_header", "The first line names no column"),
        ("claim,first,lst_name,dob,member id\n" + LINE, "missing_columns", "“lst_name” may be meant"),
        ("Title\nclaim,first,lst_name,dob,member id\n" + LINE, "missing_columns", "“lst_name” may be meant"),
        ("Title\nclaim,first\n" + LINE, "missing_columns", "lacks last_name, date_of_birth and subscriber_id"),
        ("claim,a,b,c,d\n" + LINE, "missing_columns", "lacks first_name"),
        ("First\nLast\n" + LINE, "missing_columns", "lacks claim_number, last_name"),
        ("claim,first\nlast;dob\n" + LINE, "missing_columns", "lacks last_name, date_of_birth and subscriber_id"),
        (f'Title "x"\n"{HEADER}', "missing_columns", "lacks"),
        (f'"Title\n{HEADER}\n{LINE}', "unclosed_quote", "The header opens a quote"),
        (f'Title\n"claim"no,{HEADER}\n{LINE}', "misquoted_header", 'has a " inside'),
        (f"Title\n{HEADER.title()},Claim No\n{LINE}", "doubled_columns", "claim_number (columns 1 and 6)"),
        (f"Title\n{HEADER}\n\n", "no_rows", "no rows"),
        (f"Title\n{'x' * 140_000}\n{HEADER}\n{LINE}", "missing_columns", "lacks"),
    ],
)
def test_what_cannot_be_found_is_refused_as_well_as_ever(text, code, said):
    """The line that names most columns is what the refusal speaks of."""
    error = refusal(text)
    assert error.code == code
    assert said in error.message


def test_claims_are_never_passed_over():
    """The first header that names what every file needs is the header, whatever follows."""
    second = f"{HEADER},dos,npi"
    rows, facts = read(f"{HEADER}\n{LINE}\n{second}\n{LINE}")
    assert [row.number for row in rows] == [1, 2, 3]
    assert facts.notes == ()
    assert read(f"Title\n{HEADER}\n{LINE}\n{second}\n{LINE}")[1].notes[0].startswith("The header was found on line 2;")


def test_rows_behind_a_long_header_search_are_all_there():
    """What was read ahead, across blocks of the file, is read again as rows, quoted or not."""
    lines = [f"ZE{number},ALMA,TESTER,03/04/1972,ZX0001,{'x' * 3_000}" for number in range(100)]
    for quote in ("", '"'):
        rows, _ = read("\n".join(["Title", f"{HEADER},note", *lines, f"{quote}ZE100{quote}{LINE[3:]},"]))
        assert [row.values[0] for row in rows] == [f"ZE{number}" for number in range(101)]


def test_an_endless_preamble_takes_no_memory():
    """Blank lines without end, and titles without end, are read as they come or refused early."""
    blanks, titles = (Pieces(chain(repeat(piece, 60), [f"{HEADER}\n{LINE}".encode()])) for piece in TOO_MUCH)
    tracemalloc.start()
    assert len(list(CsvParser(None).parse(blanks))) == 1
    with pytest.raises(UploadRejected):
        list(CsvParser(None).parse(titles))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert titles.read_bytes < 200_000


TOO_MUCH = (b",,,\r\n" * 4_000, b"A title of a report that has many\n" * 1_000)


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        ([], 0),
        ([[], [""]], 0),
        ([[], ["", " "], ["Title"], ["1", "2"]], 2),
        ([["Title"], ["claim", "x"]], 0),
        ([["Title"], ["claim", "first"], ["last", "dob"], ["a"]], 1),
        ([["Title"], ["claim", "first"], ["claim", "first", "last"]], 2),
        ([["Title"], list(REQUIRED_COLUMNS), [*REQUIRED_COLUMNS, "dos"]], 1),
        ([["x"]] * MOST_LINES + [list(REQUIRED_COLUMNS)], 0),
    ],
)
def test_header_at(lines, at):
    """The first whole header; else the line with most names, at least two; else the first that is not blank."""
    assert header_at(lines) == at


def test_header_at_heeds_what_was_said():
    """Also of headings that are none of ours."""
    lines = [["Title", "dob"], ["Fall", "Vorname", "x"]]
    assert header_at(lines, OWN) == 1
    assert header_at([["Title"], ["dob", "Note"]], Layout(columns={"note": ""})) == 1


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_file_of_ours_is_found_by_its_own_names(quote):
    """Whatever was saved of headings, also below a title and with every heading quoted."""
    header = ",".join(f"{quote}{name}{quote}" for name in ("error", "next_action", *REQUIRED_COLUMNS))
    saved = Layout(saved={"claim_number": "", "Ref": "claim_number"})
    rows, facts = read(f"Title\n{header}\nNo.,,{LINE}", saved)
    assert [row.cells["claim_number"] for row in rows] == ["ZE1"]
    assert facts.columns == ("error", "next_action", *REQUIRED_COLUMNS)


def test_nothing_is_said_of_no_lines():
    """A header on the first line is nothing to speak of."""
    assert note_of_lines_above(0, 1) == ""
