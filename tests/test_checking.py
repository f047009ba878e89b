"""What is found in a file's rows is grouped by what would mend it, counted exactly, and told with its first rows."""

from __future__ import annotations

import csv
import io

from bulkclaims.checking import CheckReport, Findings, report_csv
from bulkclaims.intake import Intake, Told
from bulkclaims.jobs import Owner, Settings
from bulkclaims.parsing import CsvParser
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import REQUIRED_COLUMNS, CellError, Problem, Row, UploadFacts

FACTS = UploadFacts("utf-8", ",", REQUIRED_COLUMNS, 1, "")
HEADER = ",".join(REQUIRED_COLUMNS)


def check(repository, *lines, organisation=""):
    """Check a file of these lines."""
    intake = Intake(CsvParser(), repository, PlainCipher(), Settings(chunk_rows=4))
    return intake.check(io.BytesIO("\n".join([HEADER, *lines]).encode()), {}, organisation=organisation)


def line(number, born="03/04/1972", subscriber="ZX1"):
    """A line of a file."""
    return f"PCN{number},ALMA,TESTER,{born},{subscriber}"


def test_errors_are_grouped_by_what_would_mend_them(repository):
    """The most frequent first, with exact totals, the first rows, and some different shapes."""
    report = check(repository, line(1), *(line(n, subscriber=f"{n % 7 + 1}.0E+1{n}") for n in range(2, 9)), line(9, ""))
    damaged, blank = report.problems
    assert (damaged.column, damaged.code, damaged.count, damaged.rows) == (
        "subscriber_id",
        "damaged_number",
        7,
        (2, 3, 4, 5, 6, 7, 8),
    )
    assert damaged.seen == ("9.9A+99",)
    assert damaged.repair == "Format the column as text, and copy it again from its source."
    assert (blank.code, blank.seen, blank.repair) == ("blank", (), "Fill it in.")
    assert (report.total_rows, report.bad_rows, report.truncated) == (9, 8, False)


def test_rows_of_any_width_are_one_group(repository):
    """One repair mends them all; each row keeps a sentence of its own in the report's lines."""
    report = check(repository, line(1), *(line(n) + ",x" * (n - 1) for n in range(2, 6)))
    (problem,) = report.problems
    assert (problem.code, problem.count, problem.rows) == ("too_many_cells", 4, (2, 3, 4, 5))
    assert problem.message.startswith("This row has 6 cells where the header has 5;")
    lines = list(csv.reader(io.StringIO(b"".join(report_csv(report)).decode(), newline="")))
    assert [each[6].split(" where")[0] for each in lines[1:]] == [f"This row has {n} cells" for n in (6, 7, 8, 9)]


def test_what_has_no_repair_is_grouped_by_its_sentence():
    """What one payer needs is not what another does."""
    found = Findings()
    needs = ["NPI", "TIN", "NPI"]
    errors = [CellError(n, "npi", "needed_by_payer", f"This payer needs {need}.") for n, need in enumerate(needs, 1)]
    found.add([Row(error.row, REQUIRED_COLUMNS, ("",) * 5, (error,)) for error in errors])
    problems = found.report(FACTS, (), None).problems
    assert [(each.message, each.rows) for each in problems] == [
        ("This payer needs NPI.", (1, 3)),
        ("This payer needs TIN.", (2,)),
    ]


def test_what_the_whole_file_tells_has_a_shape_in_the_report(repository):
    """Where all its cells look alike."""
    report = check(repository, line(1, "13/04/1972"), *(line(n, "1/2/1972") for n in range(2, 4)))
    lines = list(csv.reader(io.StringIO(b"".join(report_csv(report)).decode(), newline="")))
    assert [each[5] for each in lines if each[1] == "day_first_column"] == ["99/99/9999"] * 2


def test_few_shapes_are_told_of_many(repository):
    """However many there are."""
    (problem,) = check(repository, *(line(n, born="9" * n) for n in range(6, 16))).problems
    assert (problem.count, len(problem.seen)) == (10, 5)


def test_warnings_stand_beside_the_errors(repository):
    """Of rows and of the whole file; a row that is worth a look is no bad row."""
    report = check(repository, line(1), "PCN2,ALMA Q,TESTER,03/04/1972,'0001", line(1), line(1))
    assert [(each.code, each.count, each.rows) for each in report.warnings] == [
        ("duplicate_row", 2, (3, 4)),
        ("middle_initial", 1, (2,)),
        ("text_mark", 1, (2,)),
    ]
    assert (report.bad_rows, report.problems, report.duplicates) == (0, (), 2)


