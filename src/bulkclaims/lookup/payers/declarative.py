"""Any JSON API, described in a TOML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from jmespath.exceptions import JMESPathError

from bulkclaims.errors import AnswerNotUnderstood
from bulkclaims.lookup.payers.description import PERIOD_FIELDS, read_description
from bulkclaims.lookup.payers.request_template import placeholders
from bulkclaims.lookup.status_codes import CATEGORY_STATUS
from bulkclaims.lookup.wire.answer_values import amount_of, date_of, json_of, period_of, text_of, trace_of
from bulkclaims.lookup.wire.http_status import NOTHING_SAID, Said, error_of
from bulkclaims.lookup.wire.payer_line import PayerLine
from bulkclaims.lookup.wire.scrub import code
from bulkclaims.lookup.wire.transport import make_client
from bulkclaims.records import Answer, ClaimStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkclaims.lookup.payers.description import AnswerShape, PayerApi
    from bulkclaims.lookup.wire.shared_access import SharedAccess
    from bulkclaims.lookup.wire.transport import ClientFactory, Reply
    from bulkclaims.records import ClaimInquiry

_ARGUMENTS = {"json": "json", "form": "data", "query": "params"}
"""What httpx calls each kind of body."""
_AMOUNTS = ("total_charged", "total_paid")
_DATES = ("date_of_birth", "processed_date", "effective_date", *PERIOD_FIELDS)


class HttpConnector:
    """
    Asks a payer whose API is described in a file.

    Args:
        api: The description.
        client: Makes the HTTP client, on the event loop that will use it.
        access: Where all workers keep the token, of a payer that wants one; without it each process fetches its own.
    """

    def __init__(self, api: PayerApi, client: ClientFactory = make_client, access: SharedAccess | None = None) -> None:
        self.api = api
        self._line = PayerLine(api.url, client, api.credentials, api.error_classes, access)
        self.capabilities = api.capabilities

    @classmethod
    def from_toml(cls, path: Path, client: ClientFactory = make_client, access: SharedAccess | None = None) -> Self:
        """
        Load the description at *path*.

        Raises:
            SettingsWrong: Something in it is wrong; the sentence names the key.
        """
        return cls(read_description(path), client, access)

    async def prepare(self) -> None:  # noqa: D102
        await self._line.prepare()

    async def inquire(self, inquiry: ClaimInquiry) -> Answer:  # noqa: D102 -- the contract stands in `interfaces.Connector`
        api, values = self.api, placeholders(inquiry)
        filled = {_ARGUMENTS[api.body_kind]: api.template(values)} if api.body_kind else {}
        path = api.path(values) if api.path else ""
        reply = await self._line.ask(api.method, api.headers, filled, path=path)
        is_nothing = reply.status in api.error_classes  # it came back, so its class is that of no claim
        body = _json_or_none(reply.body) if is_nothing else json_of(reply.body)
        try:
            self._refuse(body, reply, inquiry)
            return Answer((), _trace(body, api.answer)) if is_nothing else read_described(body, api.answer)
        except JMESPathError:
            raise AnswerNotUnderstood("The payer's answer does not have the shape its description expects.") from None

    async def aclose(self) -> None:  # noqa: D102
        await self._line.aclose()

    def _refuse(self, body: object, reply: Reply, inquiry: ClaimInquiry) -> None:
        for rule in self.api.error_rules:
            if rule.when.search(body):
                said = Said(code(rule.code.search(body), inquiry)) if rule.code else NOTHING_SAID
                raise error_of(rule.kind, reply, said)


def read_described(body: object, shape: AnswerShape) -> Answer:
    """
    Read the body of an answer that no error rule holds for.

    Raises:
        AnswerNotUnderstood: The list of claims, or something in it, is missing or not what it should be.
    """
    trace = _trace(body, shape)
    if shape.not_found and shape.not_found.search(body):
        return Answer((), trace)
    claims = shape.claims.search(body)
    if not isinstance(claims, list):
        raise AnswerNotUnderstood("The payer's answer has no list of claims.")
    shared = {name: expression.search(body) for name, expression in shape.body.items()}
    return Answer(tuple(_claim(claim, shared, shape) for claim in claims), trace)


def _trace(body: object, shape: AnswerShape) -> str:
    return trace_of(shape.trace.search(body)) if shape.trace else ""


def _json_or_none(body: bytes) -> object:
    """The body of an answer whose status says all; it may well be blank or a page."""
    try:
        return json_of(body)
    except AnswerNotUnderstood:
        return None


def _claim(claim: object, shared: Mapping[str, Any], shape: AnswerShape) -> ClaimStatus:
    own = {name: expression.search(claim) for name, expression in shape.claim.items()}
    told = {**shared, **{name: value for name, value in own.items() if value is not None}}
    read = {name: _value(name, value, shape) for name, value in told.items()}
    first, last = (read.pop(name, None) for name in PERIOD_FIELDS)
    if first or last:
        read["service_dates"] = (first or last, last or first)
    category, word = _status(read.get("category_code", ""), read.get("reported_status", ""), shape)
    if not category and not word:
        raise AnswerNotUnderstood("In the payer's answer, a claim has no status.")
    return ClaimStatus(**{**read, "category_code": category, "reported_status": word})


def _value(name: str, value: object, shape: AnswerShape) -> Any:  # noqa: ANN401 -- a field of any kind
    if name in _AMOUNTS:
        return amount_of(value, name)
    if name in _DATES:
        return date_of(value, name, shape.date_formats)
    if name == "service_dates":
        return period_of(value, name, shape.date_formats)
    if name == "reasons":
        return tuple(filter(None, (text_of(each, name) for each in (value if isinstance(value, list) else [value]))))
    return text_of(value, name)


def _status(category: str, word: str, shape: AnswerShape) -> tuple[str, str]:
    """Category code and word, the payer's own word brought to one that is known here."""
    known = shape.status_words.get(word.lower(), word)
    return (known, word) if not category and known in CATEGORY_STATUS else (category.upper(), known)
