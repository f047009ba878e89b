"""What waits for a payer, and what workers keep for a while."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Stated anew, not imported from `tables`: history stays as it was.
_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}
_bytes = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_digest = sa.LargeBinary(255).with_variant(mysql.VARBINARY(255), "mysql", "mariadb")


def upgrade() -> None:
    """Make room for it."""
    op.add_column("bulkclaims_jobs", sa.Column("waiting_until", sa.Double()))
    op.add_column("bulkclaims_jobs", sa.Column("waiting_for", sa.String(500), nullable=False, server_default=""))
    op.add_column("bulkclaims_chunks", sa.Column("parked_until", sa.Double()))
    op.add_column("bulkclaims_limits", sa.Column("postponed_until", sa.Double(), nullable=False, server_default="0"))
    _kept()


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("bulkclaims_keepings")
    op.drop_column("bulkclaims_limits", "postponed_until")
    op.drop_column("bulkclaims_chunks", "parked_until")
    op.drop_column("bulkclaims_jobs", "waiting_for")
    op.drop_column("bulkclaims_jobs", "waiting_until")


def _kept() -> None:
    op.create_table(
        "bulkclaims_keepings",
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("mark", _digest, nullable=False),
        sa.Column("payload", _bytes, nullable=False),
        sa.Column("lapses_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "mark", name="pk_bulkclaims_keepings"),
        **_MARIADB,
    )
    op.create_index("ix_bulkclaims_keepings_lapses_at", "bulkclaims_keepings", ["lapses_at"])
