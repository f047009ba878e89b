"""Starts all of it: `python -m django_embedded`, in the folder above."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import closing, suppress

import django
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from serving import PAYER_KEY, serve, simulated_payer


def main() -> None:
    """Serve the project beside a simulated payer, with a database of its own."""
    with tempfile.TemporaryDirectory(prefix="bulkclaims-django-") as folder, simulated_payer() as payer:
        os.environ |= {"DATABASE": f"{folder}/project.db", "PAYER_URL": payer, "PAYER_KEY": PAYER_KEY}
        os.environ["DJANGO_SETTINGS_MODULE"] = "django_embedded.settings"
        django.setup()
        from bulkclaims_django import service  # noqa: PLC0415 -- once Django is set up

        call_command("migrate", verbosity=0)
        token = io.StringIO()
        call_command("bulkclaims_tokens", "create", "--org", "ACME", stdout=token)
        with closing(service):
            serve(get_wsgi_application(), token.getvalue().strip())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
