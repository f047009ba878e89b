"""
What `manage.py check` says of the setting `BULKCLAIMS` and of the database where jobs live.

Errors: `bulkclaims.E001` no such setting, `E002` a value that cannot be used, `E003` a dotted path that leads nowhere,
`E004` no such database, `E005` nobody would run jobs. Warnings: `W001` and `W002` a SQLite database that is not set up
for several writers, `W003` (with `--deploy`) patient data stored in clear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 -- Django's own name
from django.db import connections, router

from bulkclaims_django import conf, models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IDS = {
    conf.UNKNOWN: "bulkclaims.E001",
    conf.WRONG: "bulkclaims.E002",
    conf.NOT_FOUND: "bulkclaims.E003",
    conf.NO_DATABASE: "bulkclaims.E004",
    conf.NOBODY: "bulkclaims.E005",
}


@register()
def check_settings(**_: object) -> list[CheckMessage]:
    """Check what the setting says."""
    return [Error(one.sentence, hint=one.hint, id=_IDS[one.code]) for one in _examined()[1]]


@register()
def check_database(**_: object) -> list[CheckMessage]:
    """Check that a SQLite database takes several writers."""
    found = _examined()[0]
    facts = connections.settings[found.database or router.db_for_write(models.Job)]
    return list(_doubts(facts)) if facts["ENGINE"].endswith("sqlite3") else []


@register(Tags.security, deploy=True)
def check_cipher(**_: object) -> list[CheckMessage]:
    """Check that what is stored of patients is encrypted."""
    found = _examined()[0]
    if found.cipher or settings.DEBUG:
        return []
    return [
        Warning(
            "Rows and results are stored as they are, patients' names included.",
            hint=f'Set {conf.NAME}["CIPHER"]; or silence this, if the disk beneath the database is encrypted.',
            id="bulkclaims.W003",
        )
    ]


def _examined() -> tuple[conf.Conf, list[conf.Refused]]:
    return conf.examine(getattr(settings, conf.NAME, {}))


def _doubts(facts: Mapping[str, Any]) -> Iterator[CheckMessage]:
    options = facts["OPTIONS"]
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield Warning(
            "SQLite begins transactions without the right to write, so one of two writers may fail at once.",
            hint='Put "transaction_mode": "IMMEDIATE" into the OPTIONS of the database.',
            id="bulkclaims.W001",
        )
    if "journal_mode=wal" not in str(options.get("init_command")).lower().replace(" ", ""):
        yield Warning(
            "SQLite has whoever reads wait for whoever writes.",
            hint='Put "init_command": "PRAGMA journal_mode=WAL" into the OPTIONS of the database.',
            id="bulkclaims.W002",
        )
