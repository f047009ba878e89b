"""Errors as sentences, as `manage.py` shows them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.management import CommandError

from bulkclaims.errors import BulkClaimsError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what the library raises on purpose into what a command ends with."""
    try:
        yield
    except BulkClaimsError as error:
        raise CommandError(str(error)) from error
