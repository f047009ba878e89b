"""The project's Celery application: what `celery -A django_celery worker` starts from, and how web processes ring."""

from __future__ import annotations

import os

from celery import Celery

from bulkclaims_celery import CeleryDispatcher

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_celery.settings")

app = Celery("django_celery")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def dispatcher() -> CeleryDispatcher:
    """Ring for workers through the project's broker."""
    return CeleryDispatcher(app)
