"""The one clock that all times are told by: the database's, so that no worker's clock matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import FloatField, Func

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    Sql = tuple[str, tuple[str | int, ...]]

# `unixepoch('subsec')` came with SQLite 3.42; this is as fine, whole milliseconds, and always there.
_SQLITE = "round((julianday('now') - 2440587.5) * 86400.0, 3)"
_POSTGRESQL = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
# Not `unix_timestamp(now(6))`: local time is told twice in the hour when summer time ends.
_MARIADB = "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) / 1e6)"


class Now(Func):
    """Seconds since the epoch by the database's clock, with a fraction that a `datetime` holds without loss."""

    output_field = FloatField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Sql:  # noqa: ANN401 -- Django's
        """Ask SQLite."""
        return self.as_sql(compiler, connection, template=_SQLITE, **extra)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Sql:  # noqa: ANN401
        """Ask PostgreSQL."""
        return self.as_sql(compiler, connection, template=_POSTGRESQL, **extra)

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Sql:  # noqa: ANN401
        """Ask MariaDB."""
        return self.as_sql(compiler, connection, template=_MARIADB, **extra)
