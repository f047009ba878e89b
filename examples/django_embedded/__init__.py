"""A small Django project with bulkclaims built in: SQLite, chunks run in this process, a simulated payer."""
