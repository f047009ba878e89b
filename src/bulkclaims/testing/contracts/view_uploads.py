"""What an adapter must pass of uploads. A part of `ViewContract`."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from bulkclaims.jobs import Owner
from bulkclaims.testing.contracts.host_scenes import claims, upload
from bulkclaims.testing.contracts.scenes import new_job

if TYPE_CHECKING:
    from bulkclaims.testing.contracts.host_scenes import Host

JOB_KEYS: dict[str, type] = {
    "id": str,
    "filename": str,
    "status": str,
    "total_rows": int,
    "processed_rows": int,
    "success_count": int,
    "failure_count": int,
    "progress_percentage": float,
    "created_at": str,
}
"""The keys of a job that users have always known."""


class UploadViewContract:
    """A file becomes a job, or is refused with a sentence and leaves nothing behind."""

    def test_an_upload_becomes_a_job(self, host: Host) -> None:
        """201, the job with every key that users know, and its address in `Location`."""
        with host.client() as client:
            response = upload(client, claims(3, bad=[2]))
            job = response.json()
            there = client.get(response.headers["location"])
        assert response.status_code == 201
        assert {key: type(job[key]) for key in JOB_KEYS} == JOB_KEYS
        assert (job["filename"], job["status"], job["total_rows"], job["failure_count"]) == (
            "claims.csv",
            "PENDING",
            3,
            1,
        )
        assert [(error["row"], error["column"]) for error in job["error_log"]] == [(2, "date_of_birth")]
        assert there.json() == job
        assert host.repository.get("north", job["id"]).owner.user == "manager"

    def test_the_error_log_says_when_it_is_cut(self, host: Host) -> None:
        """All bad cells are counted, the first ones listed."""
        with host.client() as client:
            job = upload(client, claims(5, bad=[1, 2, 4])).json()
        assert (len(job["error_log"]), job["error_count"], job["truncated"]) == (2, 3, True)

    def test_a_dry_run_stores_nothing(self, host: Host) -> None:
        """200 with everything that is wrong with the file, and no job."""
        with host.client() as client:
            response = upload(client, claims(4, bad=[2, 3]), "?dry_run=true")
        report = response.json()
        assert (response.status_code, report["total_rows"], report["bad_rows"]) == (200, 4, 2)
        assert [(group["code"], group["rows"]) for group in report["problems"]] == [("no_such_day", [2, 3])]
        assert host.repository.find("north").count == 0

    def test_a_template_can_be_uploaded(self, host: Host) -> None:
        """The sample file is one that the API takes."""
        with host.client() as client:
            template = client.get("bulk/template/")
            response = upload(client, template.content)
        assert "attachment" in template.headers["content-disposition"]
        assert (response.status_code, response.json()["failure_count"]) == (201, 0)

    def test_the_same_key_gives_the_same_job(self, host: Host) -> None:
        """The same file under the same key is one job; another file, or other defaults, is 422."""
        with host.client() as client:
            first = upload(client, claims(2), **{"Idempotency-Key": "a-1"})
            same = upload(client, claims(2), **{"Idempotency-Key": "a-1"})
            other = upload(client, claims(3), **{"Idempotency-Key": "a-1"})
            new = upload(client, claims(2), **{"Idempotency-Key": "a-2"})
        assert (first.status_code, same.status_code, new.status_code) == (201, 201, 201)
        assert first.json()["id"] == same.json()["id"] != new.json()["id"]
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")
        assert host.repository.find("north").count == 2

    @pytest.mark.parametrize(
        "other", [{}, {"columns": '{"Ref": ""}'}, {"columns": '{"Ref": "tin"}', "compare_with": "last"}]
    )
    def test_a_key_with_other_fields_is_refused(self, host: Host, other: dict[str, str]) -> None:
        """422 where the same file is to be read, or compared, in another way."""
        file = {"file": ("claims.csv", claims(1).replace(b"_id\n", b"_id,Ref\n"))}
        form = {"columns": '{"Ref": "tin"}'}
        with host.client(**{"Idempotency-Key": "a-1"}) as client:
            first, same, refused = (
                client.post("bulk/upload/", files={**{name: (None, text) for name, text in each.items()}, **file})
                for each in (form, form, other)
            )
        assert (first.status_code, same.status_code, same.json()["id"]) == (201, 201, first.json()["id"])
        assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")

    def test_a_key_in_flight_is_told_to_wait(self, host: Host) -> None:
        """409 with `Retry-After` while the first upload under the key has not ended."""
        with host.client() as client:
            host.repository.begin(new_job(owner=Owner("north"), key=sha256(b"a-1").hexdigest()))
            second = upload(client, claims(2), **{"Idempotency-Key": "a-1"})
        assert (second.status_code, second.json()["code"]) == (409, "upload_in_flight")
        assert second.headers["retry-after"]

    @pytest.mark.parametrize("key", ["", "two words", "x" * 256])
    def test_a_key_that_is_none_is_refused(self, host: Host, key: str) -> None:
        """400 for what is no visible ASCII of a sensible length."""
        with host.client() as client:
            response = upload(client, claims(1), **{"Idempotency-Key": key})
        assert (response.status_code, response.json()["code"]) == (400, "request_wrong")

    def test_fields_before_the_file_are_defaults(self, host: Host) -> None:
        """A form may bring what the file lacks; it wins over the organisation's own values."""
        with host.client() as client:
            form: dict[str, Any] = {"npi": (None, "1999999984"), "payer_id": (None, "87726")}
            job = client.post("bulk/upload/", files=form | {"file": ("c.csv", claims(1))}).json()
            plain = upload(client, claims(1)).json()
        assert dict(host.repository.get("north", job["id"]).defaults) == {"payer_id": "87726", "npi": "1999999984"}
        assert dict(host.repository.get("north", plain["id"]).defaults) == {"payer_id": "60054"}

    @pytest.mark.parametrize(
        ("form", "code"),
        [
            ({"npi": (None, "1999999984")}, "no_file"),
            ({"colour": (None, "red"), "file": ("c.csv", claims(1))}, "unknown_field"),
            ({"file": ("c.csv", claims(1)), "npi": (None, "1999999984")}, "request_wrong"),
            ({"npi": (None, "1" * 2000), "file": ("c.csv", claims(1))}, "request_wrong"),
            ({"npi": (None, b"\xff"), "file": ("c.csv", claims(1))}, "request_wrong"),
        ],
    )
    def test_a_form_that_is_not_understood_is_refused(self, host: Host, form: dict[str, Any], code: str) -> None:
        """400 with a sentence, and nothing is left of the upload."""
        with host.client() as client:
            response = client.post("bulk/upload/", files=form)
        assert (response.status_code, response.json()["code"]) == (400, code)
        assert host.repository.find("north").count == 0
        assert host.repository.purge(0, 0) == 0

    @pytest.mark.parametrize(
        ("file", "status", "code"),
        [
            (b"", 422, "empty_file"),
            (b"claim_number,first_name\nA,B\n", 422, "missing_columns"),
            (b"PK\x03\x04" + bytes(100), 415, "binary_file"),
            (claims(30_000), 413, "file_too_large"),
        ],
        ids=["empty", "columns", "archive", "large"],
    )
    def test_a_file_that_cannot_be_used_leaves_nothing(self, host: Host, file: bytes, status: int, code: str) -> None:
        """The status says of what kind the trouble is, the sentence what to do."""
        with host.client() as client:
            response = upload(client, file)
        problem = response.json()
        assert (response.status_code, problem["code"], problem["at_fault"]) == (status, code, "file")
        assert response.headers["content-type"] == "application/problem+json"
        assert host.repository.find("north").count == 0
        assert host.repository.purge(0, 0) == 0

    @pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/csv", ""])
    def test_what_is_no_form_is_415(self, host: Host, content_type: str) -> None:
        """The sentence says how to send a file."""
        with host.client() as client:
            response = client.post("bulk/upload/", content=claims(1), headers={"Content-Type": content_type})
        assert (response.status_code, response.json()["code"]) == (415, "not_a_form")

    def test_a_file_name_loses_its_folders(self, host: Host) -> None:
        """Names are for display: no folders, nothing invisible, of a sensible length, and never blank."""
        with host.client() as client:
            names = [
                client.post("bulk/upload/", files={"file": (name, claims(1))}).json()["filename"]
                for name in ("../../etc/passwd", "C:\\files\\März.csv", "x" * 300)
            ]
        assert names == ["passwd", "März.csv", "x" * 255]
