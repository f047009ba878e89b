"""Files are told apart by how they begin."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing.formats import may_be_workbook, refuse_other_formats

SPREADSHEET_2003 = b"""<?xml version="1.0"?>
<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">"""
FLAT_ODS = (
    b'''<?xml version="1.0" encoding="UTF-8"?>

<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="'''
    + b"x" * 9_000
    + b""""
 office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body><table:table>"""
)
"""As LibreOffice writes it."""
MHTML = b"""MIME-Version: 1.0
X-Document-Type: Workbook
Content-Type: multipart/related; boundary="----=_NextPart_01"

------=_NextPart_01
Content-Type: text/html

<html><table>"""
SAVED_BY_A_BROWSER = b"From: <Saved by Blink>\r\nSubject:\r\n  Claims\r\n" + MHTML.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("first", "code", "said"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "binary_file", "an Excel workbook"),
        (b"PK\x03\x04\x14\x00claims.csv", "binary_file", "a ZIP archive"),
        (b"PK\x05\x06" + bytes(18), "binary_file", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "binary_file", "XLS"),
        (b"%PDF-1.7\n", "binary_file", "a PDF"),
        (b"\n<html><table>", "html_workbook", "a web page"),
        (b"<!DOCTYPE HTML PUBLIC", "html_workbook", "a web page"),
        (b"<style>td {mso-number-format: '@'}</style>\n<TABLE border=1>", "html_workbook", "a web page"),
        (b"\xef\xbb\xbf<table>", "html_workbook", "a web page"),
        ("\ufeff<html>Zoë".encode("utf-16-le"), "html_workbook", "a web page"),
        ("\ufeff<html>".encode("utf-16-be"), "html_workbook", "a web page"),
        (SPREADSHEET_2003, "html_workbook", "an XML spreadsheet of 2003"),
        (b"<?xml version='1.0'?><claims/>", "binary_file", "XML"),
        (FLAT_ODS, "ods_workbook", "an OpenDocument spreadsheet"),
        (FLAT_ODS.replace(b".spreadsheet", b".text"), "binary_file", "an OpenDocument file, and no spreadsheet"),
        (MHTML, "html_workbook", "a web page with all its parts"),
        (SAVED_BY_A_BROWSER, "html_workbook", "a web page with all its parts"),
        (b"ID;PWXL;N;E\r\nP;PGeneral\r\n", "legacy_workbook", "SYLK"),
        (b'ID;PCALCOOO32\nB;Y3;X4\nC;Y1;X1;K"claim_number"\n', "legacy_workbook", "SYLK"),
        (b"ID;P\r\nC;Y1;X1;K1\r\nE\r\n", "legacy_workbook", "SYLK"),
        (b'TABLE\r\n0,1\r\n"EXCEL"\r\nVECTORS\r\n', "legacy_workbook", "DIF"),
    ],
)
def test_what_is_no_csv_is_told(first, code, said):
    """Each with its code and its name."""
    with pytest.raises(UploadRejected, match=said) as refused:
        refuse_other_formats(first)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"claim_number,first_name\n",
        "\ufeffclaim".encode("utf-16-le"),
        b"a<html>",
        b"ID;Patient first name;Patient last name\nP;ALMA;TESTER\n",
        b"ID;PATIENT;DOB\nC;YALMA;03/04/1972\n",
        b"ID;PATIENT\nZE1;ALMA\n",
        b"TABLE\n0,1\n0,2\n",
        b"MIME-Version:,multipart\n",
    ],
)
def test_what_may_be_a_csv_passes(first):
    """Nothing is said of it."""
    refuse_other_formats(first)
    assert not may_be_workbook(first)


@pytest.mark.parametrize("tail", [b"<!" * 20_000, b"<h" * 20_000, b" " * 40_000, b"\n<" * 20_000])
def test_a_long_beginning_costs_nothing(tail):
    """However its first block was made up, it is looked at once."""
    with pytest.raises(UploadRejected):
        refuse_other_formats(b"<" + tail)


@pytest.mark.parametrize("piece", [b"a:\n", b"a:\n \n", b"MIME-Version:\n", b"<?x>", b"<? >\n", b"ID;P;N;E"])
def test_a_beginning_that_nearly_tells_costs_nothing(piece):
    """Nor what begins as something does, over and over."""
    begun = time.process_time()
    with suppress(UploadRejected):
        refuse_other_formats(piece * 10_000)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("first", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_what_a_reader_of_workbooks_is_to_look_at(first):
    """Archives and old Office files."""
    assert may_be_workbook(first)
