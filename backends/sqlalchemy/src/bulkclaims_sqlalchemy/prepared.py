"""Statements that run all the time, compiled once for each kind of database."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, CursorResult
    from sqlalchemy.sql.base import Executable
    from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """
    A statement with named parameters, run without the work that SQLAlchemy does for each execution anew.

    That work is a third of what recording costs, and is done beside a busy event loop.

    Args:
        statement: Its parameters are plain values that every driver takes as they are.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._forms: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run it with *values*."""
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            compiled: SQLCompiler = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            form = self._forms[dialect.name] = str(compiled), compiled.positiontup, _plain(compiled.params)
        text, order, fixed = form
        given = {**fixed, **values}
        return connection.exec_driver_sql(text, tuple(map(given.__getitem__, order)) if order is not None else given)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}
