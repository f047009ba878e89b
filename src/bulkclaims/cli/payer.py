"""The `[payer]` table of `bulkclaims.toml`: which connector, with which settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import attrs

from bulkclaims.cli.tables import number, only_known, text, typed, whole_number
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import HttpConnector, StediConnector, StediSettings
from bulkclaims.privacy import Secret
from bulkclaims.records import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkclaims.interfaces import Connector

_SECRETS = ("api_key", "client_secret")
_STEDI_KEYS = (
    "connector",
    *(each.name for each in attrs.fields(StediSettings) if each.name not in {*_SECRETS, "face", "rate"}),
    "rate_per_second",
    "rate_per_day",
    *(f"{name}_{where}" for name in _SECRETS for where in ("env", "file")),
)


def connector_of(payer: Mapping[str, Any], folder: Path) -> Connector:
    """
    Make the connector that the table describes.

    Args:
        payer: The table.
        folder: Where relative paths in it begin.

    Raises:
        SettingsWrong: Something is missing, misspelt or impossible; the sentence names its key.
    """
    match payer.get("connector"):
        case "stedi" | "optum" as face:
            _check_keys(payer, _STEDI_KEYS)
            return StediConnector(_stedi_settings(payer, face, folder))
        case "http":
            _check_keys(payer, ("connector", "description"))
            if "description" not in payer:
                raise SettingsWrong("The setting payer.description is missing: the TOML file that describes the API.")
            description = text(payer["description"], "payer.description")
            return cast("Connector", HttpConnector.from_toml(folder / description))
        case None:
            raise SettingsWrong(
                'No payer is set. Put a [payer] table with connector = "stedi", "optum" or "http" into '
                "bulkclaims.toml, or try `bulkclaims demo`."
            )
        case _:
            raise SettingsWrong("The setting payer.connector is to be stedi, optum or http.")


def _check_keys(payer: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in _SECRETS:
        if name in payer:
            raise SettingsWrong(f"The file may not hold a secret: say payer.{name}_env or payer.{name}_file instead.")
    only_known(payer, known, "payer.")


def _stedi_settings(payer: Mapping[str, Any], face: Literal["stedi", "optum"], folder: Path) -> StediSettings:
    if "organization_name" not in payer:
        raise SettingsWrong("The setting payer.organization_name is missing: the billing provider's name.")
    given = typed(payer, StediSettings, "payer.")
    given |= {name: _secret(payer, name, folder) for name in _SECRETS}
    return StediSettings(face=face, rate=_rate(payer), **given)


def _secret(payer: Mapping[str, Any], name: str, folder: Path) -> Secret | None:
    variable, file = f"{name}_env", f"{name}_file"
    if variable in payer and file in payer:
        raise SettingsWrong(f"Say payer.{variable} or payer.{file}, not both.")
    if variable in payer:
        return Secret.from_environment(text(payer[variable], f"payer.{variable}"))
    if file in payer:
        return Secret.from_file(folder / text(payer[file], f"payer.{file}"))
    return None


def _rate(payer: Mapping[str, Any]) -> Rate | None:
    per_day = whole_number(payer["rate_per_day"], "payer.rate_per_day") if "rate_per_day" in payer else None
    if "rate_per_second" in payer:
        return Rate(number(payer["rate_per_second"], "payer.rate_per_second"), per_day)
    if per_day is not None:
        raise SettingsWrong("The setting payer.rate_per_day needs payer.rate_per_second beside it.")
    return None
