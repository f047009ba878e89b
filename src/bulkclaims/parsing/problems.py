"""What is said of cells and rows: stable codes, a sentence and a repair for each, the shape of what stands there."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from bulkclaims.records import CellError

SENTENCES = {
    "blank": "The {column} is blank, but every row needs one; fill it in.",
    "too_long": "The {column} is longer than {longest} characters, the most a payer takes; correct it.",
    "too_short": "The {column} is shorter than {shortest} characters; complete it.",
    "reserved_character": "The {column} holds one of ~ * : ^ which payers refuse; remove it.",
    "control_character": "The {column} holds a line break or an invisible character; type it anew.",
    "not_ascii": "The {column} holds a character other than plain letters, digits and signs, such as a long dash; "
    "type it anew.",
    "damaged_number": "The {column} looks damaged by a spreadsheet, as in 1.23E+11, 123.0 or 1,234; copy it again from "
    "its source, into a column formatted as text.",
    "spreadsheet_error": "The {column} holds a spreadsheet's mark for an error, for nothing or for too narrow a "
    "column, such as #N/A, nan or ####; fill in what belongs there.",
    "npi_digits": "The {column} must be 10 digits.",
    "npi_check_digit": "The {column} has a wrong digit: its check digit does not fit; copy it again.",
    "tin_digits": "The {column} must be 9 digits, with or without a dash; a spreadsheet may have dropped a leading 0.",
    "unknown_gender": "The {column} must be M, F or U.",
    "two_digit_year": "The {column} has a year of two digits; write all four, as in 03/04/1972.",
    "day_month_swapped": "The {column} has a month above 12; it looks like day and month are swapped. "
    "Write the month first, as in 03/28/1972.",
    "no_such_day": "The {column} is a day that does not exist; correct it.",
    "day_number": "The {column} is a spreadsheet's number for a day; format the column as a date, as in 03/04/1972.",
    "not_a_date": "The {column} is not a date as we read it; write MM/DD/YYYY, as in 03/04/1972.",
    "in_future": "The {column} lies in the future; correct it.",
    "too_old": "The {column} lies more than {years} years back; correct it.",
    "last_before_first": "The {column} is earlier than the first_service_date; correct one of them.",
    "too_many_cells": "This row has {cells} cells where the header has {width}; a comma too many moves every cell "
    "after it. Remove it, or put quotes around the cell that holds it.",
    "too_few_cells": "This row has {cells} cells where the header has {width}; add the missing ones, also if blank.",
    "shifted_row": "This row looks shifted: there is a comma too many before {before}, and without it every cell would "
    "be right. Remove that comma.",
    "misquoted": 'This row has a " inside a quoted cell or left open; remove it, or write it twice.',
    "turned_to_date": "The {column} is a date: a spreadsheet took what was typed for one. Format the column as text, "
    "and type it anew.",
    "beyond_header": "This row has a cell to the right of the last heading; give its column a heading, or clear it.",
}
"""What is said of each problem, by its stable code. No sentence ever quotes a cell."""

WARNINGS = {
    "text_mark": 'The {column} had a mark that keeps it as text in a spreadsheet, \' or ="…"; it was read without.',
    "midnight": "The {column} had the time 00:00 behind its day; it was read without.",
    "time_of_day": "The {column} had a time of day behind its day; it was read without.",
    "no_break_space": "The {column} held a space that is not to be broken, as web pages have them; it was read as a "
    "plain one.",
    "mojibake": "The {column} looks as if it was saved in one encoding and opened in another, as where Jos\u00c3\u00a9 "
    "stands for Jos\u00e9; correct it, or save the file as “CSV UTF-8” where it is still right.",
    "two_names": "The {column} has a comma, as if it were the whole name; write first and last name in a cell each.",
    "name_suffix": "The {column} ends with a suffix such as Jr or III. Answers are compared without it; leave it out "
    "if the payer does not find the patient.",
    "name_title": "The {column} has a title such as Dr or MD, which payers do not keep with a name; leave it out.",
    "middle_initial": "The {column} ends with a single letter, as of a middle name; leave it out if the payer does not "
    "find the patient.",
    "leading_zeros_lost": "The {column} is one or two digits shorter than nearly all in its column: a spreadsheet has "
    "probably dropped zeros in front. Put the missing 0 in front.",
    "digits_lost": "The {column} has zeros alone behind its first 15 digits, which are all that a spreadsheet keeps of "
    "a number; compare it with its source.",
    "decimals_added": "The {column} ends with .00, and none of its column with other decimals: a spreadsheet has "
    "probably taken it for a number. Leave .00 out unless it belongs to it.",
    "day_first_column": "The {column} may be misread: other cells of the column have the day first, and none has it "
    "second. Write the month first, as in 03/28/1972, in the whole column.",
    "duplicate_row": "The very same row stands further up; the payer is asked once for both. Remove one of them.",
    "number_cell": "The {column} is a number in the workbook, and a number has no zeros at its start; check that none "
    "is missing, and format the column as text.",
    "shown_with_zeros": "The {column} is a number that the workbook shows with zeros at its start; it was read as "
    "shown.",
    "shown_by_format": "The {column} is a number that the workbook shows with signs or text between its digits; it was "
    "read as shown.",
    "serial_date": "The {column} is a plain number in the workbook; it was read as the day that the workbook has "
    "for it.",
    "trailing_empty_columns": "The file ends with columns that have neither a name nor a cell; they do no harm. Delete "
    "them in the spreadsheet.",
}
"""What is said of what is worth a look, likewise: the rows are sent all the same."""

REPAIRS = {
    "blank": "Fill it in.",
    "too_long": "Copy it again from its source.",
    "too_short": "Copy it again from its source.",
    "reserved_character": "Remove ~ * : and ^.",
    "control_character": "Type it anew.",
    "not_ascii": "Type it anew.",
    "damaged_number": "Format the column as text, and copy it again from its source.",
    "spreadsheet_error": "Fill in what belongs there.",
    "npi_digits": "Write all 10 digits.",
    "npi_check_digit": "Copy it again from its source.",
    "tin_digits": "Write all 9 digits, a 0 in front included.",
    "unknown_gender": "Write M, F or U.",
    "two_digit_year": "Write all four digits of the year.",
    "day_month_swapped": "Write the month first.",
    "no_such_day": "Correct the day.",
    "day_number": "Format the column as a date, and save the file again.",
    "not_a_date": "Write it as MM/DD/YYYY.",
    "in_future": "Correct the year.",
    "too_old": "Correct the year.",
    "last_before_first": "Correct one of the two days.",
    "too_many_cells": "Remove a comma, or put quotes around the cell that holds it.",
    "too_few_cells": "Add the missing cells, also if blank.",
    "shifted_row": "Remove the comma too many before {before}.",
    "misquoted": "Remove the quote, or write it twice.",
    "turned_to_date": "Format the column as text, and type it anew.",
    "beyond_header": "Give the column a heading, or clear the cell.",
    "text_mark": "Read without the mark.",
    "midnight": "Read without the time.",
    "time_of_day": "Read without the time.",
    "mojibake": "Save the file as “CSV UTF-8” where it is still right.",
    "no_break_space": "Read as a plain space.",
    "two_names": "Write first and last name in a cell each.",
    "name_suffix": "Leave the suffix out.",
    "name_title": "Leave the title out.",
    "middle_initial": "Leave the single letter out.",
    "leading_zeros_lost": "Put the missing 0 in front.",
    "digits_lost": "Compare it with its source.",
    "decimals_added": "Leave .00 out unless it belongs to it.",
    "day_first_column": "Write the month first in the whole column.",
    "duplicate_row": "Remove one of the two rows.",
    "number_cell": "Format the column as text, and put back zeros at the start.",
    "shown_with_zeros": "Read as shown.",
    "shown_by_format": "Read as shown.",
    "serial_date": "Read as a day.",
    "trailing_empty_columns": "Delete the empty columns.",
}
"""What mends each of them, or has: no more than can be said without knowing what stands there."""

_LONGEST_SHAPE = 20


class CellProblem(ValueError):
    """
    A cell is not what its column must hold.

    Args:
        code: A key of `SENTENCES` or `WARNINGS`.
        facts: What its sentence names beside the column; never the cell.
    """

    def __init__(self, code: str, **facts: int | str) -> None:
        self.code = code
        self._facts = tuple(facts.items())

    def at(self, row: int, column: str = "", cell: str = "") -> CellError:
        """Say where it is: in *row*, and in *column* unless the whole row is wrong; of *cell* its shape alone."""
        message, repair = said(self.code, column, self._facts)
        return CellError(row, column, self.code, message, shape(cell), repair)


@lru_cache(maxsize=256)
def said(code: str, column: str, facts: tuple[tuple[str, int | str], ...] = ()) -> tuple[str, str]:
    """Sentence and repair of a problem or a warning."""
    sentence, known = SENTENCES.get(code) or WARNINGS[code], dict(facts)
    return sentence.format(column=column, **known), REPAIRS[code].format(**known)


def shape(cell: str) -> str:
    """Mask *cell*: letters as A or a, digits as 9, signs as they are, so that a kind of damage can be recognised."""
    text = cell.strip()
    start = text[:_LONGEST_SHAPE]
    masked = start.translate(_ASCII) if start.isascii() else "".join(map(_masked, start))
    return masked if len(text) <= _LONGEST_SHAPE else f"{masked[:-1]}…"


def _masked(character: str) -> str:
    if character.isnumeric():
        return "9"
    # Marks belong to letters: by themselves they would tell of the name.
    if character.isalpha() or unicodedata.category(character).startswith("M"):
        return "A" if character.isupper() else "a"
    return character if character.isprintable() else "?"


_ASCII = {code: _masked(chr(code)) for code in range(128)}
