"""X12 on the wire: an interchange of segments, a segment of elements, an element of components."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from bulkclaims.errors import AnswerNotUnderstood

if TYPE_CHECKING:
    from collections.abc import Iterable

ELEMENT, COMPONENT, REPETITION, TERMINATOR = "*", ":", "^", "~"
"""What separates in messages of ours. What others use, each of their messages says itself."""
RESERVED = frozenset((ELEMENT, COMPONENT, REPETITION, TERMINATOR))

_ISA_ELEMENTS = 16


@frozen
class Segment:
    """A segment's name and its elements, which count from 1 as the guides count them."""

    name: str
    elements: tuple[str, ...] = field(default=(), repr=False)

    def __getitem__(self, number: int) -> str:
        """The element of that number; "" where there is none."""
        return self.elements[number - 1] if number <= len(self.elements) else ""

    def __str__(self) -> str:
        """As it is sent: empty elements at the end are left out."""
        return ELEMENT.join((self.name, *self.elements)).rstrip(ELEMENT) + TERMINATOR


@frozen
class Interchange:
    """A message taken apart."""

    segments: tuple[Segment, ...] = field(repr=False)
    component: str

    def parts(self, segment: Segment, number: int) -> list[str]:
        """The components of an element."""
        return segment[number].split(self.component)


def take_apart(raw: bytes) -> Interchange:
    """
    Read any interchange: whatever separates, with line breaks after segments or none, its first segment padded or not.

    Args:
        raw: From `ISA` on; UTF-8 or, where it is not, Latin-1.

    Raises:
        AnswerNotUnderstood: It does not begin as X12 does, or breaks off within its first segment.
    """
    text = _text(raw).lstrip("\ufeff \r\n\t")
    element = text[3:4]
    if not text.startswith("ISA") or not element or element.isalnum() or element.isspace():
        raise AnswerNotUnderstood("The payer answered with something that is not X12.")
    head = text.split(element, _ISA_ELEMENTS)
    # The last element of the first segment is the separator of components, and what follows it ends every segment.
    if len(head) <= _ISA_ELEMENTS or len(head[-1]) <= 1:
        raise AnswerNotUnderstood("The payer's X12 answer breaks off in its first segment.")
    component, terminator = head[-1][0], head[-1][1]
    segments = (piece.strip().split(element) for piece in head[-1][2:].split(terminator) if piece.strip())
    isa = Segment("ISA", (*head[1:_ISA_ELEMENTS], component))
    return Interchange((isa, *(Segment(name, tuple(elements)) for name, *elements in segments)), component)


def put_together(segments: Iterable[Segment]) -> bytes:
    """Write segments one after the other; what they hold is ASCII without `RESERVED`, but for the first of them."""
    return "".join(map(str, segments)).encode("ascii")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
