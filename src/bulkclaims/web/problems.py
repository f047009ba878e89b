"""Errors as `application/problem+json` (RFC 9457): a stable code, whose fault it is, what to do about it."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bulkclaims.errors import (
    BulkClaimsError,
    DispatchFailed,
    JobNotFound,
    MethodNotAllowed,
    NoSuchRange,
    NotAllowed,
    NotAuthenticated,
    NotNow,
    RepositoryUnavailable,
    RequestWrong,
    UploadRejected,
    UploadRepeated,
    UploadSuperseded,
)
from bulkclaims.privacy import describe
from bulkclaims.web.messages import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkclaims.web.messages import Response

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_AGAIN_SECONDS = "5"
"""When to try again after what passes by itself."""

_BY_CODE: Mapping[str, int] = {
    "no_such_page": 404,
    "not_acceptable": 406,
    "length_required": 411,
    "file_too_large": 413,
    "binary_file": 415,
    "nul_bytes": 415,
    "undecodable": 415,
    "html_workbook": 415,
    "legacy_workbook": 415,
    "ods_workbook": 415,
    "binary_workbook": 415,
    "macro_workbook": 415,
    "strict_workbook": 415,
    "workbooks_not_read": 415,
    "not_a_form": 415,
    "key_reused": 422,
    "unknown_job": 422,
    "identity_provider_unavailable": 503,
}
_BY_CLASS: Mapping[type[BulkClaimsError], int] = {
    MethodNotAllowed: 405,
    NoSuchRange: 416,
    RequestWrong: 400,
    NotAuthenticated: 401,
    NotAllowed: 403,
    JobNotFound: 404,
    NotNow: 409,
    UploadRepeated: 409,
    UploadSuperseded: 409,
    UploadRejected: 422,
    RepositoryUnavailable: 503,
    DispatchFailed: 503,
}


def problem(error: BaseException) -> Response:
    """Answer with what went wrong; of what nobody foresaw, only that, and the log says where."""
    if isinstance(error, BulkClaimsError):
        status = status_of(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("A request could not be served. %s", describe(error))
        return _problem(status, error)
    log.error("A request ran into a bug. %s", describe(error))
    return _problem(500, BulkClaimsError("The service failed; its log says where. Your data are kept.", code="bug"))


def status_of(error: BulkClaimsError) -> int:
    """The HTTP status that fits: its code's own, or else its class's."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_CLASS.items() if isinstance(error, kind)), 500)


def _problem(status: int, error: BulkClaimsError) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:bulkclaims:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "at_fault": error.at_fault,
        "retry_helps": error.retry_helps,
    }
    if isinstance(error, UploadRejected) and error.guesses:
        body["guesses"] = error.guesses
    return json_response(status, body, {"Content-Type": PROBLEM, **_headers(status, error)})


def _headers(status: int, error: BulkClaimsError) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        shown = "" if error.code == NotAuthenticated.code else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="bulkclaims"{shown}'}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": error.allowed}
    if isinstance(error, NoSuchRange):
        return {"Content-Range": f"bytes */{error.size}"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE or (error.retry_helps and status == HTTPStatus.CONFLICT):
        return {"Retry-After": _AGAIN_SECONDS}
    return {}
