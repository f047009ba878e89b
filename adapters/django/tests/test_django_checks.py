"""What `manage.py check` says, and what the setting refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from django.test import override_settings

from bulkclaims.testing.fakes import InstantProcessor
from bulkclaims_django.checks import check_cipher, check_database, check_settings
from bulkclaims_django.conf import conf

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"PROCESSOR": lambda _: InstantProcessor()}


def said(setting: Any) -> list[tuple[str | None, str, str | None]]:
    """What is said of a setting."""
    with override_settings(BULKCLAIMS=setting):
        return [(message.id, message.msg, message.hint) for message in check_settings()]


def test_a_good_setting_is_not_spoken_of() -> None:
    """Every key may be there, things to be called as such or by their dotted paths."""
    path = "bulkclaims.testing.fakes.InstantProcessor"
    everything = {
        "PROCESSOR": path,
        "DISPATCHER": "bulkclaims_django.dispatch.LeftToWorkers",
        "CIPHER": "bulkclaims.privacy.PlainCipher",
        "AUTHENTICATOR": "bulkclaims.web.tokens.TokenAuthenticator",
        "HOST_USER": lambda _: None,
        "AUTHORIZE": "bulkclaims.access.by_role",
        "DEFAULTS": {"payer_id": "60054"},
        "DATABASE": "default",
        "JOBS": {"chunk_rows": 100, "lease_seconds": 20, "deadline_seconds": None, "sweep_seconds": 1.5},
        "MAX_UPLOAD_BYTES": None,
        "PAYERS": lambda _: None,
    }

    with override_settings(BULKCLAIMS=everything):
        assert check_settings() == []
        assert conf().processor is InstantProcessor
        assert conf().payers is everything["PAYERS"]
        assert (conf().jobs.chunk_rows, conf().jobs.renew_seconds) == (100, 20 / 3)


@pytest.mark.parametrize(
    ("wrong", "check", "sentence", "hint"),
    [
        ({"PROCESOR": 1}, "E001", 'There is no setting BULKCLAIMS["PROCESOR"].', "Did you mean PROCESSOR?"),
        ({"X": 1}, "E001", 'There is no setting BULKCLAIMS["X"].', "Known are AUTHENTICATOR, AUTHORIZE,"),
        ({"JOBS": {"chunk_row": 1}}, "E001", 'no setting BULKCLAIMS["JOBS"]["chunk_row"].', "Did you mean chunk_rows?"),
        ({"DEFAULTS": {"payer": "1"}}, "E001", 'no setting BULKCLAIMS["DEFAULTS"]["payer"].', "Did you mean payer_id?"),
        ({"CIPHER": object()}, "E002", 'The setting BULKCLAIMS["CIPHER"] cannot be called.', "dotted path"),
        ({"DEFAULTS": {"npi": 1999}}, "E002", '["DEFAULTS"]["npi"] cannot be used.', "in quotes"),
        ({"DEFAULTS": {"first_service_date": "13/45/2025"}}, "E002", '["first_service_date"] cannot be used.', "date"),
        ({"JOBS": [1]}, "E002", 'The setting BULKCLAIMS["JOBS"] is not a dictionary.', "bulkclaims.Settings"),
        ({"JOBS": {"chunk_rows": 1.5}}, "E002", '["JOBS"]["chunk_rows"] is not a whole number.', "Correct"),
        ({"JOBS": {"lease_seconds": "20"}}, "E002", '["JOBS"]["lease_seconds"] is not a number.', "Correct"),
        ({"JOBS": {"lease_seconds": float("inf")}}, "E002", '["lease_seconds"] is not a number.', "Correct"),
        ({"JOBS": {"window": True}}, "E002", '["JOBS"]["window"] is not a whole number.', "Correct"),
        ({"JOBS": {"window": None}}, "E002", '["JOBS"]["window"] is not a whole number.', "Correct"),
        ({"JOBS": {"window": 0}}, "E002", "The setting window is to be above zero", 'in BULKCLAIMS["JOBS"]'),
        ({"MAX_UPLOAD_BYTES": "10"}, "E002", "is not a whole number above zero.", "None for any size"),
        ({"MAX_UPLOAD_BYTES": 0}, "E002", "is not a whole number above zero.", "None for any size"),
        ({"MAX_UPLOAD_BYTES": True}, "E002", "is not a whole number above zero.", "None for any size"),
        ({"CIPHER": "nowhere.Cipher"}, "E003", '["CIPHER"] names nowhere.Cipher, which', "No module named 'nowhere'"),
        ({"CIPHER": "bulkclaims.privacy.Nothing"}, "E003", "cannot be imported.", '"Nothing"'),
        ({"DATABASE": "claims"}, "E004", '["DATABASE"] names no database of the project.', "DATABASES are default"),
        ({"DATABASE": ["claims"]}, "E004", '["DATABASE"] names no database of the project.', "DATABASES are default"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(wrong: dict[str, Any], check: str, sentence: str, hint: str) -> None:
    """Each kind of mistake has its id, names the key, and says how to mend it."""
    ((found, message, advice),) = said(GOOD | wrong)

    assert found == f"bulkclaims.{check}"
    assert sentence in message
    assert hint in str(advice)


def test_a_module_that_fails_is_said_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dotted path into a module that cannot be loaded says where it failed, and does not quote it."""
    (tmp_path / "failing_payer.py").write_text("raise ValueError('CANARY')\n")
    monkeypatch.syspath_prepend(tmp_path)

    ((found, message, advice),) = said({"PROCESSOR": "failing_payer.processor"})

    assert found == "bulkclaims.E003"
    assert "ValueError at failing_payer.py:1" in str(advice)
    assert "CANARY" not in message + str(advice)


