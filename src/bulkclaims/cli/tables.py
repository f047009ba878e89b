"""Checks that every table of `bulkclaims.toml` goes through: known keys, and values of the right kind."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

import attrs

from bulkclaims.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LISTED = 12
"""So many known keys can be read at a glance."""


def table(found: Mapping[str, Any], name: str, known: Iterable[str]) -> Mapping[str, Any]:
    """
    Return the table *name* of the file, empty when it is missing.

    Raises:
        SettingsWrong: It is no table, or holds a key that is not *known*.
    """
    values = found.get(name, {})
    if not isinstance(values, dict):
        raise SettingsWrong(f"The setting {name} is to be a table, [{name}].")
    only_known(values, known, f"{name}.")
    return values


def only_known(values: Iterable[str], known: Iterable[str], prefix: str = "") -> None:
    """
    See that all keys exist.

    Raises:
        SettingsWrong: One does not; the sentence guesses at what was meant.
    """
    names = tuple(known)
    for name in values:
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1)
        listed = f" Known are {', '.join(names)}." if len(names) <= _LISTED else ""
        guess = f" Did you mean {prefix}{near[0]}?" if near else listed
        raise SettingsWrong(f"There is no setting {prefix}{name}.{guess}")


def typed(values: Mapping[str, Any], kind: type[attrs.AttrsInstance], prefix: str) -> dict[str, Any]:
    """
    Return those of *values* that are fields of *kind*, each of the field's kind.

    Raises:
        SettingsWrong: One is of another kind.
    """
    checks = {
        "bool": flag,
        "int": whole_number,
        "int | None": whole_number,
        "float": number,
        "float | None": number,
        "frozenset[str]": texts,
    }
    return {
        each.name: checks.get(str(each.type), text)(values[each.name], prefix + each.name)
        for each in attrs.fields(kind)
        if each.name in values
    }


def text(value: object, name: str) -> str:
    """Return *value*, which is to be text."""
    if not isinstance(value, str):
        raise SettingsWrong(f"The setting {name} is to be text, in quotes.")
    return value


def texts(value: object, name: str) -> frozenset[str]:
    """Return what *value*, which is to be a list of texts, holds."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsWrong(f"The setting {name} is to be a list of texts, each in quotes.")
    return frozenset(value)


def flag(value: object, name: str) -> bool:
    """Return *value*, which is to be true or false."""
    if not isinstance(value, bool):
        raise SettingsWrong(f"The setting {name} is to be true or false.")
    return value


def number(value: object, name: str) -> float:
    """Return *value*, which is to be a number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SettingsWrong(f"The setting {name} is to be a number above zero.")
    return value


def whole_number(value: object, name: str) -> int:
    """Return *value*, which is to be a whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingsWrong(f"The setting {name} is to be a whole number above zero.")
    return value
