"""What an adapter must pass of watching, reading and ending jobs. A part of `ViewContract`."""

from __future__ import annotations

import csv
import io
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from bulkclaims.jobs import Chunk
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts.host_scenes import claims, hosting, upload

if TYPE_CHECKING:
    import httpx

    from bulkclaims.testing.contracts.host_scenes import Host, Mount

PROGRESS_KEYS: dict[str, type] = {
    "job_id": str,
    "status": str,
    "total_rows": int,
    "processed_rows": int,
    "success_count": int,
    "failure_count": int,
    "progress_percentage": float,
    "success_rate": float,
    "celery_status": str,
    "celery_info": dict,
}


class JobViewContract:
    """Jobs are watched, read, retried, cancelled and deleted over HTTP."""

    def test_progress_moves_and_says_so(self, host: Host) -> None:
        """The keys that users know with their types, before the run, and after it in Celery's words too."""
        with host.client() as client:
            job_id = upload(client, claims(4, bad=[1])).json()["id"]
            waiting = client.get(f"csv-jobs/{job_id}/progress/")
            host.run()
            ended = client.get(f"csv-jobs/{job_id}/progress/")
        for response in (waiting, ended):
            assert {key: type(response.json()[key]) for key in PROGRESS_KEYS} == PROGRESS_KEYS
        assert "retry-after" in waiting.headers
        assert "retry-after" not in ended.headers
        assert (waiting.json()["celery_status"], ended.json()["celery_status"]) == ("PENDING", "SUCCESS")
        assert ended.json()["celery_info"] == {"current": 4, "total": 4, "percent": 100}
        assert (ended.json()["success_rate"], ended.json()["outcome"]) == (75.0, "partial")
        assert ended.json()["worker_seen_at"]

    def test_nothing_moved_is_304(self, host: Host) -> None:
        """With the tag of the last answer the next one has no body, until something happens."""
        with host.client() as client:
            job_id = upload(client, claims(2)).json()["id"]
            address = f"csv-jobs/{job_id}/progress/"
            tag = client.get(address).headers["etag"]
            same = client.get(address, headers={"If-None-Match": f'W/"other", {tag}'})
            any_tag = client.get(address, headers={"If-None-Match": "*"})
            strong = client.get(address, headers={"If-None-Match": tag.removeprefix("W/")})
            host.run()
            moved = client.get(address, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert (any_tag.status_code, strong.status_code) == (304, 304)
        assert (moved.status_code, moved.json()["status"]) == (200, "COMPLETED")

    def test_a_job_that_waits_says_whether_there_are_workers(self, mount: Mount) -> None:
        """After half a minute the sentence and the tag tell of them; a job that runs has nobody looked for."""
        late = MemoryRepository(lambda: time.time() - 60)
        with hosting(mount, repository=late) as host, host.client() as client:
            address = f"csv-jobs/{upload(client, claims(2)).json()['id']}/progress/"
            nobody = client.get(address)
            late.beat("host-a:1")
            somebody = client.get(address, headers={"If-None-Match": nobody.headers["etag"]})
            host.run()
            ended = client.get(address)
        assert (nobody.json()["workers_alive"], somebody.json()["workers_alive"]) == (0, 1)
        assert "no worker has ever been seen" in nobody.json()["notice"]
        assert "1 worker is running" in somebody.json()["notice"]
        assert (ended.json()["workers_alive"], ended.json()["notice"]) == (None, "")

    def test_a_job_whose_rows_are_put_aside_says_why(self, mount: Mount) -> None:
        """In progress, under a new tag, and in the job, which tells the moment; ended, it says nothing of it."""
        repository = MemoryRepository()
        with hosting(mount, repository=repository) as host, host.client() as client:
            job_id = upload(client, claims(2)).json()["id"]
            address = f"csv-jobs/{job_id}/progress/"
            lease = repository.lease(Chunk(job_id, 0), "host-a:1", 60)
            assert lease is not None
            tag = client.get(address).headers["etag"]
            repository.park(lease, 3600, "The payer is away.")
            moved = client.get(address, headers={"If-None-Match": tag})
            waiting = client.get(f"csv-jobs/{job_id}/").json()
            repository.fail(job_id, "No.")
            ended = client.get(f"csv-jobs/{job_id}/").json()
        assert moved.json()["notice"].startswith("Some rows wait until ")
        assert moved.json()["notice"].endswith(": The payer is away.")
        assert waiting["waiting_for"] == "The payer is away."
        assert datetime.fromisoformat(waiting["waiting_until"]) > datetime.fromisoformat(waiting["started_at"])
        assert (ended["waiting_until"], ended["waiting_for"]) == (None, "")

    def test_jobs_are_listed_by_page(self, host: Host) -> None:
        """Newest first, with addresses of the pages around, which keep the filters."""
        with host.client() as client:
            ids = [upload(client, claims(1)).json()["id"] for _ in range(3)]
            first = client.get("csv-jobs/?page_size=2&status=PENDING&search=CLAIMS").json()
            second = client.get(first["next"]).json()
            back = client.get(second["previous"]).json()
            none = client.get("csv-jobs/?created_after=2999-01-01").json()
        assert [job["id"] for page in (first, second) for job in page["results"]] == ids[::-1]
        assert (first["count"], first["previous"], second["next"]) == (3, None, None)
        assert back == first
        assert none == {"count": 0, "next": None, "previous": None, "results": []}

    @pytest.mark.parametrize(
        "query",
        [
            "page=0",
            "page=x",
            "page_size=100000",
            "status=DONE",
            "created_after=yesterday",
            "pgae=1",
            "page=1&page=2",
            "status=",
            "created_after=0001-01-01T00:00:00%2B14:00",
        ],
    )
    def test_a_parameter_that_is_not_understood_is_refused(self, host: Host, query: str) -> None:
        """A filter that was misspelt would bring what was not asked for: 400, with its name."""
        with host.client() as client:
            response = client.get(f"csv-jobs/?{query}")
        assert (response.status_code, response.json()["code"]) == (400, "bad_parameter")
        assert query.split("=", maxsplit=1)[0] in response.json()["detail"]

    def test_results_are_a_file_to_save(self, host: Host) -> None:
        """Every row once, in order, under a name that tells of nobody."""
        job_id = host.ended_job(3, bad=[2])
        with host.client() as client:
            response = client.get(f"csv-jobs/{job_id}/results/")
        rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
        assert [(row["row"], row["success"]) for row in rows] == [("1", "True"), ("2", "False"), ("3", "True")]
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert job_id[:8] in response.headers["content-disposition"]
        assert response.headers["content-disposition"].startswith('attachment; filename="claim-status-')

    def test_results_wait_for_the_end(self, host: Host) -> None:
        """409 while the job runs, unless a partial file is asked for, in which open rows say so."""
        with host.client() as client:
            job_id = upload(client, claims(3)).json()["id"]
            refused = client.get(f"csv-jobs/{job_id}/results/")
            partial = client.get(f"csv-jobs/{job_id}/results/?partial=true")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_ended")
        assert partial.text.count("Not asked yet") == 3

    def test_rows_are_read_page_by_page(self, host: Host) -> None:
        """Pages follow each other without gap or overlap; filters hold on each."""
        job_id = host.ended_job(9, bad=[2, 7])
        with host.client() as client:
            everything = _pages(client, f"csv-jobs/{job_id}/rows/?page_size=2")
            failed = _pages(client, f"csv-jobs/{job_id}/rows/?success=false&page_size=1")
            finalized = _pages(client, f"csv-jobs/{job_id}/rows/?status=Finalized&page_size=1000")
        assert [row["row"] for page in everything for row in page["results"]] == list(range(1, 10))
        assert {page["count"] for page in everything} == {9}
        assert [row["row"] for page in failed for row in page["results"]] == [2, 7]
        assert {page["count"] for page in failed} == {2}
        assert [row["row"] for page in finalized for row in page["results"]] == [1, 3, 4, 5, 6, 8, 9]
        assert finalized[0]["count"] is None
        assert everything[0]["results"][0]["claim_number"] == "PCN000001"

    @pytest.mark.parametrize("query", ["success=maybe", "cursor=x", "cursor=1", "cursor=1-9999999999", "page_size=0"])
    def test_a_row_filter_that_is_not_understood_is_refused(self, host: Host, query: str) -> None:
        """400, and no rows that were not asked for."""
        job_id = host.ended_job()
        with host.client() as client:
            response = client.get(f"csv-jobs/{job_id}/rows/?{query}")
        assert (response.status_code, response.json()["code"]) == (400, "bad_parameter")

    def test_retry_asks_again_only_for_what_failed(self, host: Host) -> None:
        """After a payer was down, the rows that failed are asked once more, and one file holds all."""
        host.processor.failing = {2, 4}
        job_id = host.ended_job(5, bad=[3])
        host.processor.failing, host.processor.asked = set(), []
        with host.client() as client:
            response = client.post(f"csv-jobs/{job_id}/retry/")
            host.run()
            results = client.get(f"csv-jobs/{job_id}/results/").text
            again = client.post(f"csv-jobs/{job_id}/retry/")
        assert (response.status_code, response.json()["status"], response.json()["run"]) == (202, "PENDING", 2)
        assert sorted(host.processor.asked) == [2, 4]
        assert results.count(",True,") == 4
        assert (again.status_code, again.json()["code"]) == (409, "not_now")

    def test_a_job_is_cancelled_and_deleted(self, host: Host) -> None:
        """Cancel is taken while the job waits, delete once it has ended, and then it is gone."""
        with host.client() as client:
            job_id = upload(client, claims(2)).json()["id"]
            too_soon = client.delete(f"csv-jobs/{job_id}/")
            cancelled = client.post(f"csv-jobs/{job_id}/cancel/")
            again = client.post(f"csv-jobs/{job_id}/cancel/")
            deleted = client.delete(f"csv-jobs/{job_id}/")
            gone = client.get(f"csv-jobs/{job_id}/")
        assert (too_soon.status_code, again.status_code) == (409, 409)
        assert (cancelled.status_code, cancelled.json()["status"]) == (202, "CANCELLED")
        assert (deleted.status_code, deleted.content, gone.status_code) == (204, b"", 404)


def _pages(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    pages = [client.get(address).json()]
    while pages[-1]["next"]:
        pages.append(client.get(pages[-1]["next"]).json())
    return pages
