"""Who looks rows up, as `bulkclaims.toml` has it: one payer, or several by payer id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from bulkclaims.cli.payer import connector_of, secret_of
from bulkclaims.cli.tables import flag, number, only_known, text
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import Kept, KeptAnswers, LookupProcessor, MatchRules, PayerRouter
from bulkclaims.privacy import PlainCipher
from bulkclaims.repositories.memory import MemoryRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bulkclaims.cli.settings import CommandSettings
    from bulkclaims.interfaces import KeptStore, Limiter

    class Shared(Limiter, KeptStore, Protocol):
        """What look-ups share with those of other processes."""


_LOOKUP_KEYS = ("second_search", "allow_demographic_match")
"""What a payer's table says of look-ups rather than of the connector."""
_ANSWER_KEYS = ("hours", "key_env", "key_file")


def processor_of(settings: CommandSettings) -> Callable[[Shared], LookupProcessor | PayerRouter]:
    """
    Read who looks rows up, each secret once, and give back what makes the row processor over a store.

    Args:
        settings: With a `[payer]` table, or with `[payers.NAME]` tables.

    Raises:
        SettingsWrong: No payer is set, or a setting is missing or wrong.
    """
    if settings.payer and settings.payers:
        raise SettingsWrong("Say [payer] for one payer or [payers.NAME] for each of several, not both.")
    answers = _answers(settings)
    if not settings.payers:
        return _one(settings.payer, settings, answers)
    named: dict[str, Callable[[Shared], LookupProcessor]] = {}
    routes: dict[str, str] = {}
    others = []
    for name, given in settings.payers.items():
        named[name] = _one(_named(name, given), settings, answers)
        if "payer_ids" not in given:
            others.append(name)
        for payer_id in _payer_ids(name, given):
            if payer_id in routes:
                raise SettingsWrong(f"The payer id {payer_id} stands in payer_ids twice.")
            routes[payer_id] = name
    if len(others) > 1:
        raise SettingsWrong("Only one of [payers.NAME] can be without payer_ids: it is asked for all others.")

    def router(store: Shared) -> PayerRouter:
        made = {name: make(store) for name, make in named.items()}
        by_id = {payer_id: made[name] for payer_id, name in routes.items()}
        return PayerRouter(by_id, *(made[name] for name in others))

    return router


def _one(
    payer: Mapping[str, Any], settings: CommandSettings, answers: KeptAnswers | None
) -> Callable[[Shared], LookupProcessor]:
    of_connector = {name: value for name, value in payer.items() if name not in _LOOKUP_KEYS}
    second_search, by_patient = (flag(payer.get(name, False), f"payer.{name}") for name in _LOOKUP_KEYS)
    connector = connector_of(of_connector, settings.folder or Path())

    def processor(store: Shared) -> LookupProcessor:
        kept = Kept(store, PlainCipher())
        return LookupProcessor(
            connector,
            limiter=store,
            retry=settings.retry,
            breaker=settings.breaker,
            match=MatchRules(by_patient),
            second_search=second_search,
            tickets=kept,
            answers=answers and attrs.evolve(answers, kept=kept),
        )

    return processor


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


def _answers(settings: CommandSettings) -> KeptAnswers | None:
    """How answers are kept, in no store yet that would last."""
    if not settings.answers:
        return None
    only_known(settings.answers, _ANSWER_KEYS, "answers.")
    key = secret_of(settings.answers, "key", settings.folder or Path(), "answers.")
    if key is None:
        raise SettingsWrong("The setting answers.key_env or answers.key_file is missing: what the marks are made with.")
    hours = number(settings.answers.get("hours", 24), "answers.hours")
    return KeptAnswers(Kept(MemoryRepository(), PlainCipher()), key, hours)
