"""A small Flask application with bulkclaims built in: SQLite, chunks run in this process, a simulated payer."""
