"""
The tables, and the one clock that all times are told by.

Times are epoch seconds by the database's clock, so no worker's clock matters. Whatever `record` touches is kept narrow:
rows as uploaded lie in a table of their own, for rewriting a chunk's counters must not rewrite its payload.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

REVISION = "0004"
"""The migration that leads to the tables as they stand here."""

VERSION_TABLE = "bulkclaims_alembic_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}
"""Text is compared byte by byte, trailing blanks included, as the other databases do."""

_Id = String(36)
_Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_Json = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_Digest = LargeBinary(255).with_variant(mysql.VARBINARY(255), "mysql", "mariadb")
_Serial = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only what it knows as INTEGER."""

jobs = Table(
    "bulkclaims_jobs",
    metadata,
    # Tells jobs of one moment apart: newest first needs an order, and a clock may tick in milliseconds.
    Column("serial", _Serial, primary_key=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("organisation", String(255), nullable=False),
    Column("upload_key", String(64)),
    Column("search_name", Text, nullable=False),  # the file name as a search sees it
    Column("request", _Json, nullable=False),  # user, file name and defaults; JSON takes any character
    Column("salt", _Bytes, nullable=False),
    Column("status", String(16)),  # NULL until published
    Column("total_rows", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("problem", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("answered_before", Integer, nullable=False, server_default="0"),
    Column("deadline_seconds", Double),
    Column("begun_at", Double, nullable=False),  # of an upload: when it last gave a sign of life
    Column("created_at", Double),
    Column("queued_at", Double),
    Column("started_at", Double),
    Column("worker_seen_at", Double),
    Column("ended_at", Double),
    Column("deadline_at", Double),
    Column("waiting_until", Double),
    Column("waiting_for", String(500), nullable=False, server_default=""),
    Column("upload", _Json),
    Index(None, "organisation", "created_at"),
    Index(None, "status", "created_at"),
    Index("uq_bulkclaims_jobs_organisation_upload_key", "organisation", "upload_key", unique=True),
    **_MARIADB,
)

chunks = Table(
    "bulkclaims_chunks",
    metadata,
    Column("job_id", _Id, ForeignKey(jobs.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rows", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(255), nullable=False),
    Column("lease_until", Double),
    # Before `rung_at`, on which its new value depends: MariaDB sets one column after another.
    Column("patience", Integer, nullable=False, server_default="1"),
    Column("rung_at", Double),
    Column("parked_until", Double),
    **_MARIADB,
    sqlite_with_rowid=False,
)

payloads = Table(
    "bulkclaims_payloads",
    metadata,
    Column("job_id", _Id, primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("payload", _Bytes, nullable=False),
    ForeignKeyConstraint(["job_id", "chunk"], [chunks.c.job_id, chunks.c.number]),
    **_MARIADB,
)

results = Table(
    "bulkclaims_results",
    metadata,
    Column("job_id", _Id, primary_key=True),
    # Before the row, so that a chunk's results lie side by side; and a parent that `record` has locked anyway: a
    # reference to the job would have writers wait for each other's share of its row, and MariaDB call it a deadlock.
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("success", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("reopened", Boolean, nullable=False),  # by a retry: only `asked` still counts
    Column("fingerprint", _Digest),
    Column("payload", _Bytes, nullable=False),
    ForeignKeyConstraint(["job_id", "chunk"], [chunks.c.job_id, chunks.c.number]),
    # Keyed with the job's own salt, so that no two jobs share one. With the job before it, SQLite would rather read all
    # results of the job.
    Index(None, "fingerprint"),
    **_MARIADB,
    sqlite_with_rowid=False,
)

limits = Table(
    "bulkclaims_limits",
    metadata,
    Column("account", String(255), primary_key=True),
    Column("free_at", Double, nullable=False),  # when the next slot may be used
    Column("day", Integer, nullable=False),  # of the epoch, UTC
    Column("spent", Integer, nullable=False),  # on that day
    Column("postponed_until", Double, nullable=False, server_default="0"),
    **_MARIADB,
)

tokens = Table(
    "bulkclaims_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(255), nullable=False),
    Column("user", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", _Digest, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Index(None, "organisation", "created_at"),
    **_MARIADB,
)

accesses = Table(
    "bulkclaims_accesses",
    metadata,
    Column("account", String(255), primary_key=True),
    Column("serial", Integer, nullable=False),  # 0 while the first token is fetched
    Column("payload", _Bytes, nullable=False),
    Column("good_until", Double, nullable=False),
    Column("fetched_until", Double, nullable=False),  # until then somebody fetches the next one
    **_MARIADB,
)

kept = Table(
    "bulkclaims_keepings",
    metadata,
    Column("scope", String(255), primary_key=True),  # an organisation or a job's id
    Column("mark", _Digest, primary_key=True),
    Column("payload", _Bytes, nullable=False),
    Column("lapses_at", Double, nullable=False),
    Index(None, "lapses_at"),
    **_MARIADB,
)

shares = Table(
    "bulkclaims_shares",
    metadata,
    Column("account", String(255), primary_key=True),
    Column("holder", String(255), primary_key=True),
    Column("slots", Integer, nullable=False),  # look-ups at a time
    Column("lapses_at", Double, nullable=False),
    **_MARIADB,
)

workers = Table(
    "bulkclaims_workers",
    metadata,
    Column("worker", String(255), primary_key=True),
    Column("seen_at", Double, nullable=False),
    Index(None, "seen_at"),
    **_MARIADB,
)


class now(FunctionElement[float]):  # noqa: N801 -- stands in statements as a function does
    """Seconds since the epoch by the database's clock, with a fraction that a `datetime` holds without loss."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401 -- the compiler's own types say nothing either
    # `unixepoch('subsec')` came with SQLite 3.42; this is as fine, whole milliseconds, and always there.
    return "round((julianday('now') - 2440587.5) * 86400.0, 3)"


@compiles(now, "postgresql")
def _postgresql(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(now, "mysql", "mariadb")
def _mariadb(*_: Any, **__: Any) -> str:  # noqa: ANN401
    # Not `unix_timestamp(now(6))`: local time is told twice in the hour when summer time ends.
    return "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) / 1e6)"
