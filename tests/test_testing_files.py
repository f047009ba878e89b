"""Made-up files are the same each time, and bad where they are asked to be."""

from __future__ import annotations

import io

from bulkclaims.parsing import CsvParser
from bulkclaims.testing.files import claims_csv


def rows(*args, **kwargs):
    """Parse a made-up file."""
    return list(CsvParser(None).parse(io.BytesIO(b"".join(claims_csv(*args, **kwargs)))))


def test_the_same_arguments_make_the_same_file():
    """Nothing but the arguments decides the bytes; another seed makes other people."""
    assert list(claims_csv(1500, seed=1)) == list(claims_csv(1500, seed=1))
    assert list(claims_csv(1500, seed=1)) != list(claims_csv(1500, seed=2))


def test_bad_rows_where_asked_for():
    """Exactly each row whose number is divided is bad, in at least six ways."""
    parsed = rows(3000, bad_every=10)
    assert [row.number for row in parsed if row.errors] == list(range(10, 3001, 10))
    assert len({error.code for row in parsed for error in row.errors}) == 6


def test_good_rows_and_many_names():
    """Without faults every row is good, claim numbers are unique, and names are many."""
    parsed = rows(5000)
    assert not any(row.errors for row in parsed)
    assert len({row.values[0] for row in parsed}) == 5000
    assert len({row.values[1] for row in parsed}) > 2000


def test_suffixes_in_turn():
    """Claim numbers end in the payer simulator's scenarios, one after the other."""
    parsed = rows(4, suffixes=("-PAID", "-PEND"))
    assert [row.values[0][-5:] for row in parsed] == ["-PAID", "-PEND", "-PAID", "-PEND"]
