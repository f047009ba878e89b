"""Results as files."""

from bulkclaims.writers.columns import Column, Columns, full, nine, to_correct
from bulkclaims.writers.csv import CsvWriter
from bulkclaims.writers.json_lines import JsonLinesWriter
from bulkclaims.writers.xlsx import XlsxWriter

__all__ = ["Column", "Columns", "CsvWriter", "JsonLinesWriter", "XlsxWriter", "full", "nine", "to_correct"]