def test_a_swapped_column_needs_errors_and_rows(repository):
    """What some cells show beyond doubt is told of those that could be read either way."""
    report = check(repository, line(1, "13/04/1972"), *(line(n, "01/02/1972") for n in range(2, 7)))
    assert [(each.column, each.code, each.count) for each in report.warnings] == [
        ("date_of_birth", "day_first_column", 5)
    ]


def test_a_report_that_lists_fewer_than_it_counts_says_so(repository):
    """Of errors as of warnings; what has no rows at all lists none."""
    assert check(repository, *(line(n, "") for n in range(101))).truncated
    assert check(repository, *[line(1)] * 102).truncated
    note = Problem("", "trailing_empty_columns", "Two.", 2, ())
    assert not CheckReport(FACTS, 1, 0, (), warnings=(note,)).truncated


def test_the_very_same_file_is_known_again(repository):
    """Of the organisation's jobs the latest, with a note; another organisation's is not."""
    intake = Intake(CsvParser(), repository, PlainCipher())
    content = f"{HEADER}\n{line(1)}".encode()
    jobs = [intake.submit(io.BytesIO(content), "a.csv", Owner("ACME"), Told()) for _ in range(2)]
    intake.submit(io.BytesIO(content + b"\n"), "a.csv", Owner("ACME"), Told())
    assert [job.upload.same_as for job in jobs] == [None, jobs[0].id]
    assert jobs[1].upload.facts.notes[-1].endswith(f": job {jobs[0].id}.")

    report = check(repository, line(1), organisation="ACME")
    assert (report.same_as, len(report.facts.notes)) == (jobs[1].id, 1)
    for organisation in ("", "OTHER"):
        assert check(repository, line(1), organisation=organisation).same_as is None


def test_a_job_keeps_its_warnings(repository):
    """With the first rows and no cell."""
    intake = Intake(CsvParser(), repository, PlainCipher())
    content = "\n".join([HEADER, *["PCN1,ALMA Q,TESTER,03/04/1972,ZX1"] * 30]).encode()
    job = intake.submit(io.BytesIO(content), "a.csv", Owner("ACME"), Told())
    initial, again = repository.get("ACME", job.id).upload.warnings
    assert (initial.code, initial.count, initial.rows, initial.seen) == (
        "middle_initial",
        30,
        tuple(range(1, 21)),
        ("AAAA A",),
    )
    assert (again.code, again.count) == ("duplicate_row", 29)


def test_the_report_as_a_file(repository):
    """A line for each row that is listed, with what stands in it; safe to open in a spreadsheet."""
    report = check(repository, line(1, "1/1/72"), line(2, "1/11/72"), line(3, subscriber="'007"), line(3))
    file = b"".join(report_csv(report)).decode()
    header, *lines = csv.reader(io.StringIO(file, newline=""))
    assert header == ["severity", "code", "column", "rows_in_all", "row", "seen", "message", "repair"]
    assert [each[:6] for each in lines] == [
        ["error", "two_digit_year", "date_of_birth", "2", "1", "9/9/99"],
        ["error", "two_digit_year", "date_of_birth", "2", "2", "9/99/99"],
        ["warning", "text_mark", "subscriber_id", "1", "3", "'999"],
    ]
    assert lines[0][6:] == [report.problems[0].message, "Write all four digits of the year."]
    assert file.count("\r\n") == file.count("\n") == 4


def test_no_cell_of_the_report_is_run():
    """What a cell looks like may begin as a formula does."""
    cell = CellError(1, "last_name", "reserved_character", "Remove it.", "=A*9")
    problem = Problem("last_name", cell.code, cell.message, 1, (1,), (cell.seen,))
    note = Problem("", "trailing_empty_columns", "Two.", 2, ())
    report = CheckReport(FACTS, 1, 1, (problem,), warnings=(note,), cells=(cell,))
    lines = list(csv.reader(io.StringIO(b"".join(report_csv(report)).decode(), newline="")))
    assert [each[3:6] for each in lines[1:]] == [["1", "1", "'=A*9"], ["2", "", ""]]
