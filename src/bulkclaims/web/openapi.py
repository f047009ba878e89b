"""The OpenAPI 3.1 document, made from the table of routes and the shapes of the bodies."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from bulkclaims import __version__
from bulkclaims.records import OPTIONAL_COLUMNS
from bulkclaims.web.bodies import ProblemBody
from bulkclaims.web.forms import FILE
from bulkclaims.web.messages import JSON
from bulkclaims.web.problems import PROBLEM
from bulkclaims.web.routes import ROUTES, media_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.web.routes import Body, Parameter, Route

_ALWAYS = (401, 403, 500, 503)
_MEANING = {
    200: "As asked.",
    201: "The job that was made.",
    202: "Taken; the job as it now stands.",
    204: "Done.",
    206: "The part that was asked for.",
    304: "Nothing has changed since.",
    400: "The request cannot be read.",
    401: "No token, or one that is no good.",
    403: "The sender may not do this.",
    404: "No such job, or another organisation's.",
    406: "The request takes none of what there is.",
    409: "Not now.",
    411: "The server takes no body of unknown length.",
    413: "The file is too large.",
    415: "The file is no CSV, or the body no form.",
    416: "The file has no such part.",
    422: "The file cannot be used.",
    500: "The service failed.",
    503: "The service cannot be reached just now.",
}
_HEADERS = {
    "Accept-Ranges": "Whether parts of the file can be asked for.",
    "Content-Disposition": "A name for the file.",
    "Content-Encoding": "How the file is packed, if it is.",
    "Content-Range": "Which part this is, and how long the file.",
    "ETag": "Names what the answer tells; send it as If-None-Match.",
    "Location": "The job's address.",
    "Repr-Digest": "SHA-256 of the file, where it is known.",
    "Retry-After": "Seconds to wait before asking again.",
    "Vary": "Which headers of the request decided about the answer.",
    "WWW-Authenticate": "How to say who you are.",
}
_ALWAYS_TOLD = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}
_TOLD: dict[str, dict[str, Any]] = {
    "columns": {
        "maxLength": 8192,
        "contentMediaType": "application/json",
        "description": "A JSON object of headings: for each our column, blank for none of ours, or null to forget what "
        "was said of it.",
    },
    "remember_columns": {
        "enum": ["true", "false"],
        "description": "Whether the organisation's later files are to be read by `columns`, too.",
    },
    "sheet": {"description": "Which sheet of a workbook; the first that is visible unless given."},
    "compare_with": {
        "description": "An earlier job's id, or `last`: the latest with the same content or, if there is none, name.",
    },
}
"""What may be told of a file beside values for its optional columns."""
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def document(root: str) -> dict[str, Any]:
    """
    Describe the API as it stands at *root*.

    Args:
        root: The absolute address of the prefix, with a slash at its end.
    """
    return {**_document(), "servers": [{"url": root.rstrip("/")}]}


@cache
def _document() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "bulkclaims", "version": __version__, "description": "Claim status, many at a time."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *map(_parameter, route.parameters)],
        "responses": {str(status): answer for status, answer in sorted(_responses(route, schemas))},
    }
    if route.takes_form:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _form()}}}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(route: Route, schemas: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for status, body in route.gives.items():
        yield status, _response(status, _content(body, schemas), route.headers.get(status, ()))
    named = (404,) if "{job_id}" in route.path else ()
    negotiated = (406,) if route.media_types else ()
    for status in {*route.refuses, *named, *negotiated, 400, *_ALWAYS}:
        told = route.headers.get(status, _ALWAYS_TOLD.get(status, ()))
        yield status, _response(status, {PROBLEM: {"schema": _schema(ProblemBody, schemas)}}, told)


def _response(status: int, content: dict[str, Any], headers: Iterable[str]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _MEANING[status]}
    if content:
        response["content"] = content
    if headers:
        response["headers"] = {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in headers}
    return response


def _content(body: Body, schemas: dict[str, Any]) -> dict[str, Any]:
    shape = next((each for each in (body if isinstance(body, tuple) else (body,)) if isinstance(each, type)), None)
    content: dict[str, Any] = {each: {"schema": {"type": "string"}} for each in media_types(body)}
    return content if shape is None else {**content, JSON: {"schema": _schema(shape, schemas)}}


def _form() -> dict[str, Any]:
    fields: dict[str, Any] = {name: {"type": "string", "maxLength": 1024} for name in OPTIONAL_COLUMNS}
    fields |= {name: {"type": "string", "maxLength": 1024, **told} for name, told in _TOLD.items()}
    file = {"type": "string", "contentMediaType": "text/csv", "description": "The CSV; behind all other fields."}
    return {"type": "object", "properties": {**fields, FILE: file}, "required": [FILE]}


def _schema(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 -- any type hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**_schema(arguments[0], schemas), **dict(arguments[1])}
    if origin in {Union, UnionType}:
        return {"anyOf": [_schema(each, schemas) for each in arguments]}
    if origin is NotRequired:
        return _schema(arguments[0], schemas)
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], schemas)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if is_typeddict(hint):
        return _reference(hint, schemas)
    if issubclass(hint, StrEnum):
        return {"type": "string", "enum": [each.value for each in hint]}
    return {"type": _PLAIN[hint]}


def _reference(body: type, schemas: dict[str, Any]) -> dict[str, Any]:
    name = body.__name__.removesuffix("Body")
    if name not in schemas:
        schemas[name] = {}  # so that nothing looks for it anew meanwhile
        hints = get_type_hints(body, include_extras=True)
        schemas[name] = {
            "type": "object",
            "description": body.__doc__,
            "properties": {key: _schema(hint, schemas) for key, hint in hints.items()},
            "required": [key for key, hint in hints.items() if get_origin(hint) is not NotRequired],
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}
