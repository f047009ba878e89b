"""
Feed the parser whatever a coverage-guided fuzzer comes up with: rows come out, or a documented refusal.

Run as `python tests/fuzz/parser.py FOLDER`, with libFuzzer's own options behind it, such as `-max_total_time=600`. A
crash, a hang of ten seconds or more than a gigabyte ends it with an exit code other than 0; the bytes that led there
are left in the folder.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bulkclaims", "csv", "encodings"]):
    from bulkclaims.errors import UploadRejected
    from bulkclaims.parsing import CsvParser
    from bulkclaims.records import REQUIRED_COLUMNS

LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=65536")
HEADER = ",".join(REQUIRED_COLUMNS)
ROWS = (
    "PCN7000001,ALMA,TESTER,03/04/1972,ZX00012345",
    '="00123","O\'NEIL, JR",TESTER,1972-03-04,1.23E+11',
    '"PCN\r\n1",,,,',
    "PCN1,,ALMA,TESTER,31/12/1999,ZX1",
)
SEEDS = (
    "\n".join((HEADER, *ROWS)).encode(),
    "\r\n".join(("Claims of May", "", HEADER, *ROWS)).encode("utf-16"),
    "\r".join((HEADER, *ROWS)).replace(",", ";").encode("windows-1252"),
    "\n".join((f"{HEADER},npi,tin,first_service_date,last_service_date,gender", f"{ROWS[0]},1,2,3,4,5")).encode(),
    f"\ufeff{HEADER}\t\tNotes\n{ROWS[0]}\t\tÄ\n".replace(",", "\t").encode(),
)
WORDS = (
    *REQUIRED_COLUMNS,
    "npi",
    "dob",
    "03/04/1972",
    "sep=;",
    "\\xef\\xbb\\xbf",
    "\\xff\\xfe",
    '\\"\\"',
    "\\x0d\\x0a",
)


def parse(content: bytes) -> None:
    """Read a file to its end and look at what comes out."""
    upload = CsvParser().parse(BytesIO(content))
    numbers = [0]
    try:
        for row in upload:
            assert row.number > numbers[-1], "rows are numbered upwards"
            assert len(row.values) == len(row.columns) or row.errors, "a good row has a cell for each column"
            assert all(each.row == row.number and each.message for each in row.errors), "errors say where they are"
            numbers.append(row.number)
    except UploadRejected:
        return
    assert upload.facts.size == len(content), "all of the file was read"


def main(folder: Path, *options: str) -> None:
    """Fuzz until told otherwise; what was found interesting is kept in *folder* for the next time."""
    corpus, words = folder / "corpus", folder / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    atheris.Setup([sys.argv[0], str(corpus), f"-dict={words}", f"-artifact_prefix={folder}/", *LIMITS, *options], parse)
    atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
