"""Who looks rows up, as `bulkclaims.toml` has it: one payer, or several by payer id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bulkclaims.cli.payer import connector_of, secret_of
from bulkclaims.cli.tables import flag, number, only_known, text
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import Kept, KeptAnswers, LookupProcessor, PayerRouter
from bulkclaims.privacy import PlainCipher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkclaims.cli.settings import CommandSettings
    from bulkclaims.interfaces import KeptStore, Limiter

    class Shared(Limiter, KeptStore, Protocol):
        """What look-ups share with those of other processes."""


_ANSWER_KEYS = ("hours", "key_env", "key_file")


def processor_of(settings: CommandSettings, store: Shared) -> LookupProcessor | PayerRouter:
    """
    Make the row processor that the settings describe.

    Args:
        settings: With a `[payer]` table, or with `[payers.NAME]` tables.
        store: Where look-ups share what they have to.

    Raises:
        SettingsWrong: No payer is set, or a setting is missing or wrong.
    """
    answers = _answers(settings, store)

    def processor(payer: Mapping[str, Any]) -> LookupProcessor:
        plain = {name: value for name, value in payer.items() if name != "second_search"}
        return LookupProcessor(
            connector_of(plain, settings.folder or Path()),
            limiter=store,
            retry=settings.retry,
            breaker=settings.breaker,
            second_search=flag(payer.get("second_search", False), "payer.second_search"),
            tickets=Kept(store, PlainCipher()),
            answers=answers,
        )

    if settings.payer and settings.payers:
        raise SettingsWrong("Say [payer] for one payer or [payers.NAME] for each of several, not both.")
    if not settings.payers:
        return processor(settings.payer)
    routes: dict[str, LookupProcessor] = {}
    otherwise = None
    for name, given in settings.payers.items():
        one = processor(_named(name, given))
        if "payer_ids" not in given:
            if otherwise is not None:
                raise SettingsWrong("Only one of [payers.NAME] can be without payer_ids: it is asked for all others.")
            otherwise = one
        for payer_id in _payer_ids(name, given):
            if payer_id in routes:
                raise SettingsWrong(f"The payer id {payer_id} stands in payer_ids of two payers.")
            routes[payer_id] = one
    return PayerRouter(routes, otherwise)


def _named(name: str, given: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever TOML holds
    """The table of one of several payers: its account in the limiter has its name, unless it says otherwise."""
    if not isinstance(given, dict):
        raise SettingsWrong(f"The setting payers.{name} is to be a table, [payers.{name}].")
    table = {key: value for key, value in given.items() if key != "payer_ids"}
    # A described API says its own.
    return table if table.get("connector") == "http" else {"account": name, **table}


def _payer_ids(name: str, given: Mapping[str, Any]) -> Iterable[str]:
    payer_ids = given.get("payer_ids", [])
    if not isinstance(payer_ids, list):
        raise SettingsWrong(f'The setting payers.{name}.payer_ids is to be a list such as ["87726", "03432"].')
    return [text(payer_id, f"payers.{name}.payer_ids") for payer_id in payer_ids]


def _answers(settings: CommandSettings, store: KeptStore) -> KeptAnswers | None:
    if not settings.answers:
        return None
    only_known(settings.answers, _ANSWER_KEYS, "answers.")
    key = secret_of(settings.answers, "key", settings.folder or Path(), "answers.")
    if key is None:
        raise SettingsWrong("The setting answers.key_env or answers.key_file is missing: what the marks are made with.")
    hours = number(settings.answers.get("hours", 24), "answers.hours")
    return KeptAnswers(Kept(store, PlainCipher()), key, hours)
