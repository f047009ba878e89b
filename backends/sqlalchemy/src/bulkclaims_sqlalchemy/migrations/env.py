"""Runs the migrations on the connection that `bulkclaims_sqlalchemy.schema` hands over."""

from __future__ import annotations

from alembic import context

from bulkclaims_sqlalchemy.tables import VERSION_TABLE, metadata


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    # A host's tables in the same database are none of our business.
    return kind != "table" or name in metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=_is_ours,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