@pytest.mark.parametrize("nothing", [{}, {"CIPHER": "bulkclaims.privacy.PlainCipher"}])
def test_somebody_must_run_jobs(nothing: dict[str, Any]) -> None:
    """Neither processor nor dispatcher is an error; one of them is enough."""
    ((found, message, advice),) = said(nothing)

    assert found == "bulkclaims.E005"
    assert "neither a PROCESSOR nor a DISPATCHER" in message
    assert "takes them to workers" in str(advice)
    assert said({"DISPATCHER": "bulkclaims_django.dispatch.LeftToWorkers"}) == []


def test_the_setting_is_a_dictionary() -> None:
    """Anything else is said, and nothing more."""
    assert [found for found, _, _ in said(["PROCESSOR"])] == ["bulkclaims.E002"]


def test_every_mistake_is_said_at_once() -> None:
    """One run of the checks tells all that is wrong."""
    assert [found for found, _, _ in said({"X": 1, "CIPHER": 1, "JOBS": 1})] == [
        "bulkclaims.E001",
        "bulkclaims.E002",
        "bulkclaims.E002",
        "bulkclaims.E005",
    ]


def test_the_project_is_told() -> None:
    """`manage.py check` runs them."""
    with override_settings(BULKCLAIMS={}), pytest.raises(SystemCheckError, match=r"bulkclaims\.E005"):
        call_command("check")


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({}, ["bulkclaims.W001", "bulkclaims.W002"]),
        (
            {"transaction_mode": "DEFERRED", "init_command": "PRAGMA synchronous=1"},
            ["bulkclaims.W001", "bulkclaims.W002"],
        ),
        ({"transaction_mode": "immediate"}, ["bulkclaims.W002"]),
        ({"transaction_mode": "EXCLUSIVE", "init_command": "pragma journal_mode = WAL;"}, []),
    ],
)
def test_sqlite_is_to_take_several_writers(
    project: None, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], ids: list[str]
) -> None:
    """Warnings where a SQLite database begins transactions without the right to write, or has no write-ahead log."""
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)

    assert [message.id for message in check_database()] == ids
    assert all(message.level == checks.WARNING and message.hint for message in check_database())


def test_other_databases_are_not_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of SQLite are SQLite's alone."""
    monkeypatch.setitem(connections.settings["default"], "ENGINE", "django.db.backends.postgresql")
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {})

    assert check_database() == []


def test_patients_in_clear_are_doubted_on_deployment() -> None:
    """Without a cipher, `check --deploy` warns, unless the project is one of a developer."""
    cipher = GOOD | {"CIPHER": "bulkclaims.privacy.PlainCipher"}
    with override_settings(BULKCLAIMS=GOOD):
        (message,) = check_cipher()
        with override_settings(DEBUG=True):
            assert check_cipher() == []
    with override_settings(BULKCLAIMS=cipher):
        assert check_cipher() == []

    assert (message.id, message.level) == ("bulkclaims.W003", checks.WARNING)
    assert check_cipher in checks.registry.registry.get_checks(include_deployment_checks=True)
    assert check_cipher not in checks.registry.registry.get_checks()
