"""Tests of `bulkclaims.web.downloads` that no framework has to prove once more."""

from __future__ import annotations

import io
import json

import pytest

from bulkclaims.access import Principal, Role
from bulkclaims.jobs import Owner
from bulkclaims.repositories.memory import MemoryRepository
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher
from bulkclaims.web import Request, WebApi


class Everybody:
    """Knows everybody as Bea."""

    def authenticate(self, headers, native):
        """Let anybody in."""
        return Principal("ACME", "bea", Role.MANAGE)


class Counting(MemoryRepository):
    """Counts how often results are read."""

    reads = 0

    def chunks(self, organisation, job_id, first=0):
        """Count, and read."""
        self.reads += 1
        return super().chunks(organisation, job_id, first)


@pytest.fixture
def repository():
    """Where jobs live."""
    return Counting()


@pytest.fixture
def ask(repository, claims):
    """Ask for the results of a job that has ended."""
    bell = RememberingDispatcher()
    with BulkClaims(repository, InstantProcessor(), dispatcher=bell) as bulk:
        api = WebApi(bulk, Everybody())
        job = bulk.submit(claims(50), filename="claims.csv", owner=Owner("ACME"))
        bell.deliver(bulk.run)
        repository.reads = 0

        def ask(method="GET", query=None, **headers):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            given = {name: [value] for name, value in (query or {}).items()}
            path = f"csv-jobs/{job.id}/results/"
            return api.answer(Request(method, path, "http://host.example/", given, named, io.BytesIO()))

        yield ask


def test_a_workbook_without_its_library(ask, monkeypatch, caplog):
    """It is for whoever runs the service to install: the log says what, and the client hears whose fault it is."""
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    answer = ask(query={"format": "xlsx"})

    assert (answer.status, json.loads(answer.body)["code"]) == (500, "not_set_up")
    assert b"xlsx" not in answer.body
    assert "bulkclaims[xlsx]" in caplog.text


def test_nothing_is_read_for_whom_has_it(ask, repository):
    """A head, and a tag that is known, cost no row; a part that is not there costs none once the size is known."""
    tag = ask("HEAD").headers["ETag"]
    ask(if_none_match=tag)
    ask(if_none_match=tag, range="bytes=0-")
    assert repository.reads == 0

    b"".join(ask().body)
    assert ask(range="bytes=999999-").status == 416
    assert ask("HEAD", range="bytes=5-").status == 200
    assert repository.reads == 1


def test_a_part_is_measured_once(ask, repository):
    """The first who asks for a part has the file written once to know its end, and then once to send it."""
    first, second = (b"".join(ask(range="bytes=10-19").body) for _ in range(2))

    assert (first == second, len(first)) == (True, 10)
    assert repository.reads == 3
