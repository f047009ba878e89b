"""
What `bulkclaims.toml` may say, read and checked.

Secrets never stand in the file: a key that needs one names an environment variable or a file that holds it.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from bulkclaims.cli.tables import number, only_known, table, text, typed
from bulkclaims.errors import DefaultRefused, SettingsWrong, UploadRejected
from bulkclaims.jobs import Settings
from bulkclaims.lookup.pace.breaker import BreakerPolicy
from bulkclaims.lookup.pace.retrying import RetryPolicy
from bulkclaims.parsing import canonical_defaults
from bulkclaims.parsing.columns import require_known
from bulkclaims.records import OPTIONAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_DATABASE = "sqlite:///bulkclaims.db"
_KEYS = (
    "database",
    "organisation",
    "max_megabytes",
    "payer",
    "payers",
    "retry",
    "breaker",
    "answers",
    "defaults",
    "columns",
    "jobs",
)
_RETRY_KEYS = tuple(attribute.name for attribute in attrs.fields(RetryPolicy))
_BREAKER_KEYS = tuple(attribute.name for attribute in attrs.fields(BreakerPolicy))
_JOB_KEYS = tuple(attribute.name for attribute in attrs.fields(Settings) if attribute.name != "sweep_seconds")
_CLI_JOBS: dict[str, Any] = {
    # Whoever watches a run can stop it, so it needs no deadline unless the file sets one.
    "deadline_seconds": None,
    # A command sees to its own job alone and leaves an earlier one to `--resume`.
    "sweep_seconds": None,
    # As many as run at once: a chunk that waited in a process that was killed would be waited for.
    "window": 2,
    "ring_again_seconds": 5.0,
}


@frozen
class CommandSettings:
    """The settings of one command, from the file and from its own options."""

    database: str = DEFAULT_DATABASE
    organisation: str = "local"
    max_megabytes: float = 10
    payer: Mapping[str, Any] = field(factory=dict, repr=False)
    """Keys of the `[payer]` table, checked when a command needs the payer."""
    payers: Mapping[str, Any] = field(factory=dict, repr=False)
    """The `[payers.NAME]` tables of several payers; likewise."""
    retry: RetryPolicy = field(factory=RetryPolicy)
    breaker: BreakerPolicy = field(factory=BreakerPolicy)
    answers: Mapping[str, Any] = field(factory=dict, repr=False)
    """Keys of the `[answers]` table; empty where answers are not kept for other jobs."""
    defaults: Mapping[str, str] = field(factory=dict, repr=False)
    columns: Mapping[str, str] = field(factory=dict)
    """Our column, or "" for none of ours, for each of these headings."""
    jobs: Settings = field(factory=lambda: Settings(**_CLI_JOBS))
    folder: Path | None = None
    """Where the file stands; paths in it are relative to there."""


def read_settings(path: Path | None) -> CommandSettings:
    """
    Read the file, or take the defaults when there is none.

    Raises:
        SettingsWrong: The file cannot be read, or says something we do not know.
    """
    if path is None:
        return CommandSettings()
    found = _load(path)
    only_known(found, _KEYS)
    return CommandSettings(
        database=text(found.get("database", DEFAULT_DATABASE), "database"),
        organisation=text(found.get("organisation", "local"), "organisation"),
        max_megabytes=number(found.get("max_megabytes", 10), "max_megabytes"),
        payer=table(found, "payer", found.get("payer", ())),
        payers=table(found, "payers", found.get("payers", ())),
        breaker=BreakerPolicy(**typed(table(found, "breaker", _BREAKER_KEYS), BreakerPolicy, "breaker.")),
        answers=table(found, "answers", found.get("answers", ())),
        retry=RetryPolicy(**typed(table(found, "retry", _RETRY_KEYS), RetryPolicy, "retry.")),
        defaults=_defaults(found),
        columns=_columns(found),
        jobs=_jobs(found),
        folder=path.parent,
    )


def _jobs(found: Mapping[str, Any]) -> Settings:
    given = typed(table(found, "jobs", _JOB_KEYS), Settings, "jobs.")
    return Settings(**_CLI_JOBS | given)


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsWrong(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"The settings file {path} is not valid TOML: {error}.") from error


def _defaults(found: Mapping[str, Any]) -> Mapping[str, str]:
    try:
        return canonical_defaults(table(found, "defaults", OPTIONAL_COLUMNS))
    except DefaultRefused as refusal:
        raise SettingsWrong(f"The setting defaults.{refusal.column} cannot be used. {refusal.reason}") from refusal


def _columns(found: Mapping[str, Any]) -> Mapping[str, str]:
    columns = table(found, "columns", found.get("columns", ()))
    for heading, column in columns.items():
        text(column, f"columns.{heading}")
    try:
        require_known(columns.values())
    except UploadRejected as refusal:
        raise SettingsWrong(f"The table [columns] cannot be used. {refusal.message}") from refusal
    return columns
