"""The project's settings: what it adds to a plain project are two applications, a broker, and one dictionary."""

import os

from bulkclaims_celery import sweep_schedule

SECRET_KEY = "only for trying things"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "django_celery.urls"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "bulkclaims_celery",
    "bulkclaims_django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Where the server is and who asks, libpq reads itself: from PGHOST, PGUSER and PGPASSWORD.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        # A worker that freezes in the midst of a transaction is not to keep its chunk from the others.
        "OPTIONS": {"options": "-c idle_in_transaction_session_timeout=10s"},
        "CONN_MAX_AGE": 60,
    }
}

# A redis:// or an amqp:// address: nothing else differs between Valkey and RabbitMQ.
CELERY_BROKER_URL = os.environ["BROKER_URL"]
CELERY_BEAT_SCHEDULE = sweep_schedule()

BULKCLAIMS = {
    "DISPATCHER": "django_celery.celery.dispatcher",
    "HOST_USER": "django_celery.claims.signed_in",
    "DEFAULTS": {"payer_id": "99999", "npi": "1999999984"},
}
# Web processes leave the asking to workers, and have no key to the payer.
if "PAYER_KEY" in os.environ:
    BULKCLAIMS["PROCESSOR"] = "django_celery.claims.processor"
