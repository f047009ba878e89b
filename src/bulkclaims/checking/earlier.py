"""An organisation's earlier job of the very same file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobStore
    from bulkclaims.jobs import JobId
    from bulkclaims.records import UploadFacts

_RECENT = 200
"""Jobs that are looked through, newest first."""


def earlier_of(store: JobStore, organisation: str, facts: UploadFacts) -> tuple[JobId | None, UploadFacts]:
    """
    Find the latest job of *organisation* that was made of the same bytes, and say so in the file's notes.

    Args:
        store: Where jobs live.
        organisation: Whose jobs, of which the latest two hundred are looked through; "" for none.
        facts: Of the file, once it is read to its end.
    """
    recent = store.find(organisation, limit=_RECENT).jobs if organisation else ()
    job = next((each for each in recent if each.upload.facts.sha256 == facts.sha256), None)
    if job is None:
        return None, facts
    note = f"This very file was uploaded before, on {job.created_at:%Y-%m-%d}: job {job.id}."
    return job.id, evolve(facts, notes=(*facts.notes, note))
