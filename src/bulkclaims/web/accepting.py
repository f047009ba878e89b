"""Which media types and codings a client takes, and which it likes best."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLAIN = "identity"
"""The coding of a body that is sent as it is."""
_LEAST = 0.0005
"""Below any weight that can be given: what is not spoken of is taken, but not before what is."""


def is_accepted(header: str, media_types: Iterable[str]) -> bool:
    """
    Whether a client takes an answer of one of *media_types*.

    Args:
        header: The request's `Accept`, "" when it has none: then it takes anything.
        media_types: Such as `text/csv`, without parameters.
    """
    return best(header, media_types) is not None


def best(header: str, media_types: Iterable[str]) -> str | None:
    """
    Say which of *media_types* a client likes best, of equals the first; None when it takes none of them.

    Args:
        header: As for `is_accepted`.
        media_types: Likewise.
    """
    ranges = dict(_ranges(header)) or {"*/*": 1.0}
    return _heaviest((_quality(ranges, each), each) for each in media_types)


def best_coding(header: str, codings: Iterable[str]) -> str | None:
    """
    Say which of *codings* a client likes best, of equals the first; None when it takes none of them.

    Args:
        header: The request's `Accept-Encoding`, "" when it has none: then it takes a plain body.
        codings: Such as `gzip` and `identity`.
    """
    given = dict(_ranges(header))
    unnamed = given.get("*", 0.0)
    return _heaviest((given.get(each, given.get("*", _LEAST) if each == PLAIN else unnamed), each) for each in codings)


def _heaviest(weighed: Iterable[tuple[float, str]]) -> str | None:
    found, most = None, 0.0
    for weight, each in weighed:
        if weight > most:
            found, most = each, weight
    return found


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for given in header.split(","):
        kind, *parameters = (part.strip().lower() for part in given.split(";"))
        if kind:
            weights = [text[2:] for text in parameters if text.startswith("q=")]
            yield kind, _weight(weights[0]) if weights else 1.0


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _quality(ranges: dict[str, float], media_type: str) -> float:
    """The weight of the closest range that fits, as RFC 9110 has it."""
    fitting = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((ranges[each] for each in fitting if each in ranges), 0.0)
