"""Answers that are wrong in one way each, made of a right one."""

from __future__ import annotations

import zlib
from copy import deepcopy
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from bulkclaims.testing.scripted_payer import http_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Place: TypeAlias = tuple[str | int, ...]

STRANGE: tuple[object, ...] = (None, True, 17, -1.5, "CANARY", "half \ud800", "", {}, ["CANARY"], {"CANARY": "CANARY"})
"""What may stand where something else should; an empty list is apart, since it may well say that there is nothing."""
NO_ANSWERS = (b"<html>maintenance</html>", b"", b"null", b"{}", b"[]", b'{"other": []}', b'{"a')
"""Bodies that say nothing: a page, nothing, half an answer, or another container."""
_MIB = 1024**2


def places(body: object, here: Place = ()) -> Iterator[Place]:
    """Where anything stands in *body*: the keys and numbers that lead there, of every value but the whole."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield (*here, key)
        yield from places(value, (*here, key))


def at(body: Any, place: Place) -> Any:  # noqa: ANN401 -- whatever stands there
    """What stands there."""
    for key in place:
        body = body[key]
    return body


def put(body: object, place: Place, value: object) -> object:
    """A copy with *value* there."""
    return _with(body, place, lambda holder, key: holder.__setitem__(key, deepcopy(value)))


def dropped(body: object, place: Place) -> object:
    """A copy without what stands there."""
    return _with(body, place, lambda holder, key: holder.__delitem__(key))


def renamed(body: object, place: Place) -> object:
    """A copy where it stands under another name, which the payer's API does not have; an item of a list is put last."""

    def rename(holder: Any, key: Any) -> None:  # noqa: ANN401 -- a list or a dictionary
        value = holder.pop(key)
        holder.append(value) if isinstance(holder, list) else holder.update({f"{key}Other": value})

    return _with(body, place, rename)


def doubled(body: object, place: Place) -> object:
    """A copy where an item of a list stands twice, and a value of an object in a list of two."""

    def double(holder: Any, key: Any) -> None:  # noqa: ANN401 -- a list or a dictionary
        twice = [holder[key], deepcopy(holder[key])]
        if isinstance(holder, list):
            holder[key : key + 1] = twice
        else:
            holder[key] = twice

    return _with(body, place, double)


def misplaced(body: object) -> list[object]:
    """Copies of *body* with something else in one place each: what is strange, under another name, or twice."""
    there = _places(body)
    return [
        *(put(body, place, strange) for place in there for strange in STRANGE),
        *(change(body, place) for place in there for change in (renamed, doubled)),
    ]


def lessened(body: object) -> list[object]:
    """Copies of *body* that lack something in one place each, or have an empty list there."""
    there = _places(body)
    return [*(dropped(body, place) for place in there), *(put(body, place, []) for place in there)]


def respelt(body: object) -> list[object]:
    """Copies of *body* with one number each as text, or one text as the number that it is."""
    other = ((place, retyped(at(body, place))) for place in _places(body))
    return [put(body, place, value) for place, value in other if value is not None]


def wrapped(body: object) -> list[object]:
    """*body* within something else, and other roots in its place."""
    return [b"other " + body] if isinstance(body, bytes) else [{"other": body}, [body], [[]], "[]", 0]


def retyped(value: object) -> object:
    """A number as text, text that is a plain number as one; None where it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return int(value) if isinstance(value, str) and value.isdecimal() and str(int(value)) == value else None


def about_another(body: object, number: str, other: str) -> object:
    """A copy where every text that is *number* is *other*; of bytes, wherever it stands."""
    if isinstance(body, bytes):
        return body.replace(number.encode(), other.encode())
    for place in list(places(body)):
        if isinstance(text := at(body, place), str) and number in text:
            body = put(body, place, text.replace(number, other))
    return body


def bomb() -> bytes:
    """An HTTP answer of some ten KiB that unpacks to 64 MiB."""
    return http_answer(_packed(), Content_Encoding="gzip")


@cache
def _packed() -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    blank = b" " * _MIB
    return b"".join([*(packer.compress(blank) for _ in range(64)), packer.flush()])


def endless(sent: list[int]) -> Iterator[bytes]:
    """An HTTP answer of a GiB, chunk by chunk; *sent* gets the length of each as it leaves."""

    def noted(chunk: bytes) -> bytes:
        sent.append(len(chunk))
        return chunk

    yield http_answer(b"", Transfer_Encoding="chunked").replace(b"Content-Length: 0\r\n", b"")
    yield from map(noted, repeat(b"%x\r\n%b\r\n" % (_MIB, b" " * _MIB), 1024))


def _places(body: object) -> list[Place]:
    """Every place in *body*; none in what is not JSON."""
    return [] if isinstance(body, bytes) else list(places(body))


def _with(body: object, place: Place, change: Callable[[Any, Any], object]) -> object:
    copy = deepcopy(body)
    change(at(copy, place[:-1]), place[-1])
    return copy
