"""What an adapter must pass of results as files: their shapes, packing, names, parts and digests."""

from __future__ import annotations

import csv
import gzip
import io
import json
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx
import pytest

from bulkclaims.testing.contracts.host_scenes import PREFIX, claims, upload
from bulkclaims.testing.wsgi import served

if TYPE_CHECKING:
    from bulkclaims.testing.contracts.host_scenes import Host

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PLAIN = {"Accept-Encoding": "identity"}
PACKED = {"Accept-Encoding": "gzip"}
_FORMATS = ("csv", "xlsx", "jsonl")
_SAME = ("etag", "repr-digest", "content-type", "content-disposition")


class DownloadViewContract:
    """Results come in the shape that is asked for, whole or in part, and are the same each time. For `ViewContract`."""

    def test_results_come_in_every_shape(self, host: Host) -> None:
        """Each with its media type and the ending of its name; the same rows in each."""
        address = f"csv-jobs/{host.ended_job(3, bad=[2])}/results/"
        with host.client() as client:
            table, book, lines = (client.get(f"{address}?columns=full&format={each}") for each in _FORMATS)
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert book.headers["content-type"] == XLSX
        assert lines.headers["content-type"] == "application/jsonl"
        assert [each.headers["content-disposition"].rpartition("-")[2] for each in (table, book, lines)] == [
            'full.csv"',
            'full.xlsx"',
            'full.jsonl"',
        ]
        rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
        told = [json.loads(line) for line in lines.text.splitlines()]
        assert [row["subscriber_id"] for row in rows] == [row["subscriber_id"] for row in told]
        assert ZipFile(io.BytesIO(book.content)).testzip() is None

    def test_rows_that_failed_are_a_file_to_correct(self, host: Host) -> None:
        """The upload's own columns with the reason; the corrected file is taken again."""
        address = f"csv-jobs/{host.ended_job(4, bad=[2, 4])}/results/?status=failed"
        with host.client() as client:
            to_correct, plain = client.get(address), client.get(f"{address}&columns=default")
            again = upload(client, to_correct.content.replace(b"13/45/1972", b"03/04/1972")).json()
        rows = list(csv.DictReader(io.StringIO(to_correct.text, newline="")))
        assert [(row["claim_number"], row["date_of_birth"]) for row in rows] == [
            ("PCN000002", "13/45/1972"),
            ("PCN000004", "13/45/1972"),
        ]
        assert all(row["error"] for row in rows)
        assert [line.split(",")[0] for line in plain.text.splitlines()] == ["row", "2", "4"]
        assert (again["total_rows"], again["failure_count"]) == (2, 0)

    def test_what_changed_is_asked_of_a_job_that_is_compared(self, host: Host) -> None:
        """Of any other it is 409, with a sentence."""
        job_id = host.ended_job()
        with host.client() as client:
            response = client.get(f"csv-jobs/{job_id}/results/?changed=true")
        assert (response.status_code, response.json()["code"]) == (409, "not_compared")

    def test_a_byte_order_mark_begins_a_csv_alone(self, host: Host) -> None:
        """On request; of another format it is refused, whether that is named or chosen by `Accept`."""
        address = f"csv-jobs/{host.ended_job()}/results/?bom=true"
        with host.client() as client:
            marked = client.get(address)
            refused = [client.get(f"{address}&format=jsonl"), client.get(address, headers={"Accept": XLSX})]
        assert marked.content.startswith(b"\xef\xbb\xbfrow,")
        assert {(each.status_code, each.json()["code"]) for each in refused} == {(400, "bad_parameter")}

    @pytest.mark.parametrize("query", ["format=pdf", "columns=all", "status=Denied", "changed=perhaps", "bom=1"])
    def test_a_shape_that_is_not_understood_is_refused(self, host: Host, query: str) -> None:
        """400, and no file that was not asked for."""
        job_id = host.ended_job()
        with host.client() as client:
            response = client.get(f"csv-jobs/{job_id}/results/?{query}")
        assert (response.status_code, response.json()["code"]) == (400, "bad_parameter")

    @pytest.mark.parametrize(
        ("query", "accept", "media_type", "varies"),
        [
            ("", "*/*", "text/csv; charset=utf-8", "Accept, Accept-Encoding"),
            ("", "text/html, */*;q=0.1", "text/csv; charset=utf-8", "Accept, Accept-Encoding"),
            ("", f"text/csv;q=0.5, {XLSX}", XLSX, "Accept"),
            ("", "application/jsonl", "application/jsonl", "Accept, Accept-Encoding"),
            ("", "application/x-ndjson", "application/x-ndjson", "Accept, Accept-Encoding"),
            ("?format=csv", f"{XLSX}, */*;q=0.1", "text/csv; charset=utf-8", "Accept-Encoding"),
            ("?format=jsonl", "application/x-ndjson, text/csv", "application/x-ndjson", "Accept-Encoding"),
            ("?format=xlsx", "*/*", XLSX, None),
        ],
    )
    def test_accept_chooses_where_no_format_is_named(
        self, host: Host, query: str, accept: str, media_type: str, varies: str | None
    ) -> None:
        """By its weights, CSV before the others; the answer says which headers decided."""
        job_id = host.ended_job()
        with host.client(**PLAIN) as client:
            response = client.get(f"csv-jobs/{job_id}/results/{query}", headers={"Accept": accept})
        assert response.status_code == 200
        assert (response.headers["content-type"], response.headers.get("vary")) == (media_type, varies)

    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            ("", {"Accept": "application/pdf"}),
            ("?format=xlsx", {"Accept": "text/csv"}),
            ("", {"Accept-Encoding": "identity;q=0, br"}),
            ("?format=xlsx", {"Accept-Encoding": "gzip, identity;q=0"}),
        ],
    )
    def test_what_the_client_does_not_take_is_not_sent(self, host: Host, query: str, headers: dict[str, str]) -> None:
        """406 with a sentence."""
        job_id = host.ended_job()
        with host.client() as client:
            response = client.get(f"csv-jobs/{job_id}/results/{query}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")

    @pytest.mark.parametrize(
        ("header", "packed"),
        [
            ("gzip", True),
            ("br, GZIP;q=0.5", True),
            ("*", True),
            ("*;q=0, gzip", True),
            ("identity;q=0, *", True),
            ("", False),
            ("br", False),
            ("gzip;q=0", False),
            ("identity, gzip;q=0.5", False),
        ],
    )
    def test_files_are_packed_for_whom_takes_them_so(self, host: Host, header: str, packed: bool) -> None:  # noqa: FBT001 -- what is expected
        """The same file unpacked, under another tag; packed twice, the same bytes."""
        job_id = host.ended_job()
        with host.client(**{"Accept-Encoding": header}) as client:
            response = client.get(f"csv-jobs/{job_id}/results/")
            plain = client.get(f"csv-jobs/{job_id}/results/", headers=PLAIN)
        assert (response.headers.get("content-encoding") == "gzip") is packed
        assert (response.headers["etag"] != plain.headers["etag"]) is packed
        assert response.text == plain.text

    def test_a_packed_file_is_the_same_each_time(self, host: Host) -> None:
        """Byte for byte as it is sent, workbooks are not packed again, and of packed files no parts are made."""
        address = f"csv-jobs/{host.ended_job()}/results/"
        with host.client(**PACKED) as client:
            with client.stream("GET", address) as first, client.stream("GET", address) as second:
                sent = [b"".join(each.iter_raw()) for each in (first, second)]
            book = client.get(f"{address}?format=xlsx")
        assert sent[0] == sent[1]
        assert gzip.decompress(sent[0]).startswith(b"row,claim_number")
        assert first.headers["accept-ranges"] == "none"
        assert "content-encoding" not in book.headers

    def test_a_finished_file_has_a_name_of_its_own(self, host: Host) -> None:
        """A strong `ETag` for each shape of each job, the same each time; whoever has it is told so by 304."""
        jobs = [host.ended_job(2), host.ended_job(2)]
        shapes = ["", "?columns=full", "?format=jsonl", "?bom=true", "?status=failed"]
        with host.client(**PLAIN) as client:
            tags = [client.get(f"csv-jobs/{job}/results/{shape}").headers["etag"] for job in jobs for shape in shapes]
            again = client.get(f"csv-jobs/{jobs[0]}/results/", headers={"If-None-Match": f'"x", W/{tags[0]}'})
            other = client.get(f"csv-jobs/{jobs[0]}/results/", headers={"If-None-Match": tags[1]})
            packed = client.get(f"csv-jobs/{jobs[0]}/results/", headers={"If-None-Match": tags[0], **PACKED})
        assert len({*tags}) == len(tags)
        assert all(tag.startswith('"') for tag in tags)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[0])
        assert (other.status_code, packed.status_code) == (200, 200)

    def test_another_run_gives_another_name(self, host: Host) -> None:
        """What is remembered of the file before is not told of the new one."""
        host.processor.failing = {1}
        job_id = host.ended_job(2)
        with host.client(**PLAIN) as client:
            before = client.get(f"csv-jobs/{job_id}/results/")
            host.processor.failing = set()
            client.post(f"csv-jobs/{job_id}/retry/")
            host.run()
            job = client.get(f"csv-jobs/{job_id}/").json()
            after = client.get(f"csv-jobs/{job_id}/results/", headers={"If-None-Match": before.headers["etag"]})
        assert (after.status_code, job["results_sha256"]) == (200, None)
        assert after.headers["etag"] != before.headers["etag"]

    def test_an_unfinished_file_has_no_name(self, host: Host) -> None:
        """It would be another the next moment: no tag, and no parts."""
        with host.client() as client:
            address = f"csv-jobs/{upload(client, claims(2)).json()['id']}/results/?partial=true"
            response = client.get(address, headers={"Range": "bytes=1-2", "If-None-Match": "*"})
        assert (response.status_code, response.headers["accept-ranges"]) == (200, "none")
        assert "etag" not in response.headers

    def test_a_file_that_was_written_whole_is_known(self, host: Host) -> None:
        """From then on its length and its digest are told, to `HEAD` too, and the job has the digest."""
        job_id = host.ended_job()
        address = f"csv-jobs/{job_id}/results/"
        with host.client(**PLAIN) as client:
            unknown = client.get(f"csv-jobs/{job_id}/").json()["results_sha256"]
            heads, gets = zip(*[(client.head(address), client.get(address)) for _ in range(2)], strict=True)
            job = client.get(f"csv-jobs/{job_id}/").json()
            listed = client.get("csv-jobs/").json()["results"][0]
        digest = sha256(gets[0].content)
        assert (unknown, job["results_sha256"], listed["results_sha256"]) == (None, digest.hexdigest(), None)
        assert "repr-digest" not in gets[0].headers.keys() | heads[0].headers.keys()
        for response in (heads[1], gets[1]):
            assert response.headers["content-length"] == str(len(gets[0].content))
            assert response.headers["accept-ranges"] == "bytes"
            told = response.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":")
            assert b64decode(told) == digest.digest()
        assert (heads[1].content, gets[1].content) == (b"", gets[0].content)

    def test_no_length_is_told_that_is_not_the_files(self, host: Host) -> None:
        """Over a real connection: to `HEAD` the file's own once it is known, and of what was not sent never 0."""
        address = f"csv-jobs/{host.ended_job()}/results/"
        headers = {"Authorization": f"Bearer {host.tokens['reader']}", **PLAIN}
        with served(host.app) as url, httpx.Client(base_url=url + PREFIX, headers=headers) as client:
            unknown, whole, known = client.head(address), client.get(address), client.head(address)
            page = client.head("csv-jobs/")
        size = str(len(whole.content))
        assert (unknown.status_code, known.status_code) == (200, 200)
        assert unknown.headers.get("content-length") in {None, size}
        assert known.headers["content-length"] == size
        assert int(page.headers["content-length"]) > 0

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize(
        ("wanted", "first", "last"),
        [
            ("bytes=0-9", 0, 9),
            ("bytes=20-", 20, -1),
            ("Bytes = 5-99999", 5, -1),
            ("bytes=-7", -7, -1),
            ("bytes=-9999", 0, -1),
        ],
    )
    def test_a_part_is_what_stands_there(self, host: Host, known: bool, wanted: str, first: int, last: int) -> None:  # noqa: FBT001 -- one of two
        """206 with its place, whether or not somebody had the whole file before; for packers, too, it is plain."""
        job_id = host.ended_job()
        with host.client(**PLAIN) as client:
            if known:
                client.get(f"csv-jobs/{job_id}/results/")
            part = client.get(f"csv-jobs/{job_id}/results/", headers={"Range": wanted, **PACKED})
            whole = client.get(f"csv-jobs/{job_id}/results/")
        size = len(whole.content)
        begin, end = first % size, last % size
        assert (part.status_code, part.content) == (206, whole.content[begin : end + 1])
        assert part.headers["content-range"] == f"bytes {begin}-{end}/{size}"
        assert part.headers["content-length"] == str(end + 1 - begin)
        assert {name: part.headers[name] for name in _SAME} == {name: whole.headers[name] for name in _SAME}

    @pytest.mark.parametrize("wanted", ["bytes=99999-", "bytes=-0", "bytes=99999-100000"])
    def test_a_part_that_is_not_there_is_416(self, host: Host, wanted: str) -> None:
        """With the file's size."""
        job_id = host.ended_job()
        with host.client(**PLAIN) as client:
            response = client.get(f"csv-jobs/{job_id}/results/", headers={"Range": wanted})
            size = len(client.get(f"csv-jobs/{job_id}/results/").content)
        assert (response.status_code, response.json()["code"]) == (416, "no_such_range")
        assert response.headers["content-range"] == f"bytes */{size}"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Range": "bytes=0-1,3-4"},
            {"Range": "lines=0-1"},
            {"Range": "bytes=-"},
            {"Range": "bytes=5-2"},
            {"Range": "bytes=0-1", "If-Range": '"another"'},
            {"Range": "bytes=0-1", "If-Range": "Thu, 26 Nov 2026 09:00:00 GMT"},
            {"Range": "bytes=0-1", "Accept-Encoding": "gzip, identity;q=0"},
        ],
    )
    def test_any_other_wish_brings_the_whole_file(self, host: Host, headers: dict[str, str]) -> None:
        """Several parts, other units, and the rest of what the sender has not the beginning of."""
        job_id = host.ended_job()
        with host.client(**PLAIN) as client:
            response = client.get(f"csv-jobs/{job_id}/results/", headers=headers)
        assert response.status_code == 200
        assert response.text.count("\r\n") == 4

    def test_a_download_goes_on_where_it_broke_off(self, host: Host) -> None:
        """The tag that came with the beginning brings the rest, over a real connection, and both make the file."""
        job_id = host.ended_job(300)
        headers = {"Authorization": f"Bearer {host.tokens['reader']}", **PLAIN}
        with served(host.app) as url, httpx.Client(base_url=url + PREFIX, headers=headers) as client:
            with client.stream("GET", f"csv-jobs/{job_id}/results/?columns=full") as broken:
                begun = next(broken.iter_bytes(1000))
            rest = {"Range": f"bytes={len(begun)}-", "If-Range": broken.headers["etag"]}
            part = client.get(f"csv-jobs/{job_id}/results/?columns=full", headers=rest)
            whole = client.get(f"csv-jobs/{job_id}/results/?columns=full")
        assert part.status_code == 206
        assert begun + part.content == whole.content
        assert sha256(whole.content).digest() == b64decode(whole.headers["repr-digest"][9:-1])
