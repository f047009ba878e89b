"""Files told apart by how they begin, whatever their names say."""

from __future__ import annotations

import codecs
import re

from bulkclaims.errors import UploadRejected

ZIP = b"PK\x03\x04"
"""How a ZIP archive begins, and so every workbook of the kinds that are read."""
OLE = b"\xd0\xcf\x11\xe0"
"""How an old Office file begins, and a new one with a password, which is put into an old one."""

_LOOKED_AT = 16 * 1024
"""A flat OpenDocument file names some forty namespaces before it says what it is."""
_SAVE_AS_CSV = "Open it where it was made and save it as “CSV UTF-8”."
_UNPACK = "Unpack it and upload the CSV inside."
_ASK_FOR_CSV = "Ask for the same list as a CSV."
_KINDS = (
    (rb"PK\x03\x04.*?(?:\[Content_Types\]\.xml|xl/)", "an Excel workbook (XLSX)", _SAVE_AS_CSV),
    (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive", _UNPACK),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook (XLS, or XLSX with a password)", _SAVE_AS_CSV),
    (rb"%PDF", "a PDF", _ASK_FOR_CSV),
    (rb"\x1f\x8b", "a compressed file (gzip)", _UNPACK),
    (rb"\x89PNG", "a picture (PNG)", _ASK_FOR_CSV),
    (rb"\xff\xd8\xff", "a picture (JPEG)", _ASK_FOR_CSV),
    (rb"\{\\rtf", "a text document (RTF)", _SAVE_AS_CSV),
    (
        rb"\s*(?:<[?!][^>]*>\s*)*<office:document\s[^>]*?application/vnd\.oasis\.opendocument\.spreadsheet",
        "an OpenDocument spreadsheet in one piece (FODS)",
        _SAVE_AS_CSV,
    ),
    (rb"\s*(?:<[?!][^>]*>\s*)*<office:document\s", "an OpenDocument file, and no spreadsheet", _ASK_FOR_CSV),
    (rb"\s*<.*?(?:office:spreadsheet|Excel\.Sheet)", "an XML spreadsheet of 2003", _SAVE_AS_CSV),
    (rb"\s*<(?:.*?<)??(?:!doctype html|html|head|meta|body|table)\b", "a web page", _SAVE_AS_CSV),
    (rb"\s*<", "XML", _SAVE_AS_CSV),
    (
        # Lines of a mail's head; browsers put some before the one that tells.
        rb"\s*(?:[a-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?MIME-Version:.*?multipart/related",
        "a web page with all its parts (MHTML)",
        _SAVE_AS_CSV,
    ),
    # A heading may begin so, too, but not with the program's name alone and records of cells below it.
    (
        rb"(?-i:ID;P[A-Z0-9]*(?:;[NE])*\s*\n(?:[OP];|[BC];[XY]|F;[A-Z]|NN;|W;))",
        "a SYLK spreadsheet (SLK)",
        _SAVE_AS_CSV,
    ),
    (rb"(?-i:TABLE\r?\n0,1\r?\n\")", "a spreadsheet in the Data Interchange Format (DIF)", _SAVE_AS_CSV),
)
"""How such a file begins, what it is, and what to do about it."""
_POSE_AS_XLS = ("an XML spreadsheet of 2003", "a web page", "a web page with all its parts (MHTML)")
"""What portals export under a name that ends in .xls."""
_OF_OPEN_DOCUMENT = "an OpenDocument spreadsheet in one piece (FODS)"
_LEGACY = ("a SYLK spreadsheet (SLK)", "a spreadsheet in the Data Interchange Format (DIF)")


def may_be_workbook(first: bytes) -> bool:
    """Whether a file that begins with *first* is for a reader of workbooks, be it to say what is wrong with it."""
    return first.startswith((ZIP, OLE))


def refuse_other_formats(first: bytes) -> None:
    """
    Tell what is no CSV, by its first bytes.

    Raises:
        UploadRejected: It is something else.
    """
    beginning = _without_mark(first[:_LOOKED_AT])
    for pattern, kind, cure in _KINDS:
        if re.match(pattern, beginning, re.DOTALL | re.IGNORECASE):
            raise _refusal(kind, cure)


def _refusal(kind: str, cure: str) -> UploadRejected:
    posing = kind in _POSE_AS_XLS
    sentence = f"The file is {kind}, {'whatever its name says' if posing else 'not a CSV'}. {cure}"
    if kind in _LEGACY or kind == _OF_OPEN_DOCUMENT:
        return UploadRejected(sentence, code="legacy_workbook" if kind in _LEGACY else "ods_workbook")
    return UploadRejected(sentence, code="html_workbook" if posing else "binary_file")


def _without_mark(first: bytes) -> bytes:
    """The same in ASCII, as far as it is, where a byte order mark says that it is UTF-16."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if first.startswith(mark):
            return first.removeprefix(mark).decode(encoding, "replace").encode("ascii", "replace")
    return first.removeprefix(codecs.BOM_UTF8)
