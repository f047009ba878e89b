"""What every adapter must pass that serves the HTTP API from a framework."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from bulkclaims.errors import RepositoryUnavailable
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.testing.contracts.host_scenes import JOB_ROUTES, PREFIX, Answer, ask, claims, hosting, upload
from bulkclaims.testing.contracts.view_access import AccessViewContract
from bulkclaims.testing.contracts.view_downloads import DownloadViewContract
from bulkclaims.testing.contracts.view_jobs import JobViewContract
from bulkclaims.testing.contracts.view_uploads import UploadViewContract
from bulkclaims.testing.contracts.wire import WireContract
from bulkclaims.testing.wsgi import wsgi_app
from bulkclaims.web import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkclaims.testing.contracts.host_scenes import Host, Mount


_CLIENTS = frozenset({"httpx", "httpcore"})
"""Loggers of those who ask, not of the host."""


class ViewContract(UploadViewContract, JobViewContract, DownloadViewContract, AccessViewContract, WireContract):
    """
    Everything that a host's users may rely on, whichever framework serves it.

    A subclass, named `Test…`, has a fixture `mount`: a function that takes a `WebApi` and a prefix such as
    `/api/v1/claims/`, and returns a WSGI application that serves the one beneath the other.
    """

    @pytest.fixture
    def host(self, mount: Mount) -> Iterator[Host]:
        """A host with a service whose jobs live in memory."""
        with hosting(mount) as host:
            yield host

    @pytest.mark.parametrize("path", ["nowhere/", "csv-jobs/a/b/c/", "", "bulk//upload/", "/csv-jobs/", "csv-jobs//"])
    def test_an_unknown_address_is_404(self, host: Host, path: str) -> None:
        """As a problem, not as a framework's page."""
        with host.client() as client:
            response = client.get(f"{client.base_url}{path}")
        assert (response.status_code, response.json()["code"]) == (404, "no_such_page")

    def test_another_method_is_405(self, host: Host) -> None:
        """With the methods that the address takes."""
        with host.client() as client:
            answers = [client.request(method, "csv-jobs/x/") for method in ("PUT", "PATCH", "POST", "OPTIONS")]
        assert {answer.status_code for answer in answers} == {405}
        assert {answer.headers["allow"] for answer in answers} == {"DELETE, GET, HEAD"}

    def test_a_slash_at_the_end_may_be_left_out(self, host: Host) -> None:
        """Both ways are the same address, for reading and for writing."""
        with host.client() as client:
            job = client.post("bulk/upload", files={"file": ("claims.csv", claims(1))})
            listed = client.get("csv-jobs")
        assert (job.status_code, listed.json()["count"]) == (201, 1)

    def test_head_is_get_without_a_body(self, host: Host) -> None:
        """The same status and, where it is told at all, the same length; no body."""
        job_id = host.ended_job()
        with host.client() as client:
            for path in ("csv-jobs/", f"csv-jobs/{job_id}/results/", "nowhere/"):
                head, get = client.head(path), client.get(path)
                length = head.headers.get("content-length")
                assert (head.status_code, head.content) == (get.status_code, b"")
                assert length in {None, str(len(get.content))}

    @pytest.mark.parametrize(
        ("path", "accept", "status"),
        [
            ("csv-jobs/", "application/xml", 406),
            ("csv-jobs/", "text/html, application/json;q=0", 406),
            ("csv-jobs/", "application/*;q=0.2, text/html", 200),
            ("csv-jobs/", "text/html,*/*;q=0.8", 200),
            ("csv-jobs/", "application/json; q=high", 200),
            ("bulk/template/", "application/json", 406),
            ("bulk/template/", "text/csv", 200),
        ],
    )
    def test_a_client_gets_what_it_takes(self, host: Host, path: str, accept: str, status: int) -> None:
        """406 where `Accept` excludes all there is, and the sentence names it."""
        with host.client() as client:
            response = client.get(path, headers={"Accept": accept})
        assert response.status_code == status
        assert status == 200 or response.json()["code"] == "not_acceptable"

    def test_the_api_describes_itself(self, host: Host) -> None:
        """To everybody: each route under its path, and where it stands."""
        with host.client("") as client:
            document = client.get("openapi.json").json()
        described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
        assert described == {(route.method, f"/{route.path}") for route in ROUTES}
        assert document["servers"] == [{"url": f"http://host.example{PREFIX}".rstrip("/")}]

    def test_a_bug_is_a_sentence(self, mount: Mount, caplog: pytest.LogCaptureFixture) -> None:
        """500 as a problem; the log says where, and neither quotes what the exception said."""
        broken = _Broken(ValueError("CANARY"))
        with hosting(mount, repository=broken) as host, host.client() as client, caplog.at_level(logging.DEBUG):
            response = client.get("csv-jobs/")
        assert (response.status_code, response.json()["code"]) == (500, "bug")
        assert "CANARY" not in response.text + caplog.text
        assert "ValueError at views.py" in caplog.text

    def test_a_store_out_of_reach_is_503(self, mount: Mount) -> None:
        """With `Retry-After`: nothing is lost, and it passes."""
        broken = _Broken(RepositoryUnavailable("The job database is out of reach."))
        with hosting(mount, repository=broken) as host, host.client() as client:
            response = client.get("csv-jobs/")
        assert (response.status_code, response.json()["retry_helps"]) == (503, True)
        assert response.headers["retry-after"]

    def test_no_log_tells_of_a_patient(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        """Whatever is uploaded and asked for, no log at any level holds a cell, nor a file's name, nor a token."""
        rows = ["CANARY1,CANARYFIRST,CANARYLAST,03/04/1972,CANARY2", "CANARY~,CANARYFIRST,,13/45/1972,CANARY"]
        file = "\n".join([claims(0).decode(), *rows]).encode()
        with caplog.at_level(logging.DEBUG), host.client() as client:
            for content in (file, file + b'\n"CANARY', b"CANARY," + file, b"CANARY\x00"):
                client.post("bulk/upload/", files={"file": ("CANARY.csv", content)})
            job_id = client.get("csv-jobs/?search=CANARY").json()["results"][0]["id"]
            host.run()
            for route in JOB_ROUTES:
                ask(client, route.name, job_id)
        ours = "\n".join(record.getMessage() for record in caplog.records if record.name not in _CLIENTS)
        assert "CANARY" not in ours
        assert "1972" not in ours
        assert host.tokens["manager"] not in ours

    def test_every_host_answers_alike(self, mount: Mount) -> None:
        """Statuses, bodies and meaningful headers are those of the reference, ids and times aside."""
        assert _story(mount) == _story(wsgi_app)


def _story(mount: Mount) -> list[Answer]:
    """What a host answers to all that can be asked, in one order."""
    with hosting(mount) as host, host.client() as client:
        host.processor.failing = {1}
        answers = [upload(client, claims(3, bad=[2])), upload(client, b""), client.post("bulk/upload/")]
        job_id = answers[0].json()["id"]
        answers += [ask(client, route.name, job_id) for route in JOB_ROUTES]
        host.run()
        answers += [ask(client, route.name, job_id) for route in ROUTES if route.name != "upload"]
        answers += [client.request("PUT", "csv-jobs/"), client.get("nowhere/"), client.get("csv-jobs/?page=x")]
        with host.client("") as nobody:
            answers.append(nobody.get("csv-jobs/"))
    return list(map(Answer.of, answers))


class _Broken(MemoryRepository):
    """Cannot list jobs."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def find(self, *_: object, **__: object) -> Any:  # noqa: ANN401 -- never returns
        """Fail."""
        raise self.error
