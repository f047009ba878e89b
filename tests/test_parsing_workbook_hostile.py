"""Whatever a workbook was made to do, it ends as rows or as a documented refusal, in bounded time and memory."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkclaims.errors import UploadRejected
from bulkclaims.parsing import WorkbookLimits, WorkbookParser
from bulkclaims.parsing.workbook import child, refusals
from bulkclaims.records import REQUIRED_COLUMNS

GOOD = ("ZE1", "ALMA", "TESTER", "03/04/1972", "ZX0001")
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "bad-files.md"
SHEET = "xl/worksheets/sheet1.xml"
STYLES = "xl/styles.xml"


def made():
    """A workbook with one claim."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, REQUIRED_COLUMNS)
        sheet.write_row(1, 0, GOOD)
    return file.getvalue()


FILE = made()


def repacked(change=lambda _name, part: part, more=(), without=(), compression=zipfile.ZIP_DEFLATED):
    """The workbook with parts changed, added or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(FILE)) as source, zipfile.ZipFile(out, "w", compression) as target:
        for name in source.namelist():
            if name not in without:
                target.writestr(name, change(name, source.read(name)))
        for name, part in more:
            target.writestr(name, part)
    return out.getvalue()


def in_sheet(old, new):
    """The workbook with its sheet altered."""
    return repacked(lambda name, part: part.replace(old, new) if name == SHEET else part)


def with_prolog(text, encoding="utf-8", name=SHEET):
    """The workbook with something before the first element of one of its parts."""

    def change(part_name, part):
        if part_name != name:
            return part
        whole = f'<?xml version="1.0" encoding="{encoding}"?>{text}' + re.sub(r"^<\?xml[^>]*\?>", "", part.decode())
        return whole.encode(encoding)

    return repacked(change)


def with_rows(*rows):
    """The workbook with other rows below its header."""
    return repacked(
        lambda name, part: re.sub(rb'<row r="2".*</row>', "".join(rows).encode(), part) if name == SHEET else part
    )


def row(number, *references):
    """The claim as a row of a sheet, its attributes and those of its cells as they are given."""
    cells = (f'<c{at} t="str"><v>{text}</v></c>' for at, text in zip(references, GOOD, strict=True))
    return f"<row{number}>{''.join(cells)}</row>"


def references(line, columns="ABCDE"):
    """The references of cells on a line."""
    return [f' r="{column}{line}"' for column in columns]


def with_part(name, pattern, new):
    """The workbook with one of its parts altered at a place."""
    return repacked(lambda part_name, part: re.sub(pattern, new, part, count=1) if part_name == name else part)


def strict(prefix):
    """The workbook by the strict half of the standard, with or without a prefix before its elements' names."""

    def change(_name, part):
        part = part.replace(
            b"http://schemas.openxmlformats.org/spreadsheetml/2006", b"http://purl.oclc.org/ooxml/spreadsheetml"
        )
        if prefix:
            part = part.replace(b"<workbook xmlns=", b"<x:workbook xmlns:x=").replace(b"</workbook", b"</x:workbook")
        return part

    return repacked(change)


