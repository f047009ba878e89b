"""What an organisation said of its columns is there for its later files, and for nobody else's."""

from __future__ import annotations

import io
import logging

import pytest
from attrs import frozen

from bulkclaims.errors import PayloadUnreadable, SettingsWrong, UploadRejected
from bulkclaims.layouts import SavedColumns
from bulkclaims.privacy import PlainCipher
from bulkclaims.records import Known, Layout
from bulkclaims.service import BulkClaims
from bulkclaims.testing.fakes import InstantProcessor, RememberingDispatcher

SAID = {"Fall": "claim_number", "Mitglied Nr.": "subscriber_id"}
FILE = b"Fall,first,last,dob,Mitglied-Nr\nZE1,ALMA,TESTER,03/04/1972,ZX0001"


@frozen
class Xor:
    """A cipher with a key."""

    key: int

    def seal(self, plain):
        """Hide it."""
        return bytes([self.key, *(each ^ self.key for each in plain)])

    def open(self, sealed):
        """Show it to whoever has the key."""
        if sealed[0] != self.key:
            raise PayloadUnreadable("Sealed with another key.")
        return bytes(each ^ self.key for each in sealed[1:])


@pytest.fixture
def saved(repository):
    """What organisations said, in a store of its own."""
    return SavedColumns(repository, PlainCipher())


@pytest.fixture
def bulk(repository):
    """A service that takes uploads."""
    with BulkClaims(repository, dispatcher=RememberingDispatcher()) as bulk:
        yield bulk


def known(facts):
    """How each heading of a file was understood."""
    return [heading.known for heading in facts.headings]


def test_nothing_was_said_at_first(saved):
    """Of no organisation."""
    assert saved.find("ACME") == {}


def test_what_is_said_adds_up_heading_by_heading(saved):
    """A later word replaces what was said of the same heading, however that is spelt; None takes it back."""
    saved.remember("ACME", SAID)
    saved.remember("ACME", {"FALL": "patient_account_number", "Note": ""})
    assert saved.find("ACME") == {"Mitglied Nr.": "subscriber_id", "FALL": "patient_account_number", "Note": ""}
    saved.remember("ACME", {"mitglied_nr": None, "never heard": None})
    assert saved.find("ACME") == {"FALL": "patient_account_number", "Note": ""}
    assert saved.find("OTHER") == {}


def test_the_last_headings_are_kept(saved):
    """However often an organisation speaks of others, what is kept stays small."""
    for first in range(0, 400, 100):
        saved.remember("ACME", {f"Heading {number} {'x' * 300}": "" for number in range(first, first + 100)})
    found = list(saved.find("ACME"))
    assert [name.split()[1] for name in found] == [str(number) for number in range(200, 400)]
    assert max(map(len, found)) == 255


def test_a_column_that_is_not_ours_is_not_remembered(saved):
    """Nor is anything else that was said with it."""
    with pytest.raises(UploadRejected, match="not known"):
        saved.remember("ACME", {"Fall": "claim_number", "Colour": "colour"})
    assert saved.find("ACME") == {}


def test_what_is_kept_is_sealed(repository, caplog):
    """With another key nothing is found, and the log says so without quoting it."""
    SavedColumns(repository, Xor(1)).remember("ACME", SAID)
    assert SavedColumns(repository, Xor(1)).find("ACME") == SAID
    with caplog.at_level(logging.WARNING):
        assert SavedColumns(repository, Xor(2)).find("ACME") == {}
    assert "cannot be read" in caplog.text
    assert "Fall" not in caplog.text


def test_what_was_kept_for_another_is_not_taken(repository, saved):
    """Whoever moves an entry in the database gains nothing."""
    saved.remember("ACME", SAID)
    ((mark, kept),) = repository._scopes["ACME"].items()
    repository.keep("OTHER", {mark: kept.payload}, 60)
    assert saved.find("OTHER") == {}


