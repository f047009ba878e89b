"""The `[payer]` table of `bulkclaims.toml`: which connector, with which settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import attrs

from bulkclaims.cli.tables import number, only_known, text, typed, whole_number
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import (
    AvailityConnector,
    AvailitySettings,
    HttpConnector,
    OptumRealConnector,
    OptumRealSettings,
    StediConnector,
    StediSettings,
    UhcConnector,
    UhcSettings,
    X12Route,
)
from bulkclaims.lookup.x12 import Party
from bulkclaims.privacy import Secret
from bulkclaims.records import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkclaims.interfaces import Connector

_SECRETS = ("api_key", "client_secret")


def _keys_of(settings: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    """What may stand in the table for a connector with *settings*: secrets by where they are, a rate by its parts."""
    plain = (each.name for each in attrs.fields(settings) if each.name not in {*_SECRETS, "face", "rate"})
    secrets = (name for name in _SECRETS if name in attrs.fields_dict(settings))
    where = (f"{name}_{place}" for name in secrets for place in ("env", "file"))
    return ("connector", *plain, "rate_per_second", "rate_per_day", *where)


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
            _check_keys(payer, _keys_of(StediSettings))
            return StediConnector(_stedi_settings(payer, face, folder))
        case "optum-real":
            _check_keys(payer, _keys_of(OptumRealSettings))
            return OptumRealConnector(_optum_real_settings(payer, folder))
        case "availity":
            _check_keys(payer, _keys_of(AvailitySettings))
            return AvailityConnector(_availity_settings(payer, folder))
        case "uhc":
            _check_keys(payer, _keys_of(UhcSettings))
            return UhcConnector(_uhc_settings(payer, folder))
        case "http":
            _check_keys(payer, ("connector", "description"))
            if "description" not in payer:
                raise SettingsWrong("The setting payer.description is missing: the TOML file that describes the API.")
            description = text(payer["description"], "payer.description")
            return cast("Connector", HttpConnector.from_toml(folder / description))
        case None:
            raise SettingsWrong(
                'No payer is set. Put a [payer] table with connector = "stedi", "optum", "optum-real", "availity", '
                '"uhc" or "http" into bulkclaims.toml, or try `bulkclaims demo`.'
            )
        case _:
            raise SettingsWrong("The setting payer.connector is to be stedi, optum, optum-real, availity, uhc or http.")


def _check_keys(payer: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in _SECRETS:
        if name in payer:
            raise SettingsWrong(f"The file may not hold a secret: say payer.{name}_env or payer.{name}_file instead.")
    only_known(payer, known, "payer.")


def _stedi_settings(payer: Mapping[str, Any], face: Literal["stedi", "optum"], folder: Path) -> StediSettings:
    if "organization_name" not in payer:
        raise SettingsWrong("The setting payer.organization_name is missing: the billing provider's name.")
    given = typed({name: value for name, value in payer.items() if name != "x12"}, StediSettings, "payer.")
    given |= {name: secret_of(payer, name, folder) for name in _SECRETS}
    return StediSettings(face=face, rate=_rate(payer), x12=_x12_route(payer) if "x12" in payer else None, **given)


def _x12_route(payer: Mapping[str, Any]) -> X12Route:
    """What `[payer.x12]` says, by whose presence the raw X12 route is asked."""
    ends = ("sender", "receiver")
    needed = (*ends, "submitter_name", "submitter_id")
    qualifiers = tuple(f"{end}_qualifier" for end in ends)
    given = payer["x12"]
    if not isinstance(given, dict):
        raise SettingsWrong("The setting payer.x12 is to be a table, [payer.x12].")
    only_known(given, (*needed, *qualifiers, "payer_name", "usage"), "payer.x12.")
    for name in needed:
        if name not in given:
            raise SettingsWrong(f"The setting payer.x12.{name} is missing.")
    texts = {name: text(value, f"payer.x12.{name}") for name, value in given.items()}
    parties = {end: Party(texts.pop(end), texts.pop(f"{end}_qualifier", "ZZ")) for end in ends}
    return X12Route(**parties, **texts)  # type: ignore[arg-type] # X12Route checks usage


def _optum_real_settings(payer: Mapping[str, Any], folder: Path) -> OptumRealSettings:
    secret = _client_secret(payer, folder)
    given = typed(payer, OptumRealSettings, "payer.")
    return OptumRealSettings(client_secret=secret, rate=_rate(payer), **given)


def _availity_settings(payer: Mapping[str, Any], folder: Path) -> AvailitySettings:
    secret = _client_secret(payer, folder)
    if "provider_name" not in payer:
        raise SettingsWrong("The setting payer.provider_name is missing: the billing organisation's name.")
    given = typed(payer, AvailitySettings, "payer.")
    return AvailitySettings(client_secret=secret, rate=_rate(payer), **given)


def _uhc_settings(payer: Mapping[str, Any], folder: Path) -> UhcSettings:
    secret = _client_secret(payer, folder)
    given = typed(payer, UhcSettings, "payer.")
    return UhcSettings(client_secret=secret, rate=_rate(payer), **given)


def _client_secret(payer: Mapping[str, Any], folder: Path) -> Secret:
    secret = secret_of(payer, "client_secret", folder)
    if "client_id" not in payer or secret is None:
        raise SettingsWrong("The settings payer.client_id and payer.client_secret_env or _file are missing.")
    return secret


def secret_of(given: Mapping[str, Any], name: str, folder: Path, prefix: str = "payer.") -> Secret | None:
    """
    Fetch the secret *name* from where a table says it is; None where it says nothing.

    Args:
        given: The table.
        name: Such as `api_key`.
        folder: Where relative paths in the table begin.
        prefix: The table's name and a dot, for sentences.

    Raises:
        SettingsWrong: It is named in two ways, or is not there.
    """
    variable, file = f"{name}_env", f"{name}_file"
    if variable in given and file in given:
        raise SettingsWrong(f"Say {prefix}{variable} or {prefix}{file}, not both.")
    if variable in given:
        return Secret.from_environment(text(given[variable], f"{prefix}{variable}"))
    if file in given:
        return Secret.from_file(folder / text(given[file], f"{prefix}{file}"))
    return None


def _rate(payer: Mapping[str, Any]) -> Rate | None:
    per_day = whole_number(payer["rate_per_day"], "payer.rate_per_day") if "rate_per_day" in payer else None
    if "rate_per_second" in payer:
        return Rate(number(payer["rate_per_second"], "payer.rate_per_second"), per_day)
    if per_day is not None:
        raise SettingsWrong("The setting payer.rate_per_day needs payer.rate_per_second beside it.")
    return None
