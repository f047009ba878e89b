"""Text in the cells of a workbook, whatever it is."""

from __future__ import annotations

from typing import Any

MOST_CHARACTERS = 32_767
"""What a cell holds, counted as UTF-16 does."""


def write_text(sheet: Any, row: int, place: int, text: str, form: Any) -> None:  # noqa: ANN401 -- XlsxWriter ships no types
    """
    Write *text* as text, which is never run.

    What is longer than a cell holds is cut and ends with `…`. Control characters, which XML has not, are written as
    Excel writes them, as `_x0000_`.
    """
    text = _fitting(text)
    if text.startswith("<r>") and text.endswith("</r>"):
        # XlsxWriter would take it for XML of its own making; not so in parts.
        sheet.write_rich_string(row, place, "<", "r", text[2:], form)
    elif text:
        sheet.write_string(row, place, text, form)


def _fitting(text: str) -> str:
    if 2 * len(text) <= MOST_CHARACTERS:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARACTERS:
        return text
    return units[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", "ignore") + "…"