def lying(file):
    """The workbook with a sheet that is larger than it declares."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        size = archive.getinfo(SHEET).file_size
    return file.replace(struct.pack("<L", size), struct.pack("<L", size - 100))


def encrypted(file):
    """The workbook with the mark of an encrypted entry on all of its parts."""
    out = bytearray(file)
    for at in (found.start() for found in re.finditer(b"PK\x01\x02", file)):
        out[at + 8] |= 1
    return bytes(out)


LAUGHS = (
    "<!DOCTYPE a [<!ENTITY l '"
    + "l" * 99
    + "'>"
    + "".join(f"<!ENTITY l{n} '{f'&l{n - 1 or str()};' * 10}'>" for n in range(1, 10))
    + "]>"
)
XXE = "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd' [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
ZEROS = bytes(20 * 1024 * 1024)

REFUSED = {
    "A workbook that was cut off": (FILE[:-100], "bad_workbook"),
    "A workbook with a damaged sheet": (in_sheet(b"</row>", b"</raw>"), "bad_workbook"),
    "A sheet with a row twice": (in_sheet(b'<row r="2"', b'<row r="1"'), "bad_workbook"),
    "A workbook without its list of sheets": (repacked(without=["xl/workbook.xml"]), "bad_workbook"),
    "A workbook with a DOCTYPE": (with_prolog("<!DOCTYPE a>"), "bad_workbook"),
    "A workbook with a password": (
        b"\xd0\xcf\x11\xe0" + bytes(508) + "EncryptedPackage".encode("utf-16-le"),
        "password_protected",
    ),
    "A workbook with macros": (repacked(more=[("xl/vbaProject.bin", b"")]), "macro_workbook"),
    "An old workbook (XLS)": (b"\xd0\xcf\x11\xe0" + bytes(508) + "Workbook".encode("utf-16-le"), "legacy_workbook"),
    "A binary workbook (XLSB)": (repacked(more=[("xl/workbook.bin", b"")]), "binary_workbook"),
    "An OpenDocument spreadsheet (ODS)": (repacked(more=[("mimetype", b""), ("content.xml", b"")]), "ods_workbook"),
    "A Strict Open XML workbook": (strict(prefix=False), "strict_workbook"),
    "A workbook that unpacks to far more than it is": (repacked(more=[("a", ZEROS)]), "workbook_too_large"),
    "A ZIP archive": (repacked(without=["[Content_Types].xml"]), "binary_file"),
    "A text document (DOCX)": (
        repacked(without=[name for name in zipfile.ZipFile(io.BytesIO(FILE)).namelist() if name.startswith("xl/")]),
        "binary_file",
    ),
}
"""Files that the page lists, with their codes."""

OTHERS = {
    "an old Word document": (b"\xd0\xcf\x11\xe0" + bytes(508) + "WordDocument".encode("utf-16-le"), "binary_file"),
    "a book of the oldest kind": (b"\xd0\xcf\x11\xe0" + bytes(40_000) + "Book".encode("utf-16-le"), "legacy_workbook"),
    "a password across two blocks": (
        b"\xd0\xcf\x11\xe0" + bytes(32_768 - 9) + "EncryptedPackage".encode("utf-16-le"),
        "password_protected",
    ),
    "macros of Excel 4": (repacked(more=[("xl/macrosheets/sheet1.xml", b"")]), "macro_workbook"),
    "many entries": (repacked(more=[(f"xl/{n}", b"") for n in range(2_100)]), "workbook_too_large"),
    "much in many parts": (repacked(more=[(f"xl/{n}", ZEROS[: 9 << 20]) for n in range(50)]), "workbook_too_large"),
    "a size that lies": (lying(FILE), "bad_workbook"),
    "an archive with a password": (encrypted(FILE), "password_protected"),
    "another packing": (repacked(compression=zipfile.ZIP_BZIP2), "bad_workbook"),
    "billion laughs": (with_prolog(LAUGHS), "bad_workbook"),
    "an external entity": (with_prolog(XXE), "bad_workbook"),
    "an external entity in UTF-16": (with_prolog(XXE, "utf-16"), "bad_workbook"),
    "an external entity in the types": (with_prolog(XXE, name="[Content_Types].xml"), "bad_workbook"),
    "an external entity behind a long comment": (with_prolog("<!--" + "a" * 200_000 + "-->" + XXE), "bad_workbook"),
    "a column beyond all": (in_sheet(b'r="E2"', b'r="ZZZZ99999999999"'), "bad_workbook"),
    "a row beyond all": (in_sheet(b'<row r="2"', b'<row r="99999999999"'), "bad_workbook"),
    "a row that is none": (in_sheet(b'<row r="2"', b'<row r="two"'), "bad_workbook"),
    "a string that is not there": (in_sheet(b"<v>9</v>", b"<v>99</v>"), "bad_workbook"),
    "a style that is not there": (in_sheet(b'<c r="E2" t="s"><v>9</v>', b'<c r="E2" s="99"><v>9</v>'), "bad_workbook"),
    "a number of five thousand digits": (in_sheet(b't="s"><v>9</v>', b"><v>" + b"9" * 5000 + b"</v>"), "bad_workbook"),
    "a strict workbook with prefixes": (strict(prefix=True), "strict_workbook"),
    "a string before the first": (in_sheet(b"<v>9</v>", b"<v>-1</v>"), "bad_workbook"),
    "a style before the first": (in_sheet(b'<c r="E2" t="s"><v>9</v>', b'<c r="E2" s="-1"><v>9</v>'), "bad_workbook"),
    "rows that go backwards": (
        with_rows(row(' r="5"', *references(5)), row(' r="4"', *references(4))),
        "bad_workbook",
    ),
    "a row behind one without a number": (
        with_rows(row("", *references(7)), row(' r="7"', *references(7))),
        "bad_workbook",
    ),
    "a row before the first": (with_rows(row(' r="0"', *references(0))), "bad_workbook"),
    "cells that go backwards": (with_rows(row(' r="2"', *references(2, "ABCED"))), "bad_workbook"),
    "a cell twice": (with_rows(row(' r="2"', *references(2, "ABCDD"))), "bad_workbook"),
    "a cell of another row": (
        with_rows(row(' r="2"', *references(2, "ABCD"), ' r="E3"')),
        "bad_workbook",
    ),
    "rows below the sheet's": (
        in_sheet(b"</sheetData>", b"</sheetData><sheetData><row/></sheetData>"),
        "bad_workbook",
    ),
    "deep nesting": (in_sheet(b"<sheetData>", b"<a>" * 200_000 + b"<sheetData>"), "bad_workbook"),
}
"""Other ways to be no workbook."""

READ = {
    "a sparse sheet": in_sheet(b"</row></sheetData>", b'</row><row r="1048576"><c r="XFD1048576"/></row></sheetData>'),
    "rows without numbers": in_sheet(b'<row r="2"', b"<row"),
    "rows and cells without numbers": with_rows(row("", *[""] * 5)),
    "cells without a row's number": with_rows(row("", *references(2))),
    "a row without cells": with_rows(row(' r="2"', *references(2)), "<row/>", '<row r="9"><c r="A9"/></row>'),
    "a font of a family that is none": with_part(STYLES, rb'<family val="2"/>', b'<family val="99"/>'),
    "a text in such a font": with_part(
        "xl/sharedStrings.xml",
        rb"<si><t>ZE1</t></si>",
        b'<si><r><rPr><family val="99"/></rPr><t>ZE</t></r><r><t>1</t></r><rPh sb="0" eb="1"><t>x</t></rPh></si>',
    ),
    "an empty fill": with_part(STYLES, rb"<fill>.*?</fill>", b"<fill/>"),
    "an odd style": with_part(
        STYLES, rb"<cellXfs.*</cellXfs>", b'<cellXfs><xf fontId="x"><alignment wrapText="7"/></xf></cellXfs>'
    ),
    "no styles": repacked(without=[STYLES]),
    "an odd moment of making": with_part(
        "docProps/core.xml", rb">[^<]*</dcterms:created>", b">yesterday</dcterms:created>"
    ),
    "odd margins": in_sheet(b"<pageMargins ", b'<pageSetup orientation="up"/><pageMargins odd="1" '),
    "a nested archive": repacked(more=[("xl/media/a.zip", FILE)]),
    "a picture": repacked(more=[("xl/media/a.png", b"\x89PNG\r\n\x1a\n" + random.Random(7).randbytes(9999))]),
    "two million styles that nobody uses": repacked(more=[("xl/other.xml", b"<xf/>" * 2_000_000)]),
}
"""Strange, and harmless."""


def told(file, limits=WorkbookLimits()):  # noqa: B008 -- frozen
    """What the process would tell, without the process."""
    return list(child.told(io.BytesIO(file), "", limits))


def parse(file, **limits):
    """Read in a process of its own."""
    return list(WorkbookParser(None, limits=WorkbookLimits(**limits)).parse(io.BytesIO(file)))


def refusal_told(file):
    """Code and sentence of a file that is refused: an archive without the process, or they would take long."""
    if not file.startswith(b"PK"):
        return refusal(file)
    (last,) = [message for message in told(file) if "refused" in message]
    return last["refused"], last["said"]


def refusal(file, **limits):
    """Code and sentence of a file that is refused."""
    with pytest.raises(UploadRejected) as refused:
        parse(file, **limits)
    return refused.value.code, refused.value.message


def test_the_workbook_is_read_as_it_is():
    """Without which the others would prove little."""
    assert [row.values for row in parse(FILE)] == [GOOD]


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_workbook_gets_the_documented_sentence(case):
    """Every workbook that is refused as a whole gets the code and the very sentence that the page promises."""
    file, code = REFUSED[case]
    section = PAGE.read_text(encoding="utf-8").split("\n## Workbooks refused as a whole\n")[1].split("\n## ")[0]
    page = {name: told for name, *told in re.findall(r"^\| (.+?) \| `(\w+)` \| (.+) \|$", section, re.MULTILINE)}
    assert list(refusal_told(file)) == page[case]
    assert page[case][0] == code
    assert list(page) == list(REFUSED)


@pytest.mark.parametrize("case", OTHERS)
def test_a_hostile_workbook_is_refused(case):
    """Within a second or two, and this process is still there to say so."""
    file, code = OTHERS[case]
    begun = time.monotonic()
    assert refusal_told(file)[0] == code
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("case", READ)
def test_a_strange_workbook_is_read(case):
    """With its one row, whole."""
    _, *rows, end = told(READ[case])
    assert rows == [[1, list(REQUIRED_COLUMNS)], [2, list(GOOD)]]
    assert end == child.END


CELLS = {
    '<c r="E2" t="inlineStr"><is><r><rPr><family val="99"/></rPr><t>ZX</t></r><r><t>1</t></r></is></c>': "ZX1",
    '<c r="E2" t="inlineStr"/>': None,
    '<c r="E2" t="inlineStr"><is><t/></is></c>': None,
    '<c r="E2" t="s"><v></v></c>': None,
    '<c r="E2" t="b"><v>1</v></c>': True,
    '<c r="E2" t="e"><v>#N/A</v></c>': "#N/A",
    '<c r="E2" t="str"><v>a_x000D__x005F_x000D_</v></c>': "a\r_x000D_",
    '<c r="E2" t="d"><v>1972-03-04</v></c>': {"day": "03/04/1972"},
    '<c r="E2" t="d"><v>1972-03-04T17:05:00</v></c>': {"day": "03/04/1972 17:05:00"},
    '<c r="E2" t="d"><v>17:05:00</v></c>': "17:05:00",
    '<c r="E2"><v>1.5E3</v></c>': 1500.0,
    '<c r="E2" s="1"><v>26362</v></c>': {"day": "03/04/1972"},
    '<c r="E2" s="1"><v>0.5</v></c>': "12:00:00",
    '<c r="E2" s="1"><v>99999999</v></c>': "#VALUE!",
    '<c r="E2" s="2"><v>1.5</v></c>': "1 day, 12:00:00",
    '<c r="E2" s="3"><v>123</v></c>': {"shown": "00-0123"},
    '<c r="E2" s="3"><v>1E999</v></c>': float("inf"),
    '<c r="E2" s="4"><v>123</v></c>': 123,
}
STYLE_SHEET = (
    b'<numFmts><numFmt numFmtId="164" formatCode="[h]:mm"/><numFmt numFmtId="165" formatCode="00-0000"/></numFmts>'
    b'<cellXfs><xf/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="60"/></cellXfs>'
)


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_of_any_kind_is_read(cell):
    """Also of those that few programs write."""

    def change(name, part):
        if name == STYLES:
            return re.sub(
                rb"(<styleSheet[^>]*>).*(</styleSheet>)", rb"\1" + STYLE_SHEET + rb"\2", part, flags=re.DOTALL
            )
        return re.sub(rb'<c r="E2".*?</c>', cell.encode(), part) if name == SHEET else part

    value = CELLS[cell]
    assert told(repacked(change))[2] == [2, [*GOOD[:4], value] if value is not None else list(GOOD[:4])]


def test_a_sheet_of_more_rows_than_there_are_is_refused():
    """No program has one, and what counts rows need not go on."""
    file = with_rows(row(' r="1048577"', *references(1048577)))
    assert refusal_told(file)[0] == "bad_workbook"


@pytest.mark.parametrize("kilobytes", [100, 20_000])
def test_a_sheet_that_never_ends_is_cut_short(kilobytes):
    """A reader that takes too much is stopped by the system, and its end is understood."""
    file = in_sheet(b"</sheetData>", b"<a>" * (kilobytes * 1024 // 3) + b"</sheetData>")
    assert refusal(file, ratio=10**9, memory_bytes=60 << 20)[0] in {"bad_workbook", "workbook_too_large"}


@pytest.mark.slow
def test_a_reader_that_needs_too_much_memory_is_stopped():
    """Its own, not this process's."""
    many = b"".join(b"<si><t>%d</t></si>" % number for number in range(400_000))
    file = repacked(
        lambda name, part: part.replace(b"</sst>", many + b"</sst>") if name == "xl/sharedStrings.xml" else part
    )
    assert refusal(file, memory_bytes=64 << 20)[0] == "workbook_too_large"


