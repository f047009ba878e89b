"""The application in a real Django project."""

from __future__ import annotations

from django.apps import apps
from django.core import checks
from django.core.management import call_command

from bulkclaims_django.apps import BulkClaimsConfig


def test_a_project_can_install_the_application():
    """Named in `INSTALLED_APPS`, the application is found under its label and passes Django's checks."""
    config = apps.get_app_config("bulkclaims")

    assert isinstance(config, BulkClaimsConfig)
    assert checks.run_checks(app_configs=[config]) == []


def test_no_database_objects(using: str):
    """What a database has against the models, such as an index that it cannot make, is nothing."""
    config = apps.get_app_config("bulkclaims")

    assert checks.run_checks(app_configs=[config], databases=[using]) == []


def test_no_migration_is_missing(using: str):
    """The migrations make the tables as the models describe them."""
    call_command("makemigrations", "bulkclaims", check=True, dry_run=True, verbosity=0)
