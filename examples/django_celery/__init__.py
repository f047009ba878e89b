"""A small Django project with bulkclaims built in: PostgreSQL, Celery workers behind Valkey or RabbitMQ."""
