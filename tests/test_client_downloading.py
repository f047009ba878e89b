"""Tests of `bulkclaims.client.downloading`: results of every shape, over connections that break."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

from bulkclaims.client import Client
from bulkclaims.errors import ApiProblem, ServerUnreachable
from bulkclaims.results.shapes import Format, Shape, Which

WRONG = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"


@pytest.fixture
def client(http_service, monkeypatch):
    """A client of the service that does not really wait."""
    monkeypatch.setattr("bulkclaims.client.repeating.sleep", lambda _: None)
    with Client(http_service.url, http_service.token) as client:
        yield client


@pytest.fixture
def job(client, http_service, claims):
    """A job of two hundred rows, two of them bad, that has ended."""
    job = client.upload(claims(200, bad=(2, 5)))
    http_service.run()
    http_service.heard.clear()
    return job


@pytest.fixture
def whole(http_service, job):
    """Write the file of some shape in the service's own process."""

    def write(**shape):
        return b"".join(http_service.bulk.results_file(http_service.bulk.job("ACME", job.id), Shape(**shape)).whole())

    return write


def asked(service):
    """From where on each request for results wanted them."""
    return [headers.get("range", "all") for _, path, _, headers in service.heard if path.endswith("results/")]


@pytest.mark.parametrize(
    ("asked_for", "shape"),
    [
        ({"format": "xlsx"}, Shape(format=Format.XLSX)),
        ({"format": "jsonl", "columns": "full"}, Shape(format=Format.JSONL, columns=Which.FULL)),
        ({"failed": True}, Shape(failed=True)),
        ({"failed": True, "columns": "default"}, Shape(failed=True, columns=Which.DEFAULT)),
        ({"bom": True}, Shape(bom=True)),
    ],
    ids=str,
)
def test_results_of_every_shape(client, job, whole, tmp_path, *, asked_for, shape):
    """In pieces and saved, they are the service's own file."""
    client.save_results(job.id, tmp_path / "results", **asked_for)
    saved = (tmp_path / "results").read_bytes()

    assert saved == b"".join(client.results(job.id, **asked_for))
    assert saved == whole(format=shape.format, columns=shape.columns, failed=shape.failed, bom=shape.bom)


def test_what_changed(client, job, http_service, claims, tmp_path):
    """It is refused of a job that is compared with no other, and may be nothing of one that is."""
    with pytest.raises(ApiProblem) as error:
        client.save_results(job.id, tmp_path / "results.csv", changed=True)
    compared = client.upload(claims(200, bad=(2, 5)), compare_with=job.id)
    http_service.run()
    client.save_results(compared.id, tmp_path / "results.csv", changed=True)

    assert (error.value.status, error.value.code) == (409, "not_compared")
    assert (tmp_path / "results.csv").read_text().count("\n") == 1


def test_rows_that_failed_so_far(client, claims, tmp_path):
    """Of a job that runs, nobody knows how many there are to be."""
    job = client.upload(claims(3, bad=(2,)))
    client.save_results(job.id, tmp_path / "failed.csv", failed=True, partial=True)
    rows = list(csv.DictReader((tmp_path / "failed.csv").read_text().splitlines()))

    assert [row["claim_number"] for row in rows] == ["PCN000001", "PCN000002", "PCN000003"]


def test_pieces_travel_packed(client, job, http_service):
    """Whoever takes the file in pieces saves the network some work; who saves it could not go on with it so."""
    b"".join(client.results(job.id))

    assert "gzip" in http_service.heard[-1][-1]["accept_encoding"]


