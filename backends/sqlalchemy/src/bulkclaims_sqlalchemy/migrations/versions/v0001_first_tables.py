"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Stated anew, not imported from `tables`: history stays as it was.
_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}
_bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_json = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_digest = sa.LargeBinary(255).with_variant(mysql.VARBINARY(255), "mysql", "mariadb")
_serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _jobs()
    _chunks()
    _payloads()
    _results()
    _limits()


def downgrade() -> None:
    """Drop them, with all that they hold."""
    for name in ("limits", "results", "payloads", "chunks", "jobs"):
        op.drop_table(f"bulkclaims_{name}")


def _jobs() -> None:
    op.create_table(
        "bulkclaims_jobs",
        sa.Column("serial", _serial, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("organisation", sa.String(255), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("request", _json, nullable=False),
        sa.Column("salt", _bytes, nullable=False),
        sa.Column("status", sa.String(16)),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("deadline_seconds", sa.Double()),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double()),
        sa.Column("started_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("deadline_at", sa.Double()),
        sa.Column("upload", _json),
        sa.PrimaryKeyConstraint("serial", name="pk_bulkclaims_jobs"),
        sa.UniqueConstraint("id", name="uq_bulkclaims_jobs_id"),
        **_MARIADB,
    )
    for name in ("organisation", "status"):
        op.create_index(f"ix_bulkclaims_jobs_{name}_created_at", "bulkclaims_jobs", [name, "created_at"])


def _chunks() -> None:
    op.create_table(
        "bulkclaims_chunks",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("rung_at", sa.Double()),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_bulkclaims_chunks"),
        sa.ForeignKeyConstraint(["job_id"], ["bulkclaims_jobs.id"], name="fk_bulkclaims_chunks_job_id"),
        sqlite_with_rowid=False,
        **_MARIADB,
    )


def _payloads() -> None:
    op.create_table(
        "bulkclaims_payloads",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("chunk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", _bytes, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "chunk", name="pk_bulkclaims_payloads"),
        _of_chunk("bulkclaims_payloads"),
        **_MARIADB,
    )


def _results() -> None:
    op.create_table(
        "bulkclaims_results",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("chunk", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("reopened", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", _digest),
        sa.Column("payload", _bytes, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "chunk", "row", name="pk_bulkclaims_results"),
        _of_chunk("bulkclaims_results"),
        sqlite_with_rowid=False,
        **_MARIADB,
    )
    op.create_index("ix_bulkclaims_results_fingerprint", "bulkclaims_results", ["fingerprint"])


def _of_chunk(name: str) -> sa.ForeignKeyConstraint:
    there = ["bulkclaims_chunks.job_id", "bulkclaims_chunks.number"]
    return sa.ForeignKeyConstraint(["job_id", "chunk"], there, name=f"fk_{name}_job_id_chunk")


def _limits() -> None:
    op.create_table(
        "bulkclaims_limits",
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_bulkclaims_limits"),
        **_MARIADB,
    )
