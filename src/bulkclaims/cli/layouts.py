"""What the command line says of how a file is laid out."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from bulkclaims.records import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def layout_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a file is laid out, and hand the command a `Layout` made of them."""

    @click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="HEADING=COLUMN",
        callback=_columns,
        help='Which column a heading of the file is, such as "Member Nr=subscriber_id"; with nothing behind the equals '
        "sign, none of ours. May be repeated.",
    )
    @click.option("--sheet", default="", help="Which sheet of a workbook; the first that is visible unless given.")
    @wraps(command)
    def with_layout(
        *args: Any,  # noqa: ANN401 -- whatever the command takes
        columns: dict[str, str],
        sheet: str,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        command(*args, layout=Layout(columns=columns, sheet=sheet), **kwargs)

    return with_layout


def words_of(layout: Layout) -> Iterator[str]:
    """Say *layout* as it can be typed."""
    for heading, column in layout.columns.items():
        yield from ("--column", f"{heading}={column}")
    if layout.sheet:
        yield from ("--sheet", layout.sheet)


def _columns(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    parts = [each.rpartition("=") for each in given]  # a heading may hold an equals sign, and no column does
    if not all(heading.strip() for heading, _, _ in parts):
        raise click.BadParameter('write it as HEADING=COLUMN, such as "Member Nr=subscriber_id".')
    return {heading.strip(): column.strip() for heading, _, column in parts}
