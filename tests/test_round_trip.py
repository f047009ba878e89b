"""Whatever rows were uploaded, a results file of them that is uploaded again gives the same rows."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bulkclaims.parsing import CsvParser
from bulkclaims.parsing.upload_parser import UploadParser
from bulkclaims.records import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, ResultLine, RowResult
from bulkclaims.testing.contracts.writer import JOB
from bulkclaims.testing.strategies import claims
from bulkclaims.writers import CsvWriter, XlsxWriter, full, to_correct

TODAY = date(2026, 1, 2)
COLUMNS = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
SIGNS = "'=+-@\t＝ \",;|_x0041<&aB1/\xa0é🩺"  # noqa: RUF001 -- the full-width form is meant
UNEVEN = {"too_few_cells", "too_many_cells", "shifted_row"}

headings = st.sampled_from(
    [
        "Notes",
        "=SUM(A1)",
        "'-x",
        "error",
        "next_action",
        "status",
        "row",
        "two\nlines",
        'quo"te',
        "Zoë",
        "a;b",
        "Payer name",
    ]
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    SIGNS, max_size=6
)
"""What may stand in a column that is none of ours: lines may break in it."""
one_line = texts.map(lambda text: "".join(text.split("\n")).replace("\r", ""))
"""What may stand in one of ours: with a line break in it, the row may be taken for one with a stray quote."""
cells = st.sampled_from(["", "03/04/1972", "2026-01-05", "1234567893", "M", "00123", '="00123"']) | one_line


@st.composite
def uploads(draw, least=1, most=6):
    """A file with any rows: good ones, bad ones, and such as have too many cells or too few."""
    optional = draw(st.lists(st.sampled_from(OPTIONAL_COLUMNS), unique=True, max_size=3))
    others = draw(st.lists(headings, unique=True, max_size=3))
    columns = draw(st.permutations([*REQUIRED_COLUMNS, *optional, *others]))
    rows = [columns]
    for _ in range(draw(st.integers(least, most))):
        row = dict(zip(REQUIRED_COLUMNS, draw(claims), strict=True))
        row |= draw(st.dictionaries(st.sampled_from(COLUMNS), cells, max_size=2))
        row |= {name: draw(texts) for name in others}
        row = [row.get(name, "") for name in columns]
        more = draw(st.integers(-2, 2)) if draw(st.booleans()) else 0
        rows.append([*row, *(draw(texts) for _ in range(more))] if more > 0 else row[: len(row) + more])
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def parsed(file, parser=None):
    """The rows of a file, and a job that was made of it."""
    upload = (parser or CsvParser(today=lambda: TODAY)).parse(io.BytesIO(file))
    rows = list(upload)
    return rows, evolve(JOB, upload=evolve(JOB.upload, facts=upload.facts))


def lines_of(rows, results):
    """Each row with what became of it: refused ones with their errors, the others with any result there is."""
    for row, result in zip(rows, results, strict=False):
        claim_number = row.cells["claim_number"]
        if row.errors:
            refused = " ".join(error.message for error in row.errors)
            yield ResultLine(row, RowResult(row.number, claim_number, "Error", False, error=refused))
        else:
            yield ResultLine(row, evolve(result, row=row.number, claim_number=claim_number))


def assert_the_same(rows, again, names):
    """Each row holds what it held, under the name that it has now, and what was wrong with it still is."""
    assert len(again) == len(rows)
    for row, back in zip(rows, again, strict=True):
        assert {name: back.cells[now] for name, now in names.items()} == {name: row.cells[name] for name in names}
        codes, now = ({(error.column, error.code) for error in each.errors} for each in (row, back))
        # Of a file that has more columns, it is told in other words that cells are too few, too many or shifted.
        assert now == codes or (now and codes and any(code in UNEVEN for _, code in now | codes))


def names_of(columns, job, left_out=()):
    """What each column of the upload is called in a file of *columns*."""
    names = [column.name for column in columns(job) if column.uploaded]
    return dict(zip([name for name in job.upload.facts.columns if name not in left_out], names, strict=True))


def failed(lines):
    """Those that are to be corrected."""
    return [line for line in lines if not line.result.success]


results_of_any = st.builds(RowResult, st.just(1), st.just(""), texts, st.booleans(), error=texts, next_action=texts)


def many(most):
    """As many results as there are rows at most."""
    return st.lists(results_of_any, min_size=most, max_size=most)


@settings(max_examples=50)
@given(upload=uploads(), results=many(6), bom=st.booleans())
def test_a_csv_with_all_columns_gives_the_same_rows(upload, results, bom):
    """Formulas, apostrophes, quotes and line breaks come back as they were, in good rows and in bad ones."""
    rows, job = parsed(upload)
    file = b"".join(CsvWriter(full, bom=bom).write(job, lines_of(rows, results)))

    again, _ = parsed(file)

    assert_the_same(rows, again, names_of(full, job, ["claim_number"]) | {"claim_number": "claim_number"})
    assert [beyond(row) for row in again] == [beyond(row) for row in rows]


@settings(max_examples=50)
@given(upload=uploads(), results=many(6), bom=st.booleans())
def test_a_csv_to_correct_gives_exactly_the_failed_rows(upload, results, bom):
    """It is an upload as it stands; rows that were refused come back as they were typed; a second round is no other."""
    rows, job = parsed(upload)
    lines = failed(lines_of(rows, results))
    assume(lines)
    file = b"".join(CsvWriter(to_correct, bom=bom).write(job, lines))

    again, job_again = parsed(file)

    assert_the_same([line.row for line in lines], again, names_of(to_correct, job))
    assert [beyond(row) for row in again] == [beyond(line.row) for line in lines]
    answered = [ResultLine(row, line.result) for row, line in zip(again, lines, strict=True)]
    assert b"".join(CsvWriter(to_correct, bom=bom).write(job_again, answered)) == file


def beyond(row):
    """The cells that a row has beyond its header."""
    return row.values[len(row.columns) :]


@pytest.mark.slow
@settings(max_examples=5, deadline=None)  # a process is started for each workbook
@given(upload=uploads(least=10, most=15), results=many(15))
def test_a_workbook_gives_the_same_rows(upload, results):
    """Every cell is text again, also in the sheet's own way of writing signs that XML has not."""
    rows, job = parsed(upload)
    every = list(lines_of(rows, results))
    wanted = failed(every)
    for columns, lines, left_out in ((full, every, ["claim_number"]), (to_correct, wanted, [])):
        if lines:
            file = b"".join(XlsxWriter(columns).write(job, lines))
            again, _ = parsed(file, UploadParser(today=lambda: TODAY))
            assert_the_same([line.row for line in lines], again, names_of(columns, job, left_out))
