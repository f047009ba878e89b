"""What the HTTP API asks of jobs, and tokens to ask it with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Stated anew, not imported from `tables`: history stays as it was.
_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}
_digest = sa.LargeBinary(255).with_variant(mysql.VARBINARY(255), "mysql", "mariadb")
_NEW_COLUMNS = ("upload_key", "answered_before", "queued_at", "worker_seen_at")
_KEY_INDEX = "uq_bulkclaims_jobs_organisation_upload_key"


def upgrade() -> None:
    """Add them; a job that is there was queued when it was made, and had its refused rows answered before it ran."""
    op.add_column("bulkclaims_jobs", sa.Column("upload_key", sa.String(64)))
    op.add_column("bulkclaims_jobs", sa.Column("answered_before", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("bulkclaims_jobs", sa.Column("queued_at", sa.Double()))
    op.add_column("bulkclaims_jobs", sa.Column("worker_seen_at", sa.Double()))
    op.execute("UPDATE bulkclaims_jobs SET queued_at = created_at, answered_before = refused")
    op.create_index(_KEY_INDEX, "bulkclaims_jobs", ["organisation", "upload_key"], unique=True)
    _tokens()


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("bulkclaims_tokens")
    op.drop_index(_KEY_INDEX, "bulkclaims_jobs")
    for name in reversed(_NEW_COLUMNS):
        op.drop_column("bulkclaims_jobs", name)


def _tokens() -> None:
    op.create_table(
        "bulkclaims_tokens",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(255), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("digest", _digest, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_bulkclaims_tokens"),
        **_MARIADB,
    )
    op.create_index("ix_bulkclaims_tokens_organisation_created_at", "bulkclaims_tokens", ["organisation", "created_at"])
