"""What worker processes tell each other, and what they share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Stated anew, not imported from `tables`: history stays as it was.
_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}
_bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    """Make room for it."""
    _workers()
    _shares()
    _accesses()
    op.add_column("bulkclaims_chunks", sa.Column("patience", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    """Drop it again."""
    op.drop_column("bulkclaims_chunks", "patience")
    for name in ("accesses", "shares", "workers"):
        op.drop_table(f"bulkclaims_{name}")


def _workers() -> None:
    op.create_table(
        "bulkclaims_workers",
        sa.Column("worker", sa.String(255), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_bulkclaims_workers"),
        **_MARIADB,
    )
    op.create_index("ix_bulkclaims_workers_seen_at", "bulkclaims_workers", ["seen_at"])


def _shares() -> None:
    op.create_table(
        "bulkclaims_shares",
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("lapses_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "holder", name="pk_bulkclaims_shares"),
        **_MARIADB,
    )


def _accesses() -> None:
    op.create_table(
        "bulkclaims_accesses",
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("payload", _bytes, nullable=False),
        sa.Column("good_until", sa.Double(), nullable=False),
        sa.Column("fetched_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_bulkclaims_accesses"),
        **_MARIADB,
    )
