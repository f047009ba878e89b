"""Reads a table of a TOML file strictly: a wrong type, a misspelt or a missing key is a sentence naming it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import jmespath
from jmespath.exceptions import JMESPathError

from bulkclaims.errors import SettingsWrong
from bulkclaims.privacy import Secret

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
C = TypeVar("C", bound=str)

_NAMES: dict[type, str] = {str: "text", int: "a whole number", float: "a number", dict: "a table", list: "a list"}


class Table:
    """
    One table of the file.

    Args:
        values: What stands in it.
        key: Its full key, "" for the whole file.
        folder: What file names in it are relative to.
    """

    def __init__(self, values: dict[str, Any], key: str, folder: Path) -> None:
        self._left = dict(values)
        self._key = key
        self._folder = folder

    def name(self, key: str) -> str:
        """The full name of *key* in this table."""
        return f"{self._key}.{key}" if self._key else key

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """
        The value of *key*.

        Raises:
            SettingsWrong: It is of another kind, or missing and there is no *default*.
        """
        if key not in self._left:
            if default is None:
                raise SettingsWrong(f"The key {self.name(key)} is missing.")
            return default
        value: Any = self._left.pop(key)
        if isinstance(value, int) and issubclass(kind, float):
            value = kind(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise SettingsWrong(f"The key {self.name(key)} is to hold {_NAMES[kind]}.")
        return value

    def table(self, key: str, *, needed: bool = False) -> Table:
        """The table under *key*; an empty one when it is missing and not *needed*."""
        return Table(self.take(key, dict, None if needed else {}), self.name(key), self._folder)

    def tables(self, key: str) -> list[Table]:
        """The list of tables under *key*."""
        entries = self.take(key, list, [])
        if not all(isinstance(entry, dict) for entry in entries):
            raise SettingsWrong(f"The key {self.name(key)} is to hold a list of tables.")
        return [Table(entry, f"{self.name(key)}[{number}]", self._folder) for number, entry in enumerate(entries)]

    def choice(self, key: str, allowed: tuple[C, ...], default: C | None = None) -> C:
        """One of *allowed*; the *default* when missing."""
        text = self.take(key, str, default)
        for each in allowed:
            if text == each:
                return each
        raise SettingsWrong(f"The key {self.name(key)} is to be one of: {', '.join(allowed)}.")

    def expression(self, key: str, *, needed: bool = False) -> Any:  # noqa: ANN401 -- jmespath has no types
        """The compiled JMESPath expression under *key*; None when it is missing and not *needed*."""
        text = self.take(key, str, None if needed else "")
        try:
            return jmespath.compile(text) if text else None
        except JMESPathError:
            raise SettingsWrong(f"The key {self.name(key)} is not a JMESPath expression.") from None

    def secret(self, key: str) -> Secret:
        """The secret named by *key*`_env` or *key*`_file`."""
        variable, file = self.take(f"{key}_env", str, ""), self.take(f"{key}_file", str, "")
        if bool(variable) == bool(file):
            raise SettingsWrong(f"Either {self.name(key)}_env or {self.name(key)}_file is to say where the secret is.")
        return Secret.from_environment(variable) if variable else Secret.from_file(self._folder / file)

    @property
    def keys(self) -> list[str]:
        """What was not taken yet."""
        return list(self._left)

    def end(self) -> None:
        """
        Make sure that nothing is left.

        Raises:
            SettingsWrong: A key that nobody asked for stands here.
        """
        if self._left:
            raise SettingsWrong(f"The key {self.name(next(iter(self._left)))} is not known.")
