"""What must hold after every run, whatever went wrong during it; read from the repository and the payer's own log."""

from __future__ import annotations

from collections import Counter

from claims import CANARY, asked_of, calm_results

from bulkclaims.jobs import JobStatus


def check(site, *, seconds=90.0, asks_recorded_rows=False, meanwhile=lambda: None):
    """
    Wait for all jobs to end, and check everything.

    Args:
        site: What was disturbed.
        seconds: How long the jobs may take from now.
        asks_recorded_rows: A worker was frozen. When it wakes it may send what it was about to send, before it
            learns that its rows were recorded by another; that counts as lost like everything it had in flight.
        meanwhile: Done again and again until they end.
    """
    site.until_ended(seconds, meanwhile)
    for job in site.jobs:
        _check_counters(site, job)
        _check_results(site, job)
        _check_snapshots(site, job, asks_recorded_rows=asks_recorded_rows)
    _check_requests(site)
    _check_logs(site)


def _check_counters(site, job):
    """The counters are what is recorded: one result for each row."""
    now = site.repository.get("ACME", job.id)
    results = [result for chunk in site.repository.chunks("ACME", job.id) for result in chunk.results]
    assert now.status is JobStatus.COMPLETED
    assert sorted(result.row for result in results) == list(range(1, now.total_rows + 1))
    assert now.succeeded == sum(result.success for result in results)
    assert now.succeeded + now.failed == now.processed == now.total_rows


def _check_results(site, job):
    """Every row stands once in the results file, in order, with the payer's answer: it is that of a calm run."""
    assert b"".join(site.client.results(job.id)) == calm_results(job.file)


def _check_snapshots(site, job, *, asks_recorded_rows):
    """What was recorded at any moment stays as it was, and the payer is not asked for it again."""
    now, claims = site.recorded(job), [line.split(",")[0] for line in job.file.decode().splitlines()[1:]]
    for snapshot in job.snapshots:
        assert snapshot.recorded.items() <= now.items()
        recorded = {claims[row - 1] for row in snapshot.recorded}
        assert asks_recorded_rows or recorded.isdisjoint(site.log.asked[snapshot.asked :])


def _check_requests(site):
    """The payer was asked for every good row and for no other, and repeatedly at most for what was in flight."""
    asked = Counter(site.log.asked)
    assert set(asked) == set().union(*(asked_of(job.file) for job in site.jobs))
    repeated = asked.total() - len(asked)
    print(f"{repeated} of {len(asked)} look-ups were repeated, of at most {site.lost}")  # noqa: T201 -- shown by `-rP`
    assert repeated <= site.lost


def _check_logs(site):
    """No process has said anything of a row."""
    for log in site.folder.glob("*.log"):
        assert CANARY not in log.read_bytes(), log.name
