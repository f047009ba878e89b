"""The tables, from version to version."""
