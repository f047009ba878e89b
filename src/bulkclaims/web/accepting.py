"""Which media types a client takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def is_accepted(header: str, media_types: Iterable[str]) -> bool:
    """
    Whether a client takes an answer of one of *media_types*.

    Args:
        header: The request's `Accept`, "" when it has none: then it takes anything.
        media_types: Such as `text/csv`, without parameters.
    """
    ranges = dict(_ranges(header))
    return not ranges or any(_quality(ranges, each) > 0 for each in media_types)


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
