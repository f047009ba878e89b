"""
The tasks of a Django project, found by `app.autodiscover_tasks()` once `bulkclaims_celery` is in INSTALLED_APPS.

They run what the setting `BULKCLAIMS` describes. Only workers need them: web processes send by name.
"""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.apps import apps

from bulkclaims_celery.worker import register

# Of the adapter this package knows the label alone: the two do not import each other.
_project: Any = apps.get_app_config("bulkclaims")
register(current_app, _project.chunk_worker)
