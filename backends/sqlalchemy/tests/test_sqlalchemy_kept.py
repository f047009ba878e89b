"""Tests of `bulkclaims_sqlalchemy.kept`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from bulkclaims.testing.contracts.scenes import LONG
from bulkclaims_sqlalchemy.tables import kept

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bulkclaims_sqlalchemy import SqlRepository


def test_what_has_lapsed_is_deleted(engine: Engine, repository: SqlRepository) -> None:
    """Also more of it than one transaction takes; what is younger stays."""
    for some in range(5):
        repository.keep("acme", {b"%d" % number: b"old" for number in range(some * 500, some * 500 + 500)}, 0)
    repository.keep("acme", {b"young": b"kept"}, LONG)
    repository.purge(LONG, LONG)
    with engine.connect() as connection:
        assert connection.scalars(select(kept.c.mark)).all() == [b"young"]
