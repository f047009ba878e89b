"""Columns that every kind of database compares byte by byte, as SQLite and PostgreSQL do by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _Char = models.CharField[Any, Any]
    _Text = models.TextField[Any, Any]
    _Binary = models.BinaryField[Any, Any]
else:
    _Char, _Text, _Binary = models.CharField, models.TextField, models.BinaryField


class ExactCharField(_Char):
    """A short text in which case, accents and trailing blanks count."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:  # noqa: ANN401 -- Django's own
        """Name the collation where one is needed for that."""
        return _exact(super().db_parameters(connection), connection)


class ExactTextField(_Text):
    """A text of any length in which case, accents and trailing blanks count."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:  # noqa: ANN401 -- Django's own
        """Name the collation where one is needed for that."""
        return _exact(super().db_parameters(connection), connection)


class DigestField(_Binary):
    """Some bytes, few enough for an index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Name the type."""
        # MariaDB cannot index Django's type, LONGBLOB, whole.
        return "varbinary(255)" if connection.vendor == "mysql" else super().db_type(connection)


def _exact(parameters: Any, connection: BaseDatabaseWrapper) -> Any:  # noqa: ANN401
    # Not `db_collation`: it would name the collation to databases that do not have it.
    return {**parameters, "collation": "utf8mb4_nopad_bin"} if connection.vendor == "mysql" else parameters
