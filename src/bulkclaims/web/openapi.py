"""The OpenAPI 3.1 document, made from the table of routes and the shapes of the bodies."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from bulkclaims import __version__
from bulkclaims.records import OPTIONAL_COLUMNS
from bulkclaims.web.bodies import ProblemBody
from bulkclaims.web.forms import FILE
from bulkclaims.web.problems import PROBLEM
from bulkclaims.web.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkclaims.web.routes import Parameter, Route

_ALWAYS = (401, 403, 500, 503)
_MEANING = {
    200: "As asked.",
    201: "The job that was made.",
    202: "Taken; the job as it now stands.",
    204: "Done.",
    304: "Nothing moved.",
    400: "The request cannot be read.",
    401: "No token, or one that is no good.",
    403: "The sender may not do this.",
    404: "No such job, or another organisation's.",
    406: "The request takes none of what there is.",
    409: "Not now.",
    411: "The server takes no body of unknown length.",
    413: "The file is too large.",
    415: "The file is no CSV, or the body no form.",
    422: "The file cannot be used.",
    500: "The service failed.",
    503: "The service cannot be reached just now.",
}
_HEADERS = {
    "Content-Disposition": "A name for the file.",
    "ETag": "Names what the answer tells; send it as If-None-Match.",
    "Location": "The job's address.",
    "Retry-After": "Seconds to wait before asking again.",
    "WWW-Authenticate": "How to say who you are.",
}
_ALWAYS_TOLD = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}
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


def _content(body: type | str | None, schemas: dict[str, Any]) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, str):
        return {body: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": _schema(body, schemas)}}


def _form() -> dict[str, Any]:
    fields: dict[str, Any] = {name: {"type": "string", "maxLength": 1024} for name in OPTIONAL_COLUMNS}
    file = {"type": "string", "contentMediaType": "text/csv", "description": "The CSV; behind all other fields."}
    return {"type": "object", "properties": {**fields, FILE: file}, "required": [FILE]}


def _schema(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 -- any type hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**_schema(arguments[0], schemas), **dict(arguments[1])}
    if origin in {Union, UnionType}:
        return {"anyOf": [_schema(each, schemas) for each in arguments]}
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
            "required": list(hints),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}
