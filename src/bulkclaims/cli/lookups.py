"""Who looks rows up, as `bulkclaims.toml` has it: one payer, or several by payer id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bulkclaims.cli.payer import connector_of, secret_of
from bulkclaims.cli.tables import flag, number, only_known, text
from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup import Kept, KeptAnswers, LookupProcessor, MatchRules, PayerRouter
from bulkclaims.privacy import PlainCipher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bulkclaims.cli.settings import CommandSettings
    from bulkclaims.interfaces import KeptStore, Limiter

    class Shared(Limiter, KeptStore, Protocol):
        """What look-ups share with those of other processes."""


_LOOKUP_KEYS = ("second_search", "allow_demographic_match")
"""What a payer's table says of look-ups rather than of the connector."""
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
    if settings.payer and settings.payers:
        raise SettingsWrong("Say [payer] for one payer or [payers.NAME] for each of several, not both.")
    answers = _answers(settings, store)
    if not settings.payers:
        return _one(settings.payer, settings, store, answers)
    routes: dict[str, LookupProcessor] = {}
    others = []
    for name, given in settings.payers.items():
        one = _one(_named(name, given), settings, store, answers)
        if "payer_ids" not in given:
            others.append(one)
        for payer_id in _payer_ids(name, given):
            if payer_id in routes:
                raise SettingsWrong(f"The payer id {payer_id} stands in payer_ids twice.")
            routes[payer_id] = one
    if len(others) > 1:
        raise SettingsWrong("Only one of [payers.NAME] can be without payer_ids: it is asked for all others.")
    return PayerRouter(routes, *others)


def _one(
    payer: Mapping[str, Any], settings: CommandSettings, store: Shared, answers: KeptAnswers | None
) -> LookupProcessor:
    of_connector = {name: value for name, value in payer.items() if name not in _LOOKUP_KEYS}
    second_search, by_patient = (flag(payer.get(name, False), f"payer.{name}") for name in _LOOKUP_KEYS)
    return LookupProcessor(
        connector_of(of_connector, settings.folder or Path()),
        limiter=store,
        retry=settings.retry,
        breaker=settings.breaker,
        match=MatchRules(by_patient),
        second_search=second_search,
        tickets=Kept(store, PlainCipher()),
        answers=answers,
    )


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
