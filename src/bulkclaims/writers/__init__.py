"""Results as files."""

from bulkclaims.writers.csv import CsvWriter

__all__ = ["CsvWriter"]
