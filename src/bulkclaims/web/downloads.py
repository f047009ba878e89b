"""
Results as files to download, of every shape: whole, packed, or the part that a broken download lacks.

Of conditions and ranges what RFC 9110 says, of digests RFC 9530. One range is answered, of the plain form of a finished
file. Several at once, other units and what is not understood get the whole file, as the RFC allows: no client that
goes on with a download asks for more, and an answer in many parts would have to be made and read by hand. Who asks for
a part of a file whose size is not known yet waits until it is: the end of the part has to be told before it is sent.
"""

from __future__ import annotations

import re
from base64 import b64encode
from enum import StrEnum
from typing import TYPE_CHECKING
from zlib import ZLIB_RUNTIME_VERSION

from attrs import frozen

from bulkclaims.errors import NoSuchRange, NotSetUp, RequestWrong, SettingsWrong
from bulkclaims.results.finished import gzipped
from bulkclaims.results.shapes import Format, Shape, Which
from bulkclaims.web import queries
from bulkclaims.web.accepting import PLAIN, best, best_coding
from bulkclaims.web.messages import CSV, Response, attachment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bulkclaims.jobs import Job
    from bulkclaims.results.finished import FileDigest, ResultFile
    from bulkclaims.web.calls import Call
    from bulkclaims.web.messages import Request

MEDIA_TYPES = {
    "text/csv": Format.CSV,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Format.XLSX,
    "application/jsonl": Format.JSONL,
    "application/x-ndjson": Format.JSONL,
}
"""Under what names each format is asked for; the first are preferred."""
_GZIP = "gzip"
_RANGE = re.compile(r"bytes *= *([0-9]{0,18}) *- *([0-9]{0,18})", re.IGNORECASE)


class _Rows(StrEnum):
    FAILED = "failed"


@frozen
class _Asked:
    """What a request asks for, and how it may be sent."""

    shape: Shape
    media_type: str
    packed: bool
    """Whether the client likes it packed, if it gets all of it."""
    plain: bool
    """Whether it takes it as it is."""
    varies: str
    """The headers that decided about it."""


def results(call: Call) -> Response:
    """Send the results file in pieces, or as much of it as is asked for."""
    request = call.request
    asked = _asked(request)
    file = _file(call, asked.shape)
    headers = {"Vary": asked.varies} if asked.varies else {}
    if file.mark is None:
        return _whole(file, asked, {**headers, "Accept-Ranges": "none"})
    plain_tag = f'"{file.mark.hex()}"'
    span = _span(request, plain_tag) if asked.plain else None
    packed = asked.packed and span is None
    # Of the packed form no parts are made. It bears a name of its own, for its bytes depend on the library, too.
    tag = f'{plain_tag[:-1]}-{_GZIP}-{ZLIB_RUNTIME_VERSION}"' if packed else plain_tag
    headers |= {"ETag": tag, **({"Accept-Ranges": "none"} if packed else {})}
    if queries.is_known(request, headers["ETag"]):
        return Response(304, headers={**headers, "Cache-Control": "no-store"})
    headers = {"Accept-Ranges": "bytes", **headers}
    return _whole(file, asked, headers) if span is None else _part(file, asked, headers, span)


def results_name(job: Job, shape: Shape | None = None) -> str:
    """Name the results file; not after the upload, which may name a patient, and would in logs and download folders."""
    shape = shape or Shape()
    words = [str(shape.columns)] if shape.columns is Which.FULL else []
    words += [word for word, is_so in (("failed", shape.failed), ("changed", shape.changed)) if is_so]
    return f"{'-'.join(['claim-status', _day(job.created_at), job.id[:8], *words])}.{shape.format}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y%m%d}"


def _asked(request: Request) -> _Asked:
    form = queries.word(request, "format", Format)
    offered = [each for each, its_format in MEDIA_TYPES.items() if form in {None, its_format}]
    media_type = best(request.headers.get("accept", ""), offered)
    if media_type is None:
        raise RequestWrong(f"The file is {offered[0]}, which `Accept` excludes.", code="not_acceptable")
    shape = _shape(request, MEDIA_TYPES[media_type])
    codings = [PLAIN] if shape.format is Format.XLSX else [_GZIP, PLAIN]  # a workbook is packed in itself
    header = request.headers.get("accept-encoding", "")
    coding = best_coding(header, codings)
    if coding is None:
        listed = " or ".join(codings)
        raise RequestWrong(f"The file is sent as {listed}, which `Accept-Encoding` excludes.", code="not_acceptable")
    decided = [*(["Accept"] if form is None else []), *(["Accept-Encoding"] if _GZIP in codings else [])]
    return _Asked(
        shape,
        media_type,
        packed=coding == _GZIP,
        plain=best_coding(header, [PLAIN]) is not None,
        varies=", ".join(decided),
    )


def _shape(request: Request, form: Format) -> Shape:
    bom = bool(queries.flag(request, "bom"))
    if bom and form is not Format.CSV:
        raise RequestWrong("The parameter bom is for CSV files alone.", code="bad_parameter")
    return Shape(
        format=form,
        columns=queries.word(request, "columns", Which),
        failed=queries.word(request, "status", _Rows) is not None,
        changed=bool(queries.flag(request, "changed")),
        bom=bom,
    )


def _file(call: Call, shape: Shape) -> ResultFile:
    try:
        return call.bulk.results_file(call.job, shape, partial=bool(queries.flag(call.request, "partial")))
    except SettingsWrong as error:
        # What is to be installed is for those who run the service.
        raise NotSetUp(str(error)) from None


def _span(request: Request, tag: str) -> tuple[int | None, int | None] | None:
    """First and last byte asked for, without the first so many last ones; None when all of the file is."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = (int(digits) if digits else None for digits in found.groups())
    is_none = first is None and last is None
    return None if is_none or (first is not None and last is not None and last < first) else (first, last)


def _within(span: tuple[int | None, int | None], size: int) -> tuple[int, int]:
    first, last = span
    if first is None:
        first, last = max(0, size - (last or 0)), None
    if first >= size:
        raise NoSuchRange(size)
    return first, size - 1 if last is None else min(last, size - 1)


def _whole(file: ResultFile, asked: _Asked, headers: dict[str, str]) -> Response:
    pieces = file.whole()
    if asked.packed:
        return _answer(file, asked, gzipped(pieces), {**headers, "Content-Encoding": _GZIP})
    told = {} if file.known is None else {"Content-Length": str(file.known.size), **_digest(file.known)}
    return _answer(file, asked, pieces, {**headers, **told})


def _part(file: ResultFile, asked: _Asked, headers: dict[str, str], span: tuple[int | None, int | None]) -> Response:
    known = file.measured()
    first, last = _within(span, known.size)
    told = {
        "Content-Range": f"bytes {first}-{last}/{known.size}",
        "Content-Length": str(last + 1 - first),
        **_digest(known),
    }
    return _answer(file, asked, file.part(first, last), {**headers, **told}, status=206)


def _answer(
    file: ResultFile, asked: _Asked, body: Iterator[bytes], headers: dict[str, str], status: int = 200
) -> Response:
    media_type = CSV if asked.shape.format is Format.CSV else asked.media_type
    return attachment(results_name(file.job, asked.shape), body, media_type, headers, status=status)


def _digest(known: FileDigest) -> dict[str, str]:
    return {"Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(known.sha256)).decode()}:"}