@pytest.mark.parametrize("known", [True, False])
def test_a_download_goes_on_where_it_broke_off(client, job, http_service, whole, tmp_path, *, known):
    """Whether or not the service has told the file's length before, only the rest is sent, however often it breaks."""
    if known:
        http_service.bulk.digest("ACME", job.id)
    http_service.faults = [None, 2000, 3000, "drop"]
    client.save_results(job.id, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == whole()
    assert asked(http_service) == ["all", "bytes=2000-", "bytes=5000-", "bytes=5000-"]
    assert http_service.heard[-1][-1]["if_range"].startswith('"')


def test_a_workbook_goes_on_too(client, job, http_service, whole, tmp_path):
    """Of it nobody knows how many rows have come; that its end is not there is seen."""
    http_service.faults = [None, 5000]
    client.save_results(job.id, tmp_path / "results.xlsx", format="xlsx")

    assert (tmp_path / "results.xlsx").read_bytes() == whole(format=Format.XLSX)
    assert asked(http_service) == ["all", "bytes=5000-"]


def test_a_file_that_has_changed_comes_anew(client, http_service, claims, tmp_path, monkeypatch):
    """When the job was run again meanwhile, nothing of the old file stays."""
    waiting = client.upload(claims(200))
    client.cancel(waiting.id)

    def between(_):
        client.retry(waiting.id)
        http_service.run()

    monkeypatch.setattr("bulkclaims.client.repeating.sleep", between)
    http_service.heard.clear()
    http_service.faults = [None, 2000]
    client.save_results(waiting.id, tmp_path / "results.csv")

    assert asked(http_service) == ["all", "bytes=2000-"]
    assert (tmp_path / "results.csv").read_text().count("Finalized") == 200


def test_another_part_than_was_asked_for(client, job, http_service, whole, tmp_path):
    """It is not put behind what is there: the file comes anew."""
    other = (206, {"Content-Type": "text/csv", "Content-Range": "bytes 7-9/10"}, b"abc")
    http_service.faults = [None, 2000, other]
    client.save_results(job.id, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == whole()
    assert asked(http_service) == ["all", "bytes=2000-", "all"]


def test_a_file_that_is_not_what_its_digest_says(client, job, http_service, whole, tmp_path):
    """Whole as it looks, it comes anew."""
    headers = {"Content-Type": "text/csv", "Repr-Digest": f"sha=:AAAA:, {WRONG}"}
    http_service.faults = [None, (200, headers, whole())]
    client.save_results(job.id, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == whole()
    assert asked(http_service) == ["all", "all"]


def test_a_file_that_is_longer_than_it_can_be(client, job, http_service, whole, tmp_path):
    """Where the service has nothing behind what is here, and that is not whole, the file comes anew."""
    b"".join(client.results(job.id))
    tag = http_service.bulk.results_file(http_service.bulk.job("ACME", job.id)).mark.hex()
    http_service.heard.clear()
    longer = (200, {"Content-Type": "text/csv", "ETag": f'"{tag}"'}, whole() + b"and more")
    http_service.faults = [None, longer]
    client.save_results(job.id, tmp_path / "results.csv")

    assert (tmp_path / "results.csv").read_bytes() == whole()
    assert asked(http_service) == ["all", f"bytes={len(whole()) + 8}-", "all"]


@pytest.mark.parametrize(
    "headers",
    [{"ETag": 'W/"1"'}, {"ETag": '"1"', "Content-Encoding": "gzip", "Repr-Digest": WRONG}],
    ids=["weak", "packed"],
)
def test_what_cannot_be_gone_on_with_comes_anew(client, job, http_service, whole, tmp_path, *, headers):
    """A proxy may weaken the tag, or pack the file: then the bytes here are not those that the tag names."""
    half = whole()[:2000]
    half = gzip.compress(half) if "Content-Encoding" in headers else half
    http_service.faults = [None, (200, {"Content-Type": "text/csv", **headers}, half)]
    client.save_results(job.id, tmp_path / "results.csv")

    assert asked(http_service) == ["all", "all"]


@pytest.mark.parametrize(
    ("asked_for", "cut"),
    [
        ({"format": "jsonl"}, lambda file: file[:-1]),
        ({"format": "jsonl"}, lambda file: file[: file.rindex(b"{")]),
        ({"format": "jsonl"}, lambda file: file[: file.rindex(b"{") + 1] + b"\n"),
        ({"format": "xlsx"}, lambda file: file[:-30]),
        ({"format": "xlsx"}, lambda _: b""),
        ({"failed": True}, lambda file: file[: file.rindex(b"PCN")]),
        ({"failed": True}, lambda _: b""),
    ],
    ids=["line end", "lines", "line", "end record", "nothing", "row", "empty"],
)
def test_what_is_not_whole_is_asked_for_again(client, job, http_service, whole, tmp_path, *, asked_for, cut):
    """Each format shows in its own way that something is missing."""
    file = whole(**{name: Format(value) if name == "format" else value for name, value in asked_for.items()})
    http_service.faults = [None, (200, {"Content-Type": "text/plain"}, cut(file))]
    client.save_results(job.id, tmp_path / "results", **asked_for)

    assert (tmp_path / "results").read_bytes() == file
    assert asked(http_service) == ["all", "all"]


def test_a_job_that_is_gone_meanwhile(client, job, http_service, tmp_path):
    """What the service then says is told, and nothing is left of the file."""
    http_service.faults = [None, 2000, (404, {}, b"")]
    with pytest.raises(ApiProblem) as error:
        client.save_results(job.id, tmp_path / "results.csv")

    assert error.value.status == 404
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_each_time(client, job, http_service, tmp_path):
    """In the end there is a sentence, and no file."""
    http_service.faults = [None, *[1000] * 5]
    with pytest.raises(ServerUnreachable):
        client.save_results(job.id, tmp_path / "results.csv")

    assert asked(http_service)[-1] == "bytes=4000-"
    assert list(tmp_path.iterdir()) == []


def test_a_row_with_more_cells_than_its_header(client, http_service, tmp_path):
    """It is a failed row, and the file to correct has all of it: that is no sign of a broken download."""
    header = b"claim_number,first_name,last_name,date_of_birth,subscriber_id\n"
    upload = io.BytesIO(header + b"PCN1,ALMA,TESTER,03/04/1972,ZX1\nPCN2,ALMA,TESTER,JR,03/04/1972,ZX2\n")
    job = client.upload(upload)
    http_service.run()
    client.save_results(job.id, tmp_path / "failed.csv", failed=True)
    _, row = csv.reader((tmp_path / "failed.csv").read_text().splitlines())

    assert len(row) == 8
