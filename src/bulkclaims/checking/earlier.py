"""An organisation's earlier jobs of the very same file, or of one of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from bulkclaims.interfaces import JobStore
    from bulkclaims.jobs import Job, JobId
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


def last_alike(repository: JobStore, organisation: str, filename: str, sha256: str) -> Job | None:
    """
    Find the latest job that was made of the same bytes or, if there is none, of a file of the same name.

    Of either kind one that came to all its rows goes before one that was cut short. A job that has not ended is left
    out, since its rows may yet have other answers, and so is one that ended before a single row of it was asked for.
    """
    recent = repository.find(organisation, limit=_RECENT).jobs
    jobs = [job for job in recent if job.status.ended and job.processed > job.refused]
    same = [job for job in jobs if job.upload.facts.sha256 == sha256]
    alike = same or [job for job in jobs if job.filename == filename]
    return next((job for job in alike if job.processed == job.total_rows), next(iter(alike), None))
