"""
The setting `BULKCLAIMS`, read and checked: one dictionary, all of whose keys are optional.

Whatever is to be called may be given as such or as a dotted path, which is imported when the setting is first needed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen
from django.conf import settings
from django.core.signals import setting_changed
from django.db import connections
from django.utils.module_loading import import_string

from bulkclaims.access import by_role
from bulkclaims.errors import DefaultRefused, SettingsWrong
from bulkclaims.jobs import Settings
from bulkclaims.parsing import UploadParser, canonical_defaults
from bulkclaims.privacy import describe
from bulkclaims.records import OPTIONAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.http import HttpRequest

    from bulkclaims.access import Principal
    from bulkclaims.interfaces import Authenticator, Authorize, Cipher, Dispatcher, RowProcessor, TokenStore
    from bulkclaims.records import Capabilities
    from bulkclaims_django.repository import DjangoRepository

NAME = "BULKCLAIMS"
UNKNOWN, WRONG, NOT_FOUND, NO_DATABASE, NOBODY = "unknown", "wrong", "not_found", "no_database", "nobody_runs"
"""The ways in which the setting can be wrong, as codes of `Refused`."""


class Refused(SettingsWrong):
    """
    Something in the setting cannot be used.

    Args:
        sentence: What is wrong.
        hint: What to do about it.
        code: In which way it is wrong.
    """

    def __init__(self, sentence: str, hint: str, *, code: str = WRONG) -> None:
        super().__init__(f"{sentence} {hint}", code=code)
        self.sentence = sentence
        self.hint = hint


def _no_defaults(_: str) -> Mapping[str, str]:
    return {}


@frozen
class Conf:
    """What the setting says, with whatever it names imported."""

    processor: Callable[[DjangoRepository], RowProcessor] | None = None
    """Makes what looks rows up; None in a process that leaves the running to others."""
    dispatcher: Callable[[], Dispatcher] | None = None
    """Makes what takes chunks to workers; None to run them in the process that takes uploads."""
    cipher: Callable[[], Cipher] | None = None
    authenticator: Callable[[TokenStore], Authenticator] | None = None
    host_user: Callable[[HttpRequest], Principal | None] | None = None
    authorize: Authorize = by_role
    defaults: Callable[[str], Mapping[str, str]] = _no_defaults
    database: str | None = None
    """None for wherever the project's routers send what is written of jobs."""
    jobs: Settings = field(factory=Settings)
    max_upload_bytes: int | None = UploadParser().max_bytes
    payers: Callable[[str], Capabilities | None] | None = None
    """Tells what the payers need, in a process without a processor, which knows by itself."""


@cache
def conf() -> Conf:
    """
    Give the setting as it stands; read once, and again after it was changed by a test.

    Raises:
        Refused: Something in it cannot be used.
    """
    found, refused = examine(getattr(settings, NAME, {}))
    if refused:
        raise refused[0]
    return found


def _forget(*, setting: str, **_: object) -> None:
    if setting == NAME:
        conf.cache_clear()


setting_changed.connect(_forget, dispatch_uid="bulkclaims_django.conf")


def examine(given: object) -> tuple[Conf, list[Refused]]:
    """Read what can be read of the setting, and tell everything that cannot."""
    if not isinstance(given, Mapping):
        return Conf(), [Refused(f"The setting {NAME} is not a dictionary.", f"Write {NAME} = {{...}}.")]
    refused = list(_strangers(given, _READERS, NAME))
    found: dict[str, Any] = {}
    for key, read in _READERS.items():
        if key in given:
            try:
                found[key.lower()] = read(given[key], f'{NAME}["{key}"]')
            except Refused as one:
                refused.append(one)
    if not {"PROCESSOR", "DISPATCHER"} & given.keys():
        refused.append(_nobody_runs())
    return Conf(**found), refused


def _nobody_runs() -> Refused:
    return Refused(
        f"Nobody would run jobs: {NAME} has neither a PROCESSOR nor a DISPATCHER.",
        "Name a PROCESSOR, which looks rows up in this process, or a DISPATCHER that takes them to workers.",
        code=NOBODY,
    )


def _strangers(given: Iterable[object], known: Iterable[str], name: str) -> Iterator[Refused]:
    names = sorted(known)
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."
            yield Refused(f'There is no setting {name}["{key}"].', hint, code=UNKNOWN)


def _called(given: object, name: str) -> Any:  # noqa: ANN401 -- what it takes and gives is its key's affair
    found = _imported(given, name) if isinstance(given, str) else given
    if not callable(found):
        raise Refused(f"The setting {name} cannot be called.", "Give a function, or the dotted path of one.")
    return found


def _imported(path: str, name: str) -> object:
    try:
        return import_string(path)
    except ImportError as error:
        hint = f"Python says: {error}."
    except Exception as error:  # noqa: BLE001 -- whatever a module of the host's runs into while it is imported
        hint = f"Its module failed. {describe(error)}."
    raise Refused(f"The setting {name} names {path}, which cannot be imported.", hint, code=NOT_FOUND)


def _defaults(given: object, name: str) -> Callable[[str], Mapping[str, str]]:
    if not isinstance(given, Mapping):
        by_organisation: Callable[[str], Mapping[str, str]] = _called(given, name)
        return by_organisation
    for wrong in _strangers(given, OPTIONAL_COLUMNS, name):
        raise wrong
    try:
        read = canonical_defaults(given)
    except DefaultRefused as refusal:
        raise Refused(f'The setting {name}["{refusal.column}"] cannot be used.', refusal.reason) from None
    return lambda _: read


def _alias(given: object, name: str) -> str:
    if given not in (known := list(connections)):
        raise Refused(
            f"The setting {name} names no database of the project.",
            f"Known in DATABASES are {', '.join(known)}.",
            code=NO_DATABASE,
        )
    return str(given)


def _jobs(given: object, name: str) -> Settings:
    if not isinstance(given, Mapping):
        raise Refused(f"The setting {name} is not a dictionary.", "Its keys are the fields of bulkclaims.Settings.")
    fields = attrs.fields_dict(Settings)
    for wrong in _strangers(given, fields, name):
        raise wrong
    for key, value in given.items():
        if not (value is None and "None" in str(fields[key].type)):
            _numeric(value, f'{name}["{key}"]', int if isinstance(fields[key].default, int) else (int, float))
    try:
        return Settings(**given)
    except SettingsWrong as error:
        raise Refused(str(error), f"It stands in {name}.") from None


def _numeric(given: Any, name: str, kind: Any) -> None:  # noqa: ANN401 -- anything may stand in settings
    if isinstance(given, bool) or not isinstance(given, kind) or not math.isfinite(given):
        sort = "whole number" if kind is int else "number"
        raise Refused(f"The setting {name} is not a {sort}.", "Correct it, or leave it out.")


def _size(given: object, name: str) -> int | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 1):
        raise Refused(f"The setting {name} is not a whole number above zero.", "Give bytes, or None for any size.")
    return given


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "PROCESSOR": _called,
    "DISPATCHER": _called,
    "CIPHER": _called,
    "AUTHENTICATOR": _called,
    "HOST_USER": _called,
    "AUTHORIZE": _called,
    "DEFAULTS": _defaults,
    "DATABASE": _alias,
    "JOBS": _jobs,
    "MAX_UPLOAD_BYTES": _size,
    "PAYERS": _called,
}
