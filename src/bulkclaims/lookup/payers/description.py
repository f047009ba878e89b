"""
A payer's JSON API described in a TOML file: what to send, and where in the answer things stand.

Everything is checked when it is loaded; a mistake is a `SettingsWrong` that names its key.
"""

from __future__ import annotations

import tomllib
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from attrs import field, fields, frozen

from bulkclaims.errors import SettingsWrong
from bulkclaims.lookup.payers.request_template import compile_path, compile_template
from bulkclaims.lookup.payers.toml_table import Table
from bulkclaims.lookup.status_codes import CATEGORY_STATUS, STATUS_WORDS
from bulkclaims.lookup.wire.http_status import ERROR_CLASSES, ErrorClass
from bulkclaims.lookup.wire.tokens import ClientCredentials
from bulkclaims.outgoing import check_url
from bulkclaims.records import ERROR, OPTIONAL_COLUMNS, Capabilities, ClaimStatus, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

    from bulkclaims.lookup.payers.request_template import PathTemplate, Template

BodyKind = Literal["json", "form", "query"]

_ERROR_CLASSES: tuple[ErrorClass, ...] = get_args(ErrorClass)
_STATUS_CLASSES: tuple[ErrorClass | Literal["not_found"], ...] = (*_ERROR_CLASSES, "not_found")
_TOKEN_BODIES: tuple[Literal["form", "json"], ...] = ("form", "json")

PERIOD_FIELDS = ("first_service_date", "last_service_date")
CLAIM_FIELDS = (*(each.name for each in fields(ClaimStatus) if each.name != "complete"), *PERIOD_FIELDS)
"""What a described answer may tell of a claim; the period may be told as one field or as two."""


@frozen
class ErrorRule:
    """An answer that is an error although its HTTP status says success."""

    when: Any
    """Compiled JMESPath over the body: the rule holds when it finds anything but null, false or nothing."""
    kind: ErrorClass
    code: Any = None
    """Compiled JMESPath to the payer's code, shown in brackets."""


@frozen
class AnswerShape:
    """Where in the body things stand: compiled JMESPath expressions."""

    claims: Any
    """The list of claims; an answer without it is not understood."""
    claim: Mapping[str, Any]
    """Fields of `ClaimStatus`, looked for in each claim."""
    body: Mapping[str, Any]
    """Fields that stand once in the body for all claims; a claim's own wins."""
    not_found: Any = None
    """True of an answer that says plainly that there is no such claim."""
    trace: Any = None
    date_formats: tuple[str, ...] = ()
    status_words: Mapping[str, str] = field(factory=dict)
    """The payer's word, in lower case, to a category code or one of our words."""


@frozen
class PayerApi:
    """One described API."""

    capabilities: Capabilities
    method: str
    url: httpx.URL
    template: Template
    body_kind: BodyKind | None
    """None where all that is asked stands in the path."""
    headers: Mapping[str, str] = field(repr=False)
    """With the API key or password, where one is sent."""
    credentials: ClientCredentials | None
    answer: AnswerShape
    error_rules: tuple[ErrorRule, ...]
    error_classes: Mapping[int, ErrorClass | None]
    """None for a status that says there is no such claim."""
    path: PathTemplate | None = None
    """What stands in place of the address's path, if cells of the row do."""


