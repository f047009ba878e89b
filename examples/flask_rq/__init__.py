"""A small Flask application with bulkclaims built in: PostgreSQL, RQ workers behind Valkey."""
