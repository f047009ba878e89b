"""Results of a service on another machine, put where a command is told to."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bulkclaims.cli.files import write_whole
from bulkclaims.cli.shapes import is_packed
from bulkclaims.client.saving import told

if TYPE_CHECKING:
    from bulkclaims.client import Client
    from bulkclaims.results.shapes import Shape

_PIECE = 64 * 1024


def wanted(shape: Shape, *, partial: bool = False) -> dict[str, Any]:
    """Say what is asked of a file in the words of `Client.results`."""
    return {**attrs.asdict(shape), "partial": partial}


def save(client: Client, job_id: str, output: Path, asked: dict[str, Any]) -> None:
    """
    Save the results of a job: whole or not at all, where *output* is a file; packed, where its name says so.

    Raises:
        BulkClaimsError: What `Client.save_results` raises.
    """
    if output.exists() and not output.is_file():
        write_whole(output, client.results(job_id, **asked))
    elif is_packed(output):
        # What can be gone on with and checked is the plain file, so that is what is fetched.
        with told(output), tempfile.TemporaryDirectory(prefix=".", dir=output.resolve().parent) as folder:
            plain = Path(folder, output.stem)
            client.save_results(job_id, plain, **asked)
            with plain.open("rb") as file:
                write_whole(output, iter(lambda: file.read(_PIECE), b""))
    else:
        client.save_results(job_id, output, **asked)