def read_description(path: Path) -> PayerApi:
    """
    Load and check the file.

    Raises:
        SettingsWrong: It cannot be read, is not TOML, or a key is missing, unknown or wrong.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"The payer description {path} cannot be read: {type(error).__name__}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(f"The payer description {path} is not TOML: {error}.") from None
    try:
        return _api(Table(values, "", path.parent))
    except SettingsWrong as error:
        raise SettingsWrong(f"In the payer description {path.name}: {error.message}") from None


def _api(file: Table) -> PayerApi:
    request, auth = file.table("request", needed=True), file.table("auth")
    headers = _headers(request.table("headers"))
    date_format = request.take("date_format", str, "%Y-%m-%d")
    url, path = _address(request, date_format)
    kind, template = _template(request, date_format, needed=path is None)
    secret_headers, credentials = _auth(auth)
    api = PayerApi(
        capabilities=_capabilities(file),
        method=request.choice("method", ("POST", "GET", "PUT"), "POST"),
        url=url,
        template=template,
        body_kind=kind,
        headers=headers | secret_headers,
        credentials=credentials,
        answer=_answer(file.table("answer", needed=True)),
        error_rules=tuple(_error_rule(rule) for rule in file.tables("errors")),
        error_classes={**ERROR_CLASSES, **_error_classes(file.table("errors_by_status"))},
        path=path,
    )
    request.end()
    file.end()
    return api


def _capabilities(file: Table) -> Capabilities:
    in_flight, in_all = file.take("max_in_flight", int, 10), file.take("in_flight_in_all", int, 0)
    per_second, per_day = file.take("rate_per_second", float, 0.0), file.take("rate_per_day", int, 0)
    if in_flight < 1 or in_all < 0:
        raise SettingsWrong("max_in_flight is to be 1 or more, and so is in_flight_in_all if it is set.")
    if per_second < 0 or per_day < 0 or (per_day and not per_second):
        raise SettingsWrong("rate_per_second is to be 0 or more, and rate_per_day stands beside a rate_per_second.")
    return Capabilities(
        account=file.take("account", str),
        needs=tuple(_need(choice) for choice in file.take("needs", list, [])),
        max_in_flight=in_flight,
        rate=Rate(per_second, per_day or None) if per_second else None,
        in_flight_in_all=in_all or None,
    )


def _need(choice: object) -> frozenset[str]:
    if not isinstance(choice, list) or not choice or not all(name in OPTIONAL_COLUMNS for name in choice):
        raise SettingsWrong(f"The key needs is to hold lists of column names out of: {', '.join(OPTIONAL_COLUMNS)}.")
    return frozenset(choice)


def _address(request: Table, date_format: str) -> tuple[httpx.URL, PathTemplate | None]:
    text, key = request.take("url", str), request.name("url")
    url, parts = check_url(text, key), urlsplit(text)
    if not {"{", "}"}.isdisjoint(text.replace(parts.path, "", 1)):
        raise SettingsWrong(
            f"In {key}, placeholders stand in the path alone; what follows a ? goes into request.query."
        )
    return url, None if {"{", "}"}.isdisjoint(parts.path) else compile_path(parts.path, key, date_format)


def _template(request: Table, date_format: str, *, needed: bool) -> tuple[BodyKind | None, Template]:
    kinds: list[BodyKind] = [kind for kind in get_args(BodyKind) if kind in request.keys]
    if not kinds and not needed:
        return None, compile_template({}, "", date_format)
    if len(kinds) != 1:
        raise SettingsWrong("The table request is to have just one of: json, form, query.")
    body = request.take(kinds[0], dict)
    if kinds[0] != "json" and not all(isinstance(value, str) for value in body.values()):
        raise SettingsWrong(f"The table request.{kinds[0]} is to hold texts only.")
    return kinds[0], compile_template(body, request.name(kinds[0]), date_format)


def _headers(table: Table) -> dict[str, str]:
    return {name: table.take(name, str) for name in table.keys}


def _auth(auth: Table) -> tuple[dict[str, str], ClientCredentials | None]:
    headers, credentials = {}, None
    match auth.choice("kind", ("none", "header", "basic", "oauth2"), "none"):
        case "header":
            value = auth.take("prefix", str, "") + auth.secret("value").reveal()
            headers[auth.take("header", str, "Authorization")] = value
        case "basic":
            pair = f"{auth.take('user', str)}:{auth.secret('password').reveal()}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        case "oauth2":
            credentials = ClientCredentials(
                url=check_url(auth.take("token_url", str), auth.name("token_url")),
                client_id=auth.take("client_id", str),
                client_secret=auth.secret("client_secret"),
                scope=auth.take("scope", str, ""),
                body=auth.choice("token_body", _TOKEN_BODIES, "form"),
            )
    auth.end()
    return headers, credentials


def _answer(table: Table) -> AnswerShape:
    shape = AnswerShape(
        claims=table.expression("claims", needed=True),
        claim=_fields(table.table("claim", needed=True)),
        body=_fields(table.table("body")),
        not_found=table.expression("not_found"),
        trace=table.expression("trace"),
        date_formats=tuple(table.take("date_formats", list, [])),
        status_words=_status_words(table.table("status_words")),
    )
    table.end()
    if not {"category_code", "reported_status"} & shape.claim.keys():
        raise SettingsWrong("The table answer.claim is to have a category_code or a reported_status.")
    if not {"payer_claim_number", "patient_account_number"} & shape.claim.keys():
        raise SettingsWrong("The table answer.claim is to have a payer_claim_number or a patient_account_number.")
    if not all(isinstance(form, str) for form in shape.date_formats):
        raise SettingsWrong("The key answer.date_formats is to hold texts.")
    return shape


def _fields(table: Table) -> dict[str, Any]:
    expressions = {name: table.expression(name, needed=True) for name in CLAIM_FIELDS if name in table.keys}
    table.end()
    return expressions


def _status_words(table: Table) -> dict[str, str]:
    # A claim whose status is known is no error; what is one, an `[[errors]]` rule says.
    known = (*CATEGORY_STATUS, *(word for word in STATUS_WORDS if word != ERROR))
    return {word.strip().lower(): table.choice(word, known) for word in table.keys}


def _error_rule(table: Table) -> ErrorRule:
    rule = ErrorRule(
        table.expression("when", needed=True), table.choice("class", _ERROR_CLASSES), table.expression("code")
    )
    table.end()
    return rule


def _error_classes(table: Table) -> dict[int, ErrorClass | None]:
    for status in table.keys:
        if not status.isdecimal() or not 100 <= int(status) <= 599:  # noqa: PLR2004 -- HTTP's own range
            raise SettingsWrong(f"The key {table.name(status)} is to be an HTTP status such as 409.")
    kinds = {int(status): table.choice(status, _STATUS_CLASSES) for status in table.keys}
    return {status: None if kind == "not_found" else kind for status, kind in kinds.items()}