def test_later_files_are_read_by_it(bulk, owner):
    """A file is checked and taken by what was remembered of an earlier one, and its facts say so."""
    with pytest.raises(UploadRejected):
        bulk.check(io.BytesIO(FILE), organisation="ACME")
    layout = Layout(columns=SAID)
    first = bulk.submit(io.BytesIO(FILE), filename="a.csv", owner=owner, layout=layout, remember_columns=True)
    second = bulk.submit(io.BytesIO(FILE), filename="b.csv", owner=owner)
    report = bulk.check(io.BytesIO(FILE), organisation="ACME")
    names = [Known.NAME] * 3
    assert known(first.upload.facts) == [Known.GIVEN, *names, Known.GIVEN]
    assert known(second.upload.facts) == known(report.facts) == [Known.SAVED, *names, Known.SAVED]
    assert bulk.columns("ACME") == SAID
    with pytest.raises(UploadRejected):
        bulk.check(io.BytesIO(FILE))
    with pytest.raises(UploadRejected):
        bulk.check(io.BytesIO(FILE), organisation="OTHER")


def test_what_is_remembered_of_our_names_is_spelt_as_they_are(bulk, owner):
    """A heading with one of our names would be read as that, had the sender spelt it otherwise."""
    file = io.BytesIO(b"claim_number,ICN,first,last,dob,member id\nA1,ZE1,ALMA,TESTER,03/04/1972,ZX0001")
    layout = Layout(columns={"Claim Number": "patient_account_number", "Not there": ""})
    bulk.submit(file, filename="a.csv", owner=owner, layout=layout, remember_columns=True)
    assert bulk.columns("ACME") == {"claim_number": "patient_account_number", "Not there": ""}
    file.seek(0)
    later = bulk.submit(file, filename="b.csv", owner=owner)
    assert later.upload.facts.columns[:2] == ("patient_account_number", "claim_number")


def test_a_file_that_is_refused_teaches_nothing(bulk, owner):
    """What was said with it may be what is wrong."""
    layout = Layout(columns={"Fall": "claim_number"})
    with pytest.raises(UploadRejected):
        bulk.submit(io.BytesIO(FILE), filename="a.csv", owner=owner, layout=layout, remember_columns=True)
    assert bulk.columns("ACME") == {}


def test_columns_are_remembered_only_when_asked(bulk, owner):
    """And without any there is nothing to remember."""
    bulk.submit(io.BytesIO(FILE), filename="a.csv", owner=owner, layout=Layout(columns=SAID))
    assert bulk.columns("ACME") == {}
    bulk.remember_columns("ACME", SAID)
    bulk.submit(io.BytesIO(FILE), filename="a.csv", owner=owner, remember_columns=True)
    assert bulk.columns("ACME") == SAID
    bulk.remember_columns("ACME", dict.fromkeys(SAID))
    assert bulk.columns("ACME") == {}


def test_what_is_said_with_a_file_goes_before_what_was_saved(bulk):
    """Whether by the host or by the sender."""
    bulk.remember_columns("ACME", {**SAID, "first": "last_name", "last": "first_name"})
    layout = Layout(columns={"first": None}, saved={"last": "last_name"})
    report = bulk.check(io.BytesIO(FILE), organisation="ACME", layout=layout)
    assert report.facts.columns == ("claim_number", "first_name", "last_name", "date_of_birth", "subscriber_id")
    assert known(report.facts)[1:3] == [Known.NAME, Known.SAVED]


class Jobs:
    """A repository that keeps jobs, and nothing else."""

    _THEIRS = ("find_kept", "keep", "drop_kept")

    def __init__(self, repository):
        self._repository = repository

    def __getattr__(self, name):
        if name in self._THEIRS:
            raise AttributeError(name)
        return getattr(self._repository, name)


def test_a_repository_that_keeps_nothing_remembers_nothing(repository, owner):
    """The sentence says what to do, and no job is made that would go without."""
    with BulkClaims(Jobs(repository), InstantProcessor(), dispatcher=RememberingDispatcher()) as bulk:
        assert bulk.columns("ACME") == {}
        with pytest.raises(SettingsWrong, match="no KeptStore"):
            bulk.remember_columns("ACME", SAID)
        layout = Layout(columns=SAID)
        with pytest.raises(SettingsWrong, match="no KeptStore"):
            bulk.submit(io.BytesIO(FILE), filename="a.csv", owner=owner, layout=layout, remember_columns=True)
        assert bulk.jobs("ACME").count == 0
        assert bulk.check(io.BytesIO(FILE), layout=layout).total_rows == 1