@pytest.mark.slow
def test_a_reader_that_needs_too_much_time_is_stopped():
    """By the processor's clock."""
    many = b"".join(b'<row r="%d"><c><v>1</v></c></row>' % number for number in range(3, 250_000))
    assert refusal(in_sheet(b"</sheetData>", many + b"</sheetData>"), cpu_seconds=1)[0] == "workbook_too_large"


@settings(max_examples=40, deadline=None)
@given(keep=st.floats(0, 1), noise=st.binary(max_size=60), at=st.floats(0, 1))
def test_a_damaged_workbook_is_refused_or_read(keep, noise, at):
    """Cut anywhere, and with anything written over it anywhere."""
    place = int(at * len(FILE))
    messages = told(FILE[:place] + noise + FILE[place + len(noise) :])
    assert json.loads(json.dumps(messages[-1])) in (child.END, messages[-1])
    assert messages[-1] == child.END or messages[-1]["refused"] in refusals.CODES
    with suppress(UploadRejected):
        # No process is started for what has lost its end.
        list(WorkbookParser().parse(io.BytesIO(FILE[: int(keep * (len(FILE) - 22))] + noise.replace(b"PK", b""))))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_workbook_of_damaged_parts_is_refused_or_read(data):
    """The archive is whole, and what is in it is not."""
    name = data.draw(st.sampled_from(zipfile.ZipFile(io.BytesIO(FILE)).namelist()))
    noise = data.draw(st.binary(max_size=20) | st.sampled_from([b"<c", b"9" * 30, b'r="-1"', b"&x;", b"</row>"]))

    def change(part_name, part):
        place = data.draw(st.integers(0, len(part))) if part_name == name else 0
        return part[:place] + noise + part[place + len(noise) :] if part_name == name else part

    messages = told(repacked(change))
    assert messages[-1] == child.END or messages[-1]["refused"] in refusals.CODES
