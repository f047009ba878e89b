"""Jobs of bulkclaims in SQLite, PostgreSQL or MariaDB."""

from bulkclaims_sqlalchemy.repository import SqlRepository, open_repository
from bulkclaims_sqlalchemy.schema import upgrade

__version__ = "0.1.0"

__all__ = ["SqlRepository", "open_repository", "upgrade"]
