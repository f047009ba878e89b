"""Why a workbook is refused as a whole, by stable code."""

from __future__ import annotations

from bulkclaims.errors import UploadRejected

SENTENCES = {
    "bad_workbook": "The file is no workbook that can be read: it is damaged, or was cut off on its way. Open it in a "
    "spreadsheet program, save it as “Excel Workbook (*.xlsx)” and upload it again.",
    "unread_part": "The workbook cannot be read here: something in it is damaged, or is written as no spreadsheet "
    "program that we know does. Open it in a spreadsheet program, save it as “Excel Workbook (*.xlsx)” and upload "
    "that.",
    "disordered_sheet": "The sheet has rows or cells that stand out of order, twice at the same place, or below where "
    "a sheet ends; some would be lost. Open it in a spreadsheet program, save it as “Excel Workbook (*.xlsx)” and "
    "upload that.",
    "workbook_too_large": "The workbook is too large to be read, or was made to look so. Copy the claims into a new "
    "workbook, split them if they are many, or save the sheet as “CSV UTF-8”.",
    "password_protected": "The workbook is protected with a password. Open it, remove the password and save it again.",
    "macro_workbook": "The workbook holds macros, which are not taken. Save it as “Excel Workbook (*.xlsx)” and upload "
    "that.",
    "legacy_workbook": "The file is a workbook of the old kind (XLS). Open it in a spreadsheet program and save it as "
    "“Excel Workbook (*.xlsx)”.",
    "ods_workbook": "The file is an OpenDocument spreadsheet (ODS). Open it where it was made and save it as "
    "“Excel (*.xlsx)” or as CSV.",
    "binary_workbook": "The file is a binary workbook (XLSB). Open it in Excel and save it as “Excel Workbook "
    "(*.xlsx)”.",
    "strict_workbook": "The workbook was saved as “Strict Open XML Spreadsheet”, which is not read here. Open it and "
    "save it as “Excel Workbook (*.xlsx)”, which does not say “Strict”.",
    "no_such_sheet": "The workbook has no sheet of the name that was asked for; {visible} of its sheets can be seen. "
    "Check the name, or leave it out: the first sheet is read then.",
    "no_visible_sheet": "The workbook has no sheet that can be seen. Show the one with the claims, or say its name.",
    "workbooks_not_read": "Workbooks are not read here: whoever runs this service has not installed openpyxl, which "
    "comes with “bulkclaims[xlsx]”. Save the sheet as “CSV UTF-8” and upload that.",
    "other_archive": "The file is a ZIP archive, and no workbook. Unpack it and upload the file inside.",
    "other_document": "The file is an Office document, and no workbook. Ask for the same list as a workbook or a CSV.",
    "row_too_large": "Row {row} of the sheet has more than {most:,} characters. Remove what does not belong there.",
    "empty_file": "The sheet is empty. It needs a header that names the columns, and one line for each claim.",
    "no_rows": "The sheet has a header but no rows. Add one line for each claim below the header.",
}
"""What is said of each. No sentence quotes a cell or the name of a sheet."""

_OTHERWISE = {
    "other_archive": "binary_file",
    "other_document": "binary_file",
    "unread_part": "bad_workbook",
    "disordered_sheet": "bad_workbook",
}
CODES = frozenset(_OTHERWISE.get(reason, reason) for reason in SENTENCES)


def refusal(reason: str, **facts: int) -> UploadRejected:
    """Say why the workbook is refused: *reason* is a key of `SENTENCES`, *facts* are what its sentence names."""
    return UploadRejected(SENTENCES[reason].format(**facts), code=_OTHERWISE.get(reason, reason))
