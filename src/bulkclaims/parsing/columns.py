"""
Which column of a file is which of ours.

What the sender said of a heading goes before what the organisation said earlier, and that before our own names. Of
these, one that is spelt exactly as we write it goes before other spellings and other names, and before what the
organisation said of a heading spelt otherwise: that is how our own files have them. What only resembles a name is told
when the file is refused for lack of it, and never acted on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Self

from attrs import evolve, frozen

from bulkclaims.errors import UploadRejected
from bulkclaims.formulas import unguarded
from bulkclaims.parsing.aliases import KNOWN, REASON, RESULTS, bare
from bulkclaims.records import AS_FOUND, OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Heading, Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bulkclaims.records import Layout

MOST_COLUMNS = 1000

COLUMNS = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
_MOST_GUESSES = 50
_LONGEST_GUESS = 40


@frozen
class _Reading:
    """What one heading is read as."""

    column: str = ""
    """Our name; "" for none of ours."""
    known: Known = Known.OTHER
    exact: bool = False
    """Whether it is one of our names, spelt as we spell it."""


_OTHER = _Reading()
_WEAKEST_FIRST = ((Known.NAME, False), (Known.NAME, True), (Known.SAVED, False), (Known.GIVEN, False))


@frozen
class Names:
    """What each heading that we know, or were told of, is read as in one file."""

    _readings: Mapping[str, _Reading]
    """By what counts of a heading."""
    _exact: Mapping[str, _Reading]
    """By the heading itself, which goes before."""
    _given: Mapping[str, str]
    """Our column for each heading that is to be in the file."""
    _of_ours: Self | None = None
    """By what files of ours are read; None where that is no other than this."""

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """
        Put what was said of headings before our own names.

        Raises:
            UploadRejected: A heading was said to be a column that is not ours.
        """
        given = {bare(heading): column for heading, column in layout.columns.items()}
        require_known(given.values())
        # What another version of this library saved may be unknown to this one.
        saved = {
            bare(heading): (heading, _said(column, Known.SAVED))
            for heading, column in layout.saved.items()
            if column in {"", *COLUMNS} and bare(heading) not in {"", *given}
        }
        said = {name: _said(column, Known.GIVEN) for name, column in given.items() if column is not None}
        readings = {name: _Reading(column, Known.NAME) for name, column in KNOWN.items()}
        readings |= {name: reading for name, (_, reading) in saved.items()} | said
        readings.pop("", None)
        exact = {column: said.get(bare(column), _Reading(column, Known.NAME, exact=True)) for column in COLUMNS}
        exact |= dict(saved.values())
        of_ours = cls.of(evolve(layout, saved={})) if saved else None
        return cls(readings, exact, {name: column for name, column in given.items() if column}, of_ours)

    def for_header(self, headings: Sequence[str]) -> Self:
        """
        Choose what *headings* are read by.

        A file that we wrote names its columns as they were read, so what the organisation saved of others' does not
        count there.
        """
        first = tuple(map(_spelt, headings[: len(RESULTS)]))
        return self._of_ours if self._of_ours and (first == RESULTS or first[: len(REASON)] == REASON) else self

    def columns_in(self, cells: Sequence[str]) -> set[str]:
        """Our names for those of *cells* that are headings; "" stands for all that were said to be none of ours."""
        find = self.for_header(cells).find
        return {reading.column for reading in map(find, cells[:MOST_COLUMNS]) if reading}

    def find(self, heading: str) -> _Reading | None:
        """Find what is known of *heading*, be it that it is none of ours; None where nothing is."""
        return self._exact.get(_spelt(heading)) or self._readings.get(bare(heading))

    def read(self, headings: Sequence[str]) -> list[_Reading]:
        """
        Read each heading; of several for one column, the weaker ones give way.

        Those that are among its names do to what was said, and other names and spellings to the one that is exact.

        Raises:
            UploadRejected: A heading that the sender spoke of is not there.
        """
        names = list(map(bare, headings))
        if absent := [column for name, column in self._given.items() if not name or name not in names]:
            raise UploadRejected(
                f"The header lacks the heading that was said to be {listed(absent)}. Check how the file spells it; "
                "case, spaces and punctuation do not count.",
                code="unknown_heading",
            )
        readings = [self.find(heading) or _OTHER for heading in headings]
        strongest = {
            reading.column: strength
            for strength in _WEAKEST_FIRST
            for reading in readings
            if _strength(reading) == strength
        }
        return [reading if strongest.get(reading.column) == _strength(reading) else _OTHER for reading in readings]


def require_known(columns: Iterable[str | None]) -> None:
    """
    Refuse a mapping to what is no column of ours; "" and None are no column at all.

    Raises:
        UploadRejected: It is one.
    """
    if any(column and column not in COLUMNS for column in columns):
        raise UploadRejected(
            f"A heading is mapped to a column that is not known. Map it to one of {', '.join(COLUMNS)}, or to "
            "nothing where it is none of them.",
            code="unknown_column",
        )


def name_columns(headings: Sequence[str], layout: Layout = AS_FOUND) -> tuple[Heading, ...]:
    """
    Name each column: ours where we know it or were told, otherwise the file's own, made unique.

    Raises:
        UploadRejected: Too many columns; required ones are missing or known ones doubled; this is no header; or what
            was said of it does not fit.
    """
    if len(headings) > MOST_COLUMNS:
        raise too_many_columns("The header")
    texts = [unguarded(heading).strip() for heading in headings]
    names = Names.of(layout).for_header(texts)
    if not names.columns_in(texts) and any(re.search(r"\d{4}|\d[/-]\d", text) for text in texts):
        raise UploadRejected(
            "The first line names no column that we know. It must be the header, such as "
            f"{','.join(REQUIRED_COLUMNS)}: add it, or remove what stands above it.",
            code="no_header",
        )
    readings = names.read(texts)
    _refuse_missing_or_doubled(texts, readings, names)
    columns = _unique(texts, readings)
    return tuple(
        Heading(text, column, reading.known) for text, column, reading in zip(texts, columns, readings, strict=True)
    )


def too_many_columns(place: str) -> UploadRejected:
    """Refuse a file whose *place*, such as `Row 7`, has more cells than any list of claims."""
    return UploadRejected(
        f"{place} has more than {MOST_COLUMNS:,} cells. Remove the columns that do not belong to the claims.",
        code="too_many_columns",
    )


def _spelt(heading: str) -> str:
    """A heading as it stands in its cell, also where only its line was parted."""
    return heading.strip(' \t\r\n"')


def _strength(reading: _Reading) -> tuple[Known, bool]:
    return reading.known, reading.exact


def _said(column: str, known: Known) -> _Reading:
    return _Reading(column, known) if column else _OTHER


def _refuse_missing_or_doubled(texts: Sequence[str], readings: Sequence[_Reading], names: Names) -> None:
    places = defaultdict(list)
    for place, reading in enumerate(readings):
        if reading.column:
            places[reading.column].append(place)
    missing = [column for column in REQUIRED_COLUMNS if column not in places]
    doubled = {column: at for column, at in places.items() if len(at) > 1}
    if not missing and not doubled:
        return
    guesses = _guesses([text for text in texts if names.find(text) is None], missing)
    said = [
        *([f"lacks {listed(missing)}{_meant(guesses, texts)}"] if missing else ()),
        *([f"has more than one {listed([_twice(column, at) for column, at in doubled.items()])}"] if doubled else ()),
    ]
    quotable = {heading.text: heading.column for heading in guesses if _is_quotable(heading.text)}
    examples = [*quotable.items(), *(("Your heading", column) for column in missing), *_choices(texts, doubled)]
    raise UploadRejected(
        f"The header {' and '.join(said)}. Every file needs each of {', '.join(REQUIRED_COLUMNS)} once."
        f"{_advice(*examples[0]) if examples else ''}",
        code="missing_columns" if missing else "doubled_columns",
        guesses=quotable,
    )


def _guesses(strangers: Sequence[str], missing: Sequence[str]) -> list[Heading]:
    """Headings that resemble names of columns that are missing: the first for each."""
    names = [name for name, column in KNOWN.items() if column in missing]
    guesses: dict[str, Heading] = {}
    for text in strangers[:_MOST_GUESSES]:
        if len(text) <= _LONGEST_GUESS and (close := get_close_matches(bare(text), names, n=1, cutoff=0.75)):
            column = KNOWN[close[0]]
            guesses.setdefault(column, Heading(text, column, Known.GUESS))
    return list(guesses.values())


def _meant(guesses: Sequence[Heading], texts: Sequence[str]) -> str:
    if not guesses:
        return ""
    meant = (
        (f"“{guess.text}”" if _is_quotable(guess.text) else f"column {texts.index(guess.text) + 1}", guess.column)
        for guess in guesses
    )
    return f" ({listed([f'{heading} may be meant for {column}' for heading, column in meant])})"


def _is_quotable(text: str) -> bool:
    """Whether a heading that resembles a column's name holds nothing else; a digit says that it may hold a cell."""
    return not any(map(str.isdigit, text))


def _twice(column: str, places: Sequence[int]) -> str:
    return f"{column} (columns {listed([str(place + 1) for place in places])})"


def _choices(texts: Sequence[str], doubled: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, str]]:
    """Yield headings that can be chosen from among those of one column: none where two are spelt alike."""
    for column, places in doubled.items():
        if len({bare(texts[place]) for place in places}) == len(places):
            yield texts[places[-1]], column


def _advice(heading: str, column: str) -> str:
    return (
        f' Rename a heading, or say which column it is: --column "{heading}={column}" on the command line, '
        f'columns={{"{heading}": "{column}"}} elsewhere.'
    )


def _unique(texts: Sequence[str], readings: Sequence[_Reading]) -> Iterator[str]:
    taken = set(COLUMNS)
    for place, (text, reading) in enumerate(zip(texts, readings, strict=True), start=1):
        name = reading.column or text or f"column_{place}"
        while not reading.column and name in taken:
            name = f"{name} ({place})"
        taken.add(name)
        yield name


def listed(words: Sequence[str]) -> str:
    """Say *words* with “and” before the last."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
