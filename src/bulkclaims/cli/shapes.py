"""What file of results a command is asked for: by its options, and by the name of the file."""

from __future__ import annotations

import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulkclaims.results.shapes import Format, Shape, Which

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKED = ".gz"


def shape_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what file is wanted, and hand a command that has an *output* a `Shape` made of them."""

    @click.option(
        "--format",
        "named",
        type=click.Choice([*map(str, Format)]),
        help="What kind of file; by the ending of the file's name, or CSV, unless given.",
    )
    @click.option(
        "--columns",
        type=click.Choice([*map(str, Which)]),
        help="The nine columns, or with all that is known and was uploaded.",
    )
    @click.option(
        "--failed", is_flag=True, help="Only rows that failed: the file to correct, unless --columns says otherwise."
    )
    @click.option("--changed", is_flag=True, help="Only rows that differ from the job that this one is compared with.")
    @click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, for older spreadsheets.")
    @wraps(command)
    def with_shape(  # noqa: PLR0913 -- the options above
        *args: Any,  # noqa: ANN401 -- whatever the command takes
        output: Path | None,
        named: str | None,
        columns: str | None,
        failed: bool,
        changed: bool,
        bom: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        its_format = Format(named) if named else format_of(output)
        if bom and its_format is not Format.CSV:
            raise click.UsageError("--bom is for CSV files alone.")
        if output is None and its_format is Format.XLSX and sys.stdout.isatty():
            raise click.UsageError("A workbook is nothing for a terminal: name a file for it with -o.")
        which = Which(columns) if columns else None
        shape = Shape(format=its_format, columns=which, failed=failed, changed=changed, bom=bom)
        command(*args, output=output, shape=shape, **kwargs)

    return with_shape


def format_of(output: Path | None) -> Format:
    """Guess from the name of a file what is to stand in it, packed or not; CSV where it says nothing."""
    ending = Path(output.stem if is_packed(output) else output.name).suffix if output else ""
    return next((each for each in Format if ending.lower() == f".{each}"), Format.CSV)


def is_packed(output: Path) -> bool:
    """Whether a name is that of a file that gzip packed."""
    return output.suffix.lower() == _PACKED
