"""Tests of `bulkclaims_sqlalchemy.engine`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bulkclaims.errors import SettingsWrong
from bulkclaims_sqlalchemy.engine import engine_for

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_a_commit_to_sqlite_outlives_a_power_cut(sqlite_url: str) -> None:
    """SQLite writes ahead, waits for the disk at each commit, and keeps references whole."""
    engine = engine_for(sqlite_url)
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    engine.dispose()
    assert settings == ["wal", 2, 1, 5]


def test_nobody_sees_what_is_not_committed(engine: Engine) -> None:
    """Every database is read as it was last committed, whatever its own default."""
    expected = "SERIALIZABLE" if engine.dialect.name == "sqlite" else "READ COMMITTED"
    with engine.connect() as connection:
        assert connection.get_isolation_level() == expected


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("jobs.db", "cannot be read"),
        ("", "cannot be read"),
        ("postgresql://u:s3cret@host:port/db", "cannot be read"),
        ("oracle://u:s3cret@host/db", "none of sqlite, postgresql and mariadb"),
        ("nosuch://u:s3cret@host/db", "none of sqlite, postgresql and mariadb"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_a_url_that_will_not_do_is_refused(url: str, sentence: str) -> None:
    """The sentence says what is wrong with the URL without repeating it: it may hold a password."""
    with pytest.raises(SettingsWrong, match=sentence) as refusal:
        engine_for(url)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "driver"),
    [("postgresql://host/db", "psycopg"), ("mysql://host/db", "pymysql"), ("mariadb://h/d", "pymysql")],
)
def test_a_driver_that_is_missing_says_how_to_get_it(url: str, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's driver the sentence names the extra that brings it."""
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(SettingsWrong, match=rf"driver {driver} .*bulkclaims-sqlalchemy\["):
        engine_for(url)
